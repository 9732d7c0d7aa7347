import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayTelemetry

/// The admin listener, on the main thread: a scrape never delays a request.
final class AdminServer {
    private struct Prepared: ~Copyable {
        let listener: Listener?
        let bound: SocketAddress?
        let config: AdminConfig?

        consuming func takeListener() -> Listener? { listener }
    }

    private let registry: MetricsRegistry
    private let shard: MetricsShard
    let pool = BufferPool()
    /// One place more than connections: who comes is known before it is said who goes.
    let connections: Slab<AdminConnection>
    /// Whose turn it is: each has one request answered and goes to the end, so that nobody's questions hold up another's, a signal or a
    /// health check.
    var turns: [Handle] = []
    /// Somebody waits to be accepted; epoll says so until nobody does.
    var hasNewcomers = false
    private var listener: Listener?
    private var address: ListenAddress?
    private var allow: [CIDRBlock] = []
    private var names: [String] = []
    private(set) var bound: SocketAddress?
    /// What the next configuration wants, opened but not yet in force.
    private var prepared: Prepared?
    private var listenerToken = EventToken(word: 0)
    /// Nobody could be accepted, for want of descriptors or of a place: when it is tried again.
    var retryAt: MonotonicTime?
    var isReady = true
    /// What is known of the servers behind the gateway; nil until a configuration is in force.
    var health: (() -> HealthReport)?
    /// nil as long as there is no cache.
    var caches: (any CacheZones)?
    /// What the live page shows.
    let live: LiveFeed
    /// The configuration as it was read; nil until one is in force.
    var record: (() -> ConfigRecord)?
    /// When the next reading is made for them, or to be kept; never while there is no listener.
    var nextEvent = MonotonicTime.never

    init(registry: MetricsRegistry) throws {
        connections = try Slab(capacity: Limits.adminConnectionsMax + 1)
        self.registry = registry
        shard = registry.makeShard()
        live = LiveFeed(registry: registry)
    }

    // MARK: Configuration

    func prepare(_ config: AdminConfig?, _ epoll: inout Epoll, _ token: EventToken) throws {
        listenerToken = token
        guard let config, config.address != address else {
            prepared = Prepared(listener: nil, bound: bound, config: config)
            return
        }
        let wanted = SocketAddress(address: config.address.address, port: config.address.port, isV6: config.address.isV6)
        let descriptors: [Int32]
        let bound: SocketAddress
        do {
            (descriptors, bound) = try Listener.open(wanted, count: 1, isFirst: true)
        } catch {
            throw ListenFailure(address: wanted, error: error)
        }
        let listener = Listener(owning: descriptors[0])
        try epoll.addLevelTriggered(listener.fileDescriptor, token)
        prepared = Prepared(listener: listener, bound: bound, config: config)
    }

    func cancel() {
        prepared = nil
    }

    func commit() {
        guard let next = prepared.take() else { return }
        allow = next.config?.allow ?? []
        names = next.config?.names ?? []
        address = next.config?.address
        bound = next.config == nil ? nil : next.bound
        let isOff = next.config == nil
        // Who reads events asked once, when another configuration said who may.
        connections.forEachHandle { id in
            if connections[id].isEventStream, !isAllowed(connections[id].peer.address) { connections.discard(id) }
        }
        if let fresh = next.takeListener() { listener = consume fresh } else if isOff { listener = nil }
        watch(!isOff)
    }

    func acceptOne() throws -> AcceptedSocket? { try listener?.accept() }

    func setListening(_ epoll: borrowing Epoll, isEnabled: Bool) {
        guard let descriptor = listener?.fileDescriptor else { return }
        try? epoll.setLevelTriggered(descriptor, listenerToken, isEnabled: isEnabled)
    }

    /// The start: a configuration was accepted, and none read anew.
    func noteStart() {
        registry.set(.configLastReloadSuccessful, [], to: 1)
        registry.set(.configLastReloadSuccessTime, [], to: Double(MonotonicTime.wallClockNanoseconds()) / 1e9)
        for result in ["success", "failure"] { shard.increment(registry.counter(.configReloads, [result]), by: 0) }
    }

    func noteReload(isSuccess: Bool) {
        registry.set(.configLastReloadSuccessful, [], to: isSuccess ? 1 : 0)
        shard.increment(registry.counter(.configReloads, [isSuccess ? "success" : "failure"]))
        if isSuccess {
            registry.set(.configLastReloadSuccessTime, [], to: Double(MonotonicTime.wallClockNanoseconds()) / 1e9)
        }
    }

    // MARK: Pages

    /// Who may not ask at all, or not by this name: a page whose own name has come to mean this address could read everything in the browser
    /// of who may (DNS rebinding). Addresses can't come to mean something else, and names without a dot are nobody's to give away.
    ///
    /// Who keeps watch asks by whatever name the machine has, and is answered: a balancer, and Prometheus, whose targets are names. What
    /// such a page could read there is figures with the names of servers, upstreams and models, no secret.
    func refusal(of request: AdminRequest, from peer: IPAddress) -> AdminPage? {
        guard isAllowed(peer) else { return .text(403, "this address is not allowed here\n") }
        if ["/metrics", "/healthz", "/readyz"].contains(request.path) || AdminHost.isAllowed(request.host, names: names) { return nil }
        return .text(421, "this name is not known here: expected an address, or a name that server_name of admin has\n")
    }

    func isAllowed(_ peer: IPAddress) -> Bool { allow.contains { $0.contains(peer) } }

    func page(for request: AdminRequest, of id: Handle, _ beforeMetrics: () -> Void) -> AdminPage {
        if let page = CachePages(zones: caches).page(for: request) { return page }
        guard request.method == .get || request.method == .head else { return .text(405, "GET and HEAD only\n") }
        switch request.path {
        case "/": return LivePage.page
        case "/metrics":
            beforeMetrics()
            return MetricsPage(registry, pool).page(for: connections[id].head.fields)
        case "/healthz": return .text(200, "ok\n")
        case "/readyz": return isReady ? .text(200, "ready\n") : .text(503, "draining\n")
        case "/health": if let health { return health().page }
        case "/config": if let record { return record().page(for: request) }
        case "/events": return AdminPage(status: 200, contentType: "text/event-stream", body: [])
        default: break
        }
        return .text(404, "there are /, /metrics, /health, /healthz, /readyz, /events, /config and /cache\n")
    }
}
