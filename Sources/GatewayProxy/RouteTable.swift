import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayPolicy
import GatewayTelemetry
import Logging

/// A configuration, frozen for one worker: whatever is constant for a route is encoded once, here.
///
/// Every worker gets a table of its own, although all say the same: what is counted (the references to a route)
/// is then counted by one thread, and no cache line travels between cores for it.
public final class RouteTable: Sendable {
    /// The number of the configuration, counted from 1 at the start of the process.
    public let generation: Int
    let listeners: [ListenerRoute]
    let servers: [ServerRoute]
    let upstreams: [UpstreamRoute]
    let trustedProxies: TrustedProxies
    let workerConnections: Int
    /// As of when the table was made: newer ones come through the mailbox.
    let endpoints: EndpointTable
    let addressLimits: AddressLimitsConfig
    let gzipMemoryBytes: Int
    let addresses: AddressLimits
    let failures: OriginFailures
    let accessLog: LogSink?
    let logger: Logger

    public init(_ deployment: Deployment, registry: MetricsRegistry) {
        let config = deployment.config
        generation = deployment.generation
        workerConnections = config.workerConnections
        addressLimits = config.addressLimits
        gzipMemoryBytes = config.gzipMemoryBytes
        addresses = deployment.addresses
        failures = deployment.failures
        trustedProxies = TrustedProxies(config.trustedProxies)
        endpoints = deployment.endpoints
        accessLog = deployment.accessLog
        logger = deployment.logger
        let upstreams = config.upstreams.indices.map {
            UpstreamRoute($0, config.upstreams[$0], deployment, registry: registry)
        }
        let callers = RouteCallers(deployment, registry: registry)
        let servers = zip(config.servers, deployment.clientVerifications).map {
            ServerRoute($0, clients: $1, upstreams: upstreams, callers: callers, flags: deployment.maintenance, registry: registry)
        }
        self.upstreams = upstreams
        self.servers = servers
        listeners = deployment.listeners.map { ListenerRoute($0, config: config.servers, servers: servers) }
    }

    /// What is served at a listen address; nil when the configuration no longer has it.
    func listener(_ id: Int) -> ListenerRoute? {
        for listener in listeners where listener.id == id { return listener }
        return nil
    }

    /// The server at a listen address, where there is no choice.
    func onlyServer(at id: Int) -> ServerRoute? {
        for listener in listeners where listener.id == id { return listener.onlyServer }
        return nil
    }
}

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
        _ config: ServerConfig, clients: TLSClientVerification?, upstreams: [UpstreamRoute], callers: RouteCallers,
        flags: [String: MaintenanceFlag], registry: MetricsRegistry
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
        let routes = config.locations.map {
            LocationRoute($0, server: label, upstreams: upstreams, callers: callers, flags: flags, registry: registry)
        }
        self.routes = routes
        fallback = LocationRoute(config.fallback, server: label, upstreams: upstreams, callers: callers, flags: flags, registry: registry)
        asterisk = table.match(path: [UInt8(ascii: "/")].rawSpan).map { routes[$0] } ?? fallback
    }

    func route(path: RawSpan) -> LocationRoute {
        locations.match(path: path).map { routes[$0] } ?? fallback
    }
}

/// A `location` block, or what a server does where none matches.
final class LocationRoute: Sendable {
    enum Action: Sendable {
        case notFound
        case answer(status: Int, content: Content)
        /// To ``LocationRoute/upstream``, with the path that ``LocationRoute/rewrite`` makes.
        case proxy
    }

    /// Plain values, as all that requests ask for one at a time: to read them counts no reference.
    struct Counters: BitwiseCopyable, Sendable {
        let requests: StatusBlockSlot
        let duration: HistogramSlot
        let requestBytes: MetricSlot
        let responseBytes: MetricSlot
    }

    /// How a request is sent on: plain values, too.
    struct Forwarding: BitwiseCopyable, Sendable {
        /// The names in ``proxySetFields``.
        let setNames: FieldNames
        /// Whether ``rewrite`` leaves every path as it is.
        let keepsPath: Bool
        /// Whether the origin gets the client's Host.
        let keepsHost: Bool
        let speaksHTTP2: Bool
    }

    enum Content: Sendable {
        case empty
        case redirect(CompiledTemplate)
        case text(CompiledTemplate)
    }

    /// The members of a log line that name server and location, encoded.
    let logMembers: [UInt8]
    let action: Action
    let upstream: UpstreamRoute?
    let rewrite: PathRewrite
    let bodyBytesMax: UInt64
    /// 0: no limit.
    let requestTimeoutMs: Int
    let addFields: FieldTemplates
    let proxySetFields: FieldTemplates
    /// nil: `gzip off`.
    let gzip: GzipPolicy?
    /// nil: it answers whoever asks.
    let policies: RoutePolicies?
    /// nil: none of its policies.
    let edge: EdgePolicy?
    let counters: Counters
    /// Whether ``action`` is ``Action/proxy``.
    let isProxied: Bool
    let forwarding: Forwarding

    init(
        _ config: LocationConfig, server: String, upstreams: [UpstreamRoute], callers: RouteCallers, flags: [String: MaintenanceFlag],
        registry: MetricsRegistry
    ) {
        logMembers = JSONLine.members([("server", server), ("location", config.name)])
        bodyBytesMax = UInt64(config.clientMaxBodyBytes)
        requestTimeoutMs = config.requestTimeoutMs
        addFields = FieldTemplates(config.addHeaders)
        proxySetFields = FieldTemplates(config.proxySetHeaders)
        gzip = config.gzip.map(GzipPolicy.init)
        policies = RoutePolicies(config, callers, registry: registry)
        edge = EdgePolicy(config.edge, flags: flags)
        action =
            switch config.action {
            case .none: .notFound
            case .return(let status, .empty): .answer(status: status, content: .empty)
            case .return(let status, .redirect(let url)): .answer(status: status, content: .redirect(CompiledTemplate(url)))
            case .return(let status, .text(let text)): .answer(status: status, content: .text(CompiledTemplate(text)))
            case .proxyPass: .proxy
            }
        let pass: ProxyPass? = if case .proxyPass(let pass) = config.action { pass } else { nil }
        upstream = pass.map { upstreams[$0.upstream] }
        rewrite = PathRewrite(matched: CanonicalPath.encode(config.path), replacement: pass?.uri)
        forwarding = Forwarding(
            setNames: proxySetFields.knownNames, keepsPath: pass?.uri == nil, keepsHost: upstream?.host == nil,
            speaksHTTP2: upstream?.speaksHTTP2 ?? false)
        isProxied = pass != nil
        counters = Counters(
            requests: registry.statusBlock(.requests, [server, config.name], hasMethods: true),
            duration: registry.histogram(.requestDuration, [server, config.name]),
            requestBytes: registry.counter(.requestBytes, [server, config.name]),
            responseBytes: registry.counter(.responseBytes, [server, config.name]))
    }
}

/// Which names the fields of a ``FieldTemplates`` have: most fields are told apart from them without comparing.
struct FieldNames: BitwiseCopyable, Sendable {
    /// A bit for each well-known name.
    private var known: UInt64 = 0
    let isEmpty: Bool

    init(_ names: [[UInt8]]) {
        isEmpty = names.isEmpty
        for name in names {
            let id = FieldName(name.rawSpan)
            if id != .other { known |= 1 << UInt64(id.rawValue) }
        }
    }

    /// Whether `name` is among them: one that is well-known.
    func contains(_ name: FieldName) -> Bool {
        name != .other && known & (1 << UInt64(name.rawValue)) != 0
    }
}

/// The fields of add_header or proxy_set_header, their names encoded, their values compiled.
final class FieldTemplates: Sendable {
    private let names: [[UInt8]]
    private let values: [CompiledTemplate]
    let knownNames: FieldNames
    /// The same with hyphens for underscores.
    private let plainNames: FieldNames
    /// A bit for each length that one of the names has; lengths beyond share the last one.
    private let lengths: UInt64
    /// All fields, encoded, where no value depends on the request.
    let constant: [UInt8]?

    init(_ headers: [HeaderTemplate]) {
        names = headers.map { Array($0.name.utf8) }
        values = headers.map { CompiledTemplate($0.value) }
        knownNames = FieldNames(names)
        plainNames = FieldNames(names.map { $0.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 } })
        lengths = names.reduce(0) { $0 | Self.bit(ofLength: $1.count) }
        constant = values.allSatisfy(\.isConstant) ? Self.encodeConstant(names, values) : nil
    }

    private static func encodeConstant(_ names: [[UInt8]], _ values: [CompiledTemplate]) -> [UInt8] {
        var lines: [UInt8] = []
        for (name, value) in zip(names, values) where value.partCount > 0 {
            lines += name + Array(": ".utf8)
            for index in 0..<value.partCount { lines.append(value.bytes(of: value.part(index))) }
            lines += Array("\r\n".utf8)
        }
        return lines
    }

    var count: Int { names.count }
    var isEmpty: Bool { names.isEmpty }

    func name(_ index: Int) -> [UInt8] { names[index] }
    func value(_ index: Int) -> CompiledTemplate { values[index] }

    /// Whether one of them has this name, or an origin of the CGI kind would take this name for it (RFC 3875 § 4.1.18).
    func contains(_ known: FieldName, _ bytes: RawSpan) -> Bool {
        if known != .other { return plainNames.contains(known) }
        if lengths & Self.bit(ofLength: bytes.byteCount) == 0 { return false }
        for name in names where bytes.isTaken(for: name.rawSpan) { return true }
        return false
    }

    private static func bit(ofLength length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
}

/// An `upstream` block.
final class UpstreamRoute: Sendable {
    final class Server: Sendable {
        let origin: OriginKey
        /// nil without `max_conns`.
        let limit: ConnectionLimit?
        let attempts: StatusBlockSlot
        let connects: MetricSlot
        let gauges: UpstreamGauges
        /// nil: without TLS.
        let tls: UpstreamTLS?
        /// See ``Endpoint/security``: ``tls`` verifies this, and no other.
        let security: Int
        private let registry: MetricsRegistry
        private let labels: [String]
        /// The members of a log line that name upstream, version and server, encoded.
        let logMembers: [UInt8]

        init(
            _ upstream: String, _ version: String, _ config: UpstreamConfig.Server, _ deployment: Deployment, _ registry: MetricsRegistry
        ) {
            let server = config.text
            let versionMember = version.isEmpty ? [] : [("version", version)]
            logMembers = JSONLine.members([("upstream", upstream)] + versionMember + [("upstream_server", server)])
            origin = OriginKey(upstream: upstream, host: config.host, port: config.port)
            tls = deployment.origins[origin].map { UpstreamTLS($0, upstream: upstream, server: server, registry: registry) }
            security = deployment.endpoints.security(of: origin)
            limit = deployment.limits[ServerKey(upstream: upstream, version: version, server: server)]
            self.registry = registry
            labels = [upstream, server]
            attempts = registry.statusBlock(.upstreamRequests, [upstream, version, server], hasMethods: false)
            connects = registry.counter(.upstreamConnects, [upstream, server])
            gauges = UpstreamGauges(
                active: registry.gauge(.upstreamConnections, [upstream, server, "active"]),
                idle: registry.gauge(.upstreamConnections, [upstream, server, "idle"]))
        }

        /// Errors are rare: their slots are looked up by name.
        func http2Error(_ error: OriginError) -> MetricSlot {
            registry.counter(.upstreamHTTP2Errors, labels + [error.frame.description, HTTP2ErrorCode.name(of: error.code).description])
        }
    }

    final class Version: Sendable {
        let servers: [Server]

        init(servers: [Server]) {
            self.servers = servers
        }
    }

    /// Its place in the table's list, and in a snapshot's choices.
    let index: Int
    let name: [UInt8]
    let versions: [Version]
    /// The member of a log line that names it, encoded.
    let logMember: [UInt8]
    /// The first choices of a worker that has seen no request yet.
    let initialChoice: UpstreamChoice
    /// Whether it matters how many requests are at a server: for `least_conn` and `max_conns`.
    let countsLoad: Bool
    /// One version with one server, of which nothing is counted: there is no choice.
    let isSingle: Bool
    /// nil: versions are chosen by weight alone.
    let versionPolicy: VersionPolicy?
    let speaksHTTP2: Bool
    /// The Host for the origin; nil sends the client's.
    let host: [UInt8]?
    let keepaliveMax: Int
    let keepaliveTimeoutMs: Int
    let connectTimeoutMs: Int
    let sendTimeoutMs: Int
    let readTimeoutMs: Int
    let retry: UpstreamConfig.Retry
    let retries: MetricSlot

    init(_ index: Int, _ config: UpstreamConfig, _ deployment: Deployment, registry: MetricsRegistry) {
        self.index = index
        name = Array(config.name.utf8)
        logMember = JSONLine.members([("upstream", config.name)])
        versions = config.versions.map { version in
            Version(servers: version.servers.map { Server(config.name, version.name, $0, deployment, registry) })
        }
        initialChoice = UpstreamChoice(config, limits: versions.map { $0.servers.map(\.limit) })
        countsLoad = config.balance == .leastConn || versions.contains { $0.servers.contains { $0.limit != nil } }
        isSingle = !countsLoad && config.versions.count == 1 && config.versions[0].isSingle
        versionPolicy = VersionPolicy(config)
        speaksHTTP2 = config.speaksHTTP2
        host = config.host.map { Array($0.utf8) }
        keepaliveMax = config.keepaliveMax
        keepaliveTimeoutMs = config.keepaliveTimeoutMs
        connectTimeoutMs = config.connectTimeoutMs
        sendTimeoutMs = config.sendTimeoutMs
        readTimeoutMs = config.readTimeoutMs
        retry = config.retry
        retries = registry.counter(.upstreamRetries, [config.name])
    }
}

extension UpstreamConfig.Version {
    /// Whether all that it gets goes to one server.
    fileprivate var isSingle: Bool { weight > 0 && servers.count == 1 && servers[0].weight > 0 }
}

extension UpstreamConfig.Server {
    /// "host:port", IPv6 in brackets.
    public var text: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
