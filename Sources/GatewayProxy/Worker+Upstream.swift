import GatewayCore
import GatewayHTTP
import GatewayNet

/// The upstream half: connections and attempts.
extension Worker {
    func driveUpstream(_ id: Handle) {
        switch upstreams[id].state {
        case .connecting: connected(id)
        case .handshaking: shakeHands(upstream: id)
        case .active where upstreams[id].shared == nil: step(calls[upstreams[id].call].exchange)
        case .idle where upstreams[id].shared == nil:
            // An idle connection has nothing to say: this is its end, or something that nobody asked for. TLS may have: tickets.
            if !isQuiet(id) { closeIdleUpstream(id) }
        case .settling, .active, .idle: driveOrigin(id)
        case .lost: break
        }
    }

    func connect(_ endpoint: Endpoint, _ server: UpstreamRoute.Server, for call: Handle) throws(SystemError) -> Handle {
        shard.increment(server.connects)
        let stream = try openStream(to: endpoint)
        if !upstreams.hasRoom(for: upstreams.count + 1) { throw .noMemory("mprotect") }
        let id = upstreams.insert(
            UpstreamConnection(stream: stream, endpoint: endpoint, metrics: server.gauges, call: .none, now: now, pool: pool))
        do {
            try epoll.add(upstreams[id].stream.fileDescriptor, EventToken(kind: Kind.upstream, handle: id))
        } catch {
            upstreams.discard(id)
            throw error
        }
        setDeadline(upstream: id, .connect, afterMs: calls[call].upstream.connectTimeoutMs)
        return id
    }

    /// Who is connected goes on: without a free connection or descriptor something idle makes room. Once, as the shortage may be the machine's.
    private func openStream(to endpoint: Endpoint) throws(SystemError) -> Stream {
        if !hasConnectionForOrigin() { throw .noDescriptor("worker_connections") }
        do throws(SystemError) {
            return try Stream.connect(to: endpoint.address, below: upstreamDescriptorMark)
        } catch {
            if !error.isShortage || !makeRoom(for: .descriptor) { throw error }
            return try Stream.connect(to: endpoint.address, below: upstreamDescriptorMark)
        }
    }

    private func connected(_ id: Handle) {
        if let failure = upstreams[id].stream.connectFailure() {
            let error = GatewayError(.connectFailed, "the origin refused the connection")
            connectionFailed(id, error, cause: failure, status: 502)
            return
        }
        guard upstreams[id].stream.canWrite else { return }
        if let tls = server(of: id).tls {
            beginTLS(upstream: id, tls)
        } else {
            established(id)
        }
    }

    /// The connection is ready for the request.
    func established(_ id: Handle) {
        shard.observe(server(of: id).connectDuration, nanoseconds: now.nanoseconds(since: upstreams[id].openedAt))
        if upstreams[id].shared != nil {
            beginSession(id)
            return
        }
        let call = upstreams[id].call
        exchanges[calls[call].exchange].outcome.connectingAt = upstreams[id].openedAt
        exchanges[calls[call].exchange].outcome.connectedAt = now
        upstreams[id].state = .active
        clearDeadline(upstream: id)
        calls[call].state = .awaitingHead
        step(calls[call].exchange)
    }

    /// Of a connection that is being made.
    func server(of id: Handle) -> UpstreamRoute.Server {
        upstreams[id].shared?.server ?? calls[upstreams[id].call].selectedServer
    }

    /// A connection that no request is on yet is given up.
    func connectionFailed(_ id: Handle, _ error: GatewayError, cause: SystemError? = nil, status: Int) {
        if upstreams[id].shared != nil {
            loseOrigin(id, error, cause: cause, status: status)
        } else {
            let call = upstreams[id].call
            resolve(calls[call].exchange, attemptFailed(call, error, cause: cause, status: status))
        }
    }

    // MARK: Reading and writing

    func fillUpstream(_ id: Handle, atMost byteCount: Int = Limits.readBytes) -> IOResult {
        guard upstreams[id].stream.canRead else { return .wouldBlock }
        let result = upstreams[id].stream.read(into: &upstreams[id].input, atMost: byteCount)
        if case .moved = result {
            upstreams[id].needsInput = false
            clearDeadline(upstream: id)
        }
        return result
    }

    /// Writes what waits of the request. A failure is no end yet: an origin may answer and close before it has read everything.
    func writeRequest(_ call: Handle) {
        if calls[call].isOverHTTP2 {
            writeToStream(call)
            return
        }
        if calls[call].unwritten == 0 { return }
        let id = calls[call].connection
        while calls[call].unwritten > 0, !calls[call].isRequestRefused, upstreams[id].stream.canWrite {
            let written = calls[call].written
            switch upstreams[id].stream.write(calls[call].request, from: written) {
            case .moved(let count):
                calls[call].noteWritten(count)
                clearDeadline(upstream: id)
            case .wouldBlock:
                break
            case .ended, .failed:
                calls[call].isRequestRefused = true
            }
        }
        if calls[call].unwritten > 0 && !calls[call].isRequestRefused && upstreams[id].deadlineKind != .send {
            setDeadline(upstream: id, .send, afterMs: calls[call].upstream.sendTimeoutMs)
        }
    }

    /// The origin has so long for its next byte, once it has the whole request.
    func awaitResponse(_ id: Handle, _ call: Handle) {
        if calls[call].isOverHTTP2 {
            awaitAnswer(id, call)
            return
        }
        let connection = calls[call].connection
        if upstreams[connection].deadlineKind != .none { return }
        if exchanges[id].requestBody.isComplete || calls[call].isRequestRefused {
            setDeadline(upstream: connection, .read, afterMs: calls[call].upstream.readTimeoutMs)
        }
    }

    /// The client is slow, not the origin: its time does not run.
    func pauseReading(_ call: Handle) {
        if calls[call].isOverHTTP2 {
            if calls[call].streamState.waitsFor == .read { calls[call].streamState.waitsFor = .none }
            return
        }
        let connection = calls[call].connection
        if connection.isNone { return }
        if upstreams[connection].deadlineKind == .read { clearDeadline(upstream: connection) }
    }

    func upstreamExpired(_ id: Handle) {
        let kind = upstreams[id].deadlineKind
        clearDeadline(upstream: id)
        let call = upstreams[id].call
        let error: GatewayError
        switch kind {
        case .none: return
        case .idle:
            closeIdleUpstream(id)
            return
        case .streams:
            endLateStreams(id)
            return
        case .connect:
            connectionFailed(id, connectTimeout(id), status: 504)
            return
        case .send where upstreams[id].shared != nil:
            http2Pool.value.remove(id, upstreams[id].endpoint)
            upstreams[id].stream.breakOff()
            discardOrigin(id)
            return
        case .send: error = GatewayError(.upstreamSendTimeout, "the origin did not read the request within send_timeout")
        case .read:
            if case .tunnel = calls[call].state {
                tunnelExpired(call)
                return
            }
            error = GatewayError(.upstreamReadTimeout, "the origin did not answer within read_timeout")
        }
        resolve(calls[call].exchange, attemptFailed(call, error, status: 504))
    }

    private func connectTimeout(_ id: Handle) -> GatewayError {
        switch upstreams[id].state {
        case .handshaking:
            countTLSFailure(server(of: id), reason: "timeout")
            return GatewayError(.connectTimeout, "the origin did not finish the TLS handshake within connect_timeout")
        case .settling:
            return upstreams[id].shared?.session?.hasPeerSettings == true
                ? GatewayError(.connectTimeout, "the origin allowed no requests on the connection within connect_timeout")
                : GatewayError(.connectTimeout, "the origin did not begin HTTP/2 within connect_timeout")
        default:
            return GatewayError(.connectTimeout, "the origin did not take the connection within connect_timeout")
        }
    }

    /// Acts on a verdict that did not come from a phase.
    func resolve(_ exchange: Handle, _ verdict: Verdict) {
        if apply(verdict, to: exchange) { step(exchange) }
    }

    // MARK: Attempts

    /// Whether the request may be sent a second time although the first may have been read (RFC 9110 § 9.2.2).
    func mayRepeat(_ call: Handle) -> Bool {
        let retry = calls[call].upstream.retry
        let method = exchanges[calls[call].exchange].head.method
        return retry.onIdle && (method.isIdempotent || retry.nonIdempotent)
    }

    /// One attempt is over without a whole answer. Another server may be tried as long as the origin cannot have acted on the
    /// request, or may act on it twice.
    func attemptFailed(_ call: Handle, _ error: GatewayError, cause: SystemError? = nil, status: Int) -> Verdict {
        let id = calls[call].exchange
        countAttempt(call, status: status, error.type)
        exchanges[id].outcome.status = status
        let wasConnecting = error.type == .connectFailed || error.type == .connectTimeout || isConnecting(call)
        let diedIdle = error.type == .upstreamClosed && hasDiedIdle(call)
        let isUnprocessed = calls[call].streamState.isUnprocessed
        if !diedIdle { noteFailure(of: call, error, cause) }
        if !calls[call].connection.isNone {
            leaveConnection(call)
            calls[call].connection = .none
        }
        if exchanges[id].response.hasBegun {
            if calls[call].upstream.countsFailures { noteUnanswered(call, error) }
            forgetCall(id)
            return .breakOff(GatewayError(.upstreamTruncated, "the origin broke off its response"))
        }
        let upstream = calls[call].upstream
        let method = exchanges[id].head.method
        if wasConnecting && tryNextAddress(call) {
            calls[call].rewind(method: method)
            return .next(.send)
        }
        if upstream.countsFailures && !diedIdle { noteUnanswered(call, error) }
        let mayRetry = calls[call].attempts < min(upstream.retry.attempts, Limits.attemptsMax)
        let isStale = diedIdle && !isUnprocessed
        if mayRetry && (diedIdle || (wasConnecting && upstream.retry.onConnect)) && (isStale || mayAffordRetry(call)) {
            shard.increment(calls[call].selectedServer.retries)
            calls[call].rewind(method: method)
            calls[call].lastError = error
            // A connection that had died says nothing about its server: the same one, on another connection. A server that refuses a second
            // time has too much to do.
            let isRefusedAgain = isUnprocessed && calls[call].wasRefused && !upstream.isSingle
            if isUnprocessed { calls[call].wasRefused = true }
            if diedIdle && !isRefusedAgain {
                replaceVanishedAddress(call)
                // Once for each server: were it an attempt, a server that has died would take both of the two that are usual.
                if isUnprocessed || calls[call].wantsNewConnection { calls[call].attempts += 1 }
                calls[call].wantsNewConnection = !isUnprocessed
                return .next(.send)
            }
            vacatePlace(call)
            calls[call].triedServers.insert(calls[call].server)
            return .next(.chooseUpstream)
        }
        return .refuse(error)
    }

    /// Whether `budget` has one more. A connection that had died is not asked about: no server has more to do for it.
    private func mayAffordRetry(_ call: Handle) -> Bool {
        let retry = calls[call].upstream.retry
        guard let percent = retry.budgetPercent else { return true }
        let (snapshot, upstream) = (exchanges[calls[call].exchange].snapshot, calls[call].upstream.index)
        if snapshots[snapshot].choices[upstream].takeRetry(percent: percent, floorPerSecond: retry.floorPerS, now: now) { return true }
        if let refused = calls[call].upstream.retriesRefused { shard.increment(refused) }
        return false
    }

    /// Until the connection and TLS on it stand, the origin has got nothing of the request.
    private func isConnecting(_ call: Handle) -> Bool {
        if case .connecting = calls[call].state { true } else { false }
    }

    private func hasDiedIdle(_ call: Handle) -> Bool {
        if calls[call].isOverHTTP2 { return hasDiedUnanswered(call) }
        guard case .awaitingHead = calls[call].state, upstreams[calls[call].connection].isReused,
            upstreams[calls[call].connection].input.isEmpty, calls[call].upstream.retry.onIdle
        else { return false }
        return calls[call].keepsRequest || !calls[call].hasWritten
    }

    /// A name may have several addresses: all are tried before the server counts as tried. One that is no longer among them counts for
    /// nothing: those that have come in its place are still to be tried.
    private func tryNextAddress(_ call: Handle) -> Bool {
        let snapshot = exchanges[calls[call].exchange].snapshot
        let upstream = calls[call].upstream.index
        let (version, server) = (calls[call].version, calls[call].server)
        let failed = calls[call].endpoint
        snapshots[snapshot].choices[upstream].avoidAddress(failed, version: version, server: server, now: now)
        calls[call].addressesTried += 1
        let isListed = snapshots[snapshot].choices[upstream].hasAddress(failed, version: version, server: server)
        calls[call].addressesFailed = isListed ? calls[call].addressesFailed + 1 : 0
        let count = snapshots[snapshot].choices[upstream].addressCount(version: version, server: server)
        if calls[call].addressesFailed >= count || calls[call].addressesTried >= Limits.attemptsMax { return false }
        calls[call].endpoint = snapshots[snapshot].choices[upstream].nextAddress(version: version, server: server, now: now)
        return true
    }

    /// The connection that had died may have died because its address is no longer the server's.
    private func replaceVanishedAddress(_ call: Handle) {
        let snapshot = exchanges[calls[call].exchange].snapshot
        let upstream = calls[call].upstream.index
        let (version, server) = (calls[call].version, calls[call].server)
        let endpoint = calls[call].endpoint
        if snapshots[snapshot].choices[upstream].hasAddress(endpoint, version: version, server: server) { return }
        if snapshots[snapshot].choices[upstream].addressCount(version: version, server: server) == 0 { return }
        calls[call].endpoint = snapshots[snapshot].choices[upstream].nextAddress(version: version, server: server, now: now)
    }

    /// Ends the call of an exchange that ends without it: its connection is closed at once. `status` is what the attempt counts as.
    func dropCall(_ id: Handle, status: Int = 499) {
        let call = exchanges[id].call
        if call.isNone { return }
        if !calls[call].connection.isNone {
            countAttempt(call, status: status, exchanges[id].error?.type ?? .clientClosed)
            exchanges[id].outcome.status = status
            // What goes through a tunnel may end with its connection: cut off, it must not look whole.
            if case .tunnel = calls[call].state { upstreams[calls[call].connection].stream.breakOff() }
            leaveConnection(call)
        }
        forgetCall(id)
    }

    private func forgetCall(_ id: Handle) {
        vacatePlace(exchanges[id].call)
        calls.discard(exchanges[id].call)
        exchanges[id].call = .none
    }

    // MARK: The pool

    /// A connection to `endpoint` that waits; nil if none does, or the call has had enough of old ones.
    func takeIdle(_ endpoint: Endpoint) -> Handle? {
        while let id = idle.value.take(endpoint) {
            clearDeadline(upstream: id)
            shard.add(upstreams[id].metrics.idle, -1)
            // The end may have come in this very round of events.
            if isQuiet(id) {
                upstreams[id].state = .active
                return id
            }
            upstreams.discard(id)
        }
        return nil
    }

    /// The call is over. Its connection goes to the pool if both messages were whole and nothing is behind them.
    func releaseConnection(_ call: Handle, mayBeReused: Bool) {
        defer { vacatePlace(call) }
        if calls[call].isOverHTTP2 {
            leaveStream(call)
            return
        }
        let id = calls[call].connection
        let (keepaliveMax, keepaliveTimeoutMs) = (calls[call].upstream.keepaliveMax, calls[call].upstream.keepaliveTimeoutMs)
        shard.add(upstreams[id].metrics.active, -1)
        let isTLS = upstreams[id].stream.isTLS
        if isTLS { keepSessions(of: id) }
        guard mayBeReused, calls[call].head.keepAlive, calls[call].framing != .untilClose, !isDraining,
            idle.value.contains(upstreams[id].endpoint),
            upstreams[id].input.isEmpty, isQuiet(id), idle.value.count(upstreams[id].endpoint) < keepaliveMax
        else {
            // The origin is told that this is an end and no attack (RFC 8446 § 6.1).
            if isTLS { upstreams[id].stream.finishWriting() }
            upstreams.discard(id)
            return
        }
        upstreams[id].state = .idle
        upstreams[id].call = .none
        upstreams[id].isReused = true
        shard.add(upstreams[id].metrics.idle, 1)
        setDeadline(upstream: id, .idle, afterMs: keepaliveTimeoutMs)
        idle.value.put(id, upstreams[id].endpoint)
    }

    /// Whether the origin has sent more than its response, as far as can be told now.
    func hasSurplus(_ call: Handle) -> Bool {
        let id = calls[call].connection
        _ = isQuiet(id)
        return !upstreams[id].input.isEmpty
    }

    /// Whether nothing stands in the socket behind the response: bytes there would answer the next request. Of TLS only content counts,
    /// so it has to be read to tell: tickets and KeyUpdates come unasked.
    private func isQuiet(_ id: Handle) -> Bool {
        if upstreams[id].stream.peerFinished { return false }
        if !upstreams[id].stream.canRead { return true }
        guard case .wouldBlock = upstreams[id].stream.read(into: &upstreams[id].input) else { return false }
        if upstreams[id].stream.isTLS { keepSessions(of: id) }
        return true
    }

    func closeIdleUpstream(_ id: Handle) {
        idle.value.remove(id, upstreams[id].endpoint)
        shard.add(upstreams[id].metrics.idle, -1)
        if upstreams[id].shared != nil {
            sayGoodbye(id)
            return
        }
        if upstreams[id].stream.isTLS { upstreams[id].stream.finishWriting() }
        upstreams.discard(id)
    }

    /// Gives up one idle connection for a client's; false if there is none.
    func closeOneIdle() -> Bool {
        guard let id = idle.value.any else { return false }
        closeIdleUpstream(id)
        return true
    }

    /// Ends the call's part in its connection before its answer is whole.
    private func leaveConnection(_ call: Handle) {
        if calls[call].isOverHTTP2 { leaveStream(call) } else { closeUpstream(calls[call].connection) }
    }

    private func closeUpstream(_ id: Handle) {
        shard.add(upstreams[id].metrics.active, -1)
        upstreams.discard(id)
    }
}
