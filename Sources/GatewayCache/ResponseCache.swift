import GatewayCore

/// A zone of `cache_zone`: answers by the hash of their request, for all workers. Every method may be called from any thread.
///
/// `find` names an answer, or the ``Fill`` in which it comes. Who is its leader fetches it, and ends every fill by exactly one of
/// ``store(_:_:path:)``, ``end(_:)`` and ``abandonIfUnread(_:)`` (when that says true).
public final class ResponseCache: Sendable {
    public let name: String
    public let memoryBytes: Int
    public let entryBytesMax: Int

    /// A zone of `memoryBytes`, of which addresses are reserved now and memory is taken as it is needed. An answer, its head included, has at
    /// most `entryBytesMax`, and at most the ``Limits/cacheEntriesPerShardMin``th part of the memory.
    public init(name: String, memoryBytes: Int, entryBytesMax: Int) throws(MemoryRefusal) {
        self.name = name
        self.memoryBytes = memoryBytes
        self.entryBytesMax = entryBytesMax
    }

    // MARK: Requests

    /// What there is for a request.
    public struct Lookup: Sendable {
        /// The stored answer, fresh or not.
        public var stored: StoredAnswer?
        /// Whether `stored` is what the request asks for. Then there is no fill.
        public var isFresh = false
        /// The answer under way: one that others wait for, or a new one. nil besides a fresh answer, and for only-if-cached.
        public var fill: Fill?
        /// Whether the fill is new: the caller fetches what comes into it, for itself and whoever joins.
        public var isLeader = false
    }

    /// Looks for the answer to `key`'s request, and for the one under way where there is none that is fresh.
    public func find(_ key: SHA256Digest, now: MonotonicTime, accepting freshness: Freshness) -> Lookup { Lookup() }

    /// For a request that says no-cache: a fill of its own, which later ones join, and which replaces what is stored. The caller leads it.
    public func fetchAnew(_ key: SHA256Digest) -> Fill { preconditionFailure() }

    /// For a reader that is told `tryAgain`: the fill that follows `fill`. For exactly one of them `isLeader` is true.
    public func succeed(_ fill: Fill) -> (fill: Fill, isLeader: Bool) { preconditionFailure() }

    // MARK: Writers

    /// Keeps the answer of a fill that is complete, for the requests to come; `path` is the host and path to purge it by. Ends the fill as
    /// ``end(_:)`` does. False if it can't be kept: not complete, too large, purged meanwhile, older than what is stored, or no room.
    public func store(_ fill: Fill, _ facts: AnswerFacts, path: RawSpan) -> Bool { false }

    /// Gives a stored answer new facts (304). The answer is returned with them, for ``Fill/resolve(with:)``; whether or not it is still stored.
    public func refresh(_ answer: StoredAnswer, _ facts: AnswerFacts) -> StoredAnswer { answer }

    /// No more requests join the fill; those that read it go on.
    public func end(_ fill: Fill) {}

    /// Ends the fill if nobody reads it: true, and from now on nobody can join.
    public func abandonIfUnread(_ fill: Fill) -> Bool { false }

    // MARK: Purging

    /// Each returns how many entries went. What is under way is read by those who wait for it, but not stored.
    public func purge(_ key: SHA256Digest) -> Int { 0 }
    public func purge(pathPrefix: RawSpan) -> Int { 0 }
    public func purgeAll() -> Int { 0 }

    // MARK: Figures

    public struct Stats: Equatable, Sendable {
        /// Answers stored, and what they and the tables take of the memory.
        public var entries = 0
        public var bytes = 0
        public var capacityBytes = 0
        /// Requests that met a fresh answer, that joined one under way, and those that led a fetch.
        public var hits: UInt64 = 0
        public var collapsed: UInt64 = 0
        public var misses: UInt64 = 0
        public var stored: UInt64 = 0
        public var evicted: UInt64 = 0
        public var purged: UInt64 = 0
        public var refusedTooLarge: UInt64 = 0
        /// There was nothing to evict that nobody reads.
        public var refusedNoRoom: UInt64 = 0
        public var fillsUnderWay = 0
        public var fillBytes = 0

        public init() {}
    }

    /// As they are now; each shard's lock is taken for a moment.
    public var stats: Stats { Stats() }
}
