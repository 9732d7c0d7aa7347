import GatewayCore
import Synchronization

/// The buckets of one limit, one for each caller, shared by all workers. Exact, however many workers take from one bucket at a time. An entry
/// has 16 bytes, and a table that has grown is three eighths to three quarters full: a million callers take 32 MB.
///
/// A bucket that is full needs no entry: entries whose time has come are overwritten first, and dropped when a part of the table is cut
/// anew. When all entries that there may be are in use, callers that have none share one bucket: so never more gets through than the
/// limit says, and those who are in the table don't notice.
///
/// Callers are told apart by 64 bits of a keyed hash. Two that are the same by it share a bucket, which lets through no more either; of a
/// million callers that happens to two in one process of 37 million, and nobody can bring it about who doesn't know the key.
public final class BucketTable: Sendable {
    struct Entry: BitwiseCopyable, Sendable {
        /// 0: the place is free.
        var caller: UInt64 = 0
        var fullAtNs: UInt64 = 0
    }

    /// A part of the table, by the caller's hash: open addressing with linear probing, at most three quarters full.
    private struct Part: Sendable {
        var entries: [Entry] = []
        var used = 0
        var cutAtNs: UInt64 = 0
        /// The latest moment at which anybody has asked. Time doesn't go back here, whatever the clocks of those who ask say: entries that
        /// have been dropped as full at that moment would be full again before it.
        var latestNs: UInt64 = 0
        /// Of callers that found no room.
        var sharedFullAtNs: UInt64 = 0

        mutating func advance(to now: MonotonicTime) -> UInt64 {
            latestNs = max(latestNs, now.nanoseconds)
            return latestNs
        }
    }

    private final class Shard: Sendable {
        let part = Mutex(Part())
    }

    /// Where an attempt was counted.
    public enum Place: BitwiseCopyable, Sendable {
        case own
        /// In the bucket of those who found no room.
        case shared
    }

    private static let entriesMin = 16
    private let shards: [Shard]
    /// Of one shard: a power of two.
    private let entriesMax: Int

    /// Room for at least `callersMax` callers at a time.
    public init(callersMax: Int) {
        // A single bucket needs no parts; and parts that are too small are unevenly full.
        let count = max(1, min(Limits.bucketShards, callersMax / 256))
        shards = (0..<count).map { _ in Shard() }
        // A quarter more for shards that get more than others, and three quarters of that in use.
        let wanted = max(Self.entriesMin, (callersMax + count - 1) / count * 5 / 3)
        entriesMax = 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    }

    /// Takes `cost` tokens of `caller`'s bucket, if it has so many.
    public func take(_ cost: UInt64, of caller: CallerHash, _ bucket: TokenBucket, now: MonotonicTime) -> (TokenBucket.Verdict, Place) {
        shard(caller).part.withLock { part in
            let nowNs = part.advance(to: now)
            if let index = place(of: caller, in: &part, bucket, nowNs) {
                let known = part.entries[index].caller == caller.bits ? part.entries[index].fullAtNs : 0
                let verdict = bucket.take(cost, fullAtNs: known, nowNs: nowNs)
                if verdict.isTaken { part.entries[index] = Entry(caller: caller.bits, fullAtNs: verdict.fullAtNs) }
                return (verdict, .own)
            }
            let verdict = bucket.take(cost, fullAtNs: part.sharedFullAtNs, nowNs: nowNs)
            if verdict.isTaken { part.sharedFullAtNs = verdict.fullAtNs }
            return (verdict, .shared)
        }
    }

    /// Gives back what `taken` took, for a request that another limit refused.
    ///
    /// A bucket that has become full meanwhile, by what was taken or without it, has nothing to be given back: who took from it since has
    /// begun anew from there. `now` has to be the time itself, not that of a round: no worker's clock is ahead of it.
    public func giveBack(
        _ cost: UInt64, to caller: CallerHash, _ bucket: TokenBucket, taken: TokenBucket.Verdict, _ place: Place, now: MonotonicTime
    ) {
        shard(caller).part.withLock { part in
            if taken.fullAtNs <= part.advance(to: now) { return }
            if place == .shared {
                part.sharedFullAtNs -= min(part.sharedFullAtNs, cost * bucket.tokenNs)
            } else if let index = Self.index(of: caller.bits, in: part.entries) {
                part.entries[index].fullAtNs -= min(part.entries[index].fullAtNs, cost * bucket.tokenNs)
            }
        }
    }

    /// How many callers have an entry, whether their bucket is full again or not.
    public var callerCount: Int { shards.reduce(0) { sum, shard in sum + shard.part.withLock { $0.used } } }

    /// What the entries take.
    public var byteCount: Int {
        shards.reduce(0) { sum, shard in sum + shard.part.withLock { $0.entries.count * MemoryLayout<Entry>.stride } }
    }

    // MARK: Entries

    private func shard(_ caller: CallerHash) -> Shard { shards[Int(caller.bits >> 32) % shards.count] }

    /// The place of `caller`'s entry, or where it may go: over one whose time has come, or into a free one. nil when there is no room.
    private func place(of caller: CallerHash, in part: inout Part, _ bucket: TokenBucket, _ nowNs: UInt64) -> Int? {
        if part.entries.isEmpty || nowNs > part.cutAtNs + max(bucket.capacityNs, Self.cutIntervalNs) {
            cut(&part, nowNs, atLeast: 0)
        }
        while true {
            let (index, isFree) = Self.probe(caller.bits, in: part.entries, nowNs)
            if !isFree { return index }
            if part.used < part.entries.count / 4 * 3 {
                part.used += 1
                return index
            }
            if part.entries.count >= entriesMax && nowNs <= part.cutAtNs + Self.fullIntervalNs { return nil }
            cut(&part, nowNs, atLeast: part.entries.count * 2)
        }
    }

    /// How often a part is looked through for entries whose time has come: when it is full, and else.
    private static let fullIntervalNs: UInt64 = 100_000_000
    private static let cutIntervalNs: UInt64 = 10_000_000_000

    /// The place of the caller's own entry, of one on the way to it whose time has come, or of the free one where the way ends.
    private static func probe(_ caller: UInt64, in entries: [Entry], _ nowNs: UInt64) -> (index: Int, isFree: Bool) {
        let mask = entries.count - 1
        var index = Int(truncatingIfNeeded: caller) & mask
        var ended = -1
        while entries[index].caller != 0 {
            if entries[index].caller == caller { return (index, false) }
            if ended < 0, entries[index].fullAtNs <= nowNs { ended = index }
            index = (index + 1) & mask
        }
        return ended < 0 ? (index, true) : (ended, false)
    }

    private static func index(of caller: UInt64, in entries: [Entry]) -> Int? {
        if entries.isEmpty { return nil }
        let mask = entries.count - 1
        var index = Int(truncatingIfNeeded: caller) & mask
        while entries[index].caller != 0 {
            if entries[index].caller == caller { return index }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Drops the entries whose time has come, and gives the others as much room as they need, `atLeast` if there are many of them.
    private func cut(_ part: inout Part, _ nowNs: UInt64, atLeast: Int) {
        let live = part.entries.filter { $0.caller != 0 && $0.fullAtNs > nowNs }
        var count = Self.entriesMin
        while count < live.count * 2 { count *= 2 }
        if live.count * 2 > part.entries.count { count = max(count, atLeast) }
        var entries = [Entry](repeating: Entry(), count: min(count, entriesMax))
        for entry in live {
            let (index, _) = Self.probe(entry.caller, in: entries, 0)
            entries[index] = entry
        }
        part.entries = entries
        part.used = live.count
        part.cutAtNs = nowNs
    }
}
