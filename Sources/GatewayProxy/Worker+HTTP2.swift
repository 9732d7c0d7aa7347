import GatewayCore
import GatewayHTTP
import GatewayNet

/// A client's connection that speaks HTTP/2: frames in, to the streams; what the streams have to say, out.
extension Worker {
    // MARK: The beginning

    /// Whether the first bytes of a connection are no HTTP/1.1 request: the client speaks HTTP/2 without having asked (RFC 9113 § 3.3),
    /// or may once there are more of them.
    func mayBeginHTTP2(_ id: Handle) -> Bool {
        guard downstreams[id].exchange.isNone, speaksHTTP2(id) else { return false }
        switch downstreams[id].beginsWithPreface {
        case true:
            beginHTTP2(id)
            return true
        case false:
            return false
        default:
            downstreams[id].needsInput = true
            return true
        }
    }

    private func speaksHTTP2(_ id: Handle) -> Bool {
        guard let (listener, _) = findListener(downstreams[id].listenerID) else { return false }
        return listener.takesPriorKnowledge
    }

    func beginHTTP2(_ id: Handle) {
        guard let session = HTTP2Session(.server, connection: id, streams: streams) else {
            note(ConnectionRefusal.memory)
            closeDownstream(id)
            return
        }
        downstreams[id].http2 = session
        downstreams[id].countsAsHTTP2 = true
        shard.add(metrics.http1.idle, -1)
        shard.add(metrics.http2.idle, 1)
        downstreams[id].state = .http2
        downstreams[id].needsInput = false
        queueFlush(id)
        if isLeaving(id) { announceEnd(id) }
        driveHTTP2(id)
    }

    // MARK: In

    func driveHTTP2(_ id: Handle) {
        var turnBytes = 0
        var heads = 0
        turn: while downstreams.contains(id), case .http2 = downstreams[id].state {
            // Who does not read what it is sent is not read either: every frame of its might ask for one of ours.
            if downstreams[id].output.count >= Limits.outputHighBytes { break }
            if turnBytes > Limits.turnBytesMax || heads >= headsPerTurn {
                queueReady(id)
                break
            }
            if downstreams[id].input.isEmpty {
                switch fill(id) {
                case .moved(let count):
                    turnBytes += count
                case .wouldBlock:
                    break turn
                case .ended, .failed:
                    loseHTTP2(id, GatewayError(.clientClosed, "the client left before the response was complete"))
                    return
                }
            }
            heads += receiveFrames(id, headsMax: headsPerTurn - heads)
        }
        guard downstreams.contains(id), let session = downstreams[id].http2 else { return }
        if session.wantsToSend || session.isOver { queueFlush(id) }
    }

    /// Takes what is in the input, up to so many heads: thousands of small requests would fit into one read. Returns how many there were.
    private func receiveFrames(_ id: Handle, headsMax: Int) -> Int {
        guard let session = downstreams[id].http2 else { return 0 }
        let heads = downstreams[id].receive(session, headsMax: headsMax, now: now)
        driveStreams(id, session)
        guard downstreams.contains(id) else { return heads }
        if session.failure != nil { failHTTP2(id, session) }
        awaitFrames(id)
        return heads
    }

    /// Lets every stream go on that something has happened to.
    private func driveStreams(_ id: Handle, _ session: HTTP2Session) {
        while let stream = session.nextEvent() { driveStream(stream) }
    }

    // MARK: Out

    /// Writes what the streams have to say, in full records, as far as the client reads.
    func pump(_ id: Handle) {
        guard let session = downstreams[id].http2 else { return }
        // What is queued meanwhile is taken by the same loop.
        downstreams[id].isFlushQueued = true
        var turnBytes = 0
        var mayGoOn = false
        while true {
            downstreams[id].send(session, now)
            let waiting = downstreams[id].output.count
            if waiting > 0 { flush(id) }
            if downstreams[id].isBroken {
                loseHTTP2(id, GatewayError(.clientClosed, "the client left before the response was complete"))
                return
            }
            turnBytes += waiting - downstreams[id].output.count
            driveStreams(id, session)
            guard downstreams.contains(id) else { return }
            // Some errors nghttp2 tells of only when it sends its GOAWAY.
            if session.failure != nil { failHTTP2(id, session) }
            if !downstreams[id].output.isEmpty || !session.wantsToSend { break }
            mayGoOn = turnBytes > Limits.turnBytesMax
            if mayGoOn { break }
        }
        downstreams[id].isFlushQueued = false
        if mayGoOn { queueFlush(id) }
        awaitFrames(id)
        if !downstreams[id].output.isEmpty { return }
        if session.isOver {
            endHTTP2(id)
        } else if !downstreams[id].input.isEmpty || downstreams[id].stream.canRead {
            // It was not read for what it had not read itself.
            queueReady(id)
        }
    }

    // MARK: Times

    /// What the client has so long for: the rest of a head; the next request, where there is no stream.
    func awaitFrames(_ id: Handle) {
        guard let session = downstreams[id].http2 else { return }
        noteIdleness(id, isIdle: session.streamCount == 0)
        if downstreams[id].deadlineKind == .send {
            if !downstreams[id].output.isEmpty || session.isOnlyRead { return }
            clearDeadline(downstream: id)
        }
        if awaitsGoAway(id) { return }
        let kind = downstreams[id].deadlineKind
        if session.isInsideHead {
            // Each head has its own time.
            if kind == .head && downstreams[id].headMark == session.headCount { return }
            downstreams[id].headMark = session.headCount
            setDeadline(downstream: id, .head, afterMs: Int(downstreams[id].timeouts.headerMs))
        } else if session.isOnlyRead {
            // The end of an answer waits for a window that the client may never open.
            setDeadline(downstream: id, .send, afterMs: Int(downstreams[id].timeouts.sendMs))
        } else if session.streamCount > 0 {
            if kind != .none { clearDeadline(downstream: id) }
        } else if downstreams[id].hasHadRequest && kind != .keepalive {
            let timeoutMs = isLeaving(id) ? Limits.drainGraceMs : Int(downstreams[id].timeouts.keepaliveMs)
            setDeadline(downstream: id, .keepalive, afterMs: timeoutMs)
        }
    }

    /// The second step of the end has a time of its own, whatever else was waited for meanwhile.
    private func awaitsGoAway(_ id: Handle) -> Bool {
        let due = downstreams[id].goAwayDue
        if due.isNever { return false }
        if due <= now {
            settleGoAway(id)
            return !downstreams[id].goAwayDue.isNever
        }
        if downstreams[id].deadlineKind != .goAway {
            setDeadline(downstream: id, .goAway, afterMs: Int(due.nanoseconds(since: now) / 1_000_000) + 1)
        }
        return true
    }

    func noteIdleness(_ id: Handle, isIdle: Bool) {
        if isIdle == downstreams[id].hasNoStreams { return }
        downstreams[id].hasNoStreams = isIdle
        shard.add(metrics.http2.idle, isIdle ? 1 : -1)
        shard.add(metrics.http2.active, isIdle ? -1 : 1)
        if isIdle { idleDownstreams.value.append(id) } else { idleDownstreams.value.remove(id) }
    }

    // MARK: The end

    /// The first of two steps (RFC 9113 § 6.8): requests that are on their way are still taken.
    func announceEnd(_ id: Handle) {
        downstreams[id].http2?.announceShutdown()
        downstreams[id].goAwayDue = now.adding(milliseconds: Limits.drainGraceMs)
        queueFlush(id)
        setDeadline(downstream: id, .goAway, afterMs: Limits.drainGraceMs)
    }

    /// The time between the two is over. A connection that has had no request yet was opened to send one, and has more.
    func settleGoAway(_ id: Handle) {
        if downstreams[id].hasHadRequest || downstreams[id].hasGraceForFirst {
            // Of those who come to settle it, the timer and the drain, the second finds the time that the first has given.
            if downstreams[id].hasHadRequest || downstreams[id].goAwayDue <= now { goAway(id) }
            return
        }
        downstreams[id].hasGraceForFirst = true
        downstreams[id].goAwayDue = now.adding(milliseconds: Limits.drainFirstRequestMs)
        setDeadline(downstream: id, .goAway, afterMs: Limits.drainFirstRequestMs)
    }

    /// No further streams; the connection ends with the last of those there are.
    func goAway(_ id: Handle) {
        downstreams[id].goAwayDue = .never
        downstreams[id].http2?.shutDown()
        queueFlush(id)
    }

    /// A head has begun and does not end, and before it does nothing else can come (RFC 9113 § 6.10), no window for the other streams either.
    func giveUpHead(_ id: Handle) {
        guard let session = downstreams[id].http2 else { return }
        session.terminate(.noError)
        endStreams(session, GatewayError(.headerTimeout, "the head of another request on the connection did not arrive in time"))
        queueFlush(id)
    }

    /// The client has broken the protocol, or asks too much: it is told why by the GOAWAY that waits, and its requests end.
    private func failHTTP2(_ id: Handle, _ session: HTTP2Session) {
        if downstreams[id].hasFailed { return }
        downstreams[id].hasFailed = true
        noteFailure(of: session, from: downstreams[id].peer.address)
        endStreams(session, session.failure ?? GatewayError(.clientClosed, "the connection ended"))
        queueFlush(id)
    }

    /// Nothing more can be said on the streams.
    private func endStreams(_ session: HTTP2Session, _ error: GatewayError) {
        session.forEachStream { stream in
            let exchange = streams.slab[stream].user
            if exchange.isNone { return }
            breakOff(exchange, error)
            exchanges[exchange].phase = .finish
            step(exchange)
        }
    }

    /// Everything is said.
    private func endHTTP2(_ id: Handle) {
        leaveHTTP2(id)
        downstreams[id].lingers = true
        startClosing(id)
    }

    /// The client has gone, or is given up.
    func loseHTTP2(_ id: Handle, _ error: GatewayError) {
        if let session = downstreams[id].http2 { endStreams(session, error) }
        if error.type == .sendTimeout { downstreams[id].stream.breakOff() }
        closeDownstream(id)
    }

    /// Gives the session up, with what is left on its streams.
    func leaveHTTP2(_ id: Handle) {
        guard let session = downstreams[id].http2 else { return }
        endStreams(session, GatewayError(.shuttingDown, "the gateway ended before the response was complete"))
        noteIdleness(id, isIdle: true)
        session.close()
        downstreams[id].http2 = nil
    }
}

extension DownstreamConnection {
    /// Whether the input begins with the client's preface (RFC 9113 § 3.4); nil if it is too short to tell. No request begins so.
    var beginsWithPreface: Bool? {
        switch input.count {
        case 0: nil
        case 1: input.bytes.equals("P") ? nil : false
        case 2: input.bytes.equals("PR") ? nil : false
        case 3: input.bytes.equals("PRI") ? nil : false
        default: input.slice(0, 4).equals("PRI ")
        }
    }

    mutating func receive(_ session: HTTP2Session, headsMax: Int, now: MonotonicTime) -> Int {
        let (byteCount, heads) = session.receive(input.bytes, headsMax: headsMax, now: now)
        input.consume(byteCount)
        return heads
    }

    mutating func send(_ session: HTTP2Session, _ now: MonotonicTime) {
        session.send(into: &output, upTo: Limits.outputHighBytes, now: now)
    }
}
