import GatewayCache
import GatewayCore
import GatewayHTTP

/// What a client's exchange has to do with the cache, from the lookup to its end: it reads an answer that is stored, or one that is under
/// way, and whose bytes come through a ``Fill`` whoever asked for them.
struct CacheTurn: ~Copyable {
    enum Source {
        /// Its own request is still being read.
        case none
        case fill(Fill, Fill.ReaderID)
        case stored(StoredAnswer)
        /// What is still to be given is in `copy`, with a head of so many bytes; the facts if it was stored before the request came.
        case copied(AnswerFacts?, headBytes: Int)
    }

    let route: CacheRoute
    let wishes: CacheControl
    /// Of the request as such; and the same with the fields that Vary names, where it is known to name some.
    var baseKey = SHA256Digest(0, 0, 0, 0)
    var key = SHA256Digest(0, 0, 0, 0)
    var variants: VariantNames?
    /// How often the zone named a fill that was closed when it should be joined.
    var lookups = 0
    var source = Source.none
    /// What the origin said to its own fetch, where a stored answer stands in for that; 0 where it said nothing.
    var originStatus = 0
    /// What it fetches will be stored, as far as the head of the answer tells.
    var isToBeStored = false
    /// How much of a stored body has been handed on.
    var offset = 0
    /// The content of the request, for as long as it may have to be sent: by a fetch, or past the cache after all.
    var body: ByteQueue
    /// Of an answer, for a reader that may take long where many do (see ``StoredAnswer/isCrowded``), or takes long.
    var copy: ByteQueue
    /// Of ``Worker/cacheBodiesBytes``.
    var countedBytes = 0
    /// The exchange, and since when its request has been read, while that isn't whole: never from then on.
    let exchange: Handle
    var collectingSince = MonotonicTime.never
    /// Others need the room that its body takes.
    var givesWay = false
    /// Of what was stored and is too old: what stands in for it if the origin fails, and what may be asked for by its validator. Until its
    /// fetch has that, or the head of another answer has come: who reads long holds nothing that it will not get.
    var stale: StoredAnswer?

    /// Of the fetch whose answer it has read along, and goes on with by itself.
    var readSpan: (trace: TraceID, id: UInt64)?

    /// Of the fetch whose answer it reads.
    var fetchSpan: (trace: TraceID, id: UInt64)? {
        if case .fill(let fill, _) = source { fill.fetchSpan } else { readSpan }
    }

    init(_ route: CacheRoute, _ wishes: CacheControl, of exchange: Handle, pool: BufferPool) {
        self.route = route
        self.wishes = wishes
        self.exchange = exchange
        body = ByteQueue(pool: pool)
        copy = ByteQueue(pool: pool)
    }
}
