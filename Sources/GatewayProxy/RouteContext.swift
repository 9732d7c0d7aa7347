import GatewayCache
import GatewayPolicy
import GatewayTelemetry

/// What the routes of a configuration are made of, besides what it says of each.
struct RouteContext {
    let upstreams: [UpstreamRoute]
    let callers: RouteCallers
    /// By the paths of their files.
    let flags: [String: MaintenanceFlag]
    /// The zones, in their order.
    let caches: [ResponseCache]
    let registry: MetricsRegistry
}
