import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// Compression on the way to the client. A response that isn't compressed passes none of this.
extension Worker {
    /// Decides how the origin's content is coded for the client, before its head is encoded.
    func chooseCoding(_ id: Handle, _ call: Handle) {
        guard let policy = exchanges[id].location?.gzip else { return }
        let coding = exchanges[id].chooseCoding(policy, calls[call])
        exchanges[id].response.coding = coding
        // The answer to HEAD says what GET would get, and has nothing to compress.
        guard coding == .gzip, exchanges[id].head.method != .head else { return }
        let length: UInt64? = if case .length(let length) = calls[call].framing { length } else { nil }
        if let encoder = takeEncoder(policy.level, length) {
            exchanges[id].response.encoder = encoder
        } else {
            shard.increment(metrics.gzipSkipped)
            exchanges[id].response.coding = .identity
        }
    }

    private func takeEncoder(_ level: Int, _ length: UInt64?) -> Handle? {
        gzip.value.take(level: level, contentLength: length, bytesMax: snapshots[current].table.gzipMemoryBytes)
    }

    // MARK: Turns

    /// Whether the exchange may compress now. If there is something to compress and it may not, it waits for its turn.
    func mayEncode(_ id: Handle, _ call: Handle) -> Bool {
        if !mayHaveContent(call) { return true }
        if gzip.value.turns.hasRoom(for: id, now: now) { return true }
        // It isn't the origin that is waited for.
        pauseReading(call)
        let encoder = exchanges[id].response.encoder
        if !gzip.value.streams[encoder].isWaiting {
            gzip.value.streams[encoder].isWaiting = true
            gzip.value.turns.wait(id)
        }
        return false
    }

    private func mayHaveContent(_ call: Handle) -> Bool {
        let stream = calls[call].stream
        if !stream.isNone { return !streams.slab[stream].input.isEmpty }
        let upstream = calls[call].connection
        if upstream.isNone { return true }
        return !upstreams[upstream].input.isEmpty || upstreams[upstream].stream.canRead
    }

    /// Lets those who wait compress, until the round has had its work.
    func runEncoders() {
        while let id = gzip.value.turns.next(now: now) {
            guard exchanges.contains(id) else { continue }
            let encoder = exchanges[id].response.encoder
            if encoder.isNone { continue }
            gzip.value.streams[encoder].isWaiting = false
            step(id)
        }
    }

    /// How much of what has come may be taken now.
    func encodableCount(_ encoder: Handle, _ waiting: Int) -> Int {
        min(waiting, gzip.value.turns.bytesMax(level: gzip.value.streams[encoder].encoder.level))
    }

    // MARK: Content

    /// Compresses a piece of the origin's content. Mostly nothing comes of it yet.
    func encodeBody(_ id: Handle, _ connection: Handle, _ content: borrowing ByteQueue, _ range: Range<Int>) {
        let encoder = exchanges[id].response.encoder
        gzip.value.streams[encoder].heldSince = now
        gzip.value.turns.spend(range.count, level: gzip.value.streams[encoder].encoder.level)
        var encoded = ByteQueue(pool: pool)
        gzip.value.streams[encoder].encode(content, range, .none, into: &encoded)
        if !encoded.isEmpty { append(encoded, 0..<encoded.count, to: connection, of: id) }
    }

    /// The origin has paused: what it has sent so far is not to wait for the rest. It counts as a pause when a round of the loop
    /// has gone by without a byte, so that an origin that is merely slower than we are doesn't pay for a flush with every packet.
    func flushEncoder(_ id: Handle, _ connection: Handle) {
        let encoder = exchanges[id].response.encoder
        let heldSince = gzip.value.streams[encoder].heldSince
        if heldSince.isNever { return }
        if heldSince == now {
            queueReady(exchange: id)
            return
        }
        gzip.value.streams[encoder].heldSince = .never
        endPiece(id, connection, .sync)
    }

    func finishEncoding(_ id: Handle, _ connection: Handle) {
        endPiece(id, connection, .finish)
    }

    private func endPiece(_ id: Handle, _ connection: Handle, _ flush: GzipEncoder.Flush) {
        var encoded = ByteQueue(pool: pool)
        gzip.value.streams[exchanges[id].response.encoder].encoder.encode(RawSpan(), flush, into: &encoded)
        if !encoded.isEmpty { append(encoded, 0..<encoded.count, to: connection, of: id) }
    }

    /// Counts what an encoder has done, and gives it back.
    func releaseEncoder(_ id: Handle) {
        let encoder = exchanges[id].response.encoder
        exchanges[id].response.encoder = .none
        release(encoder)
    }

    private func release(_ encoder: Handle) {
        shard.increment(metrics.gzipIn, by: gzip.value.streams[encoder].encoder.bytesIn)
        shard.increment(metrics.gzipOut, by: gzip.value.streams[encoder].encoder.bytesOut)
        gzip.value.give(encoder)
    }

    // MARK: The gateway's own answers

    /// Compresses the content of an answer of the gateway's own, which is there as a whole, if it is to be. The head's fields for it
    /// are appended to `fields`; returned is what the answer depends on.
    func encodeOwn(_ id: Handle, _ status: Int, _ type: StaticString, _ body: inout ByteQueue, fields: inout ByteQueue) -> VaryNames {
        guard let policy = exchanges[id].location?.gzip else { return [] }
        var coding = exchanges[id].chooseCoding(policy, own: type, status, length: body.count)
        if coding == .asReceived { return [] }
        if coding == .gzip, !compress(&body, level: policy.level) { coding = .identity }
        if coding == .gzip { fields.append("Content-Encoding: gzip\r\n") }
        return .acceptEncoding
    }

    /// The same of a page, which was compressed before anybody asked.
    func encoded(_ page: ErrorPages.Page, _ id: Handle, _ status: Int, fields: inout ByteQueue) -> (bytes: [UInt8], vary: VaryNames) {
        guard let policy = exchanges[id].location?.gzip else { return (page.bytes, []) }
        let coding = exchanges[id].chooseCoding(policy, own: page.kind.mediaType, status, length: page.bytes.count)
        if coding == .asReceived { return (page.bytes, []) }
        guard coding == .gzip, let gzipped = page.gzipped else { return (page.bytes, .acceptEncoding) }
        fields.append("Content-Encoding: gzip\r\n")
        return (gzipped, .acceptEncoding)
    }

    private func compress(_ body: inout ByteQueue, level: Int) -> Bool {
        guard let encoder = takeEncoder(level, UInt64(body.count)) else {
            shard.increment(metrics.gzipSkipped)
            return false
        }
        var encoded = ByteQueue(pool: pool)
        gzip.value.streams[encoder].encode(body, 0..<body.count, .finish, into: &encoded)
        release(encoder)
        body = encoded
        return true
    }
}

extension GzipPool.Stream {
    mutating func encode(_ input: borrowing ByteQueue, _ range: Range<Int>, _ flush: GzipEncoder.Flush, into output: inout ByteQueue) {
        encoder.encode(input.bytes.extracting(range), flush, into: &output)
    }
}

extension Exchange {
    func chooseCoding(_ policy: GzipPolicy, _ call: borrowing UpstreamCall) -> ContentCoding {
        let length: UInt64? =
            switch call.framing {
            case .length(let length): length
            case .none: call.head.fields.statedLength
            case .chunked, .untilClose: nil
            }
        return policy.coding(of: call.head, length: length, to: head)
    }

    func chooseCoding(_ policy: GzipPolicy, own type: StaticString, _ status: Int, length: Int) -> ContentCoding {
        policy.coding(ofOwn: type, status: status, length: length, to: head)
    }

    // MARK: The head

    /// Encodes a field of the origin's that reads differently because of the coding; false if it stays as it is.
    func encodeAdapted(_ index: Int, of call: borrowing UpstreamCall, into queue: inout ByteQueue) -> Bool {
        switch call.head.fields.name(index) {
        case .acceptRanges:
            // Ranges would be of other bytes (RFC 9110 § 14.1).
            return response.coding == .gzip
        case .etag:
            if response.coding == .identity || call.head.fields.value(index).isWeakTag { return false }
            HTTP1Encoder.weakTag(call.head.fields.value(index), into: &queue)
            return true
        default:
            return false
        }
    }
}
