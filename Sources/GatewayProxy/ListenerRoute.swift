import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy

/// One listen address: whether it speaks TLS, and which servers answer there.
final class ListenerRoute: Sendable {
    let id: Int
    let port: UInt16
    let tls: TLSServerContext?
    /// `proxy_protocol`.
    let expectsProxyHeader: Bool
    let names: ServerTable
    let servers: [ServerRoute]
    /// Whether a connection without TLS may begin with the preface of HTTP/2 (RFC 9113 § 3.3): before any name is known.
    let takesPriorKnowledge: Bool
    /// The server, where there is no choice.
    let onlyServer: ServerRoute?

    init(_ listener: Deployment.Listener, config: [ServerConfig], servers: [ServerRoute]) {
        id = listener.id
        port = listener.bound.port
        tls = listener.tls
        names = ServerTable(servers: config, listening: listener.address)
        self.servers = servers
        takesPriorKnowledge = listener.tls == nil && servers[names.defaultServer].speaksHTTP2
        let here = config.indices.filter { index in config[index].listens.contains { $0.address == listener.address } }
        expectsProxyHeader = config.contains { $0.listens.contains { $0.address == listener.address && $0.hasProxyHeader } }
        onlyServer = here.count == 1 ? servers[here[0]] : nil
    }

    func server(forHost hostname: RawSpan) -> ServerRoute {
        onlyServer ?? servers[names.server(forHost: hostname)]
    }
}
