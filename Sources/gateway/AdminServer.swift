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

    /// The admin's clients are few: Prometheus, a balancer, an operator.
    private static let connectionsMax = 64
    /// A client has so long for all of its requests.
    private static let connectionMs = 60_000

    private let registry: MetricsRegistry
    private let shard: MetricsShard
    private let pool = BufferPool()
    let connections: Slab<AdminConnection>
    private var listener: Listener?
    private var address: ListenAddress?
    private var allow: [CIDRBlock] = []
    private var names: [String] = []
    private(set) var bound: SocketAddress?
    /// What the next configuration wants, opened but not yet in force.
    private var prepared: Prepared?
    private var listenerToken = EventToken(word: 0)
    /// Accepting failed for want of descriptors: when it is tried again.
    private var retryAt: MonotonicTime?
    var isReady = true
    /// What is known of the servers behind the gateway; nil until a configuration is in force.
    var health: (() -> HealthReport)?
    /// nil as long as there is no cache.
    var caches: (any CacheZones)?
    /// What the live page shows.
    let live: LiveFeed
    /// The configuration as it was read; nil until one is in force.
    var record: (() -> ConfigRecord)?
    /// When readers of events are told next; never while nobody reads.
    var nextEvent = MonotonicTime.never

    init(registry: MetricsRegistry) throws {
        connections = try Slab(capacity: Self.connectionsMax)
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

    // MARK: Connections

    func accept(_ epoll: inout Epoll, connectionKind: UInt8) {
        while let accepted = nextConnection(epoll) {
            // Who holds a place without using it makes room for who comes now.
            if connections.isFull { closeOldest() }
            let deadline = MonotonicTime.now().adding(milliseconds: Self.connectionMs)
            let peer = accepted.peer
            let id = connections.insert(
                AdminConnection(stream: accepted.makeStream(), peer: peer, pool: pool, deadline: deadline))
            let descriptor = connections[id].stream.fileDescriptor
            if (try? epoll.add(descriptor, EventToken(kind: connectionKind, handle: id))) == nil { connections.discard(id) }
        }
    }

    /// False if there is none.
    @discardableResult
    private func closeOldest() -> Bool {
        var oldest = Handle.none
        connections.forEachHandle { id in
            if oldest.isNone || isDearer(oldest, than: id) { oldest = id }
        }
        if oldest.isNone { return false }
        connections.discard(oldest)
        return true
    }

    /// Readers of events are few, and the first thing they are there for is trouble: they go last.
    private func isDearer(_ one: Handle, than other: Handle) -> Bool {
        if connections[one].isEventStream != connections[other].isEventStream { return connections[one].isEventStream }
        return connections[other].deadline < connections[one].deadline
    }

    /// Without a free descriptor the oldest connection makes room. Once, as the shortage may be the machine's.
    private func nextConnection(_ epoll: borrowing Epoll) -> AcceptedSocket? {
        do {
            return try listener?.accept()
        } catch {
            if closeOldest(), let accepted = try? listener?.accept() { return accepted }
            // A listener that can't be accepted from would be reported again and again: it is left alone for a moment.
            retryAt = MonotonicTime.now().adding(milliseconds: Limits.acceptRetryMs)
            setListening(epoll, isEnabled: false)
            return nil
        }
    }

    private func setListening(_ epoll: borrowing Epoll, isEnabled: Bool) {
        guard let descriptor = listener?.fileDescriptor else { return }
        try? epoll.setLevelTriggered(descriptor, listenerToken, isEnabled: isEnabled)
    }

    /// How long until something has to be looked at again; -1 for ever.
    var timeoutMs: Int32 {
        let due = min(retryAt ?? .never, nextEvent)
        if due < .never { return min(due.milliseconds(after: .now()), 1_000) }
        return connections.count == 0 ? -1 : 1_000
    }

    func tick(_ epoll: borrowing Epoll) {
        if connections.count == 0 && retryAt == nil && nextEvent == .never { return }
        let now = MonotonicTime.now()
        if let due = retryAt, due <= now {
            retryAt = nil
            setListening(epoll, isEnabled: true)
        }
        connections.forEachHandle { if connections[$0].deadline < now { connections.discard($0) } }
        tellEvents(now: now)
    }

    func drive(_ id: Handle, _ readiness: Readiness, beforeMetrics: () -> Void) {
        guard connections.contains(id) else { return }
        connections[id].stream.note(readiness)
        write(id)
        if connections[id].isEventStream { return driveEvents(id) }
        // One answer at a time: a client that asks and asks and does not read costs one page.
        while !connections[id].isClosing, connections[id].output.isEmpty, !connections[id].isEventStream,
            answer(id, beforeMetrics) || read(id)
        {
            write(id)
        }
        if connections[id].isClosing && connections[id].output.isEmpty { connections.discard(id) }
    }

    /// Whether anything came.
    func read(_ id: Handle) -> Bool {
        guard connections[id].stream.canRead else { return false }
        switch connections[id].stream.read(into: &connections[id].input) {
        case .moved: return true
        case .wouldBlock: return false
        case .ended, .failed:
            connections[id].isClosing = true
            return false
        }
    }

    func write(_ id: Handle) {
        guard connections[id].stream.canWrite else { return }
        switch connections[id].stream.write(from: &connections[id].output) {
        case .moved, .wouldBlock: break
        case .ended, .failed:
            connections[id].output.removeAll()
            connections[id].isClosing = true
        }
    }

    /// Whether a whole request was there; its answer is in the output.
    private func answer(_ id: Handle, _ beforeMetrics: () -> Void) -> Bool {
        do throws(GatewayError) {
            guard try connections[id].parse() else { return false }
            let request = connections[id].request()
            // A request with a body has no business here; the connection ends with the answer.
            let keepsAlive = connections[id].head.keepAlive && connections[id].head.framing == .none
            if let page = refusal(of: request, from: connections[id].peer.address) {
                connections[id].respond(page, keepsAlive: keepsAlive && page.status != 403)
            } else if request.path == "/events", request.method == .get {
                beginEvents(id)
            } else {
                connections[id].respond(page(for: request, of: id, beforeMetrics), keepsAlive: keepsAlive)
            }
        } catch {
            connections[id].respond(.text(error.type.status, error.detail.description), keepsAlive: false)
        }
        return true
    }

    // MARK: Pages

    /// Who may not ask at all, or not by this name: a page whose own name has come to mean this address could read everything in the browser
    /// of who may (DNS rebinding). Addresses can't come to mean something else, and names without a dot are nobody's to give away.
    private func refusal(of request: AdminRequest, from peer: IPAddress) -> AdminPage? {
        guard isAllowed(peer) else { return .text(403, "this address is not allowed here\n") }
        if ["/healthz", "/readyz"].contains(request.path) || AdminHost.isAllowed(request.host, names: names) { return nil }
        return .text(421, "this name is not known here: expected an address, or a name that server_name of admin has\n")
    }

    private func isAllowed(_ peer: IPAddress) -> Bool { allow.contains { $0.contains(peer) } }

    private func page(for request: AdminRequest, of id: Handle, _ beforeMetrics: () -> Void) -> AdminPage {
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
