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

/// Who may call a location, and how: what it asks for before it answers. One for each `location` that asks for something.
final class RoutePolicies: Sendable {
    /// nil: `authenticate off`.
    let keys: RouteKeys?
    let stripsKey: Bool

    init?(_ config: LocationConfig, keys: RouteKeys?) {
        guard let authentication = config.authentication, let keys else { return nil }
        self.keys = keys
        stripsKey = authentication.stripsKey
    }
}
