import GatewayConfig
import GatewayPolicy
import GatewayTelemetry

/// What the configuration says of callers, frozen: one for all routes.
struct RouteCallers {
    let keys: RouteKeys?
    let limits: [RateLimit]

    init(_ deployment: Deployment, registry: MetricsRegistry) {
        let keys = deployment.config.apiKeys.map { RouteKeys($0, registry: registry) }
        self.keys = keys
        limits = zip(deployment.config.rateLimits, deployment.buckets).map {
            RateLimit($0, table: $1, keyNames: keys?.table.names ?? [])
        }
    }
}

/// Who may call a location, and how: what it asks for before it answers. One for each `location` that asks for something.
final class RoutePolicies: Sendable {
    /// nil: `authenticate off`.
    let keys: RouteKeys?
    let stripsKey: Bool
    let limits: RouteLimits?

    init?(_ config: LocationConfig, _ callers: RouteCallers, registry: MetricsRegistry) {
        keys = config.authentication == nil ? nil : callers.keys
        stripsKey = config.authentication?.stripsKey ?? false
        limits = RouteLimits(config, callers.limits, registry: registry)
        if keys == nil && limits == nil { return nil }
    }
}
