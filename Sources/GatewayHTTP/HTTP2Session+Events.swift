import GatewayCore

/// What nghttp2 tells while it takes bytes. Nothing here calls the worker: it is recorded on the streams.
extension HTTP2Session {
    // MARK: Heads

    /// A block begins on a stream that nghttp2 has opened, now or before.
    @inline(__always)
    func blockBegan(on number: Int32) {
        state.value.floods.credit(.hpackBomb, Limits.http2VainFieldsPerHead)
        var stream = handle(of: number)
        if role == .server && stream.isNone {
            guard let new = begin(number) else {
                state.value.block = .none
                engine.reset(number, HTTP2ErrorCode.refusedStream.rawValue)
                return
            }
            stream = new
            engine.setHandle(stream, of: number)
            remember(stream, of: number)
        }
        guard streams.slab.contains(stream), !streams.slab[stream].isReset else {
            state.value.block = .none
            return
        }
        state.value.floods.credit(.emptyField, Limits.http2EmptyFieldsPerHead)
        state.value.block = stream
        state.value.blockIsTrailers = streams.slab[stream].hasFinalHead
        let kind: HTTP2HeadReader.Kind = streams.slab[stream].hasFinalHead ? .trailers : role == .server ? .request : .response
        state.value.reader.begin(kind, error: state.value.blockError)
        state.value.blockError = nil
    }

    /// A place for the request; nil if the peer has as many as it may, or there is no place.
    private func begin(_ number: Int32) -> Handle? {
        if state.value.openCount >= Limits.http2StreamsMax {
            charge(.refusedStream)
            return nil
        }
        guard let stream = insert(number) else { return nil }
        state.value.openCount += 1
        return stream
    }

    @inline(__always)
    func fieldCame(_ name: RawSpan, _ value: RawSpan) {
        let stream = state.value.block
        if stream.isNone || state.value.reader.hasRefused { return fieldCameInVain() }
        // All requests of a worker share an origin's connection: one empty value in each answer must not end it.
        if name.byteCount == 0 || (value.byteCount == 0 && role == .server) { charge(.emptyField) }
        if state.value.blockIsTrailers {
            state.value.reader.trailer(name, value, into: &streams.slab[stream].trailers)
        } else {
            state.value.reader.field(name, value, into: &streams.slab[stream].head)
        }
    }

    /// It is dropped, but HPACK had to make it: of one byte, perhaps, 16,000 times in a frame.
    private func fieldCameInVain() {
        state.value.fieldsInVain += 1
        if state.value.fieldsInVain >= Limits.http2FieldsPerTurnHead {
            state.value.fieldsInVain = 0
            state.value.heads += 1
        }
        charge(.hpackBomb)
    }

    @inline(__always)
    func blockEnded(endsStream: Bool) {
        let stream = state.value.block
        state.value.block = .none
        guard streams.slab.contains(stream), !streams.slab[stream].isReset else { return }
        if role == .server && !hold(stream) { return }
        do throws(GatewayError) {
            if state.value.blockIsTrailers {
                try state.value.reader.finishTrailers(endsStream: endsStream)
            } else if role == .server {
                try finishRequest(stream, endsStream)
            } else {
                try finishResponse(stream, endsStream)
            }
            if endsStream { try endInput(stream) }
        } catch {
            headIsRefused(stream, error)
        }
        queueEvent(stream)
    }

    /// Counts what has been decoded until the stream ends. False where all streams together hold too much: this one is then reset, and a
    /// client may send its request again (RFC 9113 § 8.7), but not for ever.
    @inline(__always)
    private func hold(_ stream: Handle) -> Bool {
        let isTrailers = state.value.blockIsTrailers
        let byteCount = isTrailers ? streams.slab[stream].trailers.byteCount : streams.slab[stream].head.fields.byteCount
        if state.value.headBytes + byteCount <= Limits.http2HeadBytesMax {
            state.value.headBytes += byteCount
            streams.slab[stream].headBytes += byteCount
            return true
        }
        if isTrailers {
            // Its head may have reached the origin.
            refuse(stream, .enhanceYourCalm, GatewayError(.headTooLarge, "the trailers on the connection are too large together"))
            return false
        }
        streams.slab[stream].head.removeAll()
        reset(stream, .refusedStream)
        release(stream)
        charge(.refusedStream)
        return false
    }

    @inline(__always)
    private func finishRequest(_ stream: Handle, _ endsStream: Bool) throws(GatewayError) {
        streams.slab[stream].hasFinalHead = true
        streams.slab[stream].hasHead = true
        try state.value.reader.finishRequest(&streams.slab[stream].head, endsStream: endsStream)
        engine.setPriority(state.value.reader.priority, of: streams.slab[stream].number)
        if case .length(let length) = streams.slab[stream].head.parts.framing { streams.slab[stream].contentLeft = length }
    }

    @inline(__always)
    private func finishResponse(_ stream: Handle, _ endsStream: Bool) throws(GatewayError) {
        let method = streams.slab[stream].requestMethod
        try state.value.reader.finishResponse(&streams.slab[stream].head, to: method, endsStream: endsStream)
        if streams.slab[stream].head.status < 200 {
            if !streams.slab[stream].keepInterim() { throw GatewayError(.upstreamInvalid, "there are too many interim answers") }
            return
        }
        streams.slab[stream].hasFinalHead = true
        streams.slab[stream].hasHead = true
        switch streams.slab[stream].head.framing {
        case .none: streams.slab[stream].contentLeft = 0
        case .length(let length): streams.slab[stream].contentLeft = length
        case .chunked, .untilClose: break
        }
    }

    /// What is malformed is reset (RFC 9113 § 8.1.1); what is too large, or asks for what we don't do, gets an answer that says so.
    private func headIsRefused(_ stream: Handle, _ error: GatewayError) {
        if role == .client {
            streams.slab[stream].hasHead = true
            return refuse(stream, .protocolError, error)
        }
        if !state.value.blockIsTrailers && error.type.isAnswered {
            streams.slab[stream].error = error
            return
        }
        refuse(stream, error.type.isTooMuch ? .enhanceYourCalm : .protocolError, error)
    }

    // MARK: Content

    @inline(__always)
    func dataCame(on number: Int32, _ bytes: RawSpan) {
        let stream = handle(of: number)
        guard streams.slab.contains(stream), !streams.slab[stream].isReset, !streams.slab[stream].isReleased else {
            return engine.consume(bytes.byteCount, of: number)
        }
        if let left = streams.slab[stream].contentLeft, UInt64(bytes.byteCount) > left {
            engine.consume(bytes.byteCount, of: number)
            return refuse(stream, .protocolError, GatewayError(.framingInvalid, "the content is longer than Content-Length"))
        }
        if !streams.slab[stream].hasFinalHead {
            engine.consume(bytes.byteCount, of: number)
            return refuse(stream, .protocolError, GatewayError(.framingInvalid, "content came before a final answer"))
        }
        streams.slab[stream].contentLeft? -= UInt64(bytes.byteCount)
        streams.slab[stream].unconsumed += bytes.byteCount
        // An origin's connection carries the answers of many clients: those who read nothing must not use up its window. What they hold is
        // bounded by the windows of their streams.
        if role == .client { engine.consumeOfConnection(bytes.byteCount) }
        streams.slab[stream].input.append(bytes)
        queueEvent(stream)
    }

    @inline(__always)
    func dataEnded(on number: Int32, isEmpty: Bool, endsStream: Bool) {
        if isEmpty && !endsStream { return charge(.emptyData) }
        // Many streams share a connection to an origin: some of them may beat with empty frames.
        state.value.floods.credit(.emptyData, 1)
        if !endsStream { return }
        let stream = handle(of: number)
        guard streams.slab.contains(stream), !streams.slab[stream].isReset else { return }
        do throws(GatewayError) {
            try endInput(stream)
            queueEvent(stream)
        } catch {
            refuse(stream, .protocolError, error)
        }
    }

    private func endInput(_ stream: Handle) throws(GatewayError) {
        if role == .client && !streams.slab[stream].hasFinalHead {
            throw GatewayError(.framingInvalid, "the stream ended before a final answer")
        }
        // The answer to HEAD, and 304, state the length of what they do not have.
        if (streams.slab[stream].contentLeft ?? 0) > 0 {
            throw GatewayError(.framingInvalid, "the content is shorter than Content-Length")
        }
        streams.slab[stream].hasInputEnded = true
    }

    // MARK: The rest

    func resetCame(on number: Int32, _ code: UInt32) {
        state.value.resetByPeer = number
        let stream = handle(of: number)
        guard streams.slab.contains(stream) else {
            // An origin's was counted as late: it takes nothing back.
            if role == .server { charge(.rapidReset) }
            return
        }
        // Whoever has got his answer, or hears from us that he won't, takes nothing back.
        if role == .server && !streams.slab[stream].hasSentEnd && !streams.slab[stream].isReset { charge(.rapidReset) }
        streams.slab[stream].isReset = true
        streams.slab[stream].isResetByUs = false
        streams.slab[stream].peerCode = code
    }

    func windowOverflowed(on number: Int32) {
        let stream = handle(of: number)
        guard streams.slab.contains(stream) else { return }
        refuse(stream, .flowControlError, GatewayError(.http2Invalid, "a window was opened too far"))
    }

    /// RFC 9113 § 6.9.2: a window that the new initial size makes too wide is the connection's error, not the stream's alone.
    func settingsCame(isAnswer: Bool) {
        if isAnswer { return }
        state.value.hasPeerSettings = true
        let widest = state.value.widestWindow + engine.peerInitialWindow - state.value.initialWindow
        if state.value.widestWindow > 0 && widest > Int(Int32.max) {
            noteFailure(.flowControlError, GatewayError(.http2Invalid, "SETTINGS open a window too far"))
        }
    }

    func pingCame(isAnswer: Bool) {
        if isAnswer { state.value.lastPong = state.value.now }
    }

    func goawayCame(_ code: UInt32, last: Int32) {
        state.value.goawayLastStream = last
        state.value.goawayCode = code
    }
}

extension ErrorType {
    /// Whether a request that is refused for this is well-formed: it gets an answer.
    fileprivate var isAnswered: Bool {
        switch self {
        case .headTooLarge, .fieldsTooMany, .requestLineTooLong, .methodUnsupported, .expectationUnsupported: true
        default: false
        }
    }

    fileprivate var isTooMuch: Bool { self == .headTooLarge || self == .fieldsTooMany }
}
