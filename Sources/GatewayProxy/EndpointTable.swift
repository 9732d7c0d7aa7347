import GatewayCore
import GatewayNet

/// One address of one server of one upstream.
public struct Endpoint: Sendable, Equatable, BitwiseCopyable {
    /// Its place in the tables of idle connections. The same from table to table for as long as the endpoint is in them; afterwards
    /// another endpoint may get it, so that an id alone names nothing.
    public let id: Int
    /// The number of its upstream, by name, the same for as long as the upstream is in the tables: `keepalive` counts by it.
    public let group: Int
    public let address: SocketAddress
    /// The number of what is spoken there and what TLS verifies, 0 for HTTP/1.1 without TLS: a connection or a session that was made
    /// without, for another name, by other authorities or for another protocol, is not to the same endpoint.
    public let security: Int

    public init(id: Int, group: Int, address: SocketAddress, security: Int) {
        self.security = security
        self.id = id
        self.group = group
        self.address = address
    }

    /// In no table: nothing that is connected to it is kept, neither connection nor session.
    private static var noID: Int { -1 }

    /// The same address with TLS as `security` says, for an exchange of an older configuration that verifies something else.
    func apart(security: Int) -> Endpoint {
        Endpoint(id: Self.noID, group: group, address: address, security: security)
    }

    /// Before a server has been chosen. Computed: a stored one would be asked whether it is made yet with every request.
    @inline(__always)
    static var none: Endpoint {
        Endpoint(id: noID, group: -1, address: SocketAddress(address: IPAddress(high: 0, low: 0), port: 0, isV6: false), security: 0)
    }
}

/// What tells servers of upstreams apart, across reloads.
public struct OriginKey: Sendable, Hashable {
    public let upstream: String
    public let host: String
    public let port: UInt16
    /// Of all that, once: workers look every server up when the addresses of a name have changed, between two requests.
    private let digest: Int

    public init(upstream: String, host: String, port: UInt16) {
        self.upstream = upstream
        self.host = host
        self.port = port
        var hasher = Hasher()
        hasher.combine(upstream)
        hasher.combine(host)
        hasher.combine(port)
        digest = hasher.finalize()
    }

    /// "host:port", IPv6 in brackets.
    public var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// Where the servers of a configuration can be reached as of some moment: made by the supervisor, anew when a name's addresses change,
/// and handed to the workers, who copy what they need, so that no cache line travels between cores for it.
public final class EndpointTable: Sendable {
    /// By ``Endpoint/id``.
    let endpoints: [Endpoint?]
    private let byOrigin: [OriginKey: [Endpoint]]
    private let securities: [OriginKey: Int]

    /// - Parameter securities: of the servers that speak TLS or HTTP/2: see ``Endpoint/security``.
    public init(_ byOrigin: [OriginKey: [Endpoint]], securities: [OriginKey: Int]) {
        self.byOrigin = byOrigin
        self.securities = securities
        var endpoints: [Endpoint?] = []
        for endpoint in byOrigin.values.joined() {
            while endpoints.count <= endpoint.id { endpoints.append(nil) }
            endpoints[endpoint.id] = endpoint
        }
        self.endpoints = endpoints
    }

    /// nil for a server of another configuration; empty where the name has no address.
    ///
    /// - Parameter security: what the asking configuration verifies there. Where this table's verifies something else, what is connected
    ///   for the one must never serve the other: the endpoints are then none of the table's.
    func endpoints(of origin: OriginKey, security: Int) -> [Endpoint]? {
        guard let found = byOrigin[origin] else { return nil }
        return security == self.security(of: origin) ? found : found.map { $0.apart(security: security) }
    }

    /// See ``Endpoint/security``.
    func security(of origin: OriginKey) -> Int { securities[origin] ?? 0 }
}
