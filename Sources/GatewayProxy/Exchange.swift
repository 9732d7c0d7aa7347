import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayPolicy

/// One request and its response on the client's side, whichever protocol carries it.
struct Exchange: ~Copyable {
    /// The phases, in the order in which a request meets them, under the names that the README explains.
    enum Phase: UInt8 {
        case admit, route, limitAddress, authenticate, limitCaller, answer, lookupCache, chooseUpstream, send, relay, store, finish
    }

    /// The body of the request, on its way in.
    struct RequestBody {
        var framing = BodyFraming.none
        /// What is still to come of a body with a length.
        var remaining: UInt64 = 0
        var chunks = ChunkedDecoder(errorType: .chunkInvalid)
        /// Content bytes that have come.
        var received: UInt64 = 0
        var isComplete = true
    }

    /// The response, on its way out.
    struct Response {
        var status = 0
        var framing = BodyFraming.none
        /// Content bytes handed on.
        var sent: UInt64 = 0
        var hasBegun = false
        /// When its head was there.
        var begunAt = MonotonicTime.never
        var isComplete = false
        /// Whether the connection lives on after it.
        var keepsAlive = true
        var coding = ContentCoding.asReceived
        /// What compresses the content; none where it goes out as it is.
        var encoder = Handle.none
        /// The content is a page of ``BuiltInPage``.
        var isBuiltInPage = false
    }

    let connection: Handle
    /// The stream of an HTTP/2 connection that carries it; none over HTTP/1.1, where the connection does.
    let stream: Handle
    let startedAt: MonotonicTime
    /// The end of `request_timeout`.
    var deadline = MonotonicTime.never
    /// Which of the worker's snapshots the exchange started with, and keeps.
    let snapshot: Handle
    var phase = Phase.admit
    var head: RequestHead
    /// Who asks: the peer, or whom a trusted proxy names.
    var client: IPAddress
    var isFromTrustedProxy = false
    var requestID: (UInt64, UInt64) = (0, 0) {
        didSet { requestIDDigits = LongHexDigits(requestID.0, requestID.1) }
    }
    /// For the origin and for the log.
    private(set) var requestIDDigits = LongHexDigits()
    var trace = ExchangeTrace()
    /// The server by Host, and its location by path; none until they are known. What ends before takes the listener's default server.
    var server: ServerRoute?
    var location: LocationRoute?
    var requestBody = RequestBody()
    var response = Response()
    var trailers: HeaderFields
    /// The upstream half; none before one was chosen and after it has ended.
    var call = Handle.none
    /// Its turn at the cache; none where the cache has no part in it.
    var caching = Handle.none
    /// What it fetches for the cache, as an exchange without a client; none for those that have one.
    var fetch = Handle.none
    /// What reads the tokens in an origin's answer; none where nobody counts them.
    var meter = Handle.none
    var cacheOutcome = CacheOutcome.none
    /// Why the cache was passed by, where that is the outcome.
    var bypassReason: CacheBypass?
    /// Why what it has fetched for the cache was not stored.
    var cacheRefusal: CacheRefusal?
    /// What remains of the call for the log.
    var outcome = UpstreamOutcome()
    /// The caller's key, as the index of its name; negative where none is known.
    var keyName: Int32 = -1
    /// Which of the route's limits refused it, and which one on trial would have; negative for none.
    var limitedBy: Int8 = -1
    var limitOnTrial: Int8 = -1
    /// There were limits, and none refused it.
    var hasPassedLimits = false
    /// Fields that the phases before the answer have for it, as lines: a challenge, what a limit has left.
    var policyFields: ByteQueue
    var error: GatewayError?
    /// When the last byte of the request came: what a half-closed client is measured by.
    var requestCompletedAt = MonotonicTime.never

    var isOverHTTP2: Bool { !stream.isNone }
    var isFetch: Bool { !fetch.isNone }

    init(
        connection: Handle, stream: Handle = .none, snapshot: Handle, client: IPAddress, now: MonotonicTime, pool: BufferPool
    ) {
        self.connection = connection
        self.stream = stream
        self.snapshot = snapshot
        self.client = client
        startedAt = now
        head = RequestHead(pool: pool)
        trailers = HeaderFields(pool: pool)
        policyFields = ByteQueue(pool: pool)
    }
}

/// What the log says of the attempts at upstreams.
struct UpstreamOutcome {
    var attempts = 0
    /// The server tried last; nil before the first attempt.
    var server: UpstreamRoute.Server?
    var status = 0
    var startedAt = MonotonicTime.never
    var firstByteAt = MonotonicTime.never
    /// Of the connection that was opened for the attempt, over HTTP/1.1; never where one was there.
    var connectingAt = MonotonicTime.never
    var connectedAt = MonotonicTime.never
    /// Why TLS with a server failed, the last one where it did; another may have answered since.
    var tlsFailure: TLSFailure?
}

/// What a phase says: go on, wait for an event, or answer.
enum Verdict {
    case next(Exchange.Phase)
    case wait
    /// Refused or failed before the response began: the client is told why.
    case refuse(GatewayError)
    /// Failed after the response began: it is broken off visibly.
    case breakOff(GatewayError)
}

extension Worker {
    /// The way of a request through the gateway, from top to bottom. Called when the head is there, and then with every event
    /// that concerns the exchange, until it ends.
    func step(_ id: Handle) {
        while true {
            let verdict: Verdict
            switch exchanges[id].phase {
            case .admit:
                // Who is asking, and is there a server for it?
                verdict = admit(id)
            case .route:
                // Which location; its edge may turn the request away.
                verdict = route(id)
            case .limitAddress:
                // Limits that need no name. A location that asks for nothing goes on without this phase and the next two.
                verdict = limitAddress(id)
            case .authenticate:
                // Whose key is it?
                verdict = authenticate(id)
            case .limitCaller:
                // Limits of that caller.
                verdict = limitCaller(id)
            case .answer:
                // Does the location answer by itself?
                verdict = answer(id)
            case .lookupCache:
                // Is the answer there, or on its way?
                verdict = lookupCache(id)
            case .chooseUpstream:
                // Which version, by weight; which server inside it.
                verdict = chooseUpstream(id)
            case .send:
                // A connection, kept alive or new, and the head on it.
                verdict = send(id)
            case .relay:
                // The body up and the response down, as far as both sides can take it; again with every event.
                verdict = relay(id)
            case .store:
                // What was fetched for the cache is kept, if it may be.
                verdict = store(id)
            case .finish:
                // Metrics and log, whatever happened; then the connection's next request, or its end.
                finish(id)
                return
            }
            if !apply(verdict, to: id) { return }
        }
    }

    /// False when the exchange waits for an event.
    func apply(_ verdict: Verdict, to id: Handle) -> Bool {
        switch verdict {
        case .next(let phase):
            exchanges[id].phase = phase
        case .wait:
            return false
        case .refuse(let error):
            refuse(id, error)
            exchanges[id].phase = .finish
        case .breakOff(let error):
            breakOff(id, error)
            exchanges[id].phase = .finish
        }
        return true
    }
}
