import GatewayCore
import GatewayHTTP
import GatewayNet

extension Worker {
    /// Goes on with whatever a client's connection is doing, as far as its socket allows.
    func driveDownstream(_ id: Handle) {
        if downstreams[id].stream.canWrite && !downstreams[id].output.isEmpty {
            flush(id)
        }
        switch downstreams[id].state {
        case .readingProxyHeader: readProxyHeader(id)
        case .handshaking: handshake(id)
        case .readingHead: readHeads(id)
        case .http2: driveHTTP2(id)
        case .exchanging: step(downstreams[id].exchange)
        case .closing: closeWhenWritten(id)
        case .lingering: linger(id)
        }
    }

    // MARK: Heads

    /// Reads a head and starts its exchange; then the next, for as long as the exchanges are answered at once.
    private func readHeads(_ id: Handle) {
        var turnBytes = 0
        var heads = 0
        while downstreams.contains(id), case .readingHead = downstreams[id].state {
            // Who does not read its responses sends no further requests.
            if downstreams[id].output.count >= Limits.outputHighBytes {
                flush(id)
                if downstreams[id].isBroken { endWithoutRequest(id) }
                if !downstreams.contains(id) || downstreams[id].output.count >= Limits.outputHighBytes { return }
            }
            if downstreams[id].input.isEmpty || downstreams[id].needsInput {
                if turnBytes > Limits.turnBytesMax {
                    queueReady(id)
                    return
                }
                switch fill(id) {
                case .moved(let count): turnBytes += count
                case .wouldBlock:
                    // A head that comes in drops holds no more than it has brought.
                    downstreams[id].input.shrink()
                    return
                case .ended, .failed:
                    endWithoutRequest(id)
                    return
                }
                if downstreams[id].input.isEmpty { continue }
            }
            // Small requests, answered at once: thousands of them would fit into a turn's bytes.
            if heads >= headsPerTurn {
                queueReady(id)
                return
            }
            heads += 1
            parseHead(id)
        }
    }

    private func parseHead(_ id: Handle) {
        if !downstreams[id].hasHadRequest, mayBeginHTTP2(id) { return }
        if downstreams[id].exchange.isNone { beginExchange(id) }
        let exchange = downstreams[id].exchange
        do {
            guard let length = try downstreams[id].parse(into: &exchanges[exchange].head) else {
                downstreams[id].needsInput = true
                awaitHead(id)
                return
            }
            downstreams[id].input.consume(length)
        } catch {
            // No other head is read: the parser is of no use any more.
            downstreams[id].state = .exchanging
            exchanges[exchange].response.keepsAlive = false
            refuse(exchange, error)
            exchanges[exchange].phase = .finish
        }
        downstreams[id].state = .exchanging
        downstreams[id].needsInput = false
        clearDeadline(downstream: id)
        step(exchange)
    }

    /// The first byte of a head is there: from here on whatever happens ends in `finish`.
    private func beginExchange(_ id: Handle) {
        let snapshot = downstreams[id].retiredSnapshot.isNone ? current : downstreams[id].retiredSnapshot
        snapshots[snapshot].users += 1
        let exchange = Exchange(connection: id, snapshot: snapshot, client: downstreams[id].peer.address, now: now, pool: pool)
        downstreams[id].exchange = exchanges.insert(exchange)
        downstreams[id].hasHadRequest = true
        idleDownstreams.value.remove(id)
        shard.add(metrics.http1.idle, -1)
        shard.add(metrics.http1.active, 1)
    }

    /// Most heads come as a whole, and need no time of their own. The first head's has begun with the connection.
    private func awaitHead(_ id: Handle) {
        if downstreams[id].deadlineKind != .head && downstreams[id].deadlineKind != .send { awaitBytes(id) }
    }

    /// What a client that is to send has so long for: the rest of a head, or the first byte of one.
    private func awaitBytes(_ id: Handle) {
        if !downstreams[id].exchange.isNone {
            setDeadline(downstream: id, .head, afterMs: Int(downstreams[id].timeouts.headerMs))
            return
        }
        idleDownstreams.value.append(id)
        if isLeaving(id) {
            // A request may be on its way to a connection that was never told to close: it is answered, with the close.
            setDeadline(downstream: id, .keepalive, afterMs: Limits.drainGraceMs)
        } else {
            setDeadline(downstream: id, .keepalive, afterMs: Int(downstreams[id].timeouts.keepaliveMs))
        }
    }

    /// The end of the client's side, or of the connection, outside of an exchange or inside a head.
    private func endWithoutRequest(_ id: Handle) {
        let exchange = downstreams[id].exchange
        if exchange.isNone {
            closeIdleDownstream(id)
        } else {
            abandon(exchange, GatewayError(.clientClosed, "the client left inside the head of its request"))
        }
    }

    /// Reads once. A half-closed client's bytes come before the end of its side.
    func fill(_ id: Handle) -> IOResult {
        guard downstreams[id].stream.canRead else { return .wouldBlock }
        let result = downstreams[id].stream.read(into: &downstreams[id].input)
        // Nothing more is read from it: there is no use in an orderly end.
        if case .failed = result, downstreams[id].stream.abuse != nil { downstreams[id].isBroken = true }
        return result
    }

    /// Gives an exchange that ends early what it needs for its fields, its log line and its counters: its server as a whole, and the
    /// listener's default server where none was chosen.
    func completeRoute(_ id: Handle) {
        if exchanges[id].location != nil { return }
        let server = exchanges[id].server ?? defaultServer(of: id)
        exchanges[id].server = server
        exchanges[id].location = server.fallback
    }

    private func defaultServer(of id: Handle) -> ServerRoute {
        let table = snapshots[exchanges[id].snapshot].table
        guard let listener = table.listener(downstreams[exchanges[id].connection].listenerID) else { return table.servers[0] }
        return listener.servers[listener.names.defaultServer]
    }

    // MARK: Output

    /// Writes what waits. A failure shows in `isBroken`; who has the connection ends it.
    func flush(_ id: Handle) {
        if downstreams[id].output.isEmpty || downstreams[id].isBroken { return }
        let result = downstreams[id].stream.write(from: &downstreams[id].output)
        switch result {
        case .moved, .wouldBlock:
            let timeoutMs = Int(downstreams[id].timeouts.sendMs)
            if !downstreams[id].output.isEmpty {
                if case .moved = result { setDeadline(downstream: id, .send, afterMs: timeoutMs) }
                if downstreams[id].deadlineKind != .send { setDeadline(downstream: id, .send, afterMs: timeoutMs) }
            } else if downstreams[id].deadlineKind == .send {
                clearDeadline(downstream: id)
                switch downstreams[id].state {
                case .readingHead: awaitBytes(id)
                case .http2: awaitFrames(id)
                default: break
                }
            } else if downstreams[id].deadlineKind == .halfClose {
                // The answer is on its way: a client that has gone resets what it gets.
                setDeadline(downstream: id, .halfClose, afterMs: Limits.halfCloseGraceMs)
            }
        case .ended, .failed:
            downstreams[id].isBroken = true
            downstreams[id].output.removeAll()
        }
    }

    /// Writes at the end of a round, and lets go on what waited for the output to drain.
    func flushAndGoOn(_ id: Handle) {
        flush(id)
        switch downstreams[id].state {
        case .closing: closeWhenWritten(id)
        case .exchanging: step(downstreams[id].exchange)
        case .readingHead where downstreams[id].isBroken: endWithoutRequest(id)
        case .readingHead: if !downstreams[id].input.isEmpty || downstreams[id].stream.canRead { readHeads(id) }
        case .http2: pump(id)
        case .readingProxyHeader, .handshaking, .lingering: break
        }
    }

    // MARK: Endings

    /// The next request of a connection that lives on.
    func awaitNextRequest(_ id: Handle) {
        downstreams[id].state = .readingHead
        downstreams[id].exchange = .none
        if downstreams[id].deadlineKind != .send { awaitBytes(id) }
        // A pipelined request, or the end of the client's side.
        if !downstreams[id].input.isEmpty || downstreams[id].stream.canRead { queueReady(id) }
    }

    /// Ends the connection once its output is written.
    func startClosing(_ id: Handle) {
        downstreams[id].state = .closing
        downstreams[id].exchange = .none
        idleDownstreams.value.remove(id)
        // What the exchange waited for is no longer waited for.
        if downstreams[id].deadlineKind != .send { clearDeadline(downstream: id) }
        queueFlush(id)
    }

    private func closeWhenWritten(_ id: Handle) {
        if downstreams[id].isBroken {
            closeDownstream(id)
            return
        }
        if !downstreams[id].output.isEmpty { return }
        if downstreams[id].endsWithReset {
            downstreams[id].stream.breakOff()
            closeDownstream(id)
            return
        }
        downstreams[id].stream.finishWriting()
        // Closing with unread bytes would reset the connection, and the client might never read our answer.
        let mayBeUnread = downstreams[id].lingers || !downstreams[id].input.isEmpty || downstreams[id].stream.canRead
        if mayBeUnread && !downstreams[id].stream.isGone {
            downstreams[id].state = .lingering
            lingeringDownstreams.value.append(id)
            downstreams[id].input.removeAll()
            setDeadline(downstream: id, .linger, afterMs: Limits.lingerMs)
            linger(id)
        } else {
            closeDownstream(id)
        }
    }

    /// Reads and drops what the client still sends, until it ends its side, or has had enough of our time.
    private func linger(_ id: Handle) {
        while downstreams[id].stream.canRead {
            guard case .moved(let count) = fill(id) else {
                if !downstreams[id].stream.canRead && !downstreams[id].stream.peerFinished { return }
                closeDownstream(id)
                return
            }
            downstreams[id].input.removeAll()
            downstreams[id].lingeredBytes += count
            if downstreams[id].lingeredBytes > Limits.lingerBytesMax {
                closeDownstream(id)
                return
            }
        }
    }

    /// Ends a connection between two requests. A client that has ended its side alone still gets what waits for it; over TLS it is
    /// told of the end, so that it can tell it from an attack (RFC 8446 § 6.1).
    private func closeIdleDownstream(_ id: Handle) {
        let hasMoreToSay = downstreams[id].stream.isTLS || !downstreams[id].output.isEmpty
        if hasMoreToSay && !downstreams[id].isBroken && !downstreams[id].stream.isGone {
            startClosing(id)
        } else {
            closeDownstream(id)
        }
    }

    /// Gives the connection up. No exchange has it any more.
    func closeDownstream(_ id: Handle) {
        leaveHTTP2(id)
        let retired = downstreams[id].retiredSnapshot
        if case .lingering = downstreams[id].state { lingeringDownstreams.value.remove(id) }
        switch downstreams[id].stream.abuse {
        case nil: break
        case .keyUpdates: note(ConnectionEnd.keyUpdates)
        case .renegotiation: note(ConnectionEnd.renegotiation)
        }
        idleDownstreams.value.remove(id)
        if downstreams[id].isRefused {
            refusedLingering -= 1
            refusedDownstreams.value.remove(id)
        }
        leave(downstreams[id].peer.address, prefixBits: downstreams[id].countedPrefixBits)
        shard.add(downstreams[id].countsAsHTTP2 ? metrics.http2.idle : metrics.http1.idle, -1)
        downstreams.discard(id)
        if !retired.isNone { releaseSnapshot(retired) }
        resumeAccepting()
    }

    func downstreamExpired(_ id: Handle) {
        let kind = downstreams[id].deadlineKind
        clearDeadline(downstream: id)
        let exchange = downstreams[id].exchange
        switch kind {
        case .none:
            break
        case .proxyHeader:
            note(ConnectionEnd.proxyHeaderTimeout)
            closeDownstream(id)
        case .handshake:
            note(ConnectionEnd.handshakeTimeout)
            handshakeFailed(id, "timeout")
        case .keepalive where downstreams[id].http2 != nil:
            note(ConnectionEnd.keepaliveTimeout)
            goAway(id)
        case .keepalive:
            note(ConnectionEnd.keepaliveTimeout)
            closeIdleDownstream(id)
        case .linger:
            closeDownstream(id)
        case .head:
            if downstreams[id].http2 != nil {
                note(ConnectionEnd.headerTimeout)
                giveUpHead(id)
            } else if exchange.isNone {
                note(ConnectionEnd.headerTimeout)
                closeIdleDownstream(id)
            } else {
                expire(exchange, GatewayError(.headerTimeout, "the head of the request did not arrive in time"))
            }
        case .body, .halfClose:
            if exchange.isNone { break }
            if kind == .halfClose {
                abandon(exchange, GatewayError(.clientClosed, "the client closed its side and the answer did not come at once"))
                break
            }
            expire(exchange, GatewayError(.bodyTimeout, "the body of the request did not arrive in time"))
        case .goAway:
            settleGoAway(id)
        case .send:
            if downstreams[id].http2 != nil {
                note(ConnectionEnd.sendTimeout)
                loseHTTP2(id, GatewayError(.sendTimeout, "the client did not read the response in time"))
            } else if exchange.isNone {
                note(ConnectionEnd.sendTimeout)
                downstreams[id].stream.breakOff()
                closeDownstream(id)
            } else {
                abandon(exchange, GatewayError(.sendTimeout, "the client did not read the response in time"))
            }
        }
    }

    /// A client that is late is told so, where nothing of a response has gone out.
    func expire(_ exchange: Handle, _ error: GatewayError) {
        exchanges[exchange].response.keepsAlive = false
        if !exchanges[exchange].isOverHTTP2 { downstreams[exchanges[exchange].connection].state = .exchanging }
        if exchanges[exchange].response.hasBegun {
            breakOff(exchange, error)
        } else {
            refuse(exchange, error)
        }
        exchanges[exchange].phase = .finish
        step(exchange)
    }

    /// The client has gone, or is given up; where nothing of a response has gone out it is told why, if there is a status for it.
    func abandon(_ exchange: Handle, _ error: GatewayError) {
        if !exchanges[exchange].isOverHTTP2 && !exchanges[exchange].isFetch {
            downstreams[exchanges[exchange].connection].state = .exchanging
        }
        refuse(exchange, error)
        exchanges[exchange].phase = .finish
        step(exchange)
    }
}
