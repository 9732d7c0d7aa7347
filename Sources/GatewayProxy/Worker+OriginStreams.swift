import GatewayCore
import GatewayHTTP
import GatewayNet

/// A call on a stream of an HTTP/2 connection: the pool hands out streams, and a call leaves its stream without harm to the others.
extension Worker {
    // MARK: A stream for a call

    /// A stream of a connection that stands; else the call waits for one that is being made, unless so many do as it will carry; else
    /// another is opened.
    func findStream(for call: Handle) throws(SystemError) {
        let endpoint = calls[call].endpoint
        // Any connection would be taken for one that is full.
        if !streams.slab.hasRoom(for: streams.slab.count + 1) { throw .noMemory("mprotect") }
        if !calls[call].wantsNewConnection {
            while let connection = http2Pool.value.open(endpoint) {
                if begin(call, on: connection) { return }
                http2Pool.value.remove(connection, endpoint)
            }
        }
        if let connection = http2Pool.value.opening(endpoint), mayWait(call, for: connection) {
            wait(call, for: connection)
            return
        }
        let server = calls[call].selectedServer
        let connection = try connect(endpoint, server, for: call)
        upstreams[connection].shared = UpstreamConnection.Shared(server: server, pool: pool)
        http2Pool.value.putOpening(connection, endpoint)
        shard.add(server.gauges.active, 1)
        wait(call, for: connection)
    }

    /// Whether the connection will carry one more, and has half of the call's connect_timeout left: who came late would fail with those
    /// that have waited since its beginning.
    private func mayWait(_ call: Handle, for connection: Handle) -> Bool {
        let half = now.adding(milliseconds: calls[call].upstream.connectTimeoutMs / 2)
        return upstreams[connection].deadline >= half
            && upstreams[connection].shared?.waiting.count ?? .max < http2Pool.value.streamsExpected(calls[call].endpoint)
    }

    private func wait(_ call: Handle, for connection: Handle) {
        upstreams[connection].shared?.waiting.append(call)
        calls[call].connection = connection
        calls[call].state = .connecting
    }

    /// The connection that the call has waited for carries as many as it can.
    func findAnother(_ call: Handle) {
        calls[call].connection = .none
        calls[call].state = .choosing
        do throws(SystemError) {
            try findStream(for: call)
            if !calls[call].stream.isNone { step(calls[call].exchange) }
        } catch {
            resolve(calls[call].exchange, connectingFailed(call, error))
        }
    }

    /// Begins the call's request on the connection. False if that takes no more.
    func begin(_ call: Handle, on id: Handle) -> Bool {
        if case .idle = upstreams[id].state, !wake(id, calls[call].selectedServer.gauges) { return false }
        // One that is asked whether it still lives gets nothing more until it has answered.
        guard upstreams[id].shared?.pingedAt.isNever != false, upstreams[id].shared?.hasRefused == false else { return false }
        if upstreams[id].isBroken { return false }
        let exchange = calls[call].exchange
        let isWhole = exchanges[exchange].requestBody.isComplete && calls[call].request.count == calls[call].headByteCount
        let endsStream = isWhole && exchanges[exchange].trailers.count == 0
        let isSecure = upstreams[id].stream.isTLS
        let begun = upstreams[id].shared?.request(calls[call].request, isSecure: isSecure, user: call, endsStream: endsStream)
        guard let stream = begun else { return false }
        if upstreams[id].shared?.carried == 0 { watch(origin: id, until: now.adding(milliseconds: Limits.originSilenceMs)) }
        upstreams[id].shared?.carry(
            keepaliveMax: calls[call].upstream.keepaliveMax, keepaliveTimeoutMs: calls[call].upstream.keepaliveTimeoutMs,
            sendTimeoutMs: calls[call].upstream.sendTimeoutMs)
        calls[call].connection = id
        calls[call].stream = stream
        calls[call].state = .awaitingHead
        // What the origin refuses unprocessed is sent again, whatever its method.
        calls[call].keepsRequest = true
        calls[call].noteWritten(calls[call].headByteCount)
        calls[call].streamState.hasEndedRequest = endsStream
        calls[call].streamState.isOnReused = upstreams[id].isReused
        queueFlush(origin: id)
        return true
    }

    /// The call has no more to do with its connection. What is not over on its stream is cancelled; the streams beside it go on.
    func leaveStream(_ call: Handle) {
        let (id, stream) = (calls[call].connection, calls[call].stream)
        calls[call].connection = .none
        calls[call].stream = .none
        if id.isNone { return }
        if stream.isNone {
            upstreams[id].shared?.waiting.removeAll { $0 == call }
            if upstreams[id].shared?.waiting.isEmpty == true && upstreams[id].shared?.carried == 0 { abandonOpening(id) }
            return
        }
        let wasRefused = streams.slab[stream].closedWith == HTTP2ErrorCode.refusedStream.rawValue
        upstreams[id].shared?.leave(stream, isOver: streams.slab[stream].hasInputEnded, wasRefused: wasRefused)
        upstreams[id].isReused = true
        queueFlush(origin: id)
    }

    // MARK: The request

    /// Hands over what waits of the request, as far as the stream takes it.
    func writeToStream(_ call: Handle) {
        let stream = calls[call].stream
        if stream.isNone || calls[call].streamState.hasEndedRequest { return }
        if streams.slab[stream].isOutputClosed {
            calls[call].isRequestRefused = true
            return
        }
        let waiting = calls[call].unwritten
        if waiting > 0 && streams.slab[stream].output.count < Limits.streamOutputHighBytes { hand(call, to: stream, waiting) }
        // Whether or not anything found room: what has none goes on when there is some.
        if calls[call].unwritten > 0 { streams.slab[stream].wantsRoom = true }
        let isWhole = calls[call].unwritten == 0 && exchanges[calls[call].exchange].requestBody.isComplete
        if isWhole { endRequest(call, stream) } else if calls[call].unwritten == waiting { return }
        upstreams[calls[call].connection].shared?.session?.resume(stream)
        queueFlush(origin: calls[call].connection)
        if !streams.slab[stream].output.isEmpty { awaitRoom(call, stream) }
    }

    private func hand(_ call: Handle, to stream: Handle, _ byteCount: Int) {
        if !calls[call].keepsRequest && streams.slab[stream].output.isEmpty {
            streams.slab[stream].output = calls[call].request.take()
            calls[call].hasWritten = true
            return
        }
        let count = min(byteCount, Limits.streamOutputHighBytes - streams.slab[stream].output.count)
        let start = calls[call].written
        streams.slab[stream].append(calls[call].request, start..<(start + count))
        calls[call].noteWritten(count)
    }

    /// END_STREAM goes behind the content, with the trailers if there are any.
    private func endRequest(_ call: Handle, _ stream: Handle) {
        calls[call].streamState.hasEndedRequest = true
        var lines = ByteQueue(pool: pool)
        exchanges[calls[call].exchange].appendTrailers(to: &lines)
        if lines.isEmpty {
            streams.slab[stream].outputEnds = true
        } else {
            upstreams[calls[call].connection].shared?.session?.end(stream, trailers: lines)
        }
    }

    // MARK: The answer

    /// Moves what has come of the answer to the client, until the client is slower than the origin.
    @inline(__always)
    func relayAnswer(_ id: Handle, _ call: Handle, _ connection: Handle) -> Verdict {
        // As it is when the request has just gone: a client that has got nothing can't be slow either.
        if exchanges[id].isOverHTTP2, case .awaitingHead = calls[call].state, streams.slab[calls[call].stream].isSilent {
            awaitResponse(id, call)
            return .wait
        }
        let verdict = relayPieces(id, call, connection)
        if case .wait = verdict { openWindow(id, call, connection) }
        return verdict
    }

    @inline(__always)
    private func relayPieces(_ id: Handle, _ call: Handle, _ connection: Handle) -> Verdict {
        let stream = calls[call].stream
        var turnBytes = 0
        while true {
            if let verdict = waitForReader(id, call, connection) { return verdict }
            if turnBytes > Limits.turnBytesMax {
                queueReady(exchange: id)
                return .wait
            }
            if !exchanges[id].response.encoder.isNone && !mayEncode(id, call) { return .wait }
            do throws(GatewayError) {
                guard let count = try takeAnswer(id, call, stream, connection) else { break }
                turnBytes += count
            } catch {
                return attemptFailed(call, error, status: 502)
            }
            if case .complete = calls[call].state {
                completeCall(id, call)
                return .next(exchanges[id].isFetch ? .store : .finish)
            }
        }
        if streams.slab[stream].isOutputClosed || streams.slab[stream].error != nil { return streamFailed(call, stream) }
        if !exchanges[id].response.encoder.isNone { flushEncoder(id, connection) }
        awaitResponse(id, call)
        return .wait
    }

    /// Takes of the answer what needs one look at the reader: a head, content, the end. Returns how much content that was; nil if there is
    /// nothing.
    @inline(__always)
    private func takeAnswer(_ id: Handle, _ call: Handle, _ stream: Handle, _ connection: Handle) throws(GatewayError) -> Int? {
        if case .awaitingHead = calls[call].state {
            if !streams.slab[stream].hasHead { return nil }
            if exchanges[id].outcome.firstByteAt.isNever { exchanges[id].outcome.firstByteAt = now }
            if calls[call].keepsRequest { calls[call].forgetRequest() }
            calls[call].streamState.waitsFor = .none
            try calls[call].takeHead(of: &streams.slab[stream])
            if calls[call].upstream.countsFailures { noteAnswer(of: call) }
            try takeHead(id, call)
            // Content that has come with it needs no second look at the reader, who has got a head since the first.
            if streams.slab[stream].input.isEmpty || !mayTakeAtOnce(id) { return 0 }
            guard case .readingBody = calls[call].state else { return 0 }
        }
        guard case .readingBody = calls[call].state else { return nil }
        var count: Int?
        if !streams.slab[stream].input.isEmpty {
            count = try takeContent(id, call, stream, connection)
            if !streams.slab[stream].input.isEmpty || !mayTakeAtOnce(id) { return count }
        }
        // That nothing follows needs no room.
        if !streams.slab[stream].hasInputEnded { return count }
        if calls[call].remaining > 0 { throw GatewayError(.upstreamInvalid, "the content is shorter than its Content-Length") }
        calls[call].takeTrailers(of: &streams.slab[stream])
        calls[call].state = .complete
        return count ?? 0
    }

    @inline(__always)
    private func takeContent(_ id: Handle, _ call: Handle, _ stream: Handle, _ connection: Handle) throws(GatewayError) -> Int {
        let encoder = exchanges[id].response.encoder
        let waiting = streams.slab[stream].input.count
        let count = encoder.isNone ? waiting : encodableCount(encoder, waiting)
        switch calls[call].framing {
        case .length:
            if UInt64(waiting) > calls[call].remaining {
                throw GatewayError(.upstreamInvalid, "the content is longer than its Content-Length")
            }
            calls[call].remaining -= UInt64(count)
        case .none:
            throw GatewayError(.upstreamInvalid, "there is content where none may be")
        case .chunked, .untilClose:
            break
        }
        calls[call].streamState.waitsFor = .none
        if count < waiting || !moveContent(id, connection, &streams.slab[stream].input) {
            appendContent(id, connection, streams.slab[stream].input, 0..<count)
            streams.slab[stream].input.consume(count)
        }
        return count
    }

    /// The origin may send as much more as the client has taken: of a slow one, what waits on both sides of the gateway is one window.
    private func openWindow(_ id: Handle, _ call: Handle, _ connection: Handle) {
        let (origin, stream, reader) = (calls[call].connection, calls[call].stream, exchanges[id].stream)
        if stream.isNone { return }
        let held = exchanges[id].isFetch ? 0 : reader.isNone ? downstreams[connection].output.count : streams.slab[reader].output.count
        if upstreams[origin].shared?.consumeAll(stream, butFor: held) == true { queueFlush(origin: origin) }
        if held == 0 || !streams.slab[stream].holdsWindow { return }
        pauseReading(call)
        if !reader.isNone { waitForRoom(reader) }
    }

    /// The stream has ended without a whole answer.
    private func streamFailed(_ call: Handle, _ stream: Handle) -> Verdict {
        if let error = streams.slab[stream].error { return attemptFailed(call, error, status: 502) }
        let code = streams.slab[stream].closedWith.flatMap(HTTP2ErrorCode.init)
        noteCode(call, stream)
        // Even where the connection was lost behind it.
        if code == .refusedStream {
            calls[call].streamState.isUnprocessed = true
            if streams.slab[stream].peerCode != nil { stopRequests(to: calls[call].connection) }
            return attemptFailed(call, GatewayError(.upstreamClosed, "the origin refused the request unprocessed"), status: 502)
        }
        if let loss = upstreams[calls[call].connection].shared?.loss {
            calls[call].streamState.hasLostConnection = true
            return attemptFailed(call, loss, status: 502)
        }
        switch code {
        case .http11Required:
            return attemptFailed(call, GatewayError(.upstreamInvalid, "the origin wants HTTP/1.1 for the request"), status: 502)
        default:
            return attemptFailed(call, GatewayError(.upstreamClosed, "the origin reset the stream"), status: 502)
        }
    }

    /// What the origin says of the failure.
    private func noteCode(_ call: Handle, _ stream: Handle) {
        if let code = streams.slab[stream].peerCode {
            let error = OriginError(scope: .stream, code: code)
            calls[call].streamState.error = error
            if code != 0 { shard.increment(calls[call].selectedServer.http2Error(error)) }
        } else if let code = upstreams[calls[call].connection].shared?.session?.goawayCode, code != 0 {
            calls[call].streamState.error = OriginError(scope: .connection, code: code)
        }
    }

    /// The origin has refused a request without an end of the connection: the next would be refused as well, until one of those that it has
    /// is over.
    private func stopRequests(to id: Handle) {
        upstreams[id].shared?.hasRefused = true
        http2Pool.value.remove(id, upstreams[id].endpoint)
    }

    /// Whether the request may be sent a second time: the origin has done nothing with it; or the connection may have been dying when
    /// it was sent, and the request may be repeated.
    func hasDiedUnanswered(_ call: Handle) -> Bool {
        guard case .awaitingHead = calls[call].state, calls[call].upstream.retry.onIdle, calls[call].keepsRequest else { return false }
        let state = calls[call].streamState
        return state.isUnprocessed || (state.hasLostConnection && state.isOnReused && mayRepeat(call))
    }

    // MARK: Times

    /// The origin has so long for its next byte, once it has the whole request.
    func awaitAnswer(_ id: Handle, _ call: Handle) {
        if calls[call].streamState.waitsFor != .none { return }
        guard exchanges[id].requestBody.isComplete || calls[call].isRequestRefused else { return }
        calls[call].streamState.waitsFor = .read
        calls[call].streamState.since = now
        watch(call, afterMs: calls[call].upstream.readTimeoutMs)
    }

    /// The origin has so long to take some of what waits. Small requests go at once: then the time of the answer runs from now.
    private func awaitRoom(_ call: Handle, _ stream: Handle) {
        if calls[call].streamState.waitsFor == .send { return }
        calls[call].streamState.waitsFor = .send
        calls[call].streamState.since = now
        watch(call, afterMs: min(calls[call].upstream.sendTimeoutMs, calls[call].upstream.readTimeoutMs))
    }

    private func watch(_ call: Handle, afterMs: Int) {
        let deadline = calls[call].streamState.since.adding(milliseconds: afterMs)
        calls[call].streamState.deadline = deadline
        watch(origin: calls[call].connection, until: deadline)
    }

    /// The time of a call is up, if nothing has moved meanwhile.
    func streamExpired(_ call: Handle) {
        let stream = calls[call].stream
        let upstream = calls[call].upstream
        if stream.isNone || calls[call].streamState.deadline > now { return }
        if streams.slab[stream].hasHead || !streams.slab[stream].input.isEmpty || streams.slab[stream].hasInputEnded {
            // It is the client that is slow.
            calls[call].streamState.waitsFor = .none
            return
        }
        let isSent = calls[call].unwritten == 0 && streams.slab[stream].output.isEmpty
        if calls[call].streamState.waitsFor == .send {
            if isSent {
                calls[call].streamState.waitsFor = .none
                let exchange = calls[call].exchange
                guard exchanges[exchange].requestBody.isComplete else { return }
                calls[call].streamState.waitsFor = .read
                // The origin's time begins when it has the request; that this is noticed late is to its good.
                calls[call].streamState.since = now
                watch(call, afterMs: upstream.readTimeoutMs)
            } else {
                let sentAt = streams.slab[stream].sentAt
                if !sentAt.isNever { calls[call].streamState.since = max(sentAt, calls[call].streamState.since) }
                watch(call, afterMs: upstream.sendTimeoutMs)
            }
            if calls[call].streamState.deadline > now { return }
        }
        let error =
            calls[call].streamState.waitsFor == .send
            ? GatewayError(.upstreamSendTimeout, "the origin did not read the request within send_timeout")
            : GatewayError(.upstreamReadTimeout, "the origin did not answer within read_timeout")
        resolve(calls[call].exchange, attemptFailed(call, error, status: 504))
    }
}

extension UpstreamCall {
    @inline(__always)
    fileprivate mutating func takeHead(of stream: inout HTTP2Stream) throws(GatewayError) {
        try stream.takeResponse(into: &head)
    }

    fileprivate mutating func takeTrailers(of stream: inout HTTP2Stream) {
        swap(&trailers, &stream.trailers)
    }
}
