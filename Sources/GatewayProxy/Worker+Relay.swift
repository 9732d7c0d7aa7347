import GatewayCore
import GatewayHTTP
import GatewayNet

/// The relay: the request's body up, the response down, each as far as the other side can take it.
extension Worker {
    @inline(__always)
    func relay(_ id: Handle) -> Verdict {
        if exchanges[id].isFetch { return relayFetch(id) }
        let connection = exchanges[id].connection
        if exchanges[id].isOverHTTP2 { return relayStream(id, connection) }
        if case .tunnel = calls[exchanges[id].call].state { return relayTunnel(id, connection) }
        if downstreams[connection].isBroken || downstreams[connection].stream.isGone {
            return .breakOff(GatewayError(.clientClosed, "the client left before the response was complete"))
        }
        if downstreams[connection].stream.peerFinished, let verdict = halfClosed(id, connection) { return verdict }
        if !exchanges[id].requestBody.isComplete, let error = relayRequest(id, connection) {
            return exchanges[id].response.hasBegun ? .breakOff(error) : .refuse(error)
        }
        let call = exchanges[id].call
        if case .connecting = calls[call].state { return .wait }
        if calls[call].hasMoreToWrite { writeRequest(call) }
        return relayResponse(id, call, connection)
    }

    /// The client has ended its side. Together with the request that is a half-close, and the answer is still wanted; later it
    /// means that the client has gone.
    private func halfClosed(_ id: Handle, _ connection: Handle) -> Verdict? {
        if !exchanges[id].requestBody.isComplete { return nil }
        let waited = now.nanoseconds(since: exchanges[id].requestCompletedAt)
        if !downstreams[connection].isHalfClosed && waited > UInt64(Limits.halfCloseWindowMs) * 1_000_000 {
            return .breakOff(GatewayError(.clientClosed, "the client left before the response was complete"))
        }
        downstreams[connection].isHalfClosed = true
        let kind = downstreams[connection].deadlineKind
        if kind == .halfClose || kind == .send { return nil }
        setDeadline(downstream: connection, .halfClose, afterMs: Limits.halfCloseGraceMs)
        return nil
    }

    // MARK: Request

    /// Moves what has come of the body to the call, until the origin is slower than the client.
    func relayRequest(_ id: Handle, _ connection: Handle) -> GatewayError? {
        let call = exchanges[id].call
        var turnBytes = 0
        while !exchanges[id].requestBody.isComplete {
            // The writing comes first: what it makes room for may be in the socket already, of which epoll won't tell again.
            if isOriginBehind(call) { writeRequestIfLarge(call) }
            if isOriginBehind(call) { return nil }
            // Whether the request can be sent again is decided by what becomes of the answer: until then nothing is dropped.
            if calls[call].isRequestRefused, case .awaitingHead = calls[call].state { return nil }
            // Until there is a connection nothing is read that could not be sent again.
            if case .connecting = calls[call].state, downstreams[connection].input.isEmpty { return nil }
            if turnBytes > Limits.turnBytesMax {
                queueReady(connection)
                return nil
            }
            if downstreams[connection].input.isEmpty || downstreams[connection].needsInput {
                downstreams[connection].needsInput = false
                switch fill(connection) {
                case .moved(let count):
                    turnBytes += count
                    if downstreams[connection].deadlineKind == .body { clearDeadline(downstream: connection) }
                case .wouldBlock:
                    awaitBody(id, connection)
                    return nil
                case .ended, .failed:
                    return GatewayError(.clientClosed, "the client left inside the body of its request")
                }
            }
            if let error = takeBody(id, connection, into: call) { return error }
            writeRequestIfLarge(call)
        }
        return nil
    }

    func isOriginBehind(_ call: Handle) -> Bool {
        if calls[call].isCollecting { return calls[call].request.count > collectedBytesMax(call) }
        return calls[call].unwritten >= Limits.outputHighBytes && !calls[call].isRequestRefused
    }

    private func awaitBody(_ id: Handle, _ connection: Handle) {
        if downstreams[connection].deadlineKind != .none { return }
        setDeadline(downstream: connection, .body, afterMs: Int(downstreams[connection].timeouts.bodyMs))
    }

    /// Decodes what is in the connection's input and hands the content to the call; without one it is dropped.
    private func takeBody(_ id: Handle, _ connection: Handle, into call: Handle) -> GatewayError? {
        switch exchanges[id].requestBody.framing {
        case .none, .untilClose:
            exchanges[id].requestBody.isComplete = true
        case .length:
            let available = min(UInt64(downstreams[connection].input.count), exchanges[id].requestBody.remaining)
            if !call.isNone {
                calls[call].appendBody(downstreams[connection].input, 0..<Int(available), isChunked: false)
            }
            downstreams[connection].input.consume(Int(available))
            exchanges[id].requestBody.received += available
            exchanges[id].requestBody.remaining -= available
            exchanges[id].requestBody.isComplete = exchanges[id].requestBody.remaining == 0
        case .chunked:
            if let error = takeChunks(id, connection, into: call) { return error }
        }
        if exchanges[id].requestBody.isComplete {
            exchanges[id].requestCompletedAt = now
            if downstreams[connection].deadlineKind == .body { clearDeadline(downstream: connection) }
        }
        return nil
    }

    private func takeChunks(_ id: Handle, _ connection: Handle, into call: Handle) -> GatewayError? {
        // A body is read only where a location has been chosen; without one there would be none to take any of it.
        let bytesMax = exchanges[id].location?.bodyBytesMax ?? 0
        while !downstreams[connection].input.isEmpty {
            let step: ChunkedDecoder.Step
            do throws(GatewayError) {
                step = try exchanges[id].decodeChunk(downstreams[connection].input)
            } catch {
                exchanges[id].response.keepsAlive = false
                return error
            }
            exchanges[id].requestBody.received += UInt64(step.data.count)
            if exchanges[id].requestBody.received > bytesMax {
                exchanges[id].response.keepsAlive = false
                return GatewayError(.bodyTooLarge, "the body is larger than client_max_body_size")
            }
            if !call.isNone && !step.data.isEmpty {
                calls[call].appendBody(downstreams[connection].input, step.data, isChunked: true)
            }
            downstreams[connection].input.consume(step.consumed)
            if step.isEnd {
                if !call.isNone { endChunks(id, call) }
                exchanges[id].requestBody.isComplete = true
                return nil
            }
            if step.consumed == 0 {
                downstreams[connection].needsInput = true
                return nil
            }
        }
        return nil
    }

    /// HTTP/2 has no chunks: there the end and the trailers go behind the content that is left.
    func endChunks(_ id: Handle, _ call: Handle) {
        if calls[call].isRequestRefused || calls[call].isOverHTTP2 || calls[call].isCollecting { return }
        exchanges[id].appendLastChunk(to: &calls[call].request)
    }

    func writeRequestIfLarge(_ call: Handle) {
        if case .connecting = calls[call].state { return }
        if calls[call].isCollecting { return }
        if calls[call].unwritten >= Limits.flushBytes { writeRequest(call) }
    }

    /// Drops what has already come of a body that nobody wants. If that was all of it the connection can live on; what is malformed in it,
    /// or too much, is returned, and at each further call again.
    func dropRequestBody(_ id: Handle) -> GatewayError? {
        if exchanges[id].isOverHTTP2 {
            dropStreamInput(exchanges[id].stream, of: exchanges[id].connection)
            return nil
        }
        let connection = exchanges[id].connection
        var dropped = 0
        while !exchanges[id].requestBody.isComplete && dropped < Limits.lingerBytesMax {
            if exchanges[id].head.expectsContinue && exchanges[id].requestBody.received == 0 { return nil }
            if downstreams[connection].input.isEmpty || downstreams[connection].needsInput {
                downstreams[connection].needsInput = false
                guard case .moved(let count) = fill(connection) else { return nil }
                dropped += count
            }
            if let error = takeBody(id, connection, into: .none) { return error }
        }
        return nil
    }

    // MARK: Response

    /// Moves what has come of the response to the client, until the client is slower than the origin.
    func relayResponse(_ id: Handle, _ call: Handle, _ connection: Handle) -> Verdict {
        if !exchanges[id].caching.isNone { return relayCached(id, call, connection) }
        if calls[call].isOverHTTP2 { return relayAnswer(id, call, connection) }
        if hasNothingToRead(call) {
            awaitResponse(id, call)
            return .wait
        }
        var turnBytes = 0
        while true {
            if let verdict = waitForReader(id, call, connection) { return verdict }
            if turnBytes > Limits.turnBytesMax {
                queueReady(exchange: id)
                return .wait
            }
            let upstream = calls[call].connection
            if !exchanges[id].response.encoder.isNone && !mayEncode(id, call) { return .wait }
            if upstreams[upstream].input.isEmpty || upstreams[upstream].needsInput {
                let isLong = turnBytes >= Limits.readBytes && mayReadLong(id) && !upstreams[upstream].stream.isTLS
                switch fillUpstream(upstream, atMost: isLong ? Limits.longReadBytes : Limits.readBytes) {
                case .moved(let count):
                    turnBytes += count
                    if upstreams[upstream].input.isEmpty { continue }
                case .wouldBlock:
                    if !exchanges[id].response.encoder.isNone { flushEncoder(id, connection) }
                    awaitResponse(id, call)
                    return .wait
                case .ended:
                    return upstreamEnded(id, call)
                case .failed(let failure):
                    return attemptFailed(call, upstreamError(call, failure), status: 502)
                }
            }
            if let verdict = takeResponse(id, call, upstream, connection) { return verdict }
        }
    }

    /// As nearly always right behind the request: the answer is still to come.
    private func hasNothingToRead(_ call: Handle) -> Bool {
        guard case .awaitingHead = calls[call].state else { return false }
        let upstream = calls[call].connection
        return upstreams[upstream].input.isEmpty && !upstreams[upstream].stream.canRead
    }

    /// Of a stream's window the last read may bring no more than a little beyond it: a connection has a hundred of them.
    private func mayReadLong(_ id: Handle) -> Bool {
        guard exchanges[id].response.encoder.isNone else { return false }
        let stream = exchanges[id].stream
        return stream.isNone || streams.slab[stream].output.isEmpty
    }

    /// As long as the client is slower than the origin, nothing more is taken from there; nil if it isn't.
    @inline(__always)
    func waitForReader(_ id: Handle, _ call: Handle, _ connection: Handle) -> Verdict? {
        mustLookAtReader(id, connection) ? waitForSlowReader(id, call, connection) : nil
    }

    /// Whether so much waits for the client that it is time to look at how fast it reads. A fetch's readers are always looked at.
    /// By itself: inside it, what follows would have registers saved for it each time.
    @inline(never)
    private func mustLookAtReader(_ id: Handle, _ connection: Handle) -> Bool {
        if exchanges[id].isFetch { return true }
        let stream = exchanges[id].stream
        if !stream.isNone { return streams.slab[stream].output.count >= Limits.streamOutputHighBytes }
        return downstreams[connection].output.count >= Limits.flushBytes
    }

    private func waitForSlowReader(_ id: Handle, _ call: Handle, _ connection: Handle) -> Verdict? {
        if exchanges[id].isFetch {
            if !fetches[exchanges[id].fetch].isHeldUp { return nil }
            timeLaggards(of: id)
        } else if exchanges[id].isOverHTTP2 {
            if !isStreamFull(exchanges[id].stream) { return nil }
        } else {
            flush(connection)
            if downstreams[connection].isBroken {
                return .breakOff(GatewayError(.clientClosed, "the client left before the response was complete"))
            }
            let isFull = downstreams[connection].output.count >= Limits.outputHighBytes
            // The kernel holds enough for a client that takes no more now: `unsentBytesMax`.
            if !isFull && downstreams[connection].stream.canWrite { return nil }
            downstreams[connection].output.shrink()
        }
        pauseReading(call)
        return .wait
    }

    /// Takes one piece of the response: a head, or content. Nil asks for the next.
    private func takeResponse(_ id: Handle, _ call: Handle, _ upstream: Handle, _ connection: Handle) -> Verdict? {
        do throws(GatewayError) {
            switch calls[call].state {
            case .awaitingHead:
                try takeResponseHead(id, call, upstream)
                // What has come with it is no reason to look again at who waits for whom.
                if case .readingBody = calls[call].state, mayTakeAtOnce(id), !upstreams[upstream].input.isEmpty {
                    try takeResponseBody(id, call, upstream, connection)
                }
            case .readingBody:
                try takeResponseBody(id, call, upstream, connection)
            case .choosing, .connecting, .tunnel, .complete:
                return .wait
            }
        } catch {
            return attemptFailed(call, error, status: 502)
        }
        if case .tunnel = calls[call].state {
            return exchanges[id].isOverHTTP2 ? relayStreamTunnel(id) : relayTunnel(id, connection)
        }
        guard case .complete = calls[call].state else { return nil }
        completeCall(id, call)
        return .next(exchanges[id].isFetch ? .store : .finish)
    }

    /// A compressor has its turns, and a fetch readers who hold it up.
    func mayTakeAtOnce(_ id: Handle) -> Bool { exchanges[id].response.encoder.isNone && !exchanges[id].isFetch }

    private func takeResponseHead(_ id: Handle, _ call: Handle, _ upstream: Handle) throws(GatewayError) {
        if exchanges[id].outcome.firstByteAt.isNever { exchanges[id].outcome.firstByteAt = now }
        if calls[call].keepsRequest { calls[call].forgetRequest() }
        guard let length = try calls[call].parse(upstreams[upstream].input) else {
            upstreams[upstream].needsInput = true
            return
        }
        upstreams[upstream].input.consume(length)
        if calls[call].upstream.countsFailures { noteAnswer(of: call) }
        try takeHead(id, call)
        if case .readingBody = calls[call].state, calls[call].framing == .none || calls[call].framing == .length(0) {
            calls[call].state = .complete
        }
    }

    /// The head of an answer is there: an interim one goes on to the client, a final one decides about what follows.
    func takeHead(_ id: Handle, _ call: Handle) throws(GatewayError) {
        if exchanges[id].isFetch { return try takeFetchedHead(id, call) }
        if let edge = exchanges[id].location?.edge, !edge.withheld.isEmpty { calls[call].withhold(edge.withheld) }
        let status = calls[call].head.status
        if status == 101 {
            try beginTunnel(id, call)
            return
        }
        if status < 200 {
            try takeInterim(id, call)
            return
        }
        exchanges[id].outcome.status = status
        if exchanges[id].head.isExtendedConnect && status < 300 {
            // Every 2xx would open the tunnel for the client (RFC 8441 § 5): content is no other protocol.
            throw GatewayError(.upstreamInvalid, "the origin did not switch to the protocol that was asked for")
        }
        calls[call].framing = calls[call].head.framing
        if case .length(let length) = calls[call].framing { calls[call].remaining = length }
        if exchanges[id].location?.answers != nil && exchanges[id].caching.isNone { beginMeter(id, call) }
        let connection = exchanges[id].connection
        // A final response in the middle of the body ends the connection behind it (RFC 9112 § 9.3), and the client should know.
        if isLeaving(connection) || !exchanges[id].requestBody.isComplete { exchanges[id].response.keepsAlive = false }
        if exchanges[id].location?.gzip != nil { chooseCoding(id, call) }
        if exchanges[id].cacheOutcome != .none { tellCache(id) }
        if exchanges[id].isOverHTTP2 {
            sendHead(id, call)
        } else {
            encodeHead(id, call, connection)
        }
        calls[call].state = .readingBody
    }

    /// Right into the connection's output: to move that out and back again would wait for what was just written to it.
    private func encodeHead(_ id: Handle, _ call: Handle, _ connection: Handle) {
        exchanges[id].encodeResponseHead(
            of: calls[call], LineForm.self, &clock.value, now: now, into: &downstreams[connection].output)
        endHead(id, connection)
    }

    /// What follows the fields that the answer came with.
    func endHead(_ id: Handle, _ connection: Handle) {
        if exchanges[id].addsFields {
            // Out of the connection, which is looked at meanwhile.
            var output = downstreams[connection].output.take()
            exchanges[id].encodeAddedFields(on: downstreams[connection], into: &output)
            downstreams[connection].output = output
        }
        exchanges[id].endResponseHead(into: &downstreams[connection].output)
        queueFlush(connection)
    }

    /// 100 (Continue) and 103 (Early Hints) go on to a client that knows them (RFC 9110 § 15.2).
    private func takeInterim(_ id: Handle, _ call: Handle) throws(GatewayError) {
        calls[call].interimResponses += 1
        if calls[call].interimResponses > Limits.interimResponsesMax {
            throw GatewayError(.upstreamInvalid, "the origin sent too many interim responses")
        }
        if exchanges[id].isOverHTTP2 {
            sendInterim(id, call)
        } else if exchanges[id].head.version != .http10 {
            let connection = exchanges[id].connection
            calls[call].encodeInterimHead(into: &downstreams[connection].output)
            queueFlush(connection)
        }
        calls[call].nextHead(method: exchanges[id].head.method)
    }

    private func takeResponseBody(_ id: Handle, _ call: Handle, _ upstream: Handle, _ connection: Handle) throws(GatewayError) {
        let encoder = exchanges[id].response.encoder
        let waiting = upstreams[upstream].input.count
        let count = encoder.isNone ? waiting : encodableCount(encoder, waiting)
        switch calls[call].framing {
        case .none:
            calls[call].state = .complete
        case .length:
            let available = Int(min(UInt64(count), calls[call].remaining))
            if available < waiting || !moveContent(id, connection, &upstreams[upstream].input) {
                appendContent(id, connection, upstreams[upstream].input, 0..<available)
                upstreams[upstream].input.consume(available)
            }
            calls[call].remaining -= UInt64(available)
            if calls[call].remaining == 0 { calls[call].state = .complete }
        case .untilClose:
            appendContent(id, connection, upstreams[upstream].input, 0..<count)
            upstreams[upstream].input.consume(count)
        case .chunked:
            var step = try calls[call].decodeChunk(upstreams[upstream].input, 0..<count)
            // What needs more than may be compressed now is no content: a chunk's line, or trailers.
            if step.consumed == 0 && !step.isEnd && count < upstreams[upstream].input.count {
                step = try calls[call].decodeChunk(upstreams[upstream].input, 0..<upstreams[upstream].input.count)
            }
            appendContent(id, connection, upstreams[upstream].input, step.data)
            upstreams[upstream].input.consume(step.consumed)
            if step.isEnd { calls[call].state = .complete } else if step.consumed == 0 { upstreams[upstream].needsInput = true }
        }
    }

    /// Hands on the whole buffer instead of its bytes, all of which are content, where nothing stands before it. False if it can't be.
    func moveContent(_ id: Handle, _ connection: Handle, _ content: inout ByteQueue) -> Bool {
        let count = content.count
        guard count >= Limits.readBytes, exchanges[id].response.encoder.isNone, exchanges[id].meter.isNone, !exchanges[id].isFetch else {
            return false
        }
        let stream = exchanges[id].stream
        if !stream.isNone {
            guard streams.slab[stream].output.isEmpty else { return false }
            exchanges[id].response.sent += UInt64(count)
            streams.slab[stream].output = content.take()
            resume(stream, of: connection)
            return true
        }
        guard downstreams[connection].output.isEmpty, exchanges[id].response.framing != .chunked else { return false }
        exchanges[id].response.sent += UInt64(count)
        downstreams[connection].output = content.take()
        queueFlush(connection)
        return true
    }

    func appendContent(_ id: Handle, _ connection: Handle, _ content: borrowing ByteQueue, _ range: Range<Int>) {
        if range.isEmpty { return }
        if !exchanges[id].meter.isNone { readAnswer(id, content, range) }
        if exchanges[id].response.encoder.isNone {
            append(content, range, to: connection, of: id)
        } else {
            encodeBody(id, connection, content, range)
        }
    }

    /// Hands a piece of content to the client's side.
    func append(_ content: borrowing ByteQueue, _ range: Range<Int>, to connection: Handle, of id: Handle) {
        exchanges[id].response.sent += UInt64(range.count)
        let stream = exchanges[id].stream
        if exchanges[id].isFetch {
            appendToFill(id, content, range)
        } else if stream.isNone {
            downstreams[connection].appendBody(content, range, isChunked: exchanges[id].response.framing == .chunked)
            queueFlush(connection)
        } else {
            streams.slab[stream].append(content, range)
            resume(stream, of: connection)
        }
    }

    /// The origin has ended its side: that is the end of a body without a length, and otherwise too early.
    private func upstreamEnded(_ id: Handle, _ call: Handle) -> Verdict {
        if case .readingBody = calls[call].state, calls[call].framing == .untilClose {
            calls[call].state = .complete
            completeCall(id, call)
            return .next(exchanges[id].isFetch ? .store : .finish)
        }
        let error = GatewayError(.upstreamClosed, "the origin closed the connection before its response was complete")
        return attemptFailed(call, error, status: 502)
    }

    /// The whole response is in the output: the call is over, and its connection may carry another.
    func completeCall(_ id: Handle, _ call: Handle) {
        let connection = exchanges[id].connection
        if !exchanges[id].response.encoder.isNone { finishEncoding(id, connection) }
        if let edge = exchanges[id].location?.edge, !edge.withheld.isEmpty { calls[call].withholdTrailers(edge.withheld) }
        if exchanges[id].isFetch {
            // Its readers are told by the fill. What has more behind it than it said is not to be trusted.
            if !calls[call].isOverHTTP2 && hasSurplus(call) { fetches[exchanges[id].fetch].refusal = .unfinished }
        } else if exchanges[id].isOverHTTP2 {
            endStream(id, call)
        } else if exchanges[id].response.framing == .chunked {
            calls[call].appendLastChunk(isRecoded: !exchanges[id].response.encoder.isNone, to: &downstreams[connection].output)
            queueFlush(connection)
        }
        exchanges[id].response.isComplete = true
        countAttempt(call, status: calls[call].head.status)
        let duration = calls[call].selectedServer.responseDuration
        shard.observe(duration, nanoseconds: now.nanoseconds(since: calls[call].startedAt))
        releaseConnection(call, mayBeReused: exchanges[id].requestBody.isComplete && calls[call].isWhollySent)
        calls.discard(call)
        exchanges[id].call = .none
    }
}
