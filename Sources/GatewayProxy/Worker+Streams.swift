import GatewayCore
import GatewayHTTP
import GatewayNet

/// A request on a stream of an HTTP/2 connection: the same exchange, with the stream in the place of the connection.
extension Worker {
    /// Goes on with whatever the stream carries; a head without an exchange begins one.
    func driveStream(_ stream: Handle) {
        let user = streams.slab[stream].user
        if !user.isNone {
            step(user)
        } else if streams.slab[stream].hasHead {
            beginExchange(stream)
        } else {
            // Nobody wants what still comes: its siblings need the window.
            dropStreamInput(stream, of: streams.slab[stream].connection)
            releaseStream(stream)
        }
    }

    /// The head is there: from here on whatever happens ends in `finish`.
    @inline(__always)
    private func beginExchange(_ stream: Handle) {
        let connection = streams.slab[stream].connection
        // Its own request must not close it for the room that the request needs.
        noteIdleness(connection, isIdle: false)
        // Every connection of HTTP/1.1 was promised a place when it was let in.
        let count = exchanges.count + downstreams.count + 1
        guard exchanges.hasRoom(for: count), calls.hasRoom(for: count) else {
            downstreams[connection].http2?.reset(stream, .refusedStream)
            downstreams[connection].release(stream)
            return
        }
        let snapshot = downstreams[connection].retiredSnapshot.isNone ? current : downstreams[connection].retiredSnapshot
        snapshots[snapshot].users += 1
        downstreams[connection].hasHadRequest = true
        let client = downstreams[connection].peer.address
        let exchange = exchanges.insert(
            Exchange(connection: connection, stream: stream, snapshot: snapshot, client: client, now: now, pool: pool))
        streams.slab[stream].user = exchange
        streams.slab[stream].timer.sendMs = downstreams[connection].timeouts.sendMs
        do throws(GatewayError) {
            try exchanges[exchange].takeHead(of: &streams.slab[stream])
            // A head and its RST_STREAM in one read: no origin need hear of it (CVE-2023-44487).
            if streams.slab[stream].isOutputClosed { throw GatewayError(.clientClosed, "the client cancelled the request") }
        } catch {
            if streams.slab[stream].isOutputClosed { breakOff(exchange, error) } else { refuse(exchange, error) }
            exchanges[exchange].phase = .finish
        }
        step(exchange)
    }

    // MARK: Relay

    @inline(__always)
    func relayStream(_ id: Handle, _ connection: Handle) -> Verdict {
        let stream = exchanges[id].stream
        if let error = streams.slab[stream].error { return .breakOff(error) }
        if streams.slab[stream].isOutputClosed { return .breakOff(GatewayError(.clientClosed, "the client cancelled the request")) }
        let call = exchanges[id].call
        if case .tunnel = calls[call].state { return relayStreamTunnel(id) }
        if !exchanges[id].requestBody.isComplete, let error = relayStreamRequest(id, stream, call) {
            return exchanges[id].response.hasBegun ? .breakOff(error) : .refuse(error)
        }
        if case .connecting = calls[call].state { return .wait }
        if calls[call].hasMoreToWrite { writeRequest(call) }
        return relayResponse(id, call, connection)
    }

    /// Moves what has come of the body to the call, until the origin is slower than the client: then the windows stay closed.
    func relayStreamRequest(_ id: Handle, _ stream: Handle, _ call: Handle) -> GatewayError? {
        while !exchanges[id].requestBody.isComplete {
            if isOriginBehind(call) { writeRequestIfLarge(call) }
            if isOriginBehind(call) { return nil }
            if calls[call].isRequestRefused, case .awaitingHead = calls[call].state { return nil }
            // Until there is a connection the content waits in the stream, within its window.
            if case .connecting = calls[call].state { return nil }
            if streams.slab[stream].input.isEmpty {
                if !streams.slab[stream].hasInputEnded {
                    awaitStreamBody(id, stream)
                    return nil
                }
                completeStreamRequest(id, stream, call)
                return nil
            }
            if let error = takeStreamBody(id, stream, call) { return error }
            writeRequestIfLarge(call)
        }
        return nil
    }

    private func takeStreamBody(_ id: Handle, _ stream: Handle, _ call: Handle) -> GatewayError? {
        let count = streams.slab[stream].input.count
        exchanges[id].requestBody.received += UInt64(count)
        if exchanges[id].requestBody.received > exchanges[id].location?.bodyBytesMax ?? 0 {
            return GatewayError(.bodyTooLarge, "the body is larger than client_max_body_size")
        }
        let isChunked = exchanges[id].requestBody.framing == .chunked
        calls[call].appendBody(streams.slab[stream].input, 0..<count, isChunked: isChunked)
        dropStreamInput(stream, of: exchanges[id].connection)
        clearDeadline(stream: stream, .body)
        return nil
    }

    private func completeStreamRequest(_ id: Handle, _ stream: Handle, _ call: Handle) {
        exchanges[id].takeTrailers(of: &streams.slab[stream])
        if exchanges[id].requestBody.framing == .chunked { endChunks(id, call) }
        exchanges[id].requestBody.isComplete = true
        exchanges[id].requestCompletedAt = now
        clearDeadline(stream: stream, .body)
    }

    /// What has come of the content is taken, or wanted by nobody: the client may send as much again.
    func dropStreamInput(_ stream: Handle, of connection: Handle) {
        let count = streams.slab[stream].input.count
        if count == 0 { return }
        streams.slab[stream].input.removeAll()
        downstreams[connection].consume(stream, count)
        queueFlush(connection)
    }

    // MARK: Response

    /// Whether the client is slower than the origin: one window of the stream waits for it.
    func isStreamFull(_ stream: Handle) -> Bool {
        if streams.slab[stream].output.count < Limits.streamOutputHighBytes { return false }
        waitForRoom(stream)
        return true
    }

    /// Whatever feeds the stream goes on when its client has read.
    func waitForRoom(_ stream: Handle) {
        streams.slab[stream].wantsRoom = true
        awaitReader(stream)
    }

    @inline(__always)
    func sendHead(_ id: Handle, _ call: Handle) {
        let (stream, connection) = (exchanges[id].stream, exchanges[id].connection)
        var lines = ByteQueue(pool: pool)
        exchanges[id].encodeResponseHead(of: calls[call], CountedForm.self, &clock.value, now: now, into: &lines)
        exchanges[id].endResponseHead(on: downstreams[connection], into: &lines)
        let isWhole = calls[call].framing == .none || (calls[call].framing == .length(0) && !mayHaveTrailers(call))
        downstreams[connection].respond(stream, lines, endsStream: isWhole)
        queueFlush(connection)
    }

    /// Whether there may be trailers behind no content: that takes HTTP/2 (RFC 9113 § 8.1).
    private func mayHaveTrailers(_ call: Handle) -> Bool {
        let stream = calls[call].stream
        if stream.isNone { return false }
        return !streams.slab[stream].hasInputEnded || streams.slab[stream].trailers.count > 0
    }

    func sendInterim(_ id: Handle, _ call: Handle) {
        var lines = ByteQueue(pool: pool)
        calls[call].encodeInterimHead(into: &lines)
        downstreams[exchanges[id].connection].http2?.inform(exchanges[id].stream, lines)
        queueFlush(exchanges[id].connection)
    }

    /// A whole answer of the gateway's own. Where `body` is all of `shared`, the stream keeps that instead of a copy.
    func sendAnswer(_ id: Handle, _ connection: Handle, _ lines: borrowing ByteQueue, body: RawSpan, shared: [UInt8]?) {
        let stream = exchanges[id].stream
        downstreams[connection].respond(stream, lines, endsStream: body.byteCount == 0)
        if body.byteCount > 0 {
            exchanges[id].response.sent = UInt64(body.byteCount)
            if let shared { streams.slab[stream].shared = shared } else { streams.slab[stream].output.append(body) }
            streams.slab[stream].outputEnds = true
            downstreams[connection].resume(stream)
        }
        queueFlush(connection)
    }

    /// The end of a response, behind its content.
    func endStream(_ id: Handle, _ call: Handle) {
        let (stream, connection) = (exchanges[id].stream, exchanges[id].connection)
        if streams.slab[stream].outputEnds { return }
        var lines = ByteQueue(pool: pool)
        calls[call].appendTrailers(isRecoded: !exchanges[id].response.encoder.isNone, to: &lines)
        if lines.isEmpty {
            streams.slab[stream].outputEnds = true
            resume(stream, of: connection)
        } else {
            downstreams[connection].http2?.end(stream, trailers: lines)
            queueFlush(connection)
        }
    }

    /// The stream's output has got more, or its end.
    func resume(_ stream: Handle, of connection: Handle) {
        downstreams[connection].resume(stream)
        queueFlush(connection)
    }

    // MARK: Endings

    @inline(__always)
    func finishStream(_ id: Handle, _ connection: Handle) {
        let (stream, snapshot) = (exchanges[id].stream, exchanges[id].snapshot)
        exchanges.discard(id)
        releaseSnapshot(snapshot)
        clearDeadline(stream: stream, .body)
        streams.slab[stream].user = .none
        dropStreamInput(stream, of: connection)
        releaseStream(stream)
        queueFlush(connection)
    }

    /// Gives a stream back whose exchange is over, once the client has got what there is for it.
    private func releaseStream(_ stream: Handle) {
        if streams.slab[stream].isOutputClosed || streams.slab[stream].outputCount == 0 {
            downstreams[streams.slab[stream].connection].release(stream)
        } else {
            waitForRoom(stream)
        }
    }

    func resetStream(_ id: Handle, _ error: GatewayError) {
        let code: HTTP2ErrorCode =
            switch error.type {
            case .clientClosed, .sendTimeout, .requestTimeout, .bodyTimeout: .cancel
            case .fieldInvalid, .framingInvalid, .hostInvalid, .targetInvalid, .requestLineInvalid: .protocolError
            default: .internalError
            }
        downstreams[exchanges[id].connection].http2?.reset(exchanges[id].stream, code)
        queueFlush(exchanges[id].connection)
    }

    // MARK: Times

    private func awaitStreamBody(_ id: Handle, _ stream: Handle) {
        if streams.slab[stream].timer.kind != .none { return }
        setDeadline(stream: stream, .body, afterMs: streams.slab[stream].timer.bodyMs)
    }

    /// The client has so long to read some of what waits for it.
    private func awaitReader(_ stream: Handle) {
        if streams.slab[stream].timer.kind == .send { return }
        streams.slab[stream].timer.since = now
        setDeadline(stream: stream, .send, afterMs: streams.slab[stream].timer.sendMs)
    }

    private func setDeadline(stream: Handle, _ kind: HTTP2Stream.Timer.Kind, afterMs: Int32) {
        let deadline = now.adding(milliseconds: Int(afterMs))
        streams.slab[stream].timer.kind = kind
        streams.slab[stream].timer.deadline = deadline
        watchStreams(of: streams.slab[stream].connection, until: deadline)
    }

    /// The streams of the connection are looked at no later than that. One timer serves them all: every answer waits for its reader, if
    /// only for the end of the round, and a timer for each would fill the wheel with those that wait for nothing any more.
    private func watchStreams(of connection: Handle, until deadline: MonotonicTime) {
        if downstreams[connection].streamsDue <= deadline { return }
        downstreams[connection].streamsDue = deadline
        let tick = downstreams[connection].streamsTick
        if tick != 0 && timers.value.tick(of: deadline) >= tick { return }
        downstreams[connection].streamsTick = timers.value.arm(EventToken(kind: Kind.streams, handle: connection).word, at: deadline)
    }

    private func clearDeadline(stream: Handle, _ kind: HTTP2Stream.Timer.Kind) {
        if streams.slab[stream].timer.kind == kind { streams.slab[stream].timer.kind = .none }
    }

    func streamTimerFired(_ connection: Handle, tick: UInt64) {
        guard downstreams[connection].streamsTick == tick, let session = downstreams[connection].http2 else { return }
        downstreams[connection].streamsTick = 0
        downstreams[connection].streamsDue = .never
        var late: [Handle] = []
        var next = MonotonicTime.never
        session.forEachStream { stream in
            let timer = streams.slab[stream].timer
            if timer.kind == .none { return }
            if timer.deadline <= now { late.append(stream) } else { next = min(next, timer.deadline) }
        }
        if !next.isNever { watchStreams(of: connection, until: next) }
        for stream in late where streams.slab.contains(stream) { waitExpired(stream) }
    }

    /// Unless what ended before it has ended the wait.
    private func waitExpired(_ stream: Handle) {
        let kind = streams.slab[stream].timer.kind
        if kind == .none || streams.slab[stream].timer.deadline > now { return }
        streams.slab[stream].timer.kind = .none
        let user = streams.slab[stream].user
        if kind == .body {
            if !user.isNone { expire(user, GatewayError(.bodyTimeout, "the body of the request did not arrive in time")) }
        } else {
            readerExpired(stream, user)
        }
    }

    private func readerExpired(_ stream: Handle, _ user: Handle) {
        if streams.slab[stream].outputCount == 0 {
            // It has been read: what else is waited for has its time from now.
            if !user.isNone { step(user) }
            return
        }
        // The time runs between two pieces, as over HTTP/1.1.
        let due = streams.slab[stream].lastMoved.adding(milliseconds: Int(streams.slab[stream].timer.sendMs))
        if due > now {
            streams.slab[stream].timer.kind = .send
            streams.slab[stream].timer.deadline = due
            watchStreams(of: streams.slab[stream].connection, until: due)
            return
        }
        let error = GatewayError(.sendTimeout, "the client did not read the response in time")
        if !user.isNone {
            abandon(user, error)
            return
        }
        // The exchange has said all it had to say, and is counted.
        shard.increment(metrics.refusal(error.type))
        let connection = streams.slab[stream].connection
        downstreams[connection].http2?.reset(stream, .cancel)
        queueFlush(connection)
    }
}

extension Exchange {
    @inline(__always)
    mutating func takeHead(of stream: inout HTTP2Stream) throws(GatewayError) {
        try stream.takeRequest(into: &head)
    }

    mutating func takeTrailers(of stream: inout HTTP2Stream) {
        swap(&trailers, &stream.trailers)
    }
}

extension HTTP2Stream {
    /// Since when its reader has taken nothing.
    fileprivate var lastMoved: MonotonicTime { sentAt.isNever ? timer.since : max(sentAt, timer.since) }

    mutating func append(_ content: borrowing ByteQueue, _ range: Range<Int>) {
        output.append(content.bytes.extracting(range))
    }
}

extension UpstreamCall {
    func appendTrailers(isRecoded: Bool, to queue: inout ByteQueue) {
        HTTP1Encoder.trailerLines(trailers, of: head.fields, isRecoded: isRecoded, into: &queue)
    }
}
