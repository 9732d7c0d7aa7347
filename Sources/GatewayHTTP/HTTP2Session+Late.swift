import GatewayCore

/// Frames that come on streams which are closed already.
extension HTTP2Session {
    /// Whether a head is on a stream that is closed, or will be as soon as our RST_STREAM has left, or beyond our GOAWAY.
    func isLate(_ head: HTTP2FrameHead) -> Bool {
        let number = head.stream
        if number & 1 == 0 { return false }
        if role == .server && number > state.value.highest {
            state.value.highest = number
            remember(.none, of: number)
            state.value.floods.credit(.windowUpdate, Limits.http2WindowUpdatesPerData)
            state.value.floods.credit(.priority, 2)
            return number > state.value.goawaySentLast
        }
        let stream = handle(of: number)
        return !streams.slab.contains(stream) || streams.slab[stream].isReset
    }

    /// Whether a frame on a closed stream may be one that was on its way when we reset the stream: else it is an error (RFC 9113 § 5.1),
    /// or its stream never was, and can't be any more (§ 5.1.1).
    func judgeLate(_ head: HTTP2FrameHead) -> Verdict {
        if head.stream <= state.value.goawaySentLast {
            switch state.value.closed.memory(of: head.stream) {
            case .resetByUs: break
            case .ended:
                fail(.streamClosed, GatewayError(.http2Invalid, "a frame came on a stream that was closed"))
                return .end
            case .unknown:
                let code: HTTP2ErrorCode = head.kind == .headers ? .protocolError : .streamClosed
                fail(code, GatewayError(.http2Invalid, "a stream has a lower number than one before it"))
                return .end
            }
        }
        return countLate(head)
    }

    /// HPACK needs the heads: each byte of one may be a field.
    func countLate(_ head: HTTP2FrameHead) -> Verdict {
        let isHead = head.kind == .headers || head.kind == .continuation
        let frames = isHead ? 1 + head.length / Limits.http2LateHeadBytesPerFrame : 1
        if state.value.lateFramesOwed >= frames {
            state.value.lateFramesOwed -= frames
            return .pass
        }
        return count(.lateFrame, frames)
    }

    /// A stream to an origin is reset for a reason of ours: what is on its way on it is no fault of the origin's, and many clients may
    /// leave at once. A client pays for what comes late to us, as it can have few streams.
    func expectLate(on stream: Handle) {
        if role == .server || streams.slab[stream].error != nil { return }
        if !streams.slab[stream].hasSentHead || streams.slab[stream].hasInputEnded { return }
        state.value.lateFramesOwed = min(state.value.lateFramesOwed + Limits.http2LateFramesPerReset, Limits.http2LateFramesOwedMax)
    }
}
