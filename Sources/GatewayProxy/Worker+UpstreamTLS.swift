import GatewayCore
import GatewayNet

/// TLS with origins: the handshake behind the connect, within the same connect_timeout, and the sessions for the next one.
extension Worker {
    /// The connection stands: TLS on it.
    func beginTLS(upstream id: Handle, _ tls: UpstreamTLS) {
        let session = sessions.value.take(upstreams[id].endpoint, now: now)
        upstreams[id].state = .handshaking
        upstreams[id].stream.connectTLS(tls.origin, resuming: session, now: now)
        shakeHands(upstream: id)
    }

    func shakeHands(upstream id: Handle) {
        switch upstreams[id].stream.handshake() {
        case .moved:
            if let tls = server(of: id).tls, let info = upstreams[id].stream.tlsInfo() {
                shard.increment(tls.handshake(info))
            }
            established(id)
        case .wouldBlock:
            break
        case .ended:
            countTLSFailure(server(of: id), reason: "closed")
            connectionFailed(id, GatewayError(.upstreamTLS, "the origin ended the connection inside the TLS handshake"), status: 502)
        case .failed(let failure):
            if case .tls(let failure) = failure { noteTLSFailure(id, failure) }
            connectionFailed(id, upstreamError(id, server(of: id), failure), status: 502)
        }
    }

    /// For the log lines of those who wait for the connection.
    private func noteTLSFailure(_ id: Handle, _ failure: TLSFailure) {
        let call = upstreams[id].call
        if !call.isNone { exchanges[calls[call].exchange].outcome.tlsFailure = failure }
        forEachWaiting(id) { exchanges[calls[$0].exchange].outcome.tlsFailure = failure }
    }

    func upstreamError(_ call: Handle, _ failure: IOFailure) -> GatewayError {
        if case .tls(let failure) = failure { exchanges[calls[call].exchange].outcome.tlsFailure = failure }
        return upstreamError(calls[call].connection, calls[call].selectedServer, failure)
    }

    /// What a failure on an origin's connection is called. What OpenSSL has to say about it goes to the log and the counters: to the
    /// client it would tell how the house behind the gateway is built.
    func upstreamError(_ id: Handle, _ server: UpstreamRoute.Server, _ failure: IOFailure) -> GatewayError {
        let isHandshake = if case .handshaking = upstreams[id].state { true } else { false }
        switch failure {
        case .system:
            if !isHandshake { return GatewayError(.upstreamClosed, "the origin reset the connection") }
            countTLSFailure(server, reason: "reset")
            return GatewayError(.upstreamTLS, "the origin reset the connection inside the TLS handshake")
        case .truncated:
            if !isHandshake { return GatewayError(.upstreamClosed, "the origin closed the connection without the end that TLS has") }
            countTLSFailure(server, reason: "closed")
            return GatewayError(.upstreamTLS, "the origin ended the connection inside the TLS handshake")
        case .tls(let failure):
            countTLSFailure(server, reason: failure.reason)
            return isHandshake
                ? GatewayError(.upstreamTLS, "the TLS handshake with the origin failed")
                : GatewayError(.upstreamTLS, "TLS with the origin failed")
        }
    }

    func countTLSFailure(_ server: UpstreamRoute.Server, reason: String) {
        guard let tls = server.tls else { return }
        shard.increment(tls.failure(reason))
        logger.debug("TLS with an origin failed", metadata: ["reason": "\(reason)"])
    }

    /// Takes what the origin has offered for resumption: with TLS 1.3 that comes at any time, mostly with the first answer.
    func keepSessions(of id: Handle) {
        let offered = upstreams[id].stream.takeSessions()
        if !offered.isEmpty { sessions.value.put(offered, upstreams[id].endpoint) }
    }
}
