import GatewayCore
import GatewayHTTP
import GatewayNet

/// A tunnel in a stream: WebSocket over HTTP/2 (RFC 8441) to an origin that speaks it over HTTP/1.1.
extension Worker {
    func beginStreamTunnel(_ id: Handle, _ call: Handle) throws(GatewayError) {
        guard exchanges[id].head.isExtendedConnect, exchanges[id].isAnswered(by: calls[call]) else {
            throw GatewayError(.upstreamInvalid, "the origin switched to a protocol that the client did not offer")
        }
        guard exchanges[id].isKeyAnswered(by: calls[call], pool) else {
            throw GatewayError(.upstreamInvalid, "the origin did not answer the key of the WebSocket")
        }
        let connection = exchanges[id].connection
        exchanges[id].outcome.status = 101
        exchanges[id].response.status = 200
        exchanges[id].response.hasBegun = true
        exchanges[id].response.begunAt = now
        exchanges[id].response.framing = .untilClose
        var lines = ByteQueue(pool: pool)
        calls[call].encodeConnectedHead(into: &lines)
        downstreams[connection].http2?.respond(exchanges[id].stream, lines, endsStream: false)
        resume(exchanges[id].stream, of: connection)
        calls[call].state = .tunnel
        // The request is over: what follows lives by read_timeout.
        exchanges[id].deadline = .never
    }

    /// Both directions, as far as they go. The call is over when both sides have ended theirs.
    func relayStreamTunnel(_ id: Handle) -> Verdict {
        let (call, stream) = (exchanges[id].call, exchanges[id].stream)
        let upstream = calls[call].connection
        let isAsking = streamTunnelUp(id, call, upstream, stream)
        let isAnswering = streamTunnelDown(id, call, upstream, stream)
        // An origin that has ended its side and then takes no more has closed its connection.
        if upstreams[upstream].isBroken || (upstreams[upstream].stream.isGone && calls[call].hasOriginEnded) {
            if !calls[call].hasOriginEnded {
                return attemptFailed(call, GatewayError(.upstreamClosed, "the origin reset the connection"), status: 502)
            }
            calls[call].hasEndedUpstream = true
        }
        if calls[call].hasEndedUpstream && calls[call].hasEndedDownstream {
            endTunnel(id, call)
            return .next(.finish)
        }
        awaitTunnel(call, upstream, hasMoved: isAsking || isAnswering)
        return .wait
    }

    /// From the client to the origin. True if bytes moved.
    private func streamTunnelUp(_ id: Handle, _ call: Handle, _ upstream: Handle, _ stream: Handle) -> Bool {
        var hasMoved = false
        writeRequest(call)
        while !streams.slab[stream].input.isEmpty && calls[call].unwritten < Limits.outputHighBytes && !calls[call].isRequestRefused {
            let count = streams.slab[stream].input.count
            calls[call].appendBody(streams.slab[stream].input, 0..<count, isChunked: false)
            exchanges[id].requestBody.received += UInt64(count)
            dropStreamInput(stream, of: exchanges[id].connection)
            hasMoved = true
            writeRequest(call)
        }
        if calls[call].isRequestRefused { upstreams[upstream].isBroken = true }
        let isAllSaid = streams.slab[stream].hasInputEnded && streams.slab[stream].input.isEmpty && calls[call].unwritten == 0
        if isAllSaid && !calls[call].hasEndedUpstream {
            calls[call].hasClientEnded = true
            calls[call].hasEndedUpstream = true
            upstreams[upstream].stream.finishWriting()
        }
        return hasMoved
    }

    /// From the origin to the client. True if bytes moved.
    private func streamTunnelDown(_ id: Handle, _ call: Handle, _ upstream: Handle, _ stream: Handle) -> Bool {
        var turnBytes = 0
        while !calls[call].hasOriginEnded && !isStreamFull(stream) {
            let waiting = upstreams[upstream].input.count
            if waiting > 0 {
                append(upstreams[upstream].input, 0..<waiting, to: exchanges[id].connection, of: id)
                upstreams[upstream].input.removeAll()
                turnBytes += waiting
                continue
            }
            if turnBytes > Limits.turnBytesMax {
                queueReady(exchange: id)
                break
            }
            switch fillUpstream(upstream) {
            case .moved: continue
            case .ended: calls[call].hasOriginEnded = true
            case .failed: upstreams[upstream].isBroken = true
            case .wouldBlock: break
            }
            break
        }
        if calls[call].hasOriginEnded && !calls[call].hasEndedDownstream {
            calls[call].hasEndedDownstream = true
            streams.slab[stream].outputEnds = true
            resume(stream, of: exchanges[id].connection)
        }
        return turnBytes > 0
    }
}

extension Exchange {
    /// Whether the origin has switched to the protocol that `:protocol` asked for.
    func isAnswered(by call: borrowing UpstreamCall) -> Bool {
        guard let index = call.head.fields.firstIndex(of: .upgrade) else { return false }
        return call.head.fields.value(index).equalsIgnoringCase(head.connectProtocol)
    }

    /// Whether the origin has read our key as one of WebSocket: who has not may be a cache, or be led to answer so (RFC 6455 § 4.1).
    func isKeyAnswered(by call: borrowing UpstreamCall, _ pool: BufferPool) -> Bool {
        for index in 0..<call.head.fields.count where call.head.fields.nameBytes(index).equalsIgnoringCase("sec-websocket-accept") {
            return WebSocketKey.isAnswered(requestID.0, requestID.1, by: call.head.fields.value(index), pool)
        }
        return false
    }

    /// What asks an HTTP/1.1 origin for the protocol of an extended CONNECT (RFC 8441 § 5). The key is a nonce of this hop (RFC 6455 § 4.1).
    func encodeExtendedConnect(into queue: inout ByteQueue) {
        HTTP1Encoder.field("Upgrade", head.connectProtocol, into: &queue)
        queue.append("Sec-WebSocket-Key: ")
        WebSocketKey.append(requestID.0, requestID.1, to: &queue)
        queue.append("\r\n")
    }
}

extension UpstreamCall {
    /// The 101 as a stream has it: 200, and without what was for the hop to the origin.
    fileprivate func encodeConnectedHead(into queue: inout ByteQueue) {
        HTTP1Encoder.statusLine(200, into: &queue)
        for index in 0..<head.fields.count where !head.fields.isHopByHop(index) && head.fields.name(index) != .contentLength {
            if head.fields.nameBytes(index).equalsIgnoringCase("sec-websocket-accept") { continue }
            head.fields.appendLine(index, to: &queue)
        }
        queue.append("\r\n")
    }
}
