import GatewayCore

/// What goes out.
extension HTTP2Session {
    /// What a stream has for its next DATA frame.
    enum Part {
        case waits
        case content(Int)
        case end(Int)
        case endWithTrailers(Int)
    }

    /// Appends frames to `output` until it holds `byteCountMax` (it may hold a frame more; a final GOAWAY goes with all that is queued
    /// before it) or nothing is left. Streams remember that it was `now`: see ``HTTP2Stream/sentAt``.
    public func send(into output: inout ByteQueue, upTo byteCountMax: Int, now: MonotonicTime = .now()) {
        if state.value.isBroken { return }
        state.value.sendsAt = now
        swap(&output, &sink.value)
        state.value.sinkBytesMax = byteCountMax
        // Were it queued and sent later, requests that came in between would be done, and the client told that they were not.
        if state.value.owesGoaway { engine.shutDown() }
        while sink.value.count < byteCountMax || state.value.owesGoaway {
            guard let goesOn = appendFrame() else {
                breakDown()
                break
            }
            if !goesOn { break }
        }
        state.value.owesGoaway = false
        swap(&output, &sink.value)
    }

    private func appendFrame() -> Bool? {
        if role == .client || state.value.hasSentSettings { return engine.appendFrame(to: sink) }
        state.value.hasSentSettings = true
        return engine.appendSettings(to: sink, streamsMax: UInt32(Limits.http2StreamsMax))
    }

    /// What the next DATA frame of the stream has, `byteCountMax` at the most by its windows.
    func nextPart(of stream: Handle, atMost byteCountMax: Int) -> Part {
        guard streams.slab.contains(stream) else { return .waits }
        let count = streams.slab[stream].outputCount
        let isLast = count <= byteCountMax && streams.slab[stream].outputEnds
        if !isLast {
            if count == 0 { streams.slab[stream].isWaiting = true }
            return count == 0 ? .waits : .content(min(count, byteCountMax))
        }
        if streams.slab[stream].outputTrailers.isEmpty { return .end(count) }
        return sendTrailers(of: stream) ? .endWithTrailers(count) : .end(count)
    }

    private func sendTrailers(of stream: Handle) -> Bool {
        let trailers = streams.slab[stream].outputTrailers.take()
        return engine.endWithTrailers(streams.slab[stream].number, trailers.bytes, streams.pairs)
    }

    /// Appends a DATA frame. False if that was enough for now.
    func sendPart(of stream: Handle, head: RawSpan, _ byteCount: Int) -> Bool {
        sink.value.append(head)
        guard streams.slab.contains(stream) else { return true }
        remember(stream, of: streams.slab[stream].number)
        streams.slab[stream].moveOutput(byteCount, now: state.value.sendsAt, to: &sink.value)
        let left = streams.slab[stream].outputCount
        // A frame that only a window of a few bytes made small explains no further updates: those would make more such frames.
        let updatesMax = Limits.http2WindowUpdatesPerData
        state.value.floods.credit(.windowUpdate, left == 0 ? updatesMax : min(updatesMax, byteCount / Limits.http2BytesPerWindowUpdate))
        if left == 0 || byteCount >= Limits.http2BytesPerWindowUpdate { state.value.floods.credit(.ping, 1) }
        if streams.slab[stream].wantsRoom && left < Limits.streamOutputHighBytes / 2 {
            streams.slab[stream].wantsRoom = false
            queueEvent(stream)
        }
        return sink.value.count < state.value.sinkBytesMax
    }

    func headWasSent(on number: Int32, endsStream: Bool) {
        if role == .client {
            let stream = handle(of: number)
            if streams.slab.contains(stream) { streams.slab[stream].hasSentHead = true }
        }
        if endsStream { endWasSent(on: number) }
    }

    /// END_STREAM was sent. Of a request that nobody reads any further the rest is not wanted (RFC 9113 § 8.1).
    func endWasSent(on number: Int32) {
        let stream = handle(of: number)
        guard streams.slab.contains(stream) else { return }
        streams.slab[stream].hasSentEnd = true
        if streams.slab[stream].isReleased && !streams.slab[stream].hasInputEnded {
            reset(stream, .noError)
        }
    }

    func goawayWasSent(_ code: UInt32, last: Int32) {
        state.value.goawaySentLast = min(state.value.goawaySentLast, last)
        if last < Int32.max { state.value.owesGoaway = false }
        if code != 0 && state.value.failure == nil { noteFailure(HTTP2ErrorCode(rawValue: code) ?? .internalError) }
    }

    /// RST_STREAM leaves: one of nghttp2's own is for something that the peer did, and the stream does not know of it yet.
    func resetWasSent(on number: Int32) {
        let stream = handle(of: number)
        guard streams.slab.contains(stream), !streams.slab[stream].isReset else { return }
        streams.slab[stream].error = GatewayError(role == .server ? .http2Invalid : .upstreamInvalid, "the peer broke the stream's rules")
        streams.slab[stream].isReset = true
        streams.slab[stream].isResetByUs = true
        charge(.provokedReset)
    }
}
