import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// `cache` of a location, frozen: which zone, what makes requests the same, how long answers hold.
final class CacheRoute: Sendable {
    /// Whose answers a request may get.
    enum Partition: Sendable {
        /// Those of its API key's name.
        case key
        /// Those of everybody, as the operator wants it.
        case shared
        /// Those of all requests without credentials; others pass the cache by.
        case anonymous
    }

    let zone: ResponseCache
    let config: CacheConfig
    let partition: Partition
    /// What tells its answers from those of other locations in the zone: what they add to a request differs.
    let name: [UInt8]
    /// The names of ``CacheConfig/fields`` and ``CacheConfig/ignored``, as bytes.
    let fields: [[UInt8]]
    let ignored: [[UInt8]]
    private let requests: [MetricSlot]
    private let bypasses: [MetricSlot]
    private let refusals: [MetricSlot]
    let stored: MetricSlot
    let savedInputTokens: MetricSlot
    let savedOutputTokens: MetricSlot
    let savedOriginTime: MetricSlot

    init(_ config: CacheConfig, name: String, zone: ResponseCache, isKeyed: Bool, registry: MetricsRegistry) {
        self.name = Array(name.utf8)
        self.config = config
        self.zone = zone
        partition = config.scope == .shared ? .shared : isKeyed ? .key : .anonymous
        fields = config.fields.map { Array($0.utf8) }
        ignored = config.ignored.map { Array($0.utf8) }
        requests = CacheOutcome.allCases.map { registry.counter(.cacheRequests, [zone.name, $0.name.description]) }
        bypasses = CacheBypass.allCases.map { registry.counter(.cacheBypasses, [zone.name, $0.name.description]) }
        refusals = CacheRefusal.allCases.map { registry.counter(.cacheNotStored, [zone.name, $0.name.description]) }
        stored = registry.counter(.cacheStored, [zone.name])
        savedInputTokens = registry.counter(.cacheSavedTokens, [zone.name, "input"])
        savedOutputTokens = registry.counter(.cacheSavedTokens, [zone.name, "output"])
        savedOriginTime = registry.counter(.cacheSavedOriginTime, [zone.name])
    }

    func requests(_ outcome: CacheOutcome) -> MetricSlot { requests[Int(outcome.rawValue)] }
    func bypasses(_ reason: CacheBypass) -> MetricSlot { bypasses[Int(reason.rawValue)] }
    func refusals(_ reason: CacheRefusal) -> MetricSlot { refusals[Int(reason.rawValue)] }
}
