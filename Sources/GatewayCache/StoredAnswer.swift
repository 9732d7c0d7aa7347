import GatewayCore

/// A lease of a whole stored answer. Its bytes don't change, and stay as long as the lease does, whatever happens to the entry.
public final class StoredAnswer: Sendable {
    public let facts: AnswerFacts
    public let headByteCount: Int
    public let bodyByteCount: Int
    let shard: CacheShard
    let entry: UInt32
    private let pathByteCount: Int
    /// Readers hold as much of the memory as they may: see ``Limits/cachePinnedPart``.
    public let isCrowded: Bool

    /// Head and body.
    public var byteCount: Int { headByteCount + bodyByteCount }

    /// Takes over a lease.
    init(_ place: CacheShard.Place, _ facts: AnswerFacts, _ shard: CacheShard) {
        self.facts = facts
        headByteCount = place.headBytes
        bodyByteCount = place.bodyBytes
        pathByteCount = place.pathBytes
        isCrowded = place.isCrowded
        entry = place.entry
        self.shard = shard
    }

    deinit {
        shard.endLease(entry)
    }

    /// Appends the head, as it was given to ``Fill/begin(head:sharing:keeps:)``.
    public func appendHead(to queue: inout ByteQueue) {
        append(from: CacheEntry.headerBytes + pathByteCount, headByteCount, to: &queue)
    }

    /// Appends the part of the head that goes to every client as it is: see ``AnswerFacts/plainHeadBytes``.
    public func appendPlainHead(to queue: inout ByteQueue) {
        append(from: CacheEntry.headerBytes + pathByteCount, min(facts.plainHeadBytes, headByteCount), to: &queue)
    }

    /// Appends up to `atMost` bytes of the body from `start` on. Returns how many; 0 at the end.
    public func appendBody(from start: Int, atMost: Int, to queue: inout ByteQueue) -> Int {
        precondition(start >= 0 && start <= bodyByteCount)
        let count = max(0, min(atMost, bodyByteCount - start))
        append(from: CacheEntry.headerBytes + pathByteCount + headByteCount + start, count, to: &queue)
        return count
    }

    /// By the offset in the entry, its header included.
    private func append(from offset: Int, _ count: Int, to queue: inout ByteQueue) {
        if count == 0 { return }
        queue.reserve(count)
        var page = page(offset / Limits.cachePageBytes)
        var byte = offset % Limits.cachePageBytes
        var left = count
        while true {
            let length = min(left, Limits.cachePageBytes - byte)
            shard.memory.append(from: shard.byteOffset(page) + byte, length, to: &queue)
            left -= length
            if left == 0 { return }
            byte = 0
            page = shard.next(page)
        }
    }

    private func page(_ index: Int) -> UInt32 {
        if index == 0 { return entry }
        let stride = CacheEntry.markStride(CacheEntry.pageCount(pathByteCount + headByteCount + bodyByteCount))
        let mark = index / stride
        let marks = shard.word(entry, CacheEntry.marks + mark / 2)
        var page = mark & 1 == 0 ? marks.low : marks.high
        for _ in 0..<index % stride { page = shard.next(page) }
        return page
    }
}
