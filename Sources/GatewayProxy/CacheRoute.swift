import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy
import GatewayTelemetry
import Synchronization

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

    /// No other route of the process has or had it.
    let number: UInt64
    private static let numbers = Atomic<UInt64>(0)
    let zone: ResponseCache
    let config: CacheConfig
    let partition: Partition
    /// What tells its answers from those of other locations in the zone, and of this one under another configuration: see
    /// ``CacheRouteName``.
    let name: [UInt8]
    /// The names of ``CacheConfig/fields`` and ``CacheConfig/ignored``, as bytes.
    let fields: [[UInt8]]
    let ignored: [[UInt8]]
    static let originField = Array("origin".utf8)
    let overrides: OverrideFields
    /// Whether the location names its api: event streams tell of their end then.
    let knowsAPI: Bool
    /// Where keys of `api_keys` may stand; nil without any.
    let keyFields: APIKeyFields?
    /// Fields of proxy_set_header that are not the same for all: what they are for a request counts. nil without any.
    let keyedFields: FieldTemplates?
    /// The names of those of which ids and addresses of clients are left out.
    private let unkeyedFields: [[UInt8]]
    private let requests: [MetricSlot]
    private let bypasses: [MetricSlot]
    private let refusals: [MetricSlot]
    let stored: MetricSlot
    let savedInputTokens: MetricSlot
    let savedOutputTokens: MetricSlot
    let savedOriginTime: MetricSlot

    init(
        _ config: CacheConfig, in location: LocationConfig, place: String, upstream: UpstreamConfig?, _ context: RouteContext
    ) {
        let (zone, registry) = (context.caches[config.zone], context.registry)
        number = Self.numbers.add(1, ordering: .relaxed).newValue
        keyFields = context.callers.keys?.fields
        let keyed = CacheRouteName.ordered(location.proxySetHeaders).compactMap { header in
            header.value.apartFromIDs.map { HeaderTemplate(name: header.name, value: $0) }
        }
        keyedFields = keyed.isEmpty ? nil : FieldTemplates(keyed)
        unkeyedFields = location.proxySetHeaders.filter { $0.value.parts.contains(where: \.tellsClientApart) }.map { Array($0.name.utf8) }
        knowsAPI = location.edge.api != nil
        let isKeyed = location.authentication != nil
        self.config = config
        self.zone = zone
        partition = config.scope == .shared ? .shared : isKeyed ? .key : .anonymous
        name = CacheRouteName.bytes(place, config, partition, in: location, upstream: upstream, keyFields: context.keyFields)
        // The order in which they are written makes no other key.
        fields = config.fields.sorted().map { Array($0.utf8) }
        overrides = OverrideFields(countedAnyhow: config.fields)
        ignored = config.ignored.map { Array($0.utf8) }
        requests = CacheOutcome.allCases.map { registry.counter(.cacheRequests, [zone.name, $0.name.description]) }
        bypasses = CacheBypass.allCases.map { registry.counter(.cacheBypasses, [zone.name, $0.name.description]) }
        refusals = CacheRefusal.allCases.map { registry.counter(.cacheNotStored, [zone.name, $0.name.description]) }
        stored = registry.counter(.cacheStored, [zone.name])
        savedInputTokens = registry.counter(.cacheSavedTokens, [zone.name, "input"])
        savedOutputTokens = registry.counter(.cacheSavedTokens, [zone.name, "output"])
        savedOriginTime = registry.counter(.cacheSavedOriginTime, [zone.name])
    }

    /// Whether Origin is part of a request's key where nobody looks at Vary before the answer is given to others.
    func countsOrigin(isPost: Bool) -> Bool { isPost || config.force }

    /// Whether requests with other values in the field have other keys.
    func counts(_ name: RawSpan, isPost: Bool) -> Bool {
        if countsOrigin(isPost: isPost) && name.equalsIgnoringCase("origin") { return true }
        for field in fields where name.equalsIgnoringCase(field.rawSpan) { return true }
        return false
    }

    /// Whether `proxy_set_header` makes the field of what the key leaves out: ids and addresses of clients.
    func isUnkeyed(_ name: RawSpan) -> Bool { unkeyedFields.contains { name.equalsIgnoringCase($0.rawSpan) } }

    func requests(_ outcome: CacheOutcome) -> MetricSlot { requests[Int(outcome.rawValue)] }
    func bypasses(_ reason: CacheBypass) -> MetricSlot { bypasses[Int(reason.rawValue)] }
    func refusals(_ reason: CacheRefusal) -> MetricSlot { refusals[Int(reason.rawValue)] }
}

extension Template.Part {
    /// Whether it is an id or an address of a client.
    fileprivate var tellsClientApart: Bool {
        switch self {
        case .variable(.requestID), .variable(.remoteAddr), .variable(.remotePort), .variable(.proxyAddXForwardedFor): true
        default: false
        }
    }
}

extension Template {
    /// What of its value may differ between requests that are the same otherwise; nil for nothing. Ids and addresses of clients don't count:
    /// they differ for each, and nothing would be answered from a cache.
    fileprivate var apartFromIDs: Template? {
        let counting = parts.filter { part in
            switch part {
            case .literal: true
            case _ where part.tellsClientApart: false
            case .variable(.hostname), .variable(.serverAddr), .variable(.serverName), .variable(.serverPort): false
            case .variable: true
            }
        }
        let differs = counting.contains { part in if case .variable = part { true } else { false } }
        return differs ? Template(parts: counting) : nil
    }
}
