import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayHTTP

/// What an exchange without a client writes into its ``Fill``: an origin's answer, for all who wait for it. It begins with the first that asks,
/// on its worker, and ends with the answer, whoever is still there.
struct Fetch: ~Copyable {
    let route: CacheRoute
    let fill: Fill
    /// The exchange that asked first; stale once that has ended.
    let leader: Handle
    let startedAt: MonotonicTime
    /// The one that the first who asked has, or asks for; nil where that is for the weights to say.
    let version: Int?
    /// Too old: what stands in for the answer if the origin fails, or says by 304 that it still holds. nil when another one has come.
    var stale: StoredAnswer?
    /// Whether nobody need wait for it: what was stored is given meanwhile.
    let isBackground: Bool
    /// Who asked has been told that it has the answer already (304), which is no reason to break off: it is wanted for the next.
    var isForOthers = false
    /// What GET asks for, see ``ResponseCache/resource(host:path:query:)``; nil for POST.
    let resource: UInt64?
    let baseKey: SHA256Digest
    /// The names that its fill's key counts besides what counts anyhow: see ``CacheTurn/variants``.
    let countedVariants: VariantNames?
    /// What the answer turned out to be a variant of: it gets a key of its own in the place of its fill's.
    var variant: Fill.Variant?
    /// See ``ResponseCache/purgeCount``: what is stored under another key than its fill's isn't met by a purge of that.
    private let purgeCount: UInt64
    /// Host and path, to purge it by.
    var path: ByteQueue
    /// Why the answer will not be stored; nil as long as it will be.
    var refusal: CacheRefusal?
    var freshForMs: UInt64 = 0
    var initialAgeS: UInt64 = 0
    var hasBegun = false
    var hasValidator = false
    var mustRevalidate = false
    var isEventStream = false
    /// See ``AnswerFacts/plainHeadBytes``.
    var plainHeadBytes = 0
    /// The fill has been given its end, and what still comes is nobody's.
    var isSettled = false
    var isReadyQueued = false
    /// Of the timer while a slow reader is waited for; 0 for none.
    var timerTick: UInt64 = 0

    init(
        _ route: CacheRoute, _ fill: Fill, _ turn: borrowing CacheTurn, leader: Handle, now: MonotonicTime, stale: StoredAnswer?,
        version: Int?, resource: UInt64?, isBackground: Bool, pool: BufferPool
    ) {
        self.resource = resource
        self.version = version
        self.route = route
        self.fill = fill
        self.leader = leader
        startedAt = now
        self.stale = stale
        self.isBackground = isBackground
        baseKey = turn.baseKey
        countedVariants = turn.variants
        purgeCount = route.zone.purgeCount
        path = ByteQueue(pool: pool)
    }

    /// Whether the answer has become larger than what is kept.
    var isTooLarge: Bool { hasBegun && !fill.isKept }

    /// Whether a slow reader has to be waited for.
    var isHeldUp: Bool { !isSettled && fill.isFull }

    mutating func begin(_ verdict: CacheVerdict, _ call: borrowing UpstreamCall, isPost: Bool) {
        hasBegun = true
        refusal = verdict.refusal
        freshForMs = verdict.freshForMs
        initialAgeS = verdict.initialAgeS
        mustRevalidate = verdict.mustRevalidate
        hasValidator = !isPost && (call.head.fields.contains(.etag) || call.head.fields.contains(.lastModified))
        isEventStream = call.head.fields.hasEventStream
    }

    func take(_ piece: borrowing ByteQueue, _ range: Range<Int>) -> Wake { fill.append(piece.bytes.extracting(range)) }

    /// Under the key of its fill; or as a ``variant``, with the names that its key counts in the place of that.
    func store(_ facts: AnswerFacts, _ pool: BufferPool) throws(StoreRefusal) {
        guard let variant else { return try route.zone.store(fill, facts, path: path.bytes) }
        var names = AnswerFacts(status: 0, storedAtMs: facts.storedAtMs, storedAt: facts.storedAt, freshForMs: .max)
        names.isVariants = true
        names.askedAt = facts.askedAt
        let path = path.bytes
        let head = variant.names.bytes
        // First the names: without them the answer would not be found.
        do throws(StoreRefusal) {
            try route.zone.store(variant.base, head: head.rawSpan, body: RawSpan(), names, path: path, purgeCount: purgeCount)
        } catch {
            if route.zone.variantNames(variant.base, pool) != variant.names {
                route.zone.end(fill)
                throw error
            }
        }
        try route.zone.store(fill, under: variant.key, facts, path: path, purgeCount: purgeCount)
    }
}
