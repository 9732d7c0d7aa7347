import GatewayConfig
import GatewayCore
import GatewayPolicy
import GatewayTelemetry

/// A limit of a route, and what is counted of it.
struct RouteLimit: Sendable {
    let cost: UInt64
    /// Requests that had its tokens and those of all others.
    let passed: MetricSlot
    /// Requests that it refused, or on trial would have.
    let refused: MetricSlot
    /// Requests counted in the bucket of those who found no room in its table.
    let shared: MetricSlot
    /// The member of a log line that names it, encoded.
    let logMember: [UInt8]
    /// The same for a span.
    let spanAttribute: [UInt8]
}

/// The limits that a location's requests meet: those of addresses first, then those of callers, who are known by then, and that of
/// everybody: behind the keys where the location asks for them, so that nobody without one takes from those who have one.
final class RouteLimits: Sendable {
    /// In the order in which they are asked.
    let limits: [RateLimit]
    let routes: [RouteLimit]
    /// How many of them don't need the caller's name.
    let addressCount: Int
    let style: LimitHeaderStyle

    /// nil where there are none.
    init?(_ config: LocationConfig, _ rateLimits: [RateLimit], registry: MetricsRegistry) {
        if config.limits.isEmpty { return nil }
        // One bucket for everybody comes last: what another refuses takes nothing from it, not for a moment.
        let uses = config.limits.sorted { rateLimits[$0.limit].rank < rateLimits[$1.limit].rank }
        let isKeyed = config.authentication != nil
        limits = uses.map { rateLimits[$0.limit] }
        addressCount = limits.count { $0.isOfAddresses(whereKeyed: isKeyed) }
        routes = uses.map { use in
            let limit = rateLimits[use.limit]
            return RouteLimit(
                cost: UInt64(use.cost), passed: registry.counter(.rateLimitPassed, [limit.name]),
                refused: registry.counter(.rateLimited, [limit.name, limit.isDryRun ? "dry_run" : "enforced"]),
                shared: registry.counter(.rateLimitShared, [limit.name]),
                logMember: JSONLine.members([(limit.isDryRun ? "rate_limit_dry_run" : "rate_limit", limit.name)]),
                spanAttribute: SpanJSON.further(.init(limit.isDryRun ? "gateway.rate_limit_dry_run" : "gateway.rate_limit", limit.name)))
        }
        style = config.limitHeaders
    }
}

extension RateLimit {
    fileprivate var rank: Int {
        switch key {
        case .address, .field: 0
        case .apiKey: 1
        case .everybody: 2
        }
    }

    /// Whether it is asked before the caller is known.
    fileprivate func isOfAddresses(whereKeyed isKeyed: Bool) -> Bool {
        switch key {
        case .address, .field: true
        case .apiKey: false
        case .everybody: !isKeyed
        }
    }
}
