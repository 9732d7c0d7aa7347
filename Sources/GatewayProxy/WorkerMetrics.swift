import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// The slots that every worker counts in, whatever the configuration.
struct WorkerMetrics {
    let accepted: MetricSlot
    private let refused: [MetricSlot]
    private let closed: [MetricSlot]
    /// By flood, then by error code.
    private let http2Errors: [MetricSlot]
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
        let http2Reasons = HTTP2Flood.allCases.map(\.name) + HTTP2ErrorCode.allCases.map(\.name)
        http2Errors = http2Reasons.map { registry.counter(.http2ConnectionErrors, [$0.description]) }
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

    func http2Error(_ flood: HTTP2Flood?, _ code: HTTP2ErrorCode) -> MetricSlot {
        http2Errors[flood.map { Int($0.rawValue) } ?? HTTP2Flood.allCases.count + Int(code.rawValue)]
    }

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
