import GatewayCore

/// The life of the streams.
extension HTTP2Session {
    // MARK: What the worker asks for

    /// Queues a final answer's head. `lines` is a head as HTTP/1 has it, up to its empty line: a status line, then fields, each a line or
    /// a ``CountedField``. Those that HTTP/2 has no use for (Connection, Keep-Alive, Transfer-Encoding, Upgrade) are left out. With
    /// `endsStream` no content follows.
    public func respond(_ stream: Handle, _ lines: borrowing ByteQueue, endsStream: Bool) {
        if streams.slab[stream].isOutputClosed || streams.slab[stream].hasAnswered { return }
        streams.slab[stream].hasAnswered = true
        let ends = endsStream || streams.slab[stream].hasNothingToSend
        if ends { streams.slab[stream].hasEnded = true }
        let isQueued = engine.respond(
            streams.slab[stream].number, lines.bytes, isInterim: false, handle: ends ? nil : stream, streams.pairs)
        if !isQueued { breakDown() }
    }

    /// Queues an interim answer's head (1xx), in the same form.
    public func inform(_ stream: Handle, _ lines: borrowing ByteQueue) {
        if streams.slab[stream].isOutputClosed || streams.slab[stream].hasAnswered { return }
        if !engine.respond(streams.slab[stream].number, lines.bytes, isInterim: true, handle: nil, streams.pairs) { breakDown() }
    }

    /// Begins a request. `lines` is a head as HTTP/1 has it, up to its empty line: a request line, then fields in either form;
    /// Host becomes `:authority`. `isSecure` gives `:scheme`. With `isWebSocket` it becomes an extended CONNECT (RFC 8441).
    ///
    /// Nil if no stream can be begun any more: the numbers are used up, the peer has sent GOAWAY, or there is no room.
    public func request(
        _ lines: borrowing ByteQueue, isSecure: Bool, isWebSocket: Bool = false, user: Handle, endsStream: Bool
    ) -> Handle? {
        guard !isShuttingDown, !state.value.isBroken, engine.mayRequest, let line = HeadLines.requestLine(of: lines.bytes) else {
            return nil
        }
        let number = engine.nextStream
        guard number > 0, number < Int32.max, let stream = insert(number) else { return nil }
        streams.slab[stream].user = user
        streams.slab[stream].hasAnswered = true
        streams.slab[stream].hasEnded = endsStream
        streams.slab[stream].requestMethod = isWebSocket ? .connect : Method(lines.bytes.extracting(line.method))
        let begun = engine.request(
            lines.bytes, line, scheme: isSecure ? "https" : "http", isWebSocket: isWebSocket, handle: stream, hasContent: !endsStream,
            streams.pairs)
        if begun == number { return stream }
        discard(stream)
        return nil
    }

    /// The stream's `output` has got more, or `outputEnds` was set.
    public func resume(_ stream: Handle) {
        if !streams.slab[stream].isWaiting { return }
        streams.slab[stream].isWaiting = false
        engine.resume(streams.slab[stream].number)
    }

    /// Queues trailers (lines of fields up to an empty line or the end) with END_STREAM behind `output`.
    public func end(_ stream: Handle, trailers: borrowing ByteQueue) {
        if streams.slab[stream].isOutputClosed { return }
        streams.slab[stream].outputTrailers.append(trailers.bytes)
        streams.slab[stream].outputEnds = true
        resume(stream)
    }

    /// Queues RST_STREAM and drops the stream's output.
    public func reset(_ stream: Handle, _ code: HTTP2ErrorCode) {
        if streams.slab[stream].isOutputClosed { return }
        expectLate(on: stream)
        streams.slab[stream].isReset = true
        streams.slab[stream].isResetByUs = true
        streams.slab[stream].dropOutput()
        if !engine.reset(streams.slab[stream].number, code.rawValue) { breakDown() }
    }

    /// The worker has taken so much of the stream's `input`: the windows open by it.
    public func consume(_ stream: Handle, _ byteCount: Int) {
        let taken = min(byteCount, streams.slab[stream].unconsumed)
        if taken == 0 { return }
        streams.slab[stream].unconsumed -= taken
        let number = streams.slab[stream].number
        if role == .client { engine.consumeOfStream(taken, number) } else { engine.consume(taken, of: number) }
    }

    /// The worker has taken all but the stream's `input`, and so much of it waits elsewhere: the windows open by the rest. False if that is
    /// nothing.
    public func consumeAll(_ stream: Handle, butFor held: Int) -> Bool {
        let taken = streams.slab[stream].unconsumed - streams.slab[stream].input.count - held
        if taken <= 0 { return false }
        consume(stream, taken)
        return true
    }

    /// The worker has no more to do with the stream: it is named by no event from now on, and its handle is stale once both sides have
    /// ended it. What waits of a complete answer is still sent; then,
    /// if the request has not ended, NO_ERROR says that the rest of it is not wanted (RFC 9113 § 8.1). Every other stream that is not
    /// closed is reset with CANCEL.
    public func release(_ stream: Handle) {
        if streams.slab[stream].isReleased { return }
        streams.slab[stream].isReleased = true
        streams.slab[stream].input.removeAll()
        consume(stream, streams.slab[stream].unconsumed)
        if streams.slab[stream].closedWith != nil {
            state.value.releasedCount += 1
            return discard(stream)
        }
        state.value.releasedCount += 1
        if streams.slab[stream].isReset { return }
        // Nobody reads the answer any further.
        if role == .client { return reset(stream, .cancel) }
        let willEnd = streams.slab[stream].hasAnswered && (streams.slab[stream].hasEnded || streams.slab[stream].outputEnds)
        if !willEnd {
            reset(stream, .cancel)
        } else if streams.slab[stream].hasSentEnd && !streams.slab[stream].hasInputEnded {
            reset(stream, .noError)
        }
    }

    // MARK: Their places

    /// A place for a stream; nil if there is none.
    func insert(_ number: Int32) -> Handle? {
        guard streams.slab.hasRoom(for: streams.slab.count + 1) else { return nil }
        let stream = streams.slab.insert { HTTP2Stream(number: number, connection: connection, pool: streams.pool) }
        let first = state.value.first
        streams.slab[stream].next = first
        if !first.isNone { streams.slab[first].previous = stream }
        state.value.first = stream
        state.value.streamCount += 1
        return stream
    }

    func discard(_ stream: Handle) {
        let (previous, next) = (streams.slab[stream].previous, streams.slab[stream].next)
        if previous.isNone { state.value.first = next } else { streams.slab[previous].next = next }
        if !next.isNone { streams.slab[next].previous = previous }
        state.value.streamCount -= 1
        state.value.headBytes -= streams.slab[stream].headBytes
        if streams.slab[stream].isReleased { state.value.releasedCount -= 1 }
        if state.value.block == stream { state.value.block = .none }
        streams.slab.discard(stream)
    }

    /// nghttp2 has closed the stream: both sides have ended it, or one has reset it.
    @inline(__always)
    func streamClosed(_ number: Int32, _ code: UInt32) {
        let isPeers = state.value.resetByPeer == number
        let stream = handle(of: number)
        if state.value.known == number { remember(.none, of: 0) }
        guard streams.slab.contains(stream) else { return noteClosed(number, byUs: !isPeers) }
        if role == .server { state.value.openCount -= 1 }
        noteClosed(number, byUs: streams.slab[stream].isResetByUs && !isPeers)
        streams.slab[stream].closedWith = code
        if code != 0 { streams.slab[stream].isReset = true }
        streams.slab[stream].dropOutput()
        if streams.slab[stream].isReleased { discard(stream) } else { queueEvent(stream) }
    }

    func noteClosed(_ number: Int32, byUs: Bool) {
        if role == .server { state.value.closed.note(number, byUs: byUs) }
    }

    /// There is no memory left for the connection.
    func breakDown() {
        state.value.isBroken = true
        if state.value.failure != nil { return }
        state.value.failure = GatewayError(role == .server ? .http2Invalid : .upstreamInvalid, "there is no memory for the connection")
        state.value.failureCode = .internalError
    }
}

extension HTTP2Stream {
    var hasNothingToSend: Bool { outputEnds && outputCount == 0 && outputTrailers.isEmpty }
}
