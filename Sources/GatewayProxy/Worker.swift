import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayPolicy
import GatewayTelemetry
import Logging

/// One event loop on one thread, with its own listeners, clients and upstream connections. It shares nothing on the way of
/// a request; what comes from outside comes through its mailbox.
final class Worker {
    /// What an epoll event or a timer belongs to.
    enum Kind {
        static let wakeup: UInt8 = 0
        static let listener: UInt8 = 1
        static let downstream: UInt8 = 2
        static let upstream: UInt8 = 3
        static let requests: UInt8 = 4
        static let stream: UInt8 = 5
        /// Of a client's connection: the timer that its streams share.
        static let streams: UInt8 = 6
        static let fetch: UInt8 = 7
    }

    static let wakeupToken = EventToken(kind: Kind.wakeup, handle: .none)

    /// A snapshot in use: the current one, or one that running exchanges keep.
    struct Snapshot: ~Copyable {
        let table: RouteTable
        var choices: [UpstreamChoice]
        /// Exchanges that run on it, and connections of its retired listeners.
        var users = 0
    }

    struct OpenListener: ~Copyable {
        let id: Int
        let listener: Listener
    }

    /// Which of the workers' places it has, counted from 0.
    let index: Int
    let pool: BufferPool
    let downstreams: Slab<DownstreamConnection>
    let exchanges: Slab<Exchange>
    let calls: Slab<UpstreamCall>
    let upstreams: Slab<UpstreamConnection>
    let snapshots: Slab<Snapshot>
    let listeners: Slab<OpenListener>
    /// The streams of HTTP/2 connections, on both sides.
    let streams: HTTP2Streams

    let mailbox: WorkerMailbox
    let place: WorkerPlace
    let shard: MetricsShard
    let metrics: WorkerMetrics
    private let loopLag: HistogramSlot
    let registry: MetricsRegistry
    var logger: Logger
    var epoll: Epoll
    let timers: Cell<TimerWheel>
    let accessLog = Cell<LogBuffer?>(nil)
    var accessLogSink: LogSink?
    var accessLogPolicy: AccessLogPolicy
    var hiddenParameters: HiddenParameters?
    let spans: Cell<SpanBuffer>
    let spanQueue: SpanQueue
    let requestIDs = Cell(RequestIDGenerator())
    let clock = Cell(WallClock())
    let idle = Cell(UpstreamPool())
    let http2Pool = Cell(HTTP2Pool())
    let gzip: Cell<GzipPool>
    let sessions = Cell(UpstreamSessions())
    let sha256 = Cell(SHA256())
    /// What the limits have said to the request that is between two of its phases.
    let limitOutcomes = Cell<[LimitOutcome]>([])
    let cacheTurns: Slab<CacheTurn>
    let fetches: Slab<Fetch>
    let meters: Slab<AnswerMeter>
    /// Fetches by what they fill; and by what they read, the exchanges that read along.
    let fetchesByFill = Cell<[ObjectIdentifier: Handle]>([:])
    let readersByFill = Cell<[ObjectIdentifier: Set<Handle>]>([:])
    let keyMaker: Cell<CacheKeyMaker>
    let canonicalJSON: Cell<CanonicalJSON>
    let keyMemo = Cell(KeyMemo())
    let requestTimer = Cell(RequestTimer())
    /// Clients that are between two requests, or have not said anything yet: who goes first when room is needed.
    let idleDownstreams = Cell(AgeList())
    /// Clients that have their last answer and may still send: who goes before those.
    let lingeringDownstreams = Cell(AgeList())
    /// Clients that were refused and read why: who goes first when descriptors run out.
    let refusedDownstreams = Cell(AgeList())
    let connectionLog = Cell(ConnectionLog())
    let spare: Cell<SpareDescriptor>
    /// From these numbers on descriptors are scarce: for clients, and for connections to origins.
    var descriptorMark = 0
    var upstreamDescriptorMark = 0
    /// How many of those there are.
    var refusedLingering = 0
    /// What requests at the cache hold: see ``Limits/cacheBodiesBytesMax``.
    var cacheBodiesBytes = 0
    var cacheBodiesSweptAt = MonotonicTime(nanoseconds: 0)

    /// When the current round of events began. Deadlines and durations are counted from here.
    var now: MonotonicTime
    var current = Handle.none
    var isDraining = false
    var drainDeadline = MonotonicTime.never
    var idleCloseDeadline = MonotonicTime.never
    var isFinished = false
    /// Listeners wait for a free connection or descriptor.
    var isAcceptPaused = false

    /// Connections whose output waits for the end of the round.
    let flushQueue = Cell(TurnQueue<Handle>())
    /// The same of HTTP/2 connections to origins.
    let originFlushQueue = Cell(TurnQueue<Handle>())
    /// Connections that have more to do although epoll won't say so: see ``EventToken``.
    let readyQueue = Cell(TurnQueue<EventToken>())
    /// How many of those are clients.
    private var readyClientCount = 0
    /// Timers that are due, of which the first so many have had their turn.
    let firedTimers = Cell<[TimerWheel.Timer]>([])
    var firedTimersTaken = 0
    /// Heads that a connection may begin in its turn of this round.
    var headsPerTurn = Limits.headsPerTurn

    /// The mailbox is in the epoll already.
    init(
        index: Int, _ mailbox: WorkerMailbox, _ place: WorkerPlace, _ outfit: consuming WorkerOutfit.Contents, pool: BufferPool,
        registry: MetricsRegistry, shard: MetricsShard
    ) {
        let table = outfit.table
        self.index = index
        self.pool = pool
        downstreams = outfit.tables.downstreams
        exchanges = outfit.tables.exchanges
        calls = outfit.tables.calls
        upstreams = outfit.tables.upstreams
        snapshots = outfit.tables.snapshots
        listeners = outfit.tables.listeners
        streams = HTTP2Streams(outfit.tables.streams, pool: pool)
        cacheTurns = outfit.tables.cacheTurns
        fetches = outfit.tables.fetches
        meters = outfit.tables.meters
        keyMaker = Cell(CacheKeyMaker(pool: pool))
        canonicalJSON = Cell(CanonicalJSON(pool: pool))
        gzip = Cell(outfit.tables.gzip)
        self.mailbox = mailbox
        self.place = place
        self.registry = registry
        logger = table.logger
        spans = Cell(SpanBuffer(pool: pool))
        spanQueue = table.spans
        self.shard = shard
        metrics = WorkerMetrics(registry)
        loopLag = registry.histogram(.eventLoopLag, [String(index)])
        spare = Cell(outfit.spare)
        epoll = outfit.epoll
        accessLogPolicy = table.accessLogPolicy
        now = .now()
        timers = Cell(TimerWheel(now: now))
        adopt(table)
    }

    /// The loop. Output gathers during a round of events and is written before the loop may block: under load that makes large
    /// records and few packets. Epoll is not asked for more first: whoever waits for the output would have nothing to do meanwhile.
    func run() {
        while !isFinished {
            epoll.wait(timeoutMs: waitTimeoutMs())
            takeEvents()
            runReady()
            if !gzip.value.turns.isEmpty { runEncoders() }
            runTimers()
            if !flushQueue.value.isEmpty || !originFlushQueue.value.isEmpty { flushRound() }
            shard.observe(loopLag, nanoseconds: MonotonicTime.now().nanoseconds(since: now))
        }
        accessLog.value?.flush()
        spans.value.flush(to: spanQueue)
    }

    /// Origins come first: they work on these requests while the answers to others are sealed.
    private func flushRound() {
        flushOrigins()
        flushClients()
        // Clients that have read give windows back, and what they had sent behind may ask origins for more.
        flushOrigins()
        // The last connection may have ended with its last byte, and no event would tell.
        if isDraining { drainOn() }
    }

    private func takeEvents() {
        now = .now()
        let eventCount = epoll.eventCount
        shareHeads(lookAhead(eventCount))
        for index in 0..<eventCount {
            let (token, readiness) = epoll.event(index)
            dispatch(token, readiness)
        }
    }

    /// A request may begin a connection to its origin: were each of hundreds of clients given a whole turn of them, the round would take
    /// seconds, and whoever comes meanwhile would wait for its end.
    private func shareHeads(_ clientCount: Int) {
        let waiting = clientCount + readyClientCount
        headsPerTurn = waiting <= Limits.headsPerRound / Limits.headsPerTurn ? Limits.headsPerTurn : max(1, Limits.headsPerRound / waiting)
    }

    /// What happened to idle connections to origins is noted before any request of the same round may take one of them: bytes that nobody
    /// asked for would otherwise answer it. Returns how many of the events are clients'.
    private func lookAhead(_ eventCount: Int) -> Int {
        var clientCount = 0
        for index in 0..<eventCount {
            let (token, readiness) = epoll.event(index)
            if token.kind == Kind.downstream { clientCount += 1 }
            guard token.kind == Kind.upstream, upstreams.contains(token.handle), case .idle = upstreams[token.handle].state else {
                continue
            }
            upstreams[token.handle].stream.note(readiness)
        }
        return clientCount
    }

    private func dispatch(_ token: EventToken, _ readiness: Readiness) {
        switch token.kind {
        case Kind.downstream:
            guard downstreams.contains(token.handle) else { return }
            downstreams[token.handle].stream.note(readiness)
            driveDownstream(token.handle)
        case Kind.upstream:
            guard upstreams.contains(token.handle) else { return }
            upstreams[token.handle].stream.note(readiness)
            driveUpstream(token.handle)
        case Kind.listener:
            if listeners.contains(token.handle) { acceptConnections(token.handle) }
        default:
            mailbox.wakeup.clear()
            for message in mailbox.takeAll() { receive(message) }
        }
    }

    private func waitTimeoutMs() -> Int32 {
        if !readyQueue.value.isEmpty || !flushQueue.value.isEmpty || !originFlushQueue.value.isEmpty || !gzip.value.turns.isEmpty
            || hasTimersLeft
        {
            return 0
        }
        var timeout = timers.value.millisecondsUntilNext(now: now) ?? -1
        let due = min(
            accessLog.value?.flushDue ?? .never, spans.value.flushDue, isDraining ? min(drainDeadline, idleCloseDeadline) : .never)
        if !due.isNever {
            let milliseconds = Int(due.nanoseconds(since: now) / 1_000_000) + 1
            timeout = timeout < 0 ? milliseconds : min(timeout, milliseconds)
        }
        return Int32(clamping: timeout)
    }

    private func runReady() {
        if readyQueue.value.isEmpty { return }
        readyClientCount = 0
        for index in 0..<readyQueue.value.beginTurn() {
            let token = readyQueue.value[index]
            if token.kind == Kind.downstream, downstreams.contains(token.handle) {
                downstreams[token.handle].isReadyQueued = false
                driveDownstream(token.handle)
            } else if token.kind == Kind.stream, streams.slab.contains(token.handle) {
                streams.slab[token.handle].isReadyQueued = false
                driveStream(token.handle)
            } else if token.kind == Kind.fetch, exchanges.contains(token.handle) {
                resume(fetch: token.handle)
            } else if token.kind == Kind.upstream, upstreams.contains(token.handle) {
                upstreams[token.handle].shared?.isReadyQueued = false
                driveUpstream(token.handle)
            }
        }
        readyQueue.value.endTurn()
    }

    /// Lets a connection go on in the next round, after the others have had their turn.
    func queueReady(_ connection: Handle) {
        if downstreams[connection].isReadyQueued { return }
        downstreams[connection].isReadyQueued = true
        readyClientCount += 1
        readyQueue.value.append(EventToken(kind: Kind.downstream, handle: connection))
    }

    /// The same for what carries an exchange: its stream, or its connection.
    func queueReady(exchange id: Handle) {
        let stream = exchanges[id].stream
        if exchanges[id].isFetch {
            queueReady(fetch: id)
        } else if stream.isNone {
            queueReady(exchanges[id].connection)
        } else if !streams.slab[stream].isReadyQueued {
            streams.slab[stream].isReadyQueued = true
            readyQueue.value.append(EventToken(kind: Kind.stream, handle: stream))
        }
    }

    /// Asked for with every piece of a response.
    func queueFlush(_ connection: Handle) {
        if !downstreams[connection].isFlushQueued { queueFirstFlush(connection) }
    }

    @inline(never)
    private func queueFirstFlush(_ connection: Handle) {
        downstreams[connection].isFlushQueued = true
        flushQueue.value.append(connection)
    }

    func flushClients() {
        // What a flush sets free may queue more, for the next round.
        for index in 0..<flushQueue.value.beginTurn() {
            let connection = flushQueue.value[index]
            guard downstreams.contains(connection) else { continue }
            downstreams[connection].isFlushQueued = false
            flushAndGoOn(connection)
        }
        flushQueue.value.endTurn()
    }
}
