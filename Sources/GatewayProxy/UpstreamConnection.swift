import GatewayCore
import GatewayHTTP
import GatewayNet

/// A connection to an origin. Over HTTP/1.1 it carries one call at a time, over HTTP/2 many; it waits in the pool while it carries none.
struct UpstreamConnection: ~Copyable {
    enum State {
        case connecting, handshaking
        /// HTTP/2: the origin's SETTINGS are still to come.
        case settling
        case active
        case idle
        /// HTTP/2: the connection has ended. What had come before is still taken by those that it was for.
        case lost
    }

    enum Deadline {
        case none, connect, send, read, idle
        /// HTTP/2: the earliest of what its streams wait for, or its PING.
        case streams
    }

    private let inPlace = InPlace()
    var stream: Stream
    let endpoint: Endpoint
    var metrics: UpstreamGauges
    var state = State.connecting
    let openedAt: MonotonicTime
    var input: ByteQueue
    /// The call that it carries or is made for; none over HTTP/2.
    var call: Handle
    var deadline = MonotonicTime.never
    var deadlineKind = Deadline.none
    var timerTick: UInt64 = 0
    /// Whether a call has left it: then its end, before an answer began, may only mean that it was idle too long.
    var isReused = false
    /// A write has failed: a tunnel's, or one of HTTP/2, where the reason is still to be read.
    var isBroken = false
    /// The bytes in `input` are not enough for what is read.
    var needsInput = false
    /// What HTTP/2 has beyond that; nil over HTTP/1.1.
    var shared: Shared?

    init(
        stream: consuming Stream, endpoint: Endpoint, metrics: UpstreamGauges, call: Handle, now: MonotonicTime, pool: BufferPool
    ) {
        self.stream = stream
        openedAt = now
        self.endpoint = endpoint
        self.metrics = metrics
        self.call = call
        input = ByteQueue(pool: pool)
    }

    /// What a connection needs that many calls share.
    struct Shared: ~Copyable {
        let server: UpstreamRoute.Server
        /// nil until the connection stands, TLS too.
        var session: HTTP2Session?
        /// Calls that wait for the origin's SETTINGS, in their order.
        var waiting: [Handle] = []
        /// Calls that have a stream.
        var carried = 0
        var output: ByteQueue
        /// As the upstream of the call that came last says.
        var keepaliveMax = 0
        var keepaliveTimeoutMs = 0
        var sendTimeoutMs = 0
        /// When bytes came last, or the first call after a pause began.
        var heardAt = MonotonicTime.never
        /// When a PING went out that nothing has come behind; and the last of all.
        var pingedAt = MonotonicTime.never
        var lastPingAt = MonotonicTime.never
        var isFlushQueued = false
        var isReadyQueued = false
        /// The origin has refused a request that it had room for by what it announced: it gets no further one until another has ended.
        var hasRefused = false
        /// That the origin ends the connection for an error was counted.
        var hasNotedGoaway = false
        /// Why the connection was lost.
        var loss: GatewayError?

        init(server: UpstreamRoute.Server, pool: BufferPool) {
            self.server = server
            output = ByteQueue(pool: pool)
        }

        /// Begins a request; nil if there is no stream for it. Lent for the time of the calls the session is not counted.
        mutating func request(_ head: borrowing ByteQueue, isSecure: Bool, user: Handle, endsStream: Bool) -> Handle? {
            guard session?.streamsAvailable ?? 0 > 0 else { return nil }
            return session?.request(head, isSecure: isSecure, user: user, endsStream: endsStream)
        }

        /// Takes one call more.
        mutating func carry(keepaliveMax: Int, keepaliveTimeoutMs: Int, sendTimeoutMs: Int) {
            carried += 1
            self.keepaliveMax = keepaliveMax
            self.keepaliveTimeoutMs = keepaliveTimeoutMs
            self.sendTimeoutMs = sendTimeoutMs
        }

        /// Has one call less.
        mutating func leave(_ stream: Handle, isOver: Bool, wasRefused: Bool) {
            carried -= 1
            if !wasRefused { hasRefused = false }
            if !isOver { session?.reset(stream, .cancel) }
            session?.release(stream)
        }

        mutating func consumeAll(_ stream: Handle, butFor held: Int) -> Bool {
            session?.consumeAll(stream, butFor: held) ?? false
        }

        /// A method, for Swift 6.3 never releases what an assignment through `shared?` replaces.
        mutating func takeWaiting() -> [Handle] {
            let calls = waiting
            waiting = []
            return calls
        }
    }
}
