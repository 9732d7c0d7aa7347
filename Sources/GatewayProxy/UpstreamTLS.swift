import GatewayNet
import GatewayTelemetry

/// TLS with one server of an upstream: what begins it, and where its handshakes are counted.
final class UpstreamTLS: Sendable {
    let origin: TLSOrigin
    /// TLS 1.2, then TLS 1.3; each not resumed, then resumed.
    private let handshakes: [MetricSlot]
    private let registry: MetricsRegistry
    private let labels: [String]

    init(_ origin: TLSOrigin, upstream: String, server: String, registry: MetricsRegistry) {
        self.origin = origin
        self.registry = registry
        labels = [upstream, server]
        handshakes = ["TLSv1.2", "TLSv1.3"].flatMap { version in
            ["false", "true"].map { registry.counter(.upstreamTLSHandshakes, [upstream, server, version, $0]) }
        }
    }

    /// No other versions are spoken.
    func handshake(_ info: TLSInfo) -> MetricSlot {
        let version = info.version
        return handshakes[(version.rawSpan.equals("TLSv1.3") ? 2 : 0) + (info.isResumed ? 1 : 0)]
    }

    /// Failures are rare, and their reasons OpenSSL's: the slots are looked up by name.
    func failure(_ reason: String) -> MetricSlot {
        registry.counter(.upstreamTLSHandshakeFailures, labels + [reason])
    }
}
