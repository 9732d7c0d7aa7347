import GatewayCore
import GatewayHTTP
import GatewayNet

/// What follows a 101 (RFC 9110 § 7.8): WebSocket, or whatever the client asked for. The gateway passes bytes both ways, each
/// direction as fast as its reader, and each ended by itself.
extension Worker {
    /// The origin has agreed to one of the protocols that the client offered.
    func beginTunnel(_ id: Handle, _ call: Handle) throws(GatewayError) {
        if exchanges[id].isOverHTTP2 {
            try beginStreamTunnel(id, call)
            return
        }
        guard exchanges[id].head.hasOffered(whatIsIn: calls[call].head) else {
            throw GatewayError(.upstreamInvalid, "the origin switched to a protocol that the client did not offer")
        }
        let connection = exchanges[id].connection
        exchanges[id].outcome.status = 101
        exchanges[id].response.status = 101
        exchanges[id].response.hasBegun = true
        exchanges[id].response.begunAt = now
        exchanges[id].response.keepsAlive = false
        exchanges[id].response.framing = .untilClose
        var head = ByteQueue(pool: pool)
        calls[call].encodeSwitchingHead(into: &head)
        downstreams[connection].output.append(head.bytes)
        queueFlush(connection)
        calls[call].state = .tunnel
        // The request is over: what follows lives by read_timeout.
        exchanges[id].deadline = .never
        // In a tunnel the end of one side says nothing of the other.
        if downstreams[connection].deadlineKind == .halfClose { clearDeadline(downstream: connection) }
    }

    /// Both directions, as far as they go. The call is over when both sides have ended theirs.
    func relayTunnel(_ id: Handle, _ connection: Handle) -> Verdict {
        let call = exchanges[id].call
        let upstream = calls[call].connection
        let isAsking = tunnelUp(id, call, upstream, connection)
        let isAnswering = tunnelDown(id, call, upstream, connection)
        if hasLostClient(call, upstream, connection) {
            return .breakOff(GatewayError(.clientClosed, "the client broke off the protocol it had switched to"))
        }
        if hasLostOrigin(call, upstream) {
            return attemptFailed(call, GatewayError(.upstreamClosed, "the origin reset the connection"), status: 502)
        }
        if calls[call].hasEndedUpstream && calls[call].hasOriginEnded {
            endTunnel(id, call)
            return .next(.finish)
        }
        awaitTunnel(call, upstream, hasMoved: isAsking || isAnswering)
        return .wait
    }

    /// As with nginx's proxy_read_timeout: so long without a byte in either direction, and the tunnel is given up. What waits for
    /// the origin has the time of a request.
    func awaitTunnel(_ call: Handle, _ upstream: Handle, hasMoved: Bool) {
        let kind = upstreams[upstream].deadlineKind
        if calls[call].unwritten > 0 {
            if kind != .send { setDeadline(upstream: upstream, .send, afterMs: calls[call].upstream.sendTimeoutMs) }
        } else if hasMoved || kind != .read {
            setDeadline(upstream: upstream, .read, afterMs: calls[call].upstream.readTimeoutMs)
        }
    }

    /// Nothing has come for `read_timeout`: an end, not a failure, as long as the client has read everything.
    func tunnelExpired(_ call: Handle) {
        let id = calls[call].exchange
        if isClientBehind(id) {
            // It is the client that is slow, and its own time runs.
            setDeadline(upstream: calls[call].connection, .read, afterMs: calls[call].upstream.readTimeoutMs)
            return
        }
        endTunnel(id, call)
        resolve(id, .next(.finish))
    }

    func endTunnel(_ id: Handle, _ call: Handle) {
        exchanges[id].response.isComplete = true
        countAttempt(call, status: 101)
        releaseConnection(call, mayBeReused: false)
        calls.discard(call)
        exchanges[id].call = .none
    }

    // MARK: Directions

    /// From the client to the origin. True if bytes moved.
    private func tunnelUp(_ id: Handle, _ call: Handle, _ upstream: Handle, _ connection: Handle) -> Bool {
        var turnBytes = 0
        while true {
            // What was pipelined behind the request is the new protocol's, now that there is one.
            let waiting = downstreams[connection].input.count
            if waiting > 0 {
                calls[call].appendBody(downstreams[connection].input, 0..<waiting, isChunked: false)
                downstreams[connection].input.removeAll()
                exchanges[id].requestBody.received += UInt64(waiting)
                turnBytes += waiting
            }
            writeRequest(call)
            if calls[call].isRequestRefused { upstreams[upstream].isBroken = true }
            if upstreams[upstream].isBroken || calls[call].unwritten >= Limits.outputHighBytes { break }
            if calls[call].hasClientEnded { break }
            if turnBytes > Limits.turnBytesMax {
                queueReady(connection)
                break
            }
            switch fill(connection) {
            case .moved: continue
            // After a write has told of a reset, the reset reads like an end; what had come before it is still the origin's.
            case .ended: calls[call].hasClientEnded = !downstreams[connection].isBroken
            case .failed: downstreams[connection].isBroken = true
            case .wouldBlock: break
            }
            break
        }
        if calls[call].hasClientEnded && calls[call].unwritten == 0 && !calls[call].hasEndedUpstream {
            calls[call].hasEndedUpstream = true
            upstreams[upstream].stream.finishWriting()
        }
        return turnBytes > 0
    }

    /// From the origin to the client. True if bytes moved.
    private func tunnelDown(_ id: Handle, _ call: Handle, _ upstream: Handle, _ connection: Handle) -> Bool {
        var turnBytes = 0
        while !downstreams[connection].isBroken {
            let waiting = upstreams[upstream].input.count
            if waiting > 0 {
                downstreams[connection].appendBody(upstreams[upstream].input, 0..<waiting, isChunked: false)
                upstreams[upstream].input.removeAll()
                exchanges[id].response.sent += UInt64(waiting)
                turnBytes += waiting
                queueFlush(connection)
            }
            if downstreams[connection].output.count >= Limits.flushBytes { flush(connection) }
            if downstreams[connection].output.count >= Limits.outputHighBytes || calls[call].hasOriginEnded { break }
            if turnBytes > Limits.turnBytesMax {
                queueReady(connection)
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
        if calls[call].hasOriginEnded && downstreams[connection].output.isEmpty && !calls[call].hasEndedDownstream {
            calls[call].hasEndedDownstream = true
            downstreams[connection].stream.finishWriting()
        }
        return turnBytes > 0
    }

    // MARK: Losses

    /// Whether the client has gone in the middle. Who has ended its side and then takes no more has closed its connection, which is
    /// an end: what the origin still says goes nowhere, but the origin gets all that the client has said.
    private func hasLostClient(_ call: Handle, _ upstream: Handle, _ connection: Handle) -> Bool {
        // A connection that is gone before we have ended our side has been reset.
        let isReset = downstreams[connection].stream.isGone && !calls[call].hasEndedDownstream
        guard downstreams[connection].isBroken || isReset else { return false }
        downstreams[connection].isBroken = true
        if calls[call].hasClientEnded {
            calls[call].hasOriginEnded = true
            calls[call].hasEndedDownstream = true
            return false
        }
        if !calls[call].hasEndedDownstream { return true }
        // The origin has ended, the client knows it, and many of them then close without a word (over TLS without close_notify).
        upstreams[upstream].stream.breakOff()
        calls[call].hasClientEnded = true
        calls[call].hasEndedUpstream = true
        return false
    }

    /// Whether the origin has gone in the middle. One that has ended its side and then takes no more has closed its connection.
    private func hasLostOrigin(_ call: Handle, _ upstream: Handle) -> Bool {
        let isClosed = upstreams[upstream].stream.isGone && calls[call].hasOriginEnded
        guard upstreams[upstream].isBroken || isClosed else { return false }
        if !calls[call].hasOriginEnded { return true }
        calls[call].hasClientEnded = true
        calls[call].hasEndedUpstream = true
        return false
    }
}

extension Exchange {
    func encodeUpgrade(into queue: inout ByteQueue) {
        queue.append("Connection: Upgrade\r\n")
        if isOverHTTP2 {
            encodeExtendedConnect(into: &queue)
            return
        }
        for index in 0..<head.fields.count where head.fields.name(index) == .upgrade {
            HTTP1Encoder.field("Upgrade", head.fields.value(index), into: &queue)
        }
    }
}

extension UpstreamCall {
    /// The 101 as the client gets it: Upgrade and Connection are for its hop, too.
    func encodeSwitchingHead(into queue: inout ByteQueue) {
        HTTP1Encoder.statusLine(101, reason: head.reason, into: &queue)
        queue.append("Connection: Upgrade\r\n")
        for index in 0..<head.fields.count {
            let name = head.fields.name(index)
            if name == .upgrade || (!head.fields.isHopByHop(index) && name != .contentLength) {
                head.fields.appendLine(index, to: &queue)
            }
        }
        queue.append("\r\n")
    }
}
