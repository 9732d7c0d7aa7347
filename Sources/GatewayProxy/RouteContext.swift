import GatewayCache
import GatewayConfig
import GatewayPolicy
import GatewayTelemetry

/// What the routes of a configuration are made of, besides what it says of each.
struct RouteContext {
    let upstreams: [UpstreamRoute]
    /// What they were made of, in the same order.
    let upstreamConfigs: [UpstreamConfig]
    /// Where keys of `api_keys` may stand; empty without any.
    let keyFields: [APIKeysConfig.Field]
    let callers: RouteCallers
    /// By the paths of their files.
    let flags: [String: MaintenanceFlag]
    /// The zones, in their order.
    let caches: [ResponseCache]
    /// nil: nobody traces.
    let tracing: TracingConfig?
    let registry: MetricsRegistry
}
