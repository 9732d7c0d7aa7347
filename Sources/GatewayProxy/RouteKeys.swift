import GatewayConfig
import GatewayCore
import GatewayPolicy
import GatewayTelemetry

/// `api_keys`, frozen: which keys there are, and what logs and metrics say of their callers.
final class RouteKeys: Sendable {
    let fields: APIKeyFields
    let table: APIKeyTable
    /// For each name: its text, the member of a log line, and its counter.
    private let texts: [[UInt8]]
    private let logMembers: [[UInt8]]
    private let requests: [MetricSlot]

    init(_ config: APIKeysConfig, registry: MetricsRegistry) {
        fields = APIKeyFields(config.fields)
        table = APIKeyTable(config.keys)
        texts = table.names.map { Array($0.utf8) }
        logMembers = table.names.map { JSONLine.members([("key", $0)]) }
        requests = table.names.enumerated().map { index, name in
            registry.counter(.apiKeyRequests, [index < Limits.apiKeySeriesMax ? name : "(other)"])
        }
    }

    func text(_ name: Int) -> [UInt8] { texts[name] }
    func logMember(_ name: Int) -> [UInt8] { logMembers[name] }
    func requests(_ name: Int) -> MetricSlot { requests[name] }
}
