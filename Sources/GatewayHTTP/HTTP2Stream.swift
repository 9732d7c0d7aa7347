import GatewayCore

/// One stream of an HTTP/2 connection: what has come on it and was not taken yet, and what waits to be sent.
///
/// ``HTTP2Session`` changes it while it receives and sends; whoever owns the request looks at it in between. It stays until the
/// session is told to ``HTTP2Session/release(_:)`` it.
public struct HTTP2Stream: ~Copyable {
    /// RFC 9113 § 5.1.1.
    public let number: Int32
    /// Whose session it is: the worker's handle of the connection.
    public let connection: Handle
    /// What it carries: an exchange (server) or a call (client); none before one has begun.
    public var user = Handle.none

    /// The head that is being read, or has come and was not taken yet.
    var head: HTTP2Head
    /// Interim answers (1xx) that have come and were not taken, as HTTP/1 heads one behind the other.
    var interims: ByteQueue
    /// Whether a head is complete and not yet taken; with ``error`` set, what could be read of one that was refused.
    public internal(set) var hasHead = false
    /// Content that has come and was not taken, at most the stream's window. Whoever takes of it tells
    /// ``HTTP2Session/consume(_:_:)``.
    public var input: ByteQueue
    /// Whether END_STREAM has come. ``input`` may still hold content.
    public internal(set) var hasInputEnded = false
    /// Fields that came behind the content; complete once ``hasInputEnded``.
    public var trailers: HeaderFields
    /// What came is not acceptable. With ``isReset`` the session has reset the stream (RFC 9113 § 8.1.1); else the head was beyond a
    /// limit, or asked for what is not supported, and may be answered with the status of the error.
    public internal(set) var error: GatewayError?
    /// Whether RST_STREAM came, or was queued for sending: nothing can be sent any more, nothing further comes.
    public internal(set) var isReset = false
    /// The code of the peer's RST_STREAM, if one came.
    public internal(set) var peerCode: UInt32?
    /// Set once the stream is closed: by RST_STREAM of either side with this code (``HTTP2ErrorCode``, or one that we do not know), or
    /// 0 when both sides have ended.
    public internal(set) var closedWith: UInt32?

    /// Content that waits for the windows: the worker appends, the session takes. ``HTTP2Session/resume(_:)`` tells of more.
    public var output: ByteQueue
    /// Content behind `output` that many answers have in common. It is copied as the windows take it: a reader that is slow holds none.
    public var shared: [UInt8] = []
    /// How much of it has been sent.
    var sharedStart = 0
    /// END_STREAM goes behind `output` and `shared`.
    public var outputEnds = false
    /// Asks for an event as soon as `output` holds less than half of ``Limits/streamOutputHighBytes``; set anew for each.
    public var wantsRoom = false

    /// How long its owner waits for what.
    public struct Timer: BitwiseCopyable, Sendable {
        public enum Kind: UInt8, Sendable, BitwiseCopyable { case none, body, send }

        public var kind = Kind.none
        public var deadline = MonotonicTime.never
        /// What it waits, in milliseconds.
        public var bodyMs: Int32 = 0
        public var sendMs: Int32 = 0
        public var since = MonotonicTime.never
    }

    public var timer = Timer()
    /// Its owner has it in a queue of those that go on in the next round.
    public var isReadyQueued = false
    /// When content last left `output`; never before the first.
    public internal(set) var sentAt = MonotonicTime.never

    // What the session keeps of it.

    /// Its neighbours among the session's streams.
    var previous = Handle.none
    var next = Handle.none
    /// In the queue of those that something has happened to.
    var isEventQueued = false
    /// The worker has no more to do with it.
    var isReleased = false
    /// RST_STREAM is ours.
    var isResetByUs = false
    /// A final head was queued.
    var hasAnswered = false
    /// The head, or what was asked for by it, has come: further heads are trailers.
    var hasFinalHead = false
    /// Nothing is queued of `output`: nghttp2 waits to be told of more.
    var isWaiting = false
    /// Of the client's role: the peer may know of the request.
    var hasSentHead = false
    /// END_STREAM was queued with the head, or sent.
    var hasEnded = false
    var hasSentEnd = false
    /// Lines of trailers that go behind `output`.
    var outputTrailers: ByteQueue
    /// Of the client's role: what the answer's head means depends on it.
    var requestMethod = Method.other
    /// Content that has come and whose windows are not open again.
    var unconsumed = 0
    /// Of the server's role: what its head and trailers count for in ``HTTP2Session``'s bound, until its end.
    var headBytes = 0
    /// What Content-Length leaves to come; nil if it says nothing.
    var contentLeft: UInt64?
    let pool: BufferPool

    /// Inlined to be made where it stays: a copy of it would be twice the work.
    @inline(__always)
    init(number: Int32, connection: Handle, pool: BufferPool) {
        self.number = number
        self.connection = connection
        head = HTTP2Head(pool: pool)
        interims = ByteQueue(pool: pool)
        input = ByteQueue(pool: pool)
        output = ByteQueue(pool: pool)
        outputTrailers = ByteQueue(pool: pool)
        self.pool = pool
        trailers = HeaderFields(pool: pool)
    }

    /// Content that waits for the windows, wherever it is.
    public var outputCount: Int { output.count + shared.count - sharedStart }

    /// Whether nothing has come, or nothing that was not taken and told of.
    public var isSilent: Bool {
        !hasHead && !hasInputEnded && !isReset && closedWith == nil && error == nil && unconsumed == 0
    }

    /// Whether so much of what has come keeps the window shut that the peer may have none left: nghttp2 tells it of less than half a window
    /// only together with more.
    public var holdsWindow: Bool { unconsumed > Limits.http2StreamWindowBytes / 2 }

    /// Whether no byte can follow any more in our direction.
    public var isOutputClosed: Bool { isReset || closedWith != nil }
}
