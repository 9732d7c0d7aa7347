import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// What a route does at its edge, encoded: nil for a route without any of it, which pays one branch for that.
final class EdgePolicy: Sendable {
    let securityHeaders: SecurityHeaders
    let cors: CORSPolicy?
    let api: APIStyle?
    /// nil: none.
    let errorPages: ErrorPages?
    /// Fields of the origin that the client doesn't get, hidden or replaced.
    let withheld: FieldNameSet

    init?(_ config: EdgeConfig) {
        if config == EdgeConfig() { return nil }
        securityHeaders = SecurityHeaders(config)
        cors = config.cors.map(CORSPolicy.init)
        api = config.api
        errorPages = ErrorPages(config.errorPages)
        withheld = FieldNameSet(config.hiddenHeaders + securityHeaders.names + (cors == nil ? [] : CORSPolicy.names))
    }
}
