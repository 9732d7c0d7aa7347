import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy
import GatewayTelemetry

/// An `upstream` block.
final class UpstreamRoute: Sendable {
    final class Server: Sendable {
        let origin: OriginKey
        /// nil without `max_conns`.
        let limit: ConnectionLimit?
        /// nil without `outlier` and `health_check`.
        let health: ServerHealth?
        let attempts: StatusBlockSlot
        let responseDuration: HistogramSlot
        let connects: MetricSlot
        let connectDuration: HistogramSlot
        let gauges: UpstreamGauges
        /// What was tried anew after an attempt here.
        let retries: MetricSlot
        /// nil: without TLS.
        let tls: UpstreamTLS?
        /// See ``Endpoint/security``: ``tls`` verifies this, and no other.
        let security: Int
        private let registry: MetricsRegistry
        private let labels: [String]
        /// The members of a log line that name upstream, version and server, encoded.
        let logMembers: [UInt8]
        /// Of the spans of attempts here.
        let spanOpenings: SpanOpenings
        /// By a host name: which of its addresses was tried is said apart.
        let isNamed: Bool

        init(
            _ upstream: String, _ version: String, _ config: UpstreamConfig.Server, speaksHTTP2: Bool, _ health: ServerHealth?,
            _ deployment: Deployment, _ registry: MetricsRegistry
        ) {
            let server = config.text
            let versionMember = version.isEmpty ? [] : [("version", version)]
            logMembers = JSONLine.members([("upstream", upstream)] + versionMember + [("upstream_server", server)])
            isNamed = IPAddress(config.host) == nil
            let attributes: [SpanJSON.Attribute] = [
                .init("server.address", config.host), .init("server.port", Int(config.port)),
                .init("network.protocol.version", speaksHTTP2 ? "2" : "1.1"), .init("gateway.upstream", upstream),
            ]
            spanOpenings = SpanOpenings(attributes + versionMember.map { .init("gateway.\($0.0)", $0.1) }) { $0 }
            origin = OriginKey(upstream: upstream, host: config.host, port: config.port)
            tls = deployment.origins[origin].map { UpstreamTLS($0, upstream: upstream, server: server, registry: registry) }
            security = deployment.endpoints.security(of: origin)
            limit = deployment.limits[ServerKey(upstream: upstream, version: version, server: server)]
            self.health = health
            self.registry = registry
            labels = [upstream, server]
            attempts = registry.statusBlock(.upstreamRequests, [upstream, version, server])
            responseDuration = registry.histogram(.upstreamResponseDuration, [upstream, version, server])
            connects = registry.counter(.upstreamConnects, [upstream, version, server])
            connectDuration = registry.histogram(.upstreamConnectDuration, [upstream, version, server])
            gauges = UpstreamGauges(
                active: registry.gauge(.upstreamConnections, [upstream, version, server, "active"]),
                idle: registry.gauge(.upstreamConnections, [upstream, version, server, "idle"]))
            retries = registry.counter(.upstreamRetries, [upstream, version, server])
        }

        /// Errors are rare: their slots are looked up by name.
        func http2Error(_ error: OriginError) -> MetricSlot {
            registry.counter(.upstreamHTTP2Errors, labels + [error.frame.description, HTTP2ErrorCode.name(of: error.code).description])
        }
    }

    final class Version: Sendable {
        let servers: [Server]
        /// Requests of its share that went to other versions; nil where servers are never out.
        let diverted: MetricSlot?

        init(servers: [Server], diverted: MetricSlot?) {
            self.servers = servers
            self.diverted = diverted
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
    /// nil without `outlier` and `health_check`.
    let health: UpstreamHealth?
    /// Whether there is one: servers may be out.
    let followsHealth: Bool
    /// Whether it matters what becomes of requests: for `outlier`.
    let countsFailures: Bool
    let speaksHTTP2: Bool
    /// The Host for the origin; nil sends the client's.
    let host: [UInt8]?
    let keepaliveMax: Int
    let keepaliveTimeoutMs: Int
    let connectTimeoutMs: Int
    let sendTimeoutMs: Int
    let readTimeoutMs: Int
    let retry: UpstreamConfig.Retry
    /// nil without `retry budget=`.
    let retriesRefused: MetricSlot?

    init(_ index: Int, _ config: UpstreamConfig, _ deployment: Deployment, registry: MetricsRegistry) {
        self.index = index
        name = Array(config.name.utf8)
        logMember = JSONLine.members([("upstream", config.name)])
        let health = deployment.health[config.name]
        self.health = health
        followsHealth = health != nil
        countsFailures = health?.outlier != nil
        versions = config.versions.enumerated().map { index, version in
            Version(
                servers: version.servers.enumerated().map { place, server in
                    Server(
                        config.name, version.name, server, speaksHTTP2: config.speaksHTTP2, health?.servers[index][place], deployment,
                        registry)
                }, diverted: health.map { _ in registry.counter(.upstreamDiverted, [config.name, version.name]) })
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
        retriesRefused = config.retry.budgetPercent.map { _ in registry.counter(.upstreamRetriesRefused, [config.name]) }
    }

    /// As of which change servers' health is.
    var healthEpoch: Int { health?.board.currentEpoch ?? 0 }
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
