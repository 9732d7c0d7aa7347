import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayTelemetry

/// The admin listener, on the main thread: a scrape never delays a request.
final class AdminServer {
    fileprivate struct Connection: ~Copyable {
        var stream: Stream
        let peer: SocketAddress
        var input: ByteQueue
        var output: ByteQueue
        var head: RequestHead
        var parser = HTTP1RequestParser()
        var isClosing = false
        let deadline: MonotonicTime

        init(stream: consuming Stream, peer: SocketAddress, pool: BufferPool, deadline: MonotonicTime) {
            self.stream = stream
            self.peer = peer
            self.deadline = deadline
            input = ByteQueue(pool: pool)
            output = ByteQueue(pool: pool)
            head = RequestHead(pool: pool)
        }
    }

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
    private let connections: Slab<Connection>
    private var listener: Listener?
    private var address: ListenAddress?
    private var allow: [CIDRBlock] = []
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

    init(registry: MetricsRegistry) throws {
        connections = try Slab(capacity: Self.connectionsMax)
        self.registry = registry
        shard = registry.makeShard()
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
        address = next.config?.address
        bound = next.config == nil ? nil : next.bound
        let isOff = next.config == nil
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
            let id = connections.insert(Connection(stream: accepted.makeStream(), peer: peer, pool: pool, deadline: deadline))
            let descriptor = connections[id].stream.fileDescriptor
            if (try? epoll.add(descriptor, EventToken(kind: connectionKind, handle: id))) == nil { connections.discard(id) }
        }
    }

    /// False if there is none.
    @discardableResult
    private func closeOldest() -> Bool {
        var oldest = Handle.none
        connections.forEachHandle { id in
            if oldest.isNone || connections[id].deadline < connections[oldest].deadline { oldest = id }
        }
        if oldest.isNone { return false }
        connections.discard(oldest)
        return true
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
        if let retryAt { return retryAt.milliseconds(after: .now()) }
        return connections.count == 0 ? -1 : 1_000
    }

    func tick(_ epoll: borrowing Epoll) {
        if connections.count == 0 && retryAt == nil { return }
        let now = MonotonicTime.now()
        if let due = retryAt, due <= now {
            retryAt = nil
            setListening(epoll, isEnabled: true)
        }
        connections.forEachHandle { if connections[$0].deadline < now { connections.discard($0) } }
    }

    func drive(_ id: Handle, _ readiness: Readiness, beforeMetrics: () -> Void) {
        guard connections.contains(id) else { return }
        connections[id].stream.note(readiness)
        write(id)
        // One answer at a time: a client that asks and asks and does not read costs one page.
        while !connections[id].isClosing, connections[id].output.isEmpty, answer(id, beforeMetrics) || read(id) { write(id) }
        if connections[id].isClosing && connections[id].output.isEmpty { connections.discard(id) }
    }

    /// Whether anything came.
    private func read(_ id: Handle) -> Bool {
        guard connections[id].stream.canRead else { return false }
        switch connections[id].stream.read(into: &connections[id].input) {
        case .moved: return true
        case .wouldBlock: return false
        case .ended, .failed:
            connections[id].isClosing = true
            return false
        }
    }

    private func write(_ id: Handle) {
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
            let page = page(for: id, beforeMetrics)
            // A request with a body has no business here; the connection ends with the answer.
            let keepsAlive = connections[id].head.keepAlive && connections[id].head.framing == .none && page.status != 403
            connections[id].respond(page, keepsAlive: keepsAlive)
        } catch {
            connections[id].respond(.text(error.type.status, error.detail.description), keepsAlive: false)
        }
        return true
    }

    private func page(for id: Handle, _ beforeMetrics: () -> Void) -> AdminPage {
        let peer = connections[id].peer.address
        guard allow.contains(where: { $0.contains(peer) }) else { return .text(403, "this address is not allowed here\n") }
        if let page = CachePages(zones: caches).page(for: connections[id].request()) { return page }
        guard connections[id].head.method == .get || connections[id].head.method == .head else { return .text(405, "GET and HEAD only\n") }
        if connections[id].isFor("/metrics") {
            beforeMetrics()
            return MetricsPage(registry, pool).page(for: connections[id].head.fields)
        }
        if connections[id].isFor("/healthz") { return .text(200, "ok\n") }
        if connections[id].isFor("/readyz") { return isReady ? .text(200, "ready\n") : .text(503, "draining\n") }
        if connections[id].isFor("/health"), let health { return health().page }
        return .text(404, "there are /metrics, /health, /healthz, /readyz and /cache\n")
    }
}

extension AdminServer.Connection {
    /// Whether a whole head was there; it is consumed.
    fileprivate mutating func parse() throws(GatewayError) -> Bool {
        guard let length = try Self.parse(input, &parser, &head) else { return false }
        input.consume(length)
        try head.normalisePath(mergeSlashes: true)
        return true
    }

    private static func parse(
        _ input: borrowing ByteQueue, _ parser: inout HTTP1RequestParser, _ head: inout RequestHead
    ) throws(GatewayError) -> Int? {
        try parser.parse(input.bytes, into: &head)
    }

    fileprivate func request() -> AdminRequest {
        let adminField = Array(AdminRequest.adminField.utf8)
        return AdminRequest(
            method: head.method, path: head.path.string, query: head.query.string, hasBody: head.framing.hasBody,
            hasOrigin: head.fields.contains(.origin), hasAdminField: head.fields.firstIndex(named: adminField.rawSpan) != nil)
    }

    fileprivate func isFor(_ path: StaticString) -> Bool {
        head.path.equals(path)
    }

    fileprivate mutating func respond(_ page: AdminPage, keepsAlive: Bool) {
        HTTP1Encoder.statusLine(page.status, into: &output)
        HTTP1Encoder.field("Content-Type", page.contentType, into: &output)
        if page.isGzip { HTTP1Encoder.field("Content-Encoding", "gzip", into: &output) }
        if let vary = page.vary { HTTP1Encoder.field("Vary", vary, into: &output) }
        HTTP1Encoder.field("Content-Length", decimal: UInt64(page.body.count), into: &output)
        HTTP1Encoder.field("Cache-Control", "no-store", into: &output)
        if !keepsAlive { HTTP1Encoder.field("Connection", "close", into: &output) }
        HTTP1Encoder.endLine(into: &output)
        if head.method != .head { output.append(page.body) }
        isClosing = !keepsAlive
        head.removeAll()
        parser = HTTP1RequestParser()
    }
}
