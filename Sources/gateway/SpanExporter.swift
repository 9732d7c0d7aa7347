import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayProxy
import GatewayTelemetry
import Logging

/// Sends spans to the collector: OTLP over HTTP, in JSON, many in one request, one request at a time, on the main thread without ever
/// waiting there. What the collector doesn't take is sent again a few times; meanwhile what is new waits as far as there is room, and is
/// dropped beyond that.
final class SpanExporter {
    enum Drop: String, CaseIterable {
        case queueFull = "queue_full"
        case refused, failed, ended
    }

    let queue: SpanQueue
    let connections: Slab<CollectorConnection>
    let pool = BufferPool()
    /// To ``peer``; to the one before only while it is ``CollectorConnection/State/sending``.
    var connection = Handle.none
    var request: SpanRequest?
    private(set) var config: TracingConfig?
    private(set) var origin: TLSOrigin?
    /// Of a request, but for its length.
    private(set) var requestHead: [UInt8] = []
    private var envelope: (head: [UInt8], tail: [UInt8]) = ([], [])
    private let registry: MetricsRegistry
    private let shard: MetricsShard
    private var addressTurn = 0
    /// When spans are sent next, if there are any.
    private var dueAt = MonotonicTime.never
    private var endsAt = MonotonicTime.never
    private var endMs = Limits.spanEndMs
    private var countedFull: UInt64 = 0
    /// The log has been told that it fails.
    private var isFailing = false
    private var droppedSinceFailure = 0
    private var notices: [(level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata)] = []

    init(registry: MetricsRegistry) throws {
        queue = try SpanQueue()
        connections = try Slab(capacity: 1)
        self.registry = registry
        shard = registry.makeShard()
    }

    // MARK: Configuration

    /// From now on spans go where `config` says. What waits goes there, too; a request that a collector has begun to get goes on.
    func follow(_ config: TracingConfig?, _ origin: TLSOrigin?) {
        // Without a collector to come what waits still goes to the one before.
        guard let config else { return }
        self.config = config
        self.origin = origin
        let isDefaultPort = config.port == (config.tls == nil ? 80 : 443)
        let host = (config.host.contains(":") ? "[\(config.host)]" : config.host) + (isDefaultPort ? "" : ":\(config.port)")
        let field = config.header.map { "\($0.name): \($0.value)\r\n" } ?? ""
        requestHead = Array(
            """
            POST \(config.path) HTTP/1.1\r
            Host: \(host)\r
            User-Agent: gateway/\(Version.gateway)\r
            Content-Type: application/json\r
            \(field)
            """.utf8)
        envelope = SpanJSON.envelope(
            resource: [
                .init("service.name", config.service), .init("service.version", Version.gateway),
                .init("host.name", String(decoding: Hostname.current, as: UTF8.self)),
            ], scope: "gateway", version: Version.gateway)
        for reason in Drop.allCases { count(.spansDropped, [reason.rawValue], 0) }
        count(.spansExported, [], 0)
        if connections.contains(connection), connections[connection].state != .sending, !leadsToPeer(connection) {
            end(.stale, now: .now())
        }
    }

    private var peer: CollectorConnection.Peer? {
        config.map { CollectorConnection.Peer(host: $0.host, port: $0.port, tls: origin?.identity) }
    }

    /// Whether the connection leads to the collector of the configuration in force: no other may get what is for that one.
    func leadsToPeer(_ id: Handle) -> Bool { connections[id].peer == peer }

    func count(_ family: MetricFamily, _ labels: [String], _ amount: Int) {
        shard.increment(registry.counter(family, labels), by: UInt64(amount))
    }

    // MARK: Time

    /// When ``advance(_:kind:now:addresses:)`` has something to do.
    var nextDue: MonotonicTime {
        let deadline = connections.contains(connection) ? connections[connection].deadline : .never
        return min(dueAt, deadline, endsAt)
    }

    /// Takes note of spans that have come, ends what takes too long, and sends what is due.
    func advance(_ epoll: borrowing Epoll, kind: UInt8, now: MonotonicTime, addresses: (String) -> [IPAddress]) {
        queue.wakeup.clear()
        guard let config else { return }
        noteFull()
        if connections.contains(connection), connections[connection].deadline <= now {
            end(.again(reason: "no answer within \(Limits.spanRequestMs / 1000) seconds", afterMs: nil), now: now)
        }
        let held = queue.heldBytes
        if request == nil {
            if held == 0 {
                dueAt = .never
            } else if held >= Limits.spanRequestBytes || !endsAt.isNever {
                dueAt = now
            } else if dueAt.isNever {
                dueAt = now.adding(milliseconds: config.intervalMs)
            }
        }
        if dueAt <= now, !isBusy { send(epoll, kind: kind, now: now, config, addresses(config.host)) }
    }

    private var isBusy: Bool { connections.contains(connection) && connections[connection].state != .idle }

    private func send(_ epoll: borrowing Epoll, kind: UInt8, now: MonotonicTime, _ config: TracingConfig, _ addresses: [IPAddress]) {
        dueAt = .never
        if request == nil {
            let batches = queue.take(atMost: Limits.spanRequestBytesMax)
            if batches.isEmpty { return }
            request = SpanRequest(batches, head: envelope.head, tail: envelope.tail)
        }
        request?.attempts += 1
        if connections.contains(connection) { return begin(connection, now: now) }
        if addresses.isEmpty { return end(.again(reason: "its name has no address", afterMs: nil), now: now) }
        addressTurn += 1
        guard let peer else { return }
        let address = SocketAddress(address: addresses[addressTurn % addresses.count], port: peer.port)
        do throws(SystemError) {
            let stream = try Stream.connect(to: address, below: DescriptorLimit.upstreamMark)
            connection = connections.insert(CollectorConnection(peer, stream: stream, pool: pool))
            connections[connection].deadline = now.adding(milliseconds: Limits.spanRequestMs)
            try epoll.add(connections[connection].stream.fileDescriptor, EventToken(kind: kind, handle: connection))
        } catch {
            end(.again(reason: "\(error)", afterMs: nil), now: now)
        }
    }

    // MARK: Verdicts

    func end(_ verdict: SpanVerdict, now: MonotonicTime) {
        guard let sent = request?.count, let attempts = request?.attempts else { return closeConnection() }
        switch verdict {
        case .taken(let rejected):
            endRequest()
            count(.spansExported, [], max(0, sent - rejected))
            if rejected > 0 { drop(min(rejected, sent), .refused) }
            noteSuccess()
        case .stale:
            closeConnection()
            request?.attempts -= 1
            dueAt = now
            return
        case .refused(let reason):
            closeConnection()
            endRequest()
            drop(sent, .refused)
            noteFailure(reason)
        case .again(let reason, let afterMs):
            closeConnection()
            noteFailure(reason)
            if attempts >= Limits.spanAttemptsMax || !endsAt.isNever {
                endRequest()
                drop(sent, .failed)
            }
            // Twice as long each time, and a little apart from other gateways.
            let backoffMs = Limits.spanRetryMs << min(attempts - 1, 5)
            let waitMs = min(max(afterMs ?? 0, backoffMs), Limits.spanRetryMsMax)
            dueAt = now.adding(milliseconds: waitMs + Int.random(in: 0...(backoffMs / 4)))
            return
        }
        dueAt = queue.heldBytes == 0 ? .never : now
    }

    private func endRequest() {
        guard var ended = request.take() else { return }
        queue.finish(&ended.batches)
    }

    func closeConnection() {
        if connections.contains(connection) { connections.discard(connection) }
        connection = .none
    }

    private func drop(_ count: Int, _ reason: Drop) {
        self.count(.spansDropped, [reason.rawValue], count)
        droppedSinceFailure += count
    }

    private func noteFull() {
        let total = queue.droppedCount
        if total > countedFull { drop(Int(total - countedFull), .queueFull) }
        countedFull = total
    }

    // MARK: The log

    private func noteFailure(_ reason: String) {
        if isFailing { return }
        isFailing = true
        notices.append(
            (.warning, "spans can't be sent to the collector", ["collector": "\(config?.endpoint ?? "")", "reason": "\(reason)"]))
    }

    private func noteSuccess() {
        if isFailing {
            let metadata: Logger.Metadata = ["collector": "\(config?.endpoint ?? "")", "dropped": "\(droppedSinceFailure)"]
            notices.append((.info, "spans are sent to the collector again", metadata))
        }
        isFailing = false
        droppedSinceFailure = 0
    }

    /// Tells the log what has happened since it was last told: once that it fails, and once that it is well again.
    func report(to logger: Logger) {
        for notice in notices { logger.log(level: notice.level, notice.message, metadata: notice.metadata) }
        notices = []
    }

    // MARK: The end

    /// Whether the process may end: all is sent, or the time for that is over. The first call begins that time.
    func mayEnd(now: MonotonicTime) -> Bool {
        noteFull()
        let isDone = config == nil || (request == nil && queue.heldBytes == 0)
        if isDone { return true }
        if endsAt.isNever {
            endsAt = now.adding(milliseconds: endMs)
            if request == nil || !isBusy { dueAt = now }
            return false
        }
        if now < endsAt { return false }
        closeConnection()
        var lost = request?.count ?? 0
        endRequest()
        while true {
            let batches = queue.take(atMost: Limits.spanRequestBytesMax)
            if batches.isEmpty { break }
            for batch in batches { lost += batch.count }
        }
        drop(lost, .ended)
        noteFailure("the gateway ends, and \(lost) spans are left")
        return true
    }

    /// Ends at once, whatever is left.
    func hurry(now: MonotonicTime) {
        endMs = 0
        if !endsAt.isNever { endsAt = now }
    }
}
