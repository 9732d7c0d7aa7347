import GatewayCore

/// A lease of a whole stored answer. Its bytes don't change, and stay as long as the lease does, whatever happens to the entry.
public final class StoredAnswer: Sendable {
    public let facts: AnswerFacts
    public let headByteCount: Int
    public let bodyByteCount: Int
    let shard: CacheShard
    let entry: UInt32
    /// What holds the head: see ``CacheShard/Place``.
    let head: UInt32
    /// The path and the head in front of the body.
    private let bodyOffset: Int
    /// The same in front of the head, where that is.
    private let headOffset: Int
    /// Readers hold as much of the memory as they may: see ``Limits/cachePinnedPart``.
    public let isCrowded: Bool

    /// Head and body.
    public var byteCount: Int { headByteCount + bodyByteCount }

    /// Takes over a lease.
    init(_ place: CacheShard.Place, _ facts: AnswerFacts, _ shard: CacheShard) {
        self.facts = facts
        entry = place.entry
        head = place.head
        headByteCount = place.headBytes
        // None of these changes as long as there is a lease.
        bodyByteCount = Int(shard.word(place.entry, CacheEntry.bodyBytes))
        let lengths = shard.word(place.entry, CacheEntry.headBytes)
        bodyOffset = Int(lengths.high) + Int(lengths.low)
        headOffset = place.head == place.entry ? Int(lengths.high) : 0
        isCrowded = place.isCrowded
        self.shard = shard
    }

    deinit {
        shard.endLease(entry, head: head)
    }

    /// Appends the head, as it was given to ``Fill/begin(head:sharing:keeps:)``.
    public func appendHead(to queue: inout ByteQueue) {
        appendHead(headByteCount, to: &queue)
    }

    /// Appends the part of the head that goes to every client as it is: see ``AnswerFacts/plainHeadBytes``.
    public func appendPlainHead(to queue: inout ByteQueue) {
        appendHead(min(facts.plainHeadBytes, headByteCount), to: &queue)
    }

    /// Appends up to `atMost` bytes of the body from `start` on. Returns how many; 0 at the end.
    public func appendBody(from start: Int, atMost: Int, to queue: inout ByteQueue) -> Int {
        precondition(start >= 0 && start <= bodyByteCount)
        let count = max(0, min(atMost, bodyByteCount - start))
        append(entry, bodyOffset + bodyByteCount, from: bodyOffset + start, count, to: &queue)
        return count
    }

    private func appendHead(_ count: Int, to queue: inout ByteQueue) {
        append(head, head == entry ? bodyOffset + bodyByteCount : headByteCount, from: headOffset, count, to: &queue)
    }

    /// Of an entry with so many bytes behind its header, from the `start`th of them on.
    private func append(_ entry: UInt32, _ contentBytes: Int, from start: Int, _ count: Int, to queue: inout ByteQueue) {
        if count == 0 { return }
        queue.reserve(count)
        let offset = CacheEntry.headerBytes + start
        var page = page(offset / Limits.cachePageBytes, of: entry, contentBytes)
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

    private func page(_ index: Int, of entry: UInt32, _ contentBytes: Int) -> UInt32 {
        if index == 0 { return entry }
        let stride = CacheEntry.markStride(CacheEntry.pageCount(contentBytes))
        let mark = index / stride
        let marks = shard.word(entry, CacheEntry.marks + mark / 2)
        var page = mark & 1 == 0 ? marks.low : marks.high
        for _ in 0..<index % stride { page = shard.next(page) }
        return page
    }
}
