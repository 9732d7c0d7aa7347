import GatewayCore
import Synchronization

/// A part of a zone, with a lock of its own and a fixed region of memory that holds everything of its entries: a table of buckets by key, a
/// link for each page, and the pages. Entries are named by the number of their first page; pages are numbered from 1, and 0 is none.
///
/// An entry's bytes are written before it can be found, and its pages are used anew only when it has no lease: so leases read without
/// the lock.
final class CacheShard: Sendable {
    struct State {
        /// Pages that were given back, linked, and those from `untouched` on, which no one has used yet.
        var freeHead: UInt32 = 0
        var freeCount = 0
        var untouched = 1

        // SIEVE's queue (Zhang et al., NSDI '24): new entries come in at `newest`, the hand goes from `oldest` towards them.
        var newest: UInt32 = 0
        var oldest: UInt32 = 0
        var hand: UInt32 = 0
        /// Where a purge goes on.
        var purgeNext: UInt32 = 0

        /// Those of entries with leases.
        var pinnedCount = 0

        var fills: [SHA256Digest: Fill] = [:]
        /// Until when nobody waits for another's answer: see ``ResponseCache/endUnshared(_:now:)``.
        var unshared: [SHA256Digest: MonotonicTime] = [:]
        var stats = ResponseCache.Stats()
    }

    let memory: MappedMemory
    let pageCount: Int
    private let bucketCount: Int
    private let firstLink: Int
    private let firstPageByte: Int
    private let seed: UInt64
    let state = Mutex(State())

    init(byteCount: Int, seed: UInt64) throws(MemoryRefusal) {
        let perPage = Limits.cachePageBytes + MemoryLayout<UInt32>.size
        // An entry has two pages and more but for the smallest, so this leaves the table half empty at least.
        let roughly = byteCount / (perPage + 2 * MemoryLayout<UInt64>.size)
        bucketCount = 1 << (Int.bitWidth - max(roughly - 1, 1).leadingZeroBitCount)
        pageCount = (byteCount - bucketCount * MemoryLayout<UInt64>.size - 64) / perPage
        precondition(pageCount > 0 && pageCount < Int(UInt32.max))
        firstLink = bucketCount * 2
        // Lines of the processor's cache begin where pages do.
        firstPageByte = ((firstLink + pageCount + 1) * MemoryLayout<UInt32>.size + 63) & ~63
        memory = try MappedMemory(byteCount: firstPageByte + pageCount * Limits.cachePageBytes)
        self.seed = seed | 1
    }

    /// What the region takes when all of it is in use.
    var capacityBytes: Int { memory.byteCount }

    func usedBytes(_ state: borrowing State) -> Int {
        let pagesInUse = state.untouched - 1 - state.freeCount
        return firstPageByte - (pageCount - pagesInUse) * MemoryLayout<UInt32>.size + pagesInUse * Limits.cachePageBytes
    }

    // MARK: Words

    private func wordIndex(_ page: UInt32, _ word: Int) -> Int {
        precondition(page > 0)
        return (firstPageByte + (Int(page) - 1) * Limits.cachePageBytes) >> 3 + word
    }

    func word(_ page: UInt32, _ word: Int) -> UInt64 { memory.word(wordIndex(page, word)) }

    func setWord(_ page: UInt32, _ word: Int, _ value: UInt64) { memory.setWord(wordIndex(page, word), value) }

    func byteOffset(_ page: UInt32) -> Int { wordIndex(page, 0) << 3 }

    func next(_ page: UInt32) -> UInt32 { memory.half(firstLink + Int(page)) }

    private func setNext(_ page: UInt32, _ next: UInt32) { memory.setHalf(firstLink + Int(page), next) }

    func key(_ page: UInt32) -> SHA256Digest {
        SHA256Digest(word(page, 0), word(page, 1), word(page, 2), word(page, 3))
    }

    func facts(_ page: UInt32) -> AnswerFacts { AnswerFacts { word(page, CacheEntry.facts + $0) } }

    func setFacts(_ page: UInt32, _ facts: AnswerFacts) {
        for index in 0..<AnswerFacts.wordCount { setWord(page, CacheEntry.facts + index, facts.word(index)) }
    }

    // MARK: Pages

    func availablePages(_ state: borrowing State) -> Int { state.freeCount + pageCount + 1 - state.untouched }

    /// `count` linked pages; there are so many. The first and the last.
    func takePages(_ count: Int, _ state: inout State) -> (first: UInt32, last: UInt32) {
        precondition(count > 0 && count <= availablePages(state))
        var first: UInt32 = 0
        var last: UInt32 = 0
        for _ in 0..<count {
            let page: UInt32
            if state.freeHead != 0 {
                page = state.freeHead
                state.freeHead = next(page)
                state.freeCount -= 1
            } else {
                page = UInt32(state.untouched)
                state.untouched += 1
            }
            if last == 0 { first = page } else { setNext(last, page) }
            last = page
        }
        setNext(last, 0)
        return (first, last)
    }

    func givePages(first: UInt32, last: UInt32, _ count: Int, _ state: inout State) {
        setNext(last, state.freeHead)
        state.freeHead = first
        state.freeCount += count
    }

    func givePages(of entry: UInt32, _ state: inout State) {
        let pages = word(entry, CacheEntry.pages)
        givePages(first: entry, last: pages.low, Int(pages.high), &state)
    }

    // MARK: Buckets

    /// A bucket holds 32 bits of the key and the entry; 0 is free. The place is where the key's hash says, or the next free one behind it.
    /// The hash has a seed: else who picks requests by the hash of their keys could make long ways.
    private func home(_ secondWord: UInt64) -> Int {
        Int(truncatingIfNeeded: (secondWord &* seed) >> 32) & (bucketCount - 1)
    }

    private static func tag(_ key: SHA256Digest) -> UInt32 { UInt32(truncatingIfNeeded: key.third) }

    private func bucket(of key: SHA256Digest) -> Int? {
        var index = home(key.second)
        while true {
            let bucket = memory.word(index)
            if bucket == 0 { return nil }
            if bucket.high == Self.tag(key), self.key(bucket.low) == key { return index }
            index = (index + 1) & (bucketCount - 1)
        }
    }

    func entry(of key: SHA256Digest) -> UInt32? {
        bucket(of: key).map { memory.word($0).low }
    }

    func hasBucket(_ state: borrowing State) -> Bool { state.stats.entries < bucketCount / 8 * 7 }

    func insertBucket(_ key: SHA256Digest, _ entry: UInt32) {
        var index = home(key.second)
        while memory.word(index) != 0 { index = (index + 1) & (bucketCount - 1) }
        memory.setWord(index, UInt64(low: entry, high: Self.tag(key)))
    }

    /// Frees the entry's bucket, and closes the gap for those behind it (Knuth, TAOCP 6.4, algorithm R).
    func removeBucket(_ key: SHA256Digest) {
        guard var gap = bucket(of: key) else { preconditionFailure("an entry has a bucket") }
        let mask = bucketCount - 1
        var index = gap
        while true {
            index = (index + 1) & mask
            let bucket = memory.word(index)
            if bucket == 0 { break }
            let home = home(word(bucket.low, CacheEntry.key + 1))
            if (index - home) & mask >= (index - gap) & mask {
                memory.setWord(gap, bucket)
                gap = index
            }
        }
        memory.setWord(gap, 0)
    }
}
