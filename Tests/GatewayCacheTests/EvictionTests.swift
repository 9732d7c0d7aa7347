import GatewayCache
import GatewayCore
import Testing

/// The bound of a zone's memory, and what goes when it is reached.
@Suite struct EvictionTests {
    @Test func `however much is stored, the memory is not exceeded`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 3 << 20, entryBytesMax: 64 << 10)
        var dice = ZoneDice(state: 1)
        for number in 0..<6_000 {
            let length = Int(dice.next() % (number % 50 == 0 ? 60_000 : 4_000))
            #expect(ZoneKit.put(zone, number, length))
            let stats = zone.stats
            #expect(stats.bytes <= stats.capacityBytes && stats.capacityBytes <= 3 << 20)
        }
        let stats = zone.stats
        #expect(stats.evicted + UInt64(stats.entries) == 6_000)
        // Full but for what an answer needs.
        #expect(stats.bytes > stats.capacityBytes * 9 / 10)
        #expect(stats.capacityBytes > (3 << 20) * 98 / 100)
        let found = (0..<6_000).count { number in
            guard let answer = ZoneKit.stored(zone, number) else { return false }
            return ZoneKit.body(answer) == ZoneKit.bytes(number, answer.bodyByteCount)
        }
        #expect(found == stats.entries)
        #expect(zone.purgeAll() == found)
        #expect(zone.stats.bytes < stats.capacityBytes / 10)
    }

    @Test func `answers as small as can be leave their table room`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        for number in 0..<10_000 { #expect(ZoneKit.put(zone, number, 1, path: "")) }
        #expect(zone.stats.entries > 1_500)
        #expect((0..<10_000).count { ZoneKit.isStored(zone, $0) } == zone.stats.entries)
    }

    @Test func `what is read keeps its bytes, whatever comes and goes`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        var answers: [StoredAnswer] = []
        for number in 0..<20 {
            ZoneKit.put(zone, number, 9_000)
            answers.append(try #require(ZoneKit.stored(zone, number)))
        }
        // Some are no longer to be found, and their pages not yet free.
        for number in 0..<10 { #expect(zone.purge(ZoneKit.key(number)) == 1) }
        for number in 100..<2_000 { #expect(ZoneKit.put(zone, number, 2_000)) }
        for (number, answer) in answers.enumerated() {
            #expect(ZoneKit.body(answer) == ZoneKit.bytes(number, 9_000))
            #expect(ZoneKit.head(answer) == ZoneKit.head(number))
        }
        answers = []
        for number in 0..<10 { #expect(!ZoneKit.isStored(zone, number)) }
        _ = zone.purgeAll()
        let empty = zone.stats
        #expect(empty.entries == 0)
        #expect(empty.bytes < 50_000, "all pages have come back")
    }

    @Test func `readers are told when they hold half of the memory, until one ends`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        for number in 0..<20 { #expect(ZoneKit.put(zone, number, 40_000)) }
        var answers: [StoredAnswer] = []
        for number in 0..<20 {
            let answer = try #require(ZoneKit.stored(zone, number))
            answers.append(answer)
            // Those of one answer hold it once.
            answers.append(try #require(ZoneKit.stored(zone, number)))
            #expect(answer.isCrowded == (number >= 12))
        }
        answers.removeFirst(20)
        #expect(ZoneKit.stored(zone, 19)?.isCrowded == false)
        answers = []
        #expect(zone.purgeAll() == 20)
        for number in 0..<20 { #expect(ZoneKit.put(zone, number, 40_000)) }
        #expect(ZoneKit.stored(zone, 0)?.isCrowded == false)
    }

    @Test func `when all that is stored is read, nothing more is stored until somebody ends`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        var answers: [StoredAnswer] = []
        var number = 0
        while ZoneKit.put(zone, number, 20_000) {
            answers.append(try #require(ZoneKit.stored(zone, number)))
            number += 1
            try #require(number < 100)
        }
        #expect(number > 45)
        #expect(zone.stats.refusedNoRoom == 1 && zone.stats.evicted == 0)
        answers.removeFirst()
        #expect(ZoneKit.put(zone, number, 20_000))
        #expect(!ZoneKit.isStored(zone, 0) && ZoneKit.isStored(zone, 1))
    }

    @Test func `for one answer the hand goes only so far, and for the next it goes on from there`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        var count = 0
        while zone.stats.evicted == 0 {
            #expect(ZoneKit.put(zone, count, 20))
            count += 1
        }
        // All have been met, so the hand has to go round once before it evicts any.
        #expect((0..<count).count { ZoneKit.isStored(zone, $0) } == count - 1)
        try #require(count > 4 * Limits.evictionStepsMax)
        var refused = 0
        while !ZoneKit.put(zone, count, 20) {
            refused += 1
            try #require(refused <= count / Limits.evictionStepsMax)
        }
        #expect(refused >= 3 && zone.stats.refusedNoRoom == UInt64(refused))
    }

    @Test func `an answer of many pages takes the place of as many that have one`() throws {
        let zone = try ZoneKit.zone(entryBytesMax: 1 << 20)
        for number in 0..<10_000 { #expect(ZoneKit.put(zone, number, 20)) }
        let evicted = zone.stats.evicted
        #expect(ZoneKit.put(zone, 10_000, 1_000_000))
        #expect(zone.stats.evicted > evicted + UInt64(2 * Limits.evictionStepsMax))
    }

    @Test func `what can be of no more use goes first, however often it was met`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        ZoneKit.put(zone, 0, 20_000, facts: ZoneKit.facts(freshForS: 10_000))
        ZoneKit.put(zone, 1, 20_000, facts: ZoneKit.facts(freshForS: 10))
        #expect(ZoneKit.isStored(zone, 0) && ZoneKit.isStored(zone, 1))
        for number in 2..<60 { ZoneKit.put(zone, number, 20_000, facts: ZoneKit.facts(at: 20)) }
        #expect(ZoneKit.isStored(zone, 0) && !ZoneKit.isStored(zone, 1))
    }

    /// The least recently used first: what a zone is measured against. Of the same bytes, and counted alike.
    private struct LRU {
        let capacityPages: Int
        private var pages = 0
        private var entries: [Int: (older: Int, newer: Int, pages: Int)] = [:]
        private var newest = -1
        private var oldest = -1

        init(capacityPages: Int) {
            self.capacityPages = capacityPages
        }

        mutating func meets(_ key: Int, pages count: Int) -> Bool {
            if entries[key] != nil {
                unlink(key)
                link(key, count)
                return true
            }
            while pages + count > capacityPages { unlink(oldest) }
            link(key, count)
            return false
        }

        private mutating func link(_ key: Int, _ count: Int) {
            entries[key] = (newest, -1, count)
            if newest >= 0 { entries[newest]?.newer = key } else { oldest = key }
            newest = key
            pages += count
        }

        private mutating func unlink(_ key: Int) {
            guard let entry = entries.removeValue(forKey: key) else { return }
            if entry.newer >= 0 { entries[entry.newer]?.older = entry.older } else { newest = entry.older }
            if entry.older >= 0 { entries[entry.older]?.newer = entry.newer } else { oldest = entry.newer }
            pages -= entry.pages
        }
    }

    @Test func `of a million keys by Zipf's law at least as many are found as with LRU in the same memory`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 16 << 20, entryBytesMax: 256 << 10)
        let pagesUsable = zone.stats.capacityBytes / (Limits.cachePageBytes + 4)
        var lru = LRU(capacityPages: pagesUsable)
        var zipf = ZoneZipf(keyCount: 1_000_000)
        let sizes = (0..<1_000_000).map { key in
            var dice = ZoneDice(state: UInt64(key) &+ 77)
            return 512 + Int(dice.next() % 7_680)
        }
        let filler = [UInt8](repeating: 0x61, count: 8_192)
        let path = Array("example.com/v1".utf8)
        var (hits, expected, asked) = (0, 0, 0)
        for step in 0..<300_000 {
            let number = zipf.next()
            let pageCount = (sizes[number] + path.count + 184 + Limits.cachePageBytes - 1) / Limits.cachePageBytes
            let isKnown = lru.meets(number, pages: pageCount)
            let lookup = zone.find(ZoneKit.key(number), now: ZoneKit.start, accepting: Freshness())
            // The first part fills both.
            if step >= 100_000 {
                asked += 1
                if isKnown { expected += 1 }
                if lookup.isFresh { hits += 1 }
            }
            if let fill = lookup.fill {
                _ = fill.begin(head: RawSpan(), sharing: .all, keeps: true)
                _ = fill.append(filler.rawSpan.extracting(0..<sizes[number]))
                _ = fill.finish()
                let isStored = (try? zone.store(fill, ZoneKit.facts(), path: path.rawSpan)) != nil
                #expect(isStored)
            }
        }
        let figures = "SIEVE \(Double(hits) / Double(asked)), LRU \(Double(expected) / Double(asked))"
        #expect(hits >= expected, "\(figures)")
        #expect(expected > asked / 5, "\(figures)")
    }
}

/// Keys by Zipf's law, the first the most frequent.
struct ZoneZipf {
    private let sums: [Double]
    private var dice = ZoneDice(state: 42)

    init(keyCount: Int) {
        var sums: [Double] = []
        sums.reserveCapacity(keyCount)
        var sum = 0.0
        for rank in 1...keyCount {
            sum += 1 / Double(rank)
            sums.append(sum)
        }
        self.sums = sums
    }

    mutating func next() -> Int {
        let wanted = Double(dice.next() >> 11) / Double(1 << 53) * (sums.last ?? 0)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] <= wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
