import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// The upstream half of a request: the attempts, the request as it is sent, the response as it comes.
struct UpstreamCall: ~Copyable {
    enum State {
        /// No server yet, or none any more.
        case choosing
        case connecting
        case awaitingHead
        case readingBody
        /// The origin has switched protocols (101): bytes both ways, until both sides have ended.
        case tunnel
        case complete
    }

    let exchange: Handle
    let upstream: UpstreamRoute
    /// As the upstream says.
    let isOverHTTP2: Bool
    var state = State.choosing
    var version = 0
    var server = 0
    var triedVersions = ExclusionSet()
    var triedServers = ExclusionSet()
    /// Servers tried: all addresses of one are one attempt, and so is its second try after a kept-alive connection had died.
    var attempts = 0
    /// When the present attempt began.
    var startedAt = MonotonicTime.never
    /// Which address of the current server is tried, how many did not answer, and how many of those are the server's now.
    var endpoint = Endpoint.none
    var addressesTried = 0
    var addressesFailed = 0
    var connection = Handle.none
    /// Its stream, where HTTP/2 is spoken and the connection stands; none over HTTP/1.1.
    var stream = Handle.none
    /// Whether it counts as one of the requests at its server: see ``Worker/vacatePlace(_:)``.
    var holdsPlace = false
    /// Whether a server was passed over for its `max_conns`.
    var hasMetFull = false

    /// The request as it goes to the origin, for HTTP/2 with its fields counted (``CountedForm``) and its content as it is. While
    /// ``keepsRequest`` its bytes stay although they are written: to the socket, or to the stream.
    var request: ByteQueue
    var written = 0
    /// Of them, the head's.
    var headByteCount = 0
    /// Where in it the id of the attempt's span stands; 0 where it doesn't.
    var spanIDOffset = 0
    /// Whether any byte of it may have reached the origin in this attempt.
    var hasWritten = false
    /// Whether the bytes are kept for a retry, until the first byte of the answer.
    var keepsRequest = false
    /// What became of its stream: see ``StreamState``.
    var streamState = StreamState()
    /// The request is being read for the cache: its content stays here as it is, until the head goes before it.
    var isCollecting = false
    /// It has been read so, and is yet to be framed.
    var isCollected = false
    /// The origin no longer takes the request: the rest of it is dropped, its answer is still read.
    var isRequestRefused = false

    var parser: HTTP1ResponseParser
    var head: ResponseHead
    var framing = BodyFraming.none
    var remaining: UInt64 = 0
    var chunks = ChunkedDecoder(errorType: .upstreamInvalid)
    var interimResponses = 0
    /// Of a tunnel: which sides have ended, and which ends have been passed on.
    var hasClientEnded = false
    var hasOriginEnded = false
    var hasEndedUpstream = false
    var hasEndedDownstream = false
    var trailers: HeaderFields
    /// Why the attempt before failed: what the client hears if there is no other server.
    var lastError: GatewayError?
    /// An origin has refused it unprocessed: one that does so again is left for another.
    var wasRefused = false
    /// The next attempt takes no connection from the pool.
    var wantsNewConnection = false

    init(exchange: Handle, upstream: UpstreamRoute, method: Method, pool: BufferPool) {
        self.exchange = exchange
        isOverHTTP2 = upstream.speaksHTTP2
        self.upstream = upstream
        request = ByteQueue(pool: pool)
        head = ResponseHead(pool: pool)
        trailers = HeaderFields(pool: pool)
        parser = HTTP1ResponseParser(requestMethod: method)
    }

    /// Whether the origin has got all of the request: only then may the connection carry another.
    var isWhollySent: Bool { unwritten == 0 && !isRequestRefused }

    /// Whether there is more of the request to write than has been, or its end to say.
    var hasMoreToWrite: Bool { isOverHTTP2 ? !streamState.hasEndedRequest : unwritten != 0 }

    /// Bytes of the request that the socket has not taken.
    var unwritten: Int { request.count - written }

    var selectedServer: UpstreamRoute.Server { upstream.versions[version].servers[server] }

    /// Makes a new attempt possible: the same bytes again, an answer that has not begun.
    mutating func rewind(method: Method) {
        connection = .none
        stream = .none
        streamState = StreamState()
        state = .choosing
        written = 0
        hasWritten = false
        isRequestRefused = false
        parser = HTTP1ResponseParser(requestMethod: method)
        head.removeAll()
        interimResponses = 0
    }

    mutating func noteWritten(_ byteCount: Int) {
        hasWritten = hasWritten || byteCount > 0
        if keepsRequest { written += byteCount } else { request.consume(byteCount) }
    }

    /// The bytes need not be sent again.
    mutating func forgetRequest() {
        keepsRequest = false
        request.consume(written)
        written = 0
    }
}
