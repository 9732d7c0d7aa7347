import GatewayCore

/// What comes in: every frame is judged before nghttp2 sees it.
extension HTTP2Session {
    enum Verdict {
        case pass
        /// nghttp2 would make more of it than it is.
        case drop
        /// A stream that depends on itself: nghttp2 would end the connection, where the stream is enough.
        case passIndependent
        case end
    }

    /// Takes all of `input`. What happened on streams is told by ``nextEvent()``. False: the connection is at its end, ``failure`` says
    /// why, and a GOAWAY that says so waits to be sent; what comes after is dropped. Some failures are known only behind the `send` that
    /// follows: ``isOver`` tells of all.
    public func receive(_ input: RawSpan, now: MonotonicTime) -> Bool {
        _ = receive(input, headsMax: .max, now: now)
        return state.value.failure == nil && !state.value.isBroken
    }

    /// Takes of `input` until so many heads have begun. Returns how many bytes were taken, and how many heads have begun with them, or cost
    /// as much; after a ``failure`` all bytes count as taken.
    public func receive(_ input: RawSpan, headsMax: Int, now: MonotonicTime) -> (byteCount: Int, heads: Int) {
        if state.value.now.nanoseconds == 0 { state.value.floods.begin(now) }
        state.value.now = now
        state.value.heads = 0
        var position = 0
        while position < input.byteCount && state.value.heads < headsMax && state.value.failure == nil && !state.value.isBroken {
            position = takeNext(input, position)
        }
        if let code = state.value.failureCode, !state.value.isBroken { engine.terminate(code) }
        let isOver = state.value.failure != nil || state.value.isBroken
        return (isOver ? input.byteCount : position, state.value.heads)
    }

    /// Takes a frame, or what is there of one. Returns where the next begins.
    private func takeNext(_ input: RawSpan, _ position: Int) -> Int {
        let available = input.byteCount - position
        if state.value.scanner.passing > 0 {
            let count = min(state.value.scanner.passing, available)
            state.value.scanner.passing -= count
            give(input.extracting(position..<(position + count)))
            return position + count
        }
        if state.value.scanner.dropping > 0 {
            let count = min(state.value.scanner.dropping, available)
            state.value.scanner.dropping -= count
            return position + count
        }
        guard let head = state.value.scanner.head(input, at: position) else { return takePiece(input, position) }
        let verdict = judge(head, input.extracting(position..<(position + HTTP2FrameHead.byteCount + head.bytesToJudge)))
        let frameBytes = HTTP2FrameHead.byteCount + head.length
        switch verdict {
        case .pass:
            let count = min(frameBytes, available)
            beginPassing(head, frameBytes - count)
            give(input.extracting(position..<(position + count)))
            return position + count
        case .drop:
            state.value.scanner.dropping = frameBytes
            return position
        case .passIndependent:
            let (end, _) = state.value.scanner.hold(input, from: position)
            giveHeld(head, verdict)
            return end
        case .end: return input.byteCount
        }
    }

    /// A frame whose beginning is not there in one piece.
    private func takePiece(_ input: RawSpan, _ position: Int) -> Int {
        let (end, whole) = state.value.scanner.hold(input, from: position)
        guard let head = whole else { return end }
        let held = state.value.scanner.held
        giveHeld(head, judge(head, held.rawSpan.extracting(0..<(HTTP2FrameHead.byteCount + head.bytesToJudge))))
        return end
    }

    private func giveHeld(_ head: HTTP2FrameHead, _ verdict: Verdict) {
        let count = state.value.scanner.letGo()
        let left = HTTP2FrameHead.byteCount + head.length - count
        switch verdict {
        case .pass: beginPassing(head, left)
        case .passIndependent:
            beginPassing(head, left)
            let offset = head.dependencyOffset
            for index in offset..<(offset + 4) { state.value.scanner.held[index] = 0 }
        case .drop: return state.value.scanner.dropping = left
        case .end: return
        }
        let held = state.value.scanner.held
        give(held.rawSpan.extracting(0..<count))
    }

    private func beginPassing(_ head: HTTP2FrameHead, _ byteCount: Int) {
        state.value.scanner.passing = byteCount
        state.value.scanner.isHeadPassing = head.kind == .headers || head.kind == .continuation
    }

    private func give(_ bytes: RawSpan) {
        switch engine.take(bytes) {
        case .taken: break
        case .flooded: fail(.unreadControl)
        case .noPreface: fail(.protocolError, GatewayError(.http2Invalid, "the connection does not begin with HTTP/2's preface"))
        case .failed: breakDown()
        }
    }

    // MARK: Verdicts

    private func judge(_ head: HTTP2FrameHead, _ bytes: RawSpan) -> Verdict {
        if role == .client && !state.value.hasFirstFrame && !head.beginsConnection {
            fail(.protocolError, GatewayError(.upstreamInvalid, "the origin does not speak HTTP/2: what it sent first is not SETTINGS"))
            return .end
        }
        // nghttp2 does not look at the length of CONTINUATION, nor do we at the rest of what it never sees (RFC 9113 § 4.2).
        if head.length > Limits.http2FrameBytesMax {
            fail(.frameSizeError, GatewayError(.http2Invalid, "a frame is larger than SETTINGS_MAX_FRAME_SIZE"))
            return .end
        }
        if state.value.openBlock != 0 { return judgeContinuation(head) }
        if !state.value.hasFirstFrame {
            // nghttp2 sees to it that this is SETTINGS.
            state.value.hasFirstFrame = true
            return .pass
        }
        switch head.kind {
        case .data: return judgeData(head)
        case .headers: return judgeHeaders(head, bytes)
        case .priority: return judgePriority(head, bytes)
        case .rstStream: return judgeReset(head)
        case .settings: return judgeSettings(head)
        case .ping: return count(.ping)
        case .windowUpdate: return judgeWindowUpdate(head, bytes)
        case .pushPromise: return refusePush()
        case .continuation: return .pass
        case .goaway: return count(.unknownFrame)
        case .priorityUpdate: return judgePriorityUpdate(head)
        default: return count(.unknownFrame) == .pass ? .drop : .end
        }
    }

    /// Nothing but CONTINUATION may come between (RFC 9113 § 6.10); nghttp2 sees to that.
    private func judgeContinuation(_ head: HTTP2FrameHead) -> Verdict {
        state.value.continuations += 1
        if state.value.continuations > Limits.http2ContinuationsMax {
            fail(.continuation)
            return .end
        }
        if head.kind == .continuation && head.endsBlock { state.value.openBlock = 0 }
        return state.value.isBlockLate ? countLate(head) : .pass
    }

    @inline(__always)
    private func judgeHeaders(_ head: HTTP2FrameHead, _ bytes: RawSpan) -> Verdict {
        let number = head.stream
        state.value.heads += 1
        state.value.headCount += 1
        state.value.blockError = nil
        state.value.isBlockLate = isLate(head)
        if state.value.isBlockLate {
            let verdict = role == .server && engine.window(of: number) == nil ? judgeLate(head) : countLate(head)
            if verdict != .pass { return verdict }
        }
        if !head.endsBlock {
            state.value.openBlock = number
            state.value.continuations = 0
        }
        if head.hasPriority && head.bytesToJudge > 0 && bytes.int31(at: head.dependencyOffset) == number {
            state.value.blockError = GatewayError(.http2Invalid, "a stream depends on itself")
            return .passIndependent
        }
        return .pass
    }

    private func judgeData(_ head: HTTP2FrameHead) -> Verdict {
        let number = head.stream
        guard let window = engine.window(of: number) else {
            if role == .client { return number == 0 ? .pass : countLate(head) }
            if number & 1 == 0 || number > state.value.highest { return .pass }
            return judgeLate(head)
        }
        let stream = handle(of: number)
        if head.length > window && streams.slab.contains(stream) && !streams.slab[stream].isReset {
            refuse(stream, .flowControlError, GatewayError(.http2Invalid, "more content came than the window has room for"))
        }
        return .pass
    }

    private func judgeReset(_ head: HTTP2FrameHead) -> Verdict {
        if head.stream == 0 || engine.window(of: head.stream) != nil { return .pass }
        if countLate(head) != .pass { return .end }
        // What crossed with the end of the stream takes nothing back.
        let isLate = role == .server && head.length == 4 && head.stream & 1 == 1 && head.stream <= state.value.highest
        return isLate ? .drop : .pass
    }

    /// A client must not push, and an origin has read ENABLE_PUSH before any request that it could push for.
    private func refusePush() -> Verdict {
        fail(.protocolError, GatewayError(.http2Invalid, "PUSH_PROMISE came"))
        return .end
    }

    private func judgeSettings(_ head: HTTP2FrameHead) -> Verdict {
        if head.isAnswer { return .pass }
        state.value.widestWindow = 0
        state.value.initialWindow = engine.peerInitialWindow
        var stream = state.value.first
        while !stream.isNone {
            state.value.widestWindow = max(state.value.widestWindow, engine.peerWindow(of: streams.slab[stream].number))
            stream = streams.slab[stream].next
        }
        return count(.settings)
    }

    private func judgePriority(_ head: HTTP2FrameHead, _ bytes: RawSpan) -> Verdict {
        if count(.priority) != .pass { return .end }
        let number = head.stream
        if number == 0 {
            fail(.protocolError, GatewayError(.http2Invalid, "PRIORITY came without a stream"))
            return .end
        }
        let stream = handle(of: number)
        let isOpen = streams.slab.contains(stream)
        if head.length != 5 {
            if !isOpen { return .pass }
            refuse(stream, .frameSizeError, GatewayError(.http2Invalid, "PRIORITY has another length than five"))
        } else if bytes.int31(at: head.dependencyOffset) == number {
            let error = GatewayError(.http2Invalid, "a stream depends on itself")
            if isOpen {
                refuse(stream, .protocolError, error)
            } else if role == .server && number > state.value.highest {
                // There is no stream yet that could be reset.
                fail(.protocolError, error)
                return .end
            }
        }
        return .drop
    }

    /// RFC 9218 § 7.1: we take the Priority of the request and leave it at that, but what is wrong is an error.
    private func judgePriorityUpdate(_ head: HTTP2FrameHead) -> Verdict {
        if count(.priority) != .pass { return .end }
        if head.stream == 0 && head.length >= 4 && role == .server { return .drop }
        fail(
            head.length < 4 ? .frameSizeError : .protocolError,
            GatewayError(.http2Invalid, "PRIORITY_UPDATE is on a stream, too short, or from an origin"))
        return .end
    }

    private func judgeWindowUpdate(_ head: HTTP2FrameHead, _ bytes: RawSpan) -> Verdict {
        if count(.windowUpdate) != .pass { return .end }
        if head.stream == 0 || head.length != 4 { return .pass }
        if engine.window(of: head.stream) == nil { return countLate(head) }
        if bytes.int31(at: HTTP2FrameHead.byteCount) != 0 { return .pass }
        let stream = handle(of: head.stream)
        if !streams.slab.contains(stream) { return .drop }
        refuse(stream, .protocolError, GatewayError(.http2Invalid, "WINDOW_UPDATE opens a window by nothing"))
        return .drop
    }

    @inline(__always)
    func count(_ flood: HTTP2Flood, _ count: Int = 1) -> Verdict {
        if state.value.floods.allows(flood, count, now: state.value.now) { return .pass }
        fail(flood)
        return .end
    }

    // MARK: Errors

    /// Counts what came within a callback; the connection ends once that has returned.
    func charge(_ flood: HTTP2Flood) {
        if state.value.failure != nil || state.value.floods.allows(flood, now: state.value.now) { return }
        noteFlood(flood)
    }

    private func noteFlood(_ flood: HTTP2Flood) {
        state.value.flood = flood
        state.value.failureCode = .enhanceYourCalm
        state.value.failure = GatewayError(role == .server ? .http2Flood : .upstreamInvalid, flood.detail)
    }

    private func fail(_ flood: HTTP2Flood) {
        if state.value.failure == nil { noteFlood(flood) }
        engine.terminate(.enhanceYourCalm)
    }

    func fail(_ code: HTTP2ErrorCode, _ error: GatewayError) {
        if state.value.failure == nil {
            state.value.failureCode = code
            state.value.failure = role == .server ? error : GatewayError(.upstreamInvalid, error.detail)
        }
        engine.terminate(code)
    }

    /// The same, within a callback: the connection ends once that has returned.
    func noteFailure(_ code: HTTP2ErrorCode, _ error: GatewayError) {
        if state.value.failure != nil { return }
        state.value.failureCode = code
        state.value.failure = role == .server ? error : GatewayError(.upstreamInvalid, error.detail)
    }

    /// nghttp2 has found the error, and queued the GOAWAY.
    func noteFailure(_ code: HTTP2ErrorCode) {
        state.value.failureCode = code
        state.value.failure = GatewayError(role == .server ? .http2Invalid : .upstreamInvalid, code.detail)
    }

    /// Resets a stream for what the peer sent on it. The peer pays for it: who could make us reset streams at will could begin as many
    /// requests as he likes (CVE-2025-8671).
    func refuse(_ stream: Handle, _ code: HTTP2ErrorCode, _ error: GatewayError) {
        if streams.slab[stream].isReset { return }
        if streams.slab[stream].error == nil {
            streams.slab[stream].error = role == .server ? error : GatewayError(.upstreamInvalid, error.detail)
        }
        reset(stream, code)
        // Of a message that is malformed nothing more is to be passed on.
        streams.slab[stream].input.removeAll()
        consume(stream, streams.slab[stream].unconsumed)
        if streams.slab[stream].isReleased { return charge(.provokedReset) }
        queueEvent(stream)
        charge(.provokedReset)
    }
}

extension HTTP2ErrorCode {
    /// What we tell by it to the peer, said to the log.
    fileprivate var detail: StaticString {
        switch self {
        case .protocolError: "the peer broke HTTP/2's rules (PROTOCOL_ERROR)"
        case .flowControlError: "the peer sent more than its window, or opened ours too far (FLOW_CONTROL_ERROR)"
        case .streamClosed: "a frame came on a stream that had ended (STREAM_CLOSED)"
        case .frameSizeError: "a frame has a length that it cannot have (FRAME_SIZE_ERROR)"
        case .compressionError: "a head could not be decoded (COMPRESSION_ERROR)"
        case .enhanceYourCalm: "the peer asks too much (ENHANCE_YOUR_CALM)"
        default: "the connection was ended with an error"
        }
    }
}

extension HTTP2Flood {
    fileprivate var detail: StaticString {
        switch self {
        case .rapidReset: "too many requests were taken back"
        case .provokedReset: "too many streams had to be reset"
        case .refusedStream: "too many requests came beyond the number of streams"
        case .continuation: "a head came in too many CONTINUATION frames"
        case .settings: "too many SETTINGS came"
        case .ping: "too many PINGs came"
        case .unreadControl: "too many answers to PING and SETTINGS wait to be read"
        case .emptyData: "too many DATA frames without content came"
        case .priority: "too many priorities came"
        case .unknownFrame: "too many frames came that have no meaning"
        case .lateFrame: "too many frames came on closed streams"
        case .windowUpdate: "too many WINDOW_UPDATEs came"
        case .emptyField: "too many fields came that are empty"
        case .hpackBomb: "too many fields came that had to be decoded for nothing"
        }
    }
}
