import GatewayCore
import GatewayHTTP
import GatewayNet

/// How long a client may take, as its server says.
struct ClientTimeouts: BitwiseCopyable, Sendable {
    let headerMs: Int32
    let bodyMs: Int32
    var keepaliveMs: Int32
    let sendMs: Int32
}

/// A client's connection. It reads requests one after the other; while one is answered the next waits in the socket.
struct DownstreamConnection: ~Copyable {
    enum State {
        /// Who the client is has to come before anything else: `listen ... proxy_protocol`.
        case readingProxyHeader
        case handshaking
        /// Between requests, or inside a head.
        case readingHead
        /// Its streams have it: each carries an exchange of its own.
        case http2
        /// An exchange has the connection: it reads the body and writes the response.
        case exchanging
        /// The last response is on its way out; then the connection ends.
        case closing
        /// Our side has ended; what the client still sends is read and dropped, within bounds, so that it is not reset
        /// before it has read our answer (RFC 9112 § 9.6).
        case lingering
    }

    enum Deadline {
        case none, proxyHeader, handshake, head, keepalive, body, send, halfClose, linger, goAway
    }

    private let inPlace = InPlace()
    var stream: Stream
    /// Who has connected, or for whom a balancer did, by the PROXY protocol.
    var peer: SocketAddress {
        didSet { peerText = IPAddress.Text(peer.address) }
    }
    /// The address as every request writes it, to the origin and to the log.
    private(set) var peerText: IPAddress.Text
    /// The peer is a balancer that does not say for whom it has connected.
    var speaksForUnnamed = false
    let listenerID: Int
    var state: State
    var input: ByteQueue
    var output: ByteQueue
    /// Ready for the next head whenever one has ended.
    private var parser = HTTP1RequestParser()
    /// The exchange in progress, from the first byte of its head on.
    var exchange = Handle.none
    /// The snapshot that alone knows the connection's listener, when a reload has taken it away.
    var retiredSnapshot = Handle.none
    /// Whether it is among those of HTTP/2 in the metrics.
    var countsAsHTTP2 = false
    /// The session, where the client speaks HTTP/2.
    var http2: HTTP2Session?
    var hasNoStreams = true
    /// When the second GOAWAY of two goes out; never before the first.
    var goAwayDue = MonotonicTime.never
    /// It was put off for a first request.
    var hasGraceForFirst = false
    /// The session has failed, and that was counted.
    var hasFailed = false
    /// When its streams are looked at for what they wait for: no later than the first of them is due. And the tick of that timer.
    var streamsDue = MonotonicTime.never
    var streamsTick: UInt64 = 0
    /// Heads that had begun when the time of the present one was set.
    var headMark: UInt64 = 0
    /// The host name that TLS was begun for; empty without one.
    var serverName: [UInt8] = []
    var tls: TLSInfo?
    /// Whether TLS 1.3 without a client certificate is all that a log line says of `tls`, as nearly always: it need not be looked at then,
    /// for it stands elsewhere in memory.
    var isLoggedAsTLS13 = false
    /// Of the server that answered last; before that, of the listener's default server. Over HTTP/2 of the latter, but for `keepaliveMs`.
    var timeouts: ClientTimeouts
    var deadline = MonotonicTime.never
    var deadlineKind = Deadline.none
    /// The tick of the wheel that holds this connection's timer; 0 for none.
    var timerTick: UInt64 = 0
    var isFlushQueued = false
    var isReadyQueued = false
    /// The bytes in `input` are not enough for a head.
    var needsInput = false
    /// A write failed: nobody reads any more.
    var isBroken = false
    /// The client has ended its side right behind a request: it still reads.
    var isHalfClosed = false
    /// The closing is a reset, so that a body without an announced end is not taken for whole.
    var endsWithReset = false
    /// The client may still be sending, a refused body or a next request: linger after the response.
    var lingers = false
    var lingeredBytes = 0
    /// It was refused as soon as it was accepted.
    var isRefused = false
    /// Its address is counted by ``AddressLimits``, under this many bits of an IPv6 address; 0 if it is not.
    var countedPrefixBits: UInt8 = 0
    /// Whether a request has begun on it: one that has had none was opened to send one.
    var hasHadRequest = false

    init(stream: consuming Stream, peer: SocketAddress, listenerID: Int, timeouts: ClientTimeouts, pool: BufferPool) {
        self.stream = stream
        self.peer = peer
        peerText = IPAddress.Text(peer.address)
        self.listenerID = listenerID
        self.timeouts = timeouts
        state = .readingHead
        input = ByteQueue(pool: pool)
        output = ByteQueue(pool: pool)
    }

    // What a stream asks of the session: by methods, for a session that is the connection's own need not be counted while it works.

    func respond(_ stream: Handle, _ lines: borrowing ByteQueue, endsStream: Bool) {
        http2?.respond(stream, lines, endsStream: endsStream)
    }

    func resume(_ stream: Handle) { http2?.resume(stream) }

    func consume(_ stream: Handle, _ byteCount: Int) { http2?.consume(stream, byteCount) }

    func release(_ stream: Handle) { http2?.release(stream) }

    /// Reads on in the head that `input` begins with: see ``HTTP1RequestParser/parse(_:into:)``.
    mutating func parse(into head: inout RequestHead) throws(GatewayError) -> Int? {
        try Self.parse(input, &parser, into: &head)
    }

    private static func parse(
        _ input: borrowing ByteQueue, _ parser: inout HTTP1RequestParser, into head: inout RequestHead
    ) throws(GatewayError) -> Int? {
        try parser.parse(input.bytes, into: &head)
    }
}
