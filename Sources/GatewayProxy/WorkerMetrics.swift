import GatewayCore
import GatewayTelemetry

/// The slots that every worker counts in, whatever the configuration.
struct WorkerMetrics {
    let accepted: MetricSlot
    private let refused: [MetricSlot]
    private let closed: [MetricSlot]
    let active: MetricSlot
    let idle: MetricSlot
    let gzipIn: MetricSlot
    let gzipOut: MetricSlot
    let gzipSkipped: MetricSlot
    private let refusals: [MetricSlot]
    /// TLS 1.2, then TLS 1.3; each not resumed, then resumed.
    private let handshakes: [MetricSlot]
    private let registry: MetricsRegistry

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        accepted = registry.counter(.connectionsAccepted, [])
        refused = ConnectionRefusal.allCases.map { registry.counter(.connectionsRefused, [$0.name]) }
        closed = ConnectionEnd.allCases.map { registry.counter(.connectionsClosed, [$0.name]) }
        active = registry.gauge(.connections, ["active"])
        idle = registry.gauge(.connections, ["idle"])
        gzipIn = registry.counter(.gzipBytes, ["in"])
        gzipOut = registry.counter(.gzipBytes, ["out"])
        gzipSkipped = registry.counter(.gzipSkipped, [])
        handshakes = ["TLSv1.2", "TLSv1.3"].flatMap { version in
            ["false", "true"].map { registry.counter(.tlsHandshakes, [version, $0]) }
        }
        refusals = ErrorType.allCases.map { registry.counter(.refusals, [$0.name.description]) }
    }

    func refused(_ reason: ConnectionRefusal) -> MetricSlot { refused[Int(reason.rawValue)] }

    func closed(_ reason: ConnectionEnd) -> MetricSlot { closed[Int(reason.rawValue)] }

    func refusal(_ type: ErrorType) -> MetricSlot { refusals[Int(type.rawValue)] }

    /// No other versions are spoken.
    func handshake(version: [UInt8], isResumed: Bool) -> MetricSlot {
        handshakes[(version.rawSpan.equals("TLSv1.3") ? 2 : 0) + (isResumed ? 1 : 0)]
    }

    /// Failures are rare, and their reasons OpenSSL's: the slots are looked up by name.
    func handshakeFailure(reason: String) -> MetricSlot {
        registry.counter(.tlsHandshakeFailures, [reason])
    }
}

/// The gauges of one server's connections.
struct UpstreamGauges {
    let active: MetricSlot
    let idle: MetricSlot
}
