import GatewayConfig
import GatewayCore
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
    let trustedProxies: NetworkList
    let workerConnections: Int
    /// As of when the table was made: newer ones come through the mailbox.
    let endpoints: EndpointTable
    let addressLimits: AddressLimitsConfig
    let gzipMemoryBytes: Int
    let addresses: AddressLimits
    let failures: OriginFailures
    let accessLog: LogSink?
    let accessLogPolicy: AccessLogPolicy
    let hiddenParameters: HiddenParameters?
    let logger: Logger
    let spans: SpanQueue

    public init(_ deployment: Deployment, registry: MetricsRegistry) {
        let config = deployment.config
        generation = deployment.generation
        workerConnections = config.workerConnections
        addressLimits = config.addressLimits
        gzipMemoryBytes = config.gzipMemoryBytes
        addresses = deployment.addresses
        failures = deployment.failures
        trustedProxies = NetworkList(config.trustedProxies)
        endpoints = deployment.endpoints
        accessLog = deployment.accessLog
        accessLogPolicy = AccessLogPolicy(config)
        hiddenParameters = HiddenParameters(config.accessLogRules.hidden)
        logger = deployment.logger
        spans = deployment.spans
        let upstreams = config.upstreams.indices.map {
            UpstreamRoute($0, config.upstreams[$0], deployment, registry: registry)
        }
        let context = RouteContext(
            upstreams: upstreams, upstreamConfigs: config.upstreams, keyFields: config.apiKeys?.fields ?? [],
            callers: RouteCallers(deployment, registry: registry), flags: deployment.maintenance, caches: deployment.caches,
            tracing: config.tracing, registry: registry)
        let servers = zip(config.servers, deployment.clientVerifications).map { ServerRoute($0, clients: $1, context) }
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
