import GatewayCore
import GatewayHTTP
import GatewayNet

/// A connection to an origin that speaks HTTP/2: frames in, to the streams; what the streams have to say, out.
///
/// It takes requests once the origin's SETTINGS have come, not before: then it is certain that the origin speaks HTTP/2, and how many
/// streams it allows; and nothing has been sent on a connection that fails until then, so that every request may go elsewhere.
extension Worker {
    // MARK: The beginning

    /// The connection stands, with TLS if the upstream says so.
    func beginSession(_ id: Handle) {
        guard let session = HTTP2Session(.client, connection: id, streams: streams) else {
            loseOrigin(id, GatewayError(.connectionsExhausted, "the gateway has no memory for the connection to the origin"), status: 503)
            return
        }
        upstreams[id].shared?.session = session
        upstreams[id].state = .settling
        pump(origin: id)
        if upstreams.contains(id) { driveOrigin(id) }
    }

    /// The origin's SETTINGS have come: who has waited for them goes on.
    private func open(_ id: Handle, _ session: HTTP2Session) {
        let endpoint = upstreams[id].endpoint
        if session.isShuttingDown {
            loseOrigin(id, GatewayError(.connectFailed, "the origin takes no requests on a new connection"), status: 502)
            return
        }
        // For a short time an origin may take none (RFC 9113 § 6.5.2): as long as there is to connect.
        if session.streamsAvailable == 0 { return }
        upstreams[id].state = .active
        clearDeadline(upstream: id)
        http2Pool.value.remove(id, endpoint)
        http2Pool.value.expect(streams: session.streamsAvailable, endpoint)
        http2Pool.value.putOpen(id, endpoint)
        for call in takeWaiting(id) where isWaiting(call, for: id) {
            if upstreams.contains(id), begin(call, on: id) {
                step(calls[call].exchange)
            } else {
                findAnother(call)
            }
        }
    }

    // MARK: In

    func driveOrigin(_ id: Handle) {
        guard let session = upstreams[id].shared?.session else { return }
        if upstreams[id].stream.canWrite && upstreams[id].shared?.output.isEmpty == false { queueFlush(origin: id) }
        var turnBytes = 0
        while upstreams.contains(id), upstreams[id].stream.canRead, isAlive(id) {
            if turnBytes > Limits.turnBytesMax {
                queueReady(origin: id)
                return
            }
            switch upstreams[id].stream.read(into: &upstreams[id].input) {
            case .moved(let count):
                turnBytes += count
                receive(id, session)
            case .wouldBlock:
                return
            case .ended:
                // What is found wrong is known behind this; no request goes to who can't answer.
                session.refuseUnsent()
                write(id, session)
                loseOrigin(id, session.failure ?? endOfConnection(id), status: 502)
            case .failed(let failure):
                loseOrigin(id, upstreamError(id, server(of: id), failure), status: 502)
            }
        }
    }

    private func endOfConnection(_ id: Handle) -> GatewayError {
        if case .settling = upstreams[id].state {
            return GatewayError(.upstreamClosed, "the origin closed the connection instead of beginning HTTP/2")
        }
        return GatewayError(.upstreamClosed, "the origin closed the connection")
    }

    func isAlive(_ id: Handle) -> Bool {
        if case .lost = upstreams[id].state { false } else { true }
    }

    private func receive(_ id: Handle, _ session: HTTP2Session) {
        upstreams[id].shared?.heardAt = now
        upstreams[id].shared?.pingedAt = .never
        if upstreams[id].stream.isTLS { keepSessions(of: id) }
        let isWell = upstreams[id].receive(session, now: now)
        noteGoaway(id, session)
        driveCalls(session)
        guard upstreams.contains(id), isAlive(id) else { return }
        if !isWell {
            failOrigin(id, session)
            return
        }
        // The acknowledgement of SETTINGS, room that windows have got; or streams that they allow, or an end to be made.
        queueFlush(origin: id)
        if case .settling = upstreams[id].state, session.hasPeerSettings { open(id, session) }
    }

    /// Lets every call go on to whose stream something has happened.
    func driveCalls(_ session: HTTP2Session) {
        while let stream = session.nextEvent() {
            let call = streams.slab[stream].user
            if calls.contains(call) { step(calls[call].exchange) }
        }
    }

    // MARK: Out

    /// Frames may wait to be sent, or the connection may have become idle.
    func queueFlush(origin id: Handle) {
        guard upstreams[id].shared?.isFlushQueued == false else { return }
        upstreams[id].shared?.isFlushQueued = true
        originFlushQueue.value.append(id)
    }

    func queueReady(origin id: Handle) {
        guard upstreams[id].shared?.isReadyQueued == false else { return }
        upstreams[id].shared?.isReadyQueued = true
        readyQueue.value.append(EventToken(kind: Kind.upstream, handle: id))
    }

    func flushOrigins() {
        for index in 0..<originFlushQueue.value.beginTurn() {
            let id = originFlushQueue.value[index]
            guard upstreams.contains(id) else { continue }
            upstreams[id].shared?.isFlushQueued = false
            pump(origin: id)
        }
        originFlushQueue.value.endTurn()
    }

    /// Writes what the streams have to say, as far as the origin reads.
    private func pump(origin id: Handle) {
        guard let session = upstreams[id].shared?.session else { return }
        if isAlive(id) {
            write(id, session)
            driveCalls(session)
            if upstreams.contains(id), isAlive(id), hasFailed(id, session) { failOrigin(id, session) }
        }
        guard upstreams.contains(id) else { return }
        if case .active = upstreams[id].state, mayCarryMore(id, session) { http2Pool.value.putOpen(id, upstreams[id].endpoint) }
        settle(id, session)
    }

    private func mayCarryMore(_ id: Handle, _ session: HTTP2Session) -> Bool {
        if upstreams[id].shared?.pingedAt.isNever == false || upstreams[id].shared?.hasRefused == true { return false }
        return session.streamsAvailable > 0
    }

    /// What nghttp2 finds wrong is known when its GOAWAY has been sent.
    private func hasFailed(_ id: Handle, _ session: HTTP2Session) -> Bool {
        session.failure != nil || (session.isOver && upstreams[id].shared?.carried != 0)
    }

    func write(_ id: Handle, _ session: HTTP2Session) {
        while !upstreams[id].isBroken {
            upstreams[id].send(session, now)
            if upstreams[id].shared?.output.isEmpty != false { return }
            switch upstreams[id].write() {
            case .moved: break
            case .wouldBlock: return
            case .ended, .failed:
                // The reason is read, and what had come before it.
                upstreams[id].isBroken = true
                queueReady(origin: id)
            }
            if upstreams[id].shared?.output.isEmpty == false { return }
        }
    }

    /// A connection that carries nothing waits in the pool, or ends.
    private func settle(_ id: Handle, _ session: HTTP2Session) {
        guard upstreams[id].shared?.carried == 0 else { return }
        switch upstreams[id].state {
        case .lost:
            discardOrigin(id)
        case .idle:
            if session.isShuttingDown { closeIdleUpstream(id) }
        case .active:
            if upstreams[id].shared?.output.isEmpty == false && !upstreams[id].isBroken && !session.isShuttingDown {
                awaitOrigin(id)
                return
            }
            shard.add(upstreams[id].metrics.active, -1)
            if mayWait(id, session) { becomeIdle(id) } else { sayGoodbye(id) }
        case .connecting, .handshaking, .settling:
            break
        }
    }

    /// It carries nothing, and the origin does not read that this is so: a next request would not be read either.
    private func awaitOrigin(_ id: Handle) {
        http2Pool.value.remove(id, upstreams[id].endpoint)
        if upstreams[id].deadlineKind != .send { setDeadline(upstream: id, .send, afterMs: upstreams[id].shared?.sendTimeoutMs ?? 0) }
    }

    private func mayWait(_ id: Handle, _ session: HTTP2Session) -> Bool {
        let endpoint = upstreams[id].endpoint
        let keepaliveMax = upstreams[id].shared?.keepaliveMax ?? 0
        let mayCarryMore = !session.isShuttingDown && upstreams[id].shared?.hasRefused == false
        return mayCarryMore && !isDraining && !upstreams[id].isBroken && !upstreams[id].stream.peerFinished
            && idle.value.contains(endpoint) && idle.value.count(endpoint) < keepaliveMax
    }

    private func becomeIdle(_ id: Handle) {
        upstreams[id].state = .idle
        upstreams[id].isReused = true
        shard.add(upstreams[id].metrics.idle, 1)
        setDeadline(upstream: id, .idle, afterMs: upstreams[id].shared?.keepaliveTimeoutMs ?? 0)
        idle.value.put(id, upstreams[id].endpoint)
    }

    /// An idle connection carries a call again. False if it has ended meanwhile: what waits in the socket is asked first.
    func wake(_ id: Handle, _ gauges: UpstreamGauges) -> Bool {
        if upstreams[id].stream.canRead { driveOrigin(id) }
        guard upstreams.contains(id), case .idle = upstreams[id].state else { return false }
        idle.value.remove(id, upstreams[id].endpoint)
        shard.add(upstreams[id].metrics.idle, -1)
        upstreams[id].state = .active
        // By the server's present name, which a reload may have changed.
        upstreams[id].metrics = gauges
        shard.add(gauges.active, 1)
        upstreams[id].shared?.heardAt = now
        clearDeadline(upstream: id)
        return true
    }
}

extension UpstreamConnection {
    fileprivate mutating func receive(_ session: HTTP2Session, now: MonotonicTime) -> Bool {
        let isWell = session.receive(input.bytes, now: now)
        input.removeAll()
        return isWell
    }

    fileprivate mutating func send(_ session: HTTP2Session, _ now: MonotonicTime) {
        shared?.send(session, now)
    }

    fileprivate mutating func write() -> IOResult {
        shared?.write(to: &stream) ?? .moved(0)
    }
}

extension UpstreamConnection.Shared {
    fileprivate mutating func send(_ session: HTTP2Session, _ now: MonotonicTime) {
        session.send(into: &output, upTo: Limits.outputHighBytes, now: now)
    }

    fileprivate mutating func write(to stream: inout Stream) -> IOResult {
        stream.write(from: &output)
    }
}
