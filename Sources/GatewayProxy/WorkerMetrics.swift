import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayTelemetry

/// The slots that every worker counts in, whatever the configuration.
struct WorkerMetrics {
    let accepted: MetricSlot
    private let refused: [MetricSlot]
    private let closed: [MetricSlot]
    /// By flood, then by error code.
    private let http2Errors: [MetricSlot]
    let http1: ConnectionGauges
    let http2: ConnectionGauges
    let gzipIn: MetricSlot
    let gzipOut: MetricSlot
    let gzipSkipped: MetricSlot
    private let refusals: [MetricSlot]
    private let registry: MetricsRegistry

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        accepted = registry.counter(.connectionsAccepted, [])
        refused = ConnectionRefusal.allCases.map { registry.counter(.connectionsRefused, [$0.name]) }
        closed = ConnectionEnd.allCases.map { registry.counter(.connectionsClosed, [$0.name]) }
        let http2Reasons = HTTP2Flood.allCases.map(\.name) + HTTP2ErrorCode.allCases.map(\.name)
        http2Errors = http2Reasons.map { registry.counter(.http2ConnectionErrors, [$0.description]) }
        http1 = ConnectionGauges(registry, "http/1.1")
        http2 = ConnectionGauges(registry, "h2")
        gzipIn = registry.counter(.gzipBytes, ["in"])
        gzipOut = registry.counter(.gzipBytes, ["out"])
        gzipSkipped = registry.counter(.gzipSkipped, [])
        refusals = ErrorType.allCases.map { registry.counter(.refusals, [$0.name.description]) }
    }

    func refused(_ reason: ConnectionRefusal) -> MetricSlot { refused[Int(reason.rawValue)] }

    func closed(_ reason: ConnectionEnd) -> MetricSlot { closed[Int(reason.rawValue)] }

    func http2Error(_ flood: HTTP2Flood?, _ code: HTTP2ErrorCode) -> MetricSlot {
        http2Errors[flood.map { Int($0.rawValue) } ?? HTTP2Flood.allCases.count + Int(code.rawValue)]
    }

    func refusal(_ type: ErrorType) -> MetricSlot { refusals[Int(type.rawValue)] }

    /// Looked up by name: that is little beside the handshake.
    func handshake(_ info: TLSInfo) -> MetricSlot {
        let names = [info.version, info.cipher].map { String(decoding: $0, as: UTF8.self) }
        return registry.counter(.tlsHandshakes, names + [info.isResumed ? "true" : "false"])
    }

    /// Failures are rare, and their reasons OpenSSL's: the slots are looked up by name.
    func handshakeFailure(reason: String) -> MetricSlot {
        registry.counter(.tlsHandshakeFailures, [reason])
    }
}

/// The gauges of clients' connections that speak one protocol, by its ALPN name.
struct ConnectionGauges {
    let active: MetricSlot
    let idle: MetricSlot

    init(_ registry: MetricsRegistry, _ name: String) {
        active = registry.gauge(.connections, ["active", name])
        idle = registry.gauge(.connections, ["idle", name])
    }
}

/// The gauges of one server's connections.
struct UpstreamGauges {
    let active: MetricSlot
    let idle: MetricSlot
}
