import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// What a route does at its edge, encoded: nil for a route without any of it, which pays one branch for that.
final class EdgePolicy: Sendable {
    /// nil: everybody may ask.
    let access: AccessList?
    let securityHeaders: SecurityHeaders
    let cors: CORSPolicy?
    let api: APIStyle?
    /// nil: none.
    let errorPages: ErrorPages?
    /// nil: never.
    let maintenance: Maintenance?
    /// nil: the built-in one.
    let maintenancePage: ErrorPages.Page?
    /// Fields of the origin that the client doesn't get, hidden or replaced.
    let withheld: FieldNameSet

    /// `flags` are those of the deployment, by their paths.
    init?(_ config: EdgeConfig, flags: [String: MaintenanceFlag]) {
        if config == EdgeConfig() { return nil }
        access = AccessList(config.access)
        securityHeaders = SecurityHeaders(config)
        cors = config.cors.map(CORSPolicy.init)
        api = config.api
        errorPages = ErrorPages(config.errorPages)
        let mayBe = config.maintenance.map { $0.isOn || $0.flagPath != nil } ?? false
        maintenance = mayBe ? config.maintenance.map { Maintenance($0, flag: $0.flagPath.flatMap { flags[$0] }) } : nil
        maintenancePage = config.maintenance?.page.map(ErrorPages.Page.init)
        withheld = FieldNameSet(config.hiddenHeaders + securityHeaders.names + (cors == nil ? [] : CORSConfig.fieldNames))
    }
}
