import GatewayCore
import Synchronization

/// A zone of `cache_zone`: answers by the hash of their request, for all workers. Every method may be called from any thread.
///
/// `find` names an answer, or the ``Fill`` in which it comes. Who is its leader fetches it, and ends every fill by exactly one of
/// ``store(_:_:path:)``, ``end(_:)`` and ``abandonIfUnread(_:)`` (when that says true).
public final class ResponseCache: Sendable {
    public let name: String
    public let memoryBytes: Int
    public let entryBytesMax: Int
    private let shards: [CacheShard]
    /// A key's shard is what these make of its first word: who picks requests by the hash of their keys can't aim at one.
    private let seed: UInt64
    private let budget: FillBudget
    private let purging = Mutex(())
    private let changes = ChangedResources()
    private let purges = Atomic<UInt64>(0)
    private let hash = SeededHash()

    /// A zone of `memoryBytes`, of which addresses are reserved now and memory is taken as it is needed. An answer, its head included, has
    /// at most `entryBytesMax`, and at most the ``Limits/cacheEntriesPerShardMin``th part of the memory.
    public init(name: String, memoryBytes: Int, entryBytesMax: Int) throws(MemoryRefusal) {
        self.name = name
        self.memoryBytes = memoryBytes
        self.entryBytesMax = entryBytesMax
        budget = FillBudget(bytesMax: memoryBytes / 2)
        let shardBytesMin = max(Limits.cacheShardBytesMin, Limits.cacheEntriesPerShardMin * entryBytesMax)
        var shardCount = 1
        while shardCount < Limits.cacheShardsMax && memoryBytes / (shardCount * 2) >= shardBytesMin { shardCount *= 2 }
        seed = .random(in: .min ... .max) | 1
        var shards: [CacheShard] = []
        for _ in 0..<shardCount { shards.append(try CacheShard(byteCount: memoryBytes / shardCount, seed: .random(in: .min ... .max))) }
        self.shards = shards
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
    public func find(_ key: SHA256Digest, now: MonotonicTime, accepting freshness: Freshness) -> Lookup {
        let shard = shard(key)
        // Objects are made outside the lock, but for fills.
        let found = shard.state.withLock { state in
            if let entry = shard.entry(of: key) {
                let facts = shard.facts(entry)
                if freshness.accepts(facts, now) {
                    if !facts.isVariants { state.stats.hits += 1 }
                    return Found(stored: (shard.lease(entry, visits: true, &state), facts), isFresh: true)
                }
                var found = fill(key, shard, &state, freshness, now)
                if !facts.isExpired(now) { found.stored = (shard.lease(entry, visits: false, &state), facts) }
                return found
            }
            return fill(key, shard, &state, freshness, now)
        }
        let stored = found.stored.map { StoredAnswer($0.place, $0.facts, shard) }
        return Lookup(stored: stored, isFresh: found.isFresh, fill: found.fill, isLeader: found.isLeader)
    }

    /// The names that are stored under `key`, where the answer to its request is known to be one of several.
    public func variantNames(_ key: SHA256Digest, _ pool: BufferPool) -> VariantNames? {
        let shard = shard(key)
        let found = shard.state.withLock { state -> (place: CacheShard.Place, facts: AnswerFacts)? in
            guard let entry = shard.entry(of: key), case let facts = shard.facts(entry), facts.isVariants else { return nil }
            return (shard.lease(entry, visits: false, &state), facts)
        }
        return found.flatMap { StoredAnswer($0.place, $0.facts, shard).variantNames(pool) }
    }

    private struct Found {
        var stored: (place: CacheShard.Place, facts: AnswerFacts)?
        var isFresh = false
        var fill: Fill?
        var isLeader = false
        /// Kept until the lock is free: a fill may hold a lease, whose end takes the lock.
        var replaced: Fill?
    }

    /// The fill that is under way for `key`, or a new one.
    private func fill(
        _ key: SHA256Digest, _ shard: CacheShard, _ state: inout CacheShard.State, _ freshness: Freshness, _ now: MonotonicTime
    ) -> Found {
        if freshness.isOnlyIfCached { return Found() }
        let known = state.fills[key]
        if let known, known.isOpenToAll, (state.unshared[key] ?? now) <= now {
            state.stats.collapsed += 1
            return Found(fill: known)
        }
        state.stats.misses += 1
        // Where one has failed and others wait to try again, this is their next attempt.
        let fresh = known?.successor { makeFill(key, attempt: 2) } ?? makeFill(key, attempt: 1)
        state.fills[key] = fresh
        return Found(fill: fresh, isLeader: true, replaced: known)
    }

    private func makeFill(_ key: SHA256Digest, attempt: Int) -> Fill {
        Fill(key: key, attempt: attempt, entryBytesMax: entryBytesMax, budget)
    }

    private func shard(_ key: SHA256Digest) -> CacheShard {
        shards[Int(truncatingIfNeeded: (key.first &* seed).multipliedFullWidth(by: UInt64(shards.count)).high)]
    }

    /// For a request that says no-cache: a fill of its own, which later ones join, and which replaces what is stored. The caller leads it.
    public func fetchAnew(_ key: SHA256Digest) -> Fill {
        let (fresh, _) = shard(key).state.withLock { state in
            let fresh = makeFill(key, attempt: 1)
            state.stats.misses += 1
            return (fresh, state.fills.updateValue(fresh, forKey: key))
        }
        return fresh
    }

    /// For a reader that is told `tryAgain`: the fill that follows `fill`, nil where none does. For exactly one of them `isLeader` is true.
    public func succeed(_ fill: Fill) -> (fill: Fill, isLeader: Bool)? {
        let (successor, isLeader, _) = shard(fill.key).state.withLock { state in
            var made: Fill?
            let registered = state.fills[fill.key]
            let successor = fill.successor {
                if let registered, registered !== fill, registered.isOpenToAll { return registered }
                let fresh = makeFill(fill.key, attempt: 2)
                made = fresh
                return fresh
            }
            if successor == nil { return (successor, false, registered) }
            if made == nil {
                state.stats.collapsed += 1
            } else {
                state.stats.misses += 1
                state.fills[fill.key] = successor
            }
            return (successor, made != nil, registered)
        }
        return successor.map { ($0, isLeader) }
    }

    // MARK: Writers

    /// Keeps the answer of a fill that is complete, for the requests to come; `path` is the host and path to purge it by. Ends the fill as
    /// ``end(_:)`` does, whether or not it can be kept.
    public func store(_ fill: Fill, _ facts: AnswerFacts, path: RawSpan) throws(StoreRefusal) {
        let place: CacheShard.Place?
        do throws(StoreRefusal) {
            place = try link(fill, facts, path: path)
        } catch {
            end(fill)
            throw error
        }
        // Nobody joins any more: readers take the rest with them.
        fill.keepNoMore()
        if let place { fill.hold(StoredAnswer(place, facts, shard(fill.key))) }
    }

    private func link(_ fill: Fill, _ facts: AnswerFacts, path: RawSpan) throws(StoreRefusal) -> CacheShard.Place? {
        let shard = shard(fill.key)
        guard let (head, body) = fill.storable() else { throw .incomplete }
        let (first, last) = try takePages(fill.key, head.count, body.end, path.byteCount, now: facts.storedAt, of: fill)
        shard.write(fill.key, facts, first: first, last: last, head: head.rawSpan, body: body, path: path)
        let isRead = fill.readerCount > 0
        return try shard.state.withLock { state throws(StoreRefusal) in
            // A purge, or a newer fetch, takes the fill's place.
            guard state.fills[fill.key] === fill else {
                shard.givePages(of: first, &state)
                throw .superseded
            }
            state.fills[fill.key] = nil
            state.unshared[fill.key] = nil
            // A variant may have come by a fetch that did not know yet that it was one.
            try shard.replace(fill.key, with: first, &state)
            return isRead ? shard.lease(first, visits: false, &state) : nil
        }
    }

    /// ``store(_:_:path:)`` of an answer that depends on what its fill's key doesn't count: under `key`, which does. Nobody could join the
    /// fill since its head came (``hide(_:)``). It is superseded as well if anything was purged since `purgeCount` was that: which of them
    /// was meant can't be told any more.
    public func store(
        _ fill: Fill, under key: SHA256Digest, _ facts: AnswerFacts, path: RawSpan, purgeCount: UInt64
    ) throws(StoreRefusal) {
        let place: CacheShard.Place?
        do throws(StoreRefusal) {
            guard let (head, body) = fill.storable() else { throw .incomplete }
            let (first, last) = try takePages(key, head.count, body.end, path.byteCount, now: facts.storedAt, of: nil)
            shard(key).write(key, facts, first: first, last: last, head: head.rawSpan, body: body, path: path)
            place = try link(first, key, purgeCount, leases: fill.readerCount > 0)
        } catch {
            end(fill)
            throw error
        }
        end(fill)
        if let place { fill.hold(StoredAnswer(place, facts, shard(key))) }
    }

    /// Keeps what came in no fill, for the requests to come, in place of what is stored under `key`. What is under way there goes on, and
    /// takes this one's place when it is stored. Whatever was purged since `purgeCount` was that supersedes it.
    public func store(
        _ key: SHA256Digest, head: RawSpan, body: RawSpan, _ facts: AnswerFacts, path: RawSpan, purgeCount: UInt64
    ) throws(StoreRefusal) {
        let (first, last) = try takePages(key, head.byteCount, body.byteCount, path.byteCount, now: facts.storedAt, of: nil)
        shard(key).write(key, facts, first: first, last: last, head: head, body: body, path: path)
        _ = try link(first, key, purgeCount, leases: false)
    }

    private func link(
        _ entry: UInt32, _ key: SHA256Digest, _ purgeCount: UInt64, leases: Bool
    ) throws(StoreRefusal) -> CacheShard.Place? {
        let shard = shard(key)
        return try shard.state.withLock { state throws(StoreRefusal) in
            // A purge is counted before it takes this lock: it comes across the entry, or has been counted.
            if self.purgeCount != purgeCount {
                shard.givePages(of: entry, &state)
                throw .superseded
            }
            try shard.replace(key, with: entry, &state)
            return leases ? shard.lease(entry, visits: false, &state) : nil
        }
    }

    /// The pages for an answer of such lengths. Of a fill that is no longer the one under way there is nothing to be stored.
    private func takePages(
        _ key: SHA256Digest, _ headBytes: Int, _ bodyBytes: Int, _ pathBytes: Int, now: MonotonicTime, of fill: Fill?
    ) throws(StoreRefusal) -> (first: UInt32, last: UInt32) {
        let shard = shard(key)
        let pageCount = CacheEntry.pageCount(pathBytes + headBytes + bodyBytes)
        let isTooLarge =
            headBytes + bodyBytes > entryBytesMax || pathBytes > Limits.cachePathBytesMax
            || pageCount * Limits.cacheEntriesPerShardMin / 2 > shard.pageCount
        return try shard.state.withLock { state throws(StoreRefusal) in
            if isTooLarge {
                state.stats.refusedTooLarge += 1
                throw .tooLarge
            }
            if let fill, state.fills[key] !== fill { throw .superseded }
            if shard.makeRoom(pageCount, now: now, &state) { return shard.takePages(pageCount, &state) }
            state.stats.refusedNoRoom += 1
            throw .noRoom
        }
    }

    /// Whether there may be room for an answer of so many bytes, its path included: not beside what readers hold now.
    public func mayGetRoom(for byteCount: Int, under key: SHA256Digest) -> Bool {
        let shard = shard(key)
        return shard.state.withLock { CacheEntry.pageCount(byteCount) <= shard.pageCount - $0.pinnedCount }
    }

    /// Gives a stored answer new facts, and `head` in the place of its own where that isn't empty (304); the body stays where it is, and the
    /// answer keeps its age in the queue. Where something else is stored by now, or nothing, that stays so. The answer is returned with them,
    /// whether or not it is still stored, for ``Fill/resolve(with:isRevalidated:)``; with its own head where there is no room for another.
    public func refresh(_ answer: StoredAnswer, _ facts: AnswerFacts, head: RawSpan = RawSpan()) -> StoredAnswer {
        let shard = answer.shard
        let pages = takePages(head.byteCount, of: answer, now: facts.storedAt)
        var facts = facts
        if let pages {
            shard.write(shard.key(answer.entry), facts, first: pages.first, last: pages.last, head: head, body: RawSpan(), path: RawSpan())
        } else {
            facts.plainHeadBytes = answer.facts.plainHeadBytes
        }
        let place = shard.state.withLock { state in
            shard.refresh(answer.entry, head: answer.head, with: pages?.first, facts, &state)
        }
        return StoredAnswer(place, facts, shard)
    }

    /// For a newer head.
    private func takePages(_ headBytes: Int, of answer: StoredAnswer, now: MonotonicTime) -> (first: UInt32, last: UInt32)? {
        if headBytes == 0 || headBytes + answer.bodyByteCount > entryBytesMax { return nil }
        let shard = answer.shard
        let pageCount = CacheEntry.pageCount(headBytes)
        return shard.state.withLock { state in
            if shard.makeRoom(pageCount, now: now, &state) { return shard.takePages(pageCount, &state) }
            state.stats.refusedNoRoom += 1
            return nil
        }
    }

    /// No more requests find the fill; it is kept until it is ended.
    public func hide(_ fill: Fill) {
        shard(fill.key).state.withLock { state in
            if state.fills[fill.key] === fill { state.fills[fill.key] = nil }
        }
    }

    /// No more requests join the fill; those that read it go on.
    public func end(_ fill: Fill) {
        hide(fill)
        fill.keepNoMore()
    }

    /// ``end(_:)``, of an answer that is its leader's alone: for ``Limits/unsharedMs`` each who asks the same gets a fetch of its own, as
    /// most likely it would wait for nothing of use. The first answer that is stored ends that.
    public func endUnshared(_ fill: Fill, now: MonotonicTime) {
        shard(fill.key).state.withLock { state in
            if state.unshared.count >= Limits.unsharedKeysMax { state.unshared.removeAll(keepingCapacity: true) }
            state.unshared[fill.key] = now.adding(milliseconds: Limits.unsharedMs)
        }
        end(fill)
    }

    /// Ends the fill if nobody reads it: true, and from now on nobody can join.
    public func abandonIfUnread(_ fill: Fill) -> Bool {
        shard(fill.key).state.withLock { state in
            if !fill.closeIfUnread() { return false }
            if state.fills[fill.key] === fill { state.fills[fill.key] = nil }
            return true
        }
    }

    // MARK: Changes

    /// The name of what GET gives, by which it is known whether that has changed. Whoever asks for it: scheme and caller don't count.
    public func resource(host: RawSpan, path: RawSpan, query: RawSpan) -> UInt64 {
        hash(hash(0, host, path), query, RawSpan())
    }

    /// A request has changed it, whose answer has come (RFC 9111 § 4.4): what was asked for before holds no more.
    public func noteChange(of resource: UInt64, now: MonotonicTime) { changes.note(resource, now: now) }

    /// Whether it has changed since, or may have.
    public func hasChanged(_ resource: UInt64, since moment: MonotonicTime) -> Bool { changes.hasChanged(resource, since: moment) }

    /// Cheaper, where the answer is no.
    public func hasAnyChanged(since moment: MonotonicTime) -> Bool { changes.hasAnyChanged(since: moment) }

    // MARK: Purging

    /// How often anything was purged.
    public var purgeCount: UInt64 { purges.load(ordering: .acquiring) }

    /// Each returns how many entries went. What is under way is read by those who wait for it, but not stored.
    public func purge(_ key: SHA256Digest) -> Int {
        purges.add(1, ordering: .acquiringAndReleasing)
        let shard = shard(key)
        let (count, _) = shard.state.withLock { state in
            let fill = state.fills.removeValue(forKey: key)
            guard let entry = shard.entry(of: key) else { return (0, fill) }
            shard.unlink(entry, &state)
            state.stats.purged += 1
            return (1, fill)
        }
        return count
    }

    /// Takes just this answer out, where it is stored still. What has come into its place stays, and so does what is under way.
    public func drop(_ answer: StoredAnswer) {
        let shard = answer.shard
        shard.state.withLock { state in
            if !shard.isLinked(answer.entry) { return }
            shard.unlink(answer.entry, &state)
            state.stats.purged += 1
        }
    }

    public func purge(pathPrefix: RawSpan) -> Int {
        // A copy, as spans don't go into closures.
        let prefix = pathPrefix.array
        return purge { shard, entry in shard.hasPath(entry, prefix: prefix.rawSpan) }
    }

    public func purgeAll() -> Int {
        purge { _, _ in true }
    }

    private func purge(_ isMeant: (CacheShard, UInt32) -> Bool) -> Int {
        purges.add(1, ordering: .acquiringAndReleasing)
        return purging.withLock { _ in shards.reduce(0) { $0 + purge($1, isMeant) } }
    }

    /// Goes through the shard's entries from the oldest on, some at a time, so that requests don't wait long.
    private func purge(_ shard: CacheShard, _ isMeant: (CacheShard, UInt32) -> Bool) -> Int {
        _ = shard.state.withLock { state in
            state.purgeNext = state.oldest
            // Their paths are known only when they are stored.
            let fills = state.fills
            state.fills = [:]
            return fills
        }
        var purged = 0
        var isDone = false
        while !isDone {
            shard.state.withLock { state in
                for _ in 0..<Limits.purgeEntriesPerTurn where state.purgeNext != 0 {
                    let entry = state.purgeNext
                    state.purgeNext = shard.newer(entry)
                    if isMeant(shard, entry) {
                        shard.unlink(entry, &state)
                        state.stats.purged += 1
                        purged += 1
                    }
                }
                isDone = state.purgeNext == 0
            }
        }
        return purged
    }

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
        /// There was nothing to evict that nobody reads, or it was too far to go for.
        public var refusedNoRoom: UInt64 = 0
        public var fillsUnderWay = 0
        public var fillBytes = 0

        public init() {}

        fileprivate mutating func add(_ other: Stats) {
            entries += other.entries
            hits += other.hits
            collapsed += other.collapsed
            misses += other.misses
            stored += other.stored
            evicted += other.evicted
            purged += other.purged
            refusedTooLarge += other.refusedTooLarge
            refusedNoRoom += other.refusedNoRoom
        }
    }

    /// As they are now; each shard's lock is taken for a moment.
    public var stats: Stats {
        var sum = Stats()
        for shard in shards {
            let (stats, bytes) = shard.state.withLock { ($0.stats, shard.usedBytes($0)) }
            sum.add(stats)
            sum.bytes += bytes
            sum.capacityBytes += shard.capacityBytes
        }
        sum.fillsUnderWay = budget.fills
        sum.fillBytes = budget.bytes
        return sum
    }
}
