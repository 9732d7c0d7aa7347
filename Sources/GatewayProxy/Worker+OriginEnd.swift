import GatewayCore
import GatewayHTTP
import GatewayNet

/// How long an origin that speaks HTTP/2 has, and what becomes of its connection and of those that wait for it.
extension Worker {
    // MARK: Times

    /// Ends the calls whose time is up, asks a silent origin whether it is there, and waits for the next of them.
    func endLateStreams(_ id: Handle) {
        guard let session = upstreams[id].shared?.session, upstreams[id].shared?.carried != 0 else { return }
        var late: [Handle] = []
        var next = MonotonicTime.never
        session.forEachStream { stream in
            let call = streams.slab[stream].user
            if !calls.contains(call) || calls[call].streamState.waitsFor == .none { return }
            if calls[call].streamState.deadline <= now { late.append(call) } else { next = min(next, calls[call].streamState.deadline) }
        }
        if !next.isNever { watch(origin: id, until: next) }
        for call in late where calls.contains(call) { streamExpired(call) }
        if upstreams.contains(id), isAlive(id), upstreams[id].shared?.carried != 0 { askIfAlive(id, session) }
    }

    /// The connection is looked at no later than that.
    func watch(origin id: Handle, until deadline: MonotonicTime) {
        if upstreams[id].deadlineKind == .streams && upstreams[id].deadline <= deadline { return }
        upstreams[id].deadlineKind = .streams
        upstreams[id].deadline = deadline
        armUpstream(id, deadline)
    }

    private func askIfAlive(_ id: Handle, _ session: HTTP2Session) {
        let pingedAt = upstreams[id].shared?.pingedAt ?? .never
        let heardAt = upstreams[id].shared?.heardAt ?? now
        if pingedAt.isNever {
            var due = heardAt.adding(milliseconds: Limits.originSilenceMs)
            if let last = upstreams[id].shared?.lastPingAt, !last.isNever {
                due = max(due, last.adding(milliseconds: Limits.originPingIntervalMs))
            }
            if due <= now { ping(id, session) } else { watch(origin: id, until: due) }
            return
        }
        let dead = pingedAt.adding(milliseconds: Limits.originPongMs)
        if dead <= now {
            loseOrigin(id, GatewayError(.upstreamClosed, "the origin no longer answers on the connection"), status: 502)
        } else {
            watch(origin: id, until: dead)
        }
    }

    private func ping(_ id: Handle, _ session: HTTP2Session) {
        session.ping()
        upstreams[id].shared?.pingedAt = now
        upstreams[id].shared?.lastPingAt = now
        queueFlush(origin: id)
        watch(origin: id, until: now.adding(milliseconds: Limits.originPongMs))
    }

    // MARK: The end

    /// The origin has broken the protocol: it is told so by the GOAWAY that waits, and its answers are not believed any further.
    func failOrigin(_ id: Handle, _ session: HTTP2Session) {
        let error = session.failure ?? GatewayError(.upstreamInvalid, "the origin's connection failed")
        logger.debug("HTTP/2 with an origin failed", metadata: ["reason": "\(error.detail)"])
        write(id, session)
        upstreams[id].stream.finishWriting()
        loseOrigin(id, error, status: 502)
    }

    /// The connection is no more. Calls that wait for it try elsewhere; those with a stream take what has come, and fail where it ends.
    func loseOrigin(_ id: Handle, _ error: GatewayError, cause: SystemError? = nil, status: Int) {
        http2Pool.value.remove(id, upstreams[id].endpoint)
        if case .idle = upstreams[id].state {
            closeIdleUpstream(id)
            return
        }
        upstreams[id].state = .lost
        upstreams[id].shared?.loss = error
        clearDeadline(upstream: id)
        if let session = upstreams[id].shared?.session {
            session.abandon()
            driveCalls(session)
        }
        guard upstreams.contains(id) else { return }
        let waiting = takeWaiting(id)
        if upstreams[id].shared?.carried == 0 { discardOrigin(id) }
        for call in waiting where isWaiting(call, for: id) {
            calls[call].connection = .none
            resolve(calls[call].exchange, attemptFailed(call, error, cause: cause, status: status))
        }
    }

    func discardOrigin(_ id: Handle) {
        shard.add(upstreams[id].metrics.active, -1)
        upstreams[id].shared?.session?.close()
        upstreams.discard(id)
    }

    /// Ends a connection that carries nothing: by GOAWAY, so that the origin knows that no request is lost (RFC 9113 § 6.8).
    func sayGoodbye(_ id: Handle) {
        http2Pool.value.remove(id, upstreams[id].endpoint)
        if let session = upstreams[id].shared?.session {
            session.terminate(.noError)
            write(id, session)
            session.close()
        }
        upstreams[id].stream.finishWriting()
        upstreams.discard(id)
    }

    /// Nobody waits any more for a connection that is being made.
    func abandonOpening(_ id: Handle) {
        http2Pool.value.remove(id, upstreams[id].endpoint)
        discardOrigin(id)
    }

    // MARK: Who waits

    func takeWaiting(_ id: Handle) -> [Handle] {
        upstreams[id].shared?.takeWaiting() ?? []
    }

    func isWaiting(_ call: Handle, for id: Handle) -> Bool {
        calls.contains(call) && calls[call].connection == id && calls[call].stream.isNone
    }

    func forEachWaiting(_ id: Handle, _ body: (Handle) -> Void) {
        for call in upstreams[id].shared?.waiting ?? [] where isWaiting(call, for: id) { body(call) }
    }
}
