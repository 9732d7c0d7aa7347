import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayTelemetry

/// A `server` block.
final class ServerRoute: Sendable {
    /// The first server_name, as metrics and logs name the server; "_" without one, as nginx's examples do.
    let name: [UInt8]
    let mergesSlashes: Bool
    let speaksHTTP2: Bool
    let timeouts: ClientTimeouts
    /// Which certificates the server shows: two servers with the same may answer for each other.
    let certificates: [String]
    /// What is asked of clients' certificates; nil for nothing.
    let clients: TLSClientVerification?
    let locations: LocationTable
    let routes: [LocationRoute]
    let fallback: LocationRoute
    /// For `OPTIONS *`, which is about the server as a whole: the location of its root.
    let asterisk: LocationRoute

    init(
        _ config: ServerConfig, clients: TLSClientVerification?, _ context: RouteContext
    ) {
        self.clients = clients
        let label = config.label
        name = Array(label.utf8)
        mergesSlashes = config.mergeSlashes
        speaksHTTP2 = config.speaksHTTP2
        timeouts = ClientTimeouts(
            headerMs: Int32(clamping: config.clientHeaderTimeoutMs), bodyMs: Int32(clamping: config.clientBodyTimeoutMs),
            keepaliveMs: Int32(clamping: config.keepaliveTimeoutMs), sendMs: Int32(clamping: config.sendTimeoutMs))
        certificates = config.tls?.certificates.map(\.certificatePath) ?? []
        let table = LocationTable(config.locations)
        locations = table
        let listens = config.listens.map { "\($0.address)" }.joined(separator: " ")
        let routes = config.locations.map {
            LocationRoute($0, server: label, listens: listens, context)
        }
        self.routes = routes
        fallback = LocationRoute(config.fallback, server: label, listens: listens, context)
        asterisk = table.match(path: [UInt8(ascii: "/")].rawSpan).map { routes[$0] } ?? fallback
    }

    func route(path: RawSpan) -> LocationRoute {
        locations.match(path: path).map { routes[$0] } ?? fallback
    }
}
