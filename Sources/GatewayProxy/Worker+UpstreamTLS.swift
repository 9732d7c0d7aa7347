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
        let call = upstreams[id].call
        let exchange = calls[call].exchange
        let error: GatewayError
        switch upstreams[id].stream.handshake() {
        case .moved:
            if let tls = calls[call].selectedServer.tls, let info = upstreams[id].stream.tlsInfo() {
                shard.increment(tls.handshake(info))
            }
            established(id)
            return
        case .wouldBlock:
            return
        case .ended:
            error = GatewayError(.upstreamTLS, "the origin ended the connection inside the TLS handshake")
            countTLSFailure(call, reason: "closed")
        case .failed(let failure):
            error = upstreamError(call, failure)
        }
        resolve(exchange, attemptFailed(call, error, status: 502))
    }

    /// What a failure on an origin's connection is called. What OpenSSL has to say about it goes to the log and the counters: to the
    /// client it would tell how the house behind the gateway is built.
    func upstreamError(_ call: Handle, _ failure: IOFailure) -> GatewayError {
        let isHandshake = if case .handshaking = upstreams[calls[call].connection].state { true } else { false }
        switch failure {
        case .system:
            if !isHandshake { return GatewayError(.upstreamClosed, "the origin reset the connection") }
            countTLSFailure(call, reason: "reset")
            return GatewayError(.upstreamTLS, "the origin reset the connection inside the TLS handshake")
        case .truncated:
            if !isHandshake { return GatewayError(.upstreamClosed, "the origin closed the connection without the end that TLS has") }
            countTLSFailure(call, reason: "closed")
            return GatewayError(.upstreamTLS, "the origin ended the connection inside the TLS handshake")
        case .tls(let failure):
            exchanges[calls[call].exchange].outcome.tlsFailure = failure
            countTLSFailure(call, reason: failure.reason)
            return isHandshake
                ? GatewayError(.upstreamTLS, "the TLS handshake with the origin failed")
                : GatewayError(.upstreamTLS, "TLS with the origin failed")
        }
    }

    func countTLSFailure(_ call: Handle, reason: String) {
        guard let tls = calls[call].selectedServer.tls else { return }
        shard.increment(tls.failure(reason))
        logger.debug("TLS with an origin failed", metadata: ["reason": "\(reason)"])
    }

    /// Takes what the origin has offered for resumption: with TLS 1.3 that comes at any time, mostly with the first answer.
    func keepSessions(of id: Handle) {
        let offered = upstreams[id].stream.takeSessions()
        if !offered.isEmpty { sessions.value.put(offered, upstreams[id].endpoint) }
    }
}
