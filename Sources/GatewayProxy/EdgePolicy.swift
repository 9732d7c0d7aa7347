import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy
import GatewayTelemetry

/// What a route does at its edge, encoded: nil for a route without any of it, which pays one branch for that.
final class EdgePolicy: Sendable {
    /// nil: everybody may ask.
    let access: AccessList?
    let securityHeaders: SecurityHeaders
    let cors: CORSPolicy?
    /// nil without ``cors``.
    let corsCounters: CORSCounters?
    let api: APIStyle?
    /// nil: none.
    let errorPages: ErrorPages?
    /// nil: never.
    let maintenance: Maintenance?
    /// nil: the built-in one.
    let maintenancePage: ErrorPages.Page?
    /// Fields of the origin that the client doesn't get, hidden or replaced.
    let withheld: FieldNameSet

    /// By what became of requests with an Origin.
    struct CORSCounters: BitwiseCopyable, Sendable {
        let allowed: MetricSlot
        let refused: MetricSlot
        let preflight: MetricSlot
        let preflightRefused: MetricSlot

        init(_ place: [String], _ registry: MetricsRegistry) {
            func slot(_ result: String) -> MetricSlot { registry.counter(.corsRequests, place + [result]) }
            (allowed, refused) = (slot("allowed"), slot("refused"))
            (preflight, preflightRefused) = (slot("preflight"), slot("preflight_refused"))
        }
    }

    /// `place` is server and location as metrics name them; `flags` are those of the deployment, by their paths.
    init?(_ config: EdgeConfig, place: [String], flags: [String: MaintenanceFlag], registry: MetricsRegistry) {
        if config == EdgeConfig() { return nil }
        access = AccessList(config.access)
        securityHeaders = SecurityHeaders(config)
        cors = config.cors.map(CORSPolicy.init)
        corsCounters = config.cors.map { _ in CORSCounters(place, registry) }
        api = config.api
        errorPages = ErrorPages(config.errorPages)
        let mayBe = config.maintenance.map { $0.isOn || $0.flagPath != nil } ?? false
        maintenance = mayBe ? config.maintenance.map { Maintenance($0, flag: $0.flagPath.flatMap { flags[$0] }) } : nil
        maintenancePage = config.maintenance?.page.map(ErrorPages.Page.init)
        withheld = FieldNameSet(config.hiddenHeaders + securityHeaders.names + (cors == nil ? [] : CORSConfig.fieldNames))
    }
}
