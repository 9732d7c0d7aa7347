import GatewayCache
import GatewayConfig
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
    /// nil: nobody traces.
    let tracing: TracingConfig?
    let registry: MetricsRegistry
}
