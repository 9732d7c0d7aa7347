import GatewayCache
import GatewayCore
import Testing

/// What a zone stores, finds and forgets.
@Suite struct ResponseCacheTests {
    private let zone: ResponseCache

    init() throws {
        zone = try ZoneKit.zone()
    }

    private func find(_ number: Int, at seconds: Double = 0, _ wanted: Freshness = Freshness()) -> ResponseCache.Lookup {
        zone.find(ZoneKit.key(number), now: ZoneKit.moment(seconds), accepting: wanted)
    }

    // MARK: Storing

    @Test func `an answer of any length comes back as it was, from any place on`() throws {
        let page = Limits.cachePageBytes
        let lengths = [0, 1, 50, 250, 300, page - 1, page, page + 1, 8 * page, 9 * page, 9 * page - 200, 33_333, 200_000]
        for (number, length) in lengths.enumerated() {
            let path = String(repeating: "p", count: number * 97)
            #expect(ZoneKit.put(zone, number, length, path: path))
        }
        for (number, length) in lengths.enumerated() {
            let answer = try #require(ZoneKit.stored(zone, number))
            let bytes = ZoneKit.bytes(number, length)
            #expect(answer.headByteCount == ZoneKit.head(number).count && answer.bodyByteCount == length)
            #expect(ZoneKit.head(answer) == ZoneKit.head(number))
            #expect(ZoneKit.body(answer) == bytes)
            #expect(ZoneKit.body(answer, piece: 1_000) == bytes)
            for start in stride(from: 0, through: length, by: max(1, length / 50)) {
                let tail = ZoneKit.written { queue in _ = answer.appendBody(from: start, atMost: 300, to: &queue) }
                #expect(tail == Array(bytes[start..<min(length, start + 300)]))
            }
        }
    }

    @Test func `its facts come back`() throws {
        var facts = AnswerFacts(status: 203, storedAtMs: 1 << 41, storedAt: ZoneKit.moment(5), freshForMs: 7_000)
        facts.staleIfErrorMs = 1 << 33
        facts.staleWhileRevalidateMs = 11
        facts.initialAgeS = 12
        facts.inputTokens = 1 << 34
        facts.outputTokens = 14
        facts.originMs = 1 << 35
        facts.hasValidator = true
        ZoneKit.put(zone, 1, 100, facts: facts)
        #expect(find(1, at: 5).stored?.facts == facts)
        facts.hasValidator = false
        facts.isVariants = true
        facts.isEventStream = true
        ZoneKit.put(zone, 1, 100, facts: facts)
        #expect(find(1, at: 5).stored?.facts == facts)
        #expect(zone.stats.entries == 1 && zone.stats.hits == 1)
    }

    @Test func `what cannot be kept is not, and its requests go on`() throws {
        #expect(!ZoneKit.put(zone, 1, 256 << 10))
        #expect(!ZoneKit.put(zone, 2, 100, path: String(repeating: "p", count: Limits.cachePathBytesMax + 1)))
        #expect(ZoneKit.put(zone, 3, (256 << 10) - ZoneKit.head(3).count))
        #expect(zone.stats.entries == 1)
        #expect(find(1).isLeader && find(2).isLeader && find(3).isFresh)
    }

    @Test func `an answer is joined until it is stored, then found`() throws {
        let first = find(1)
        let fill = try #require(first.fill)
        #expect(first.isLeader && first.stored == nil)
        let second = find(1)
        #expect(!second.isLeader && second.fill === fill)
        ZoneKit.complete(fill, 1, 100)
        // Complete, but not yet stored.
        let joined = try #require(find(1).fill)
        var late = try #require(FillReader(joined, worker: 0))
        #expect(zone.keep(fill))
        #expect(late.read().name == "complete")
        #expect(late.body == ZoneKit.bytes(1, 100))
        #expect(find(1).isFresh)
        #expect(!zone.keep(fill))
        let stats = zone.stats
        #expect(stats.misses == 1 && stats.collapsed == 2 && stats.hits == 1 && stats.stored == 1)
    }

    @Test func `what was not stored is fetched by the next`() throws {
        let fill = try #require(find(1).fill)
        ZoneKit.complete(fill, 1, 100)
        zone.end(fill)
        #expect(find(1).isLeader)
    }

    @Test func `a fetch anew takes the place of what is stored and of what is under way`() throws {
        ZoneKit.put(zone, 1, 100)
        let old = zone.fetchAnew(ZoneKit.key(1))
        let new = zone.fetchAnew(ZoneKit.key(1))
        ZoneKit.complete(old, 1, 200)
        ZoneKit.complete(new, 1, 300)
        #expect(zone.keep(new))
        #expect(!zone.keep(old))
        #expect(ZoneKit.stored(zone, 1)?.bodyByteCount == 300)
        #expect(zone.stats.entries == 1)
    }

    @Test func `an answer that no fill carries is stored as it is, and what is under way goes on`() throws {
        let fill = try #require(find(1).fill)
        for length in [0, 3_000, 100_000] {
            #expect(zone.keep(1, ZoneKit.bytes(length, length), path: "example.com/\(length)"))
            let answer = try #require(ZoneKit.stored(zone, 1))
            #expect(ZoneKit.head(answer) == ZoneKit.head(1))
            #expect(ZoneKit.body(answer) == ZoneKit.bytes(length, length))
            #expect(answer.facts == ZoneKit.facts())
        }
        #expect(zone.stats.entries == 1 && zone.stats.stored == 3)
        #expect(zone.stats.fillsUnderWay == 1)
        // What is under way is neither ended nor given up by that, and is the newer one when it has come.
        ZoneKit.complete(fill, 1, 200)
        #expect(zone.keep(fill))
        #expect(ZoneKit.stored(zone, 1)?.bodyByteCount == 200)
        #expect(zone.keep(1, ZoneKit.bytes(1, 300), path: "example.com/300"))
        #expect(zone.purge(prefix: "example.com/3") == 1)
        #expect(!ZoneKit.isStored(zone, 1))
    }

    @Test func `an answer that no fill carries has the same bounds`() throws {
        let bytes = ZoneKit.bytes(1, (256 << 10) + 1 - ZoneKit.head(1).count)
        #expect(!zone.keep(1, bytes))
        #expect(zone.keep(1, bytes.dropLast()))
        #expect(!zone.keep(2, [], path: String(repeating: "p", count: Limits.cachePathBytesMax + 1)))
        #expect(zone.stats.refusedTooLarge == 2 && zone.stats.entries == 1)
        for number in 3..<300 { #expect(zone.keep(number, ZoneKit.bytes(number, 50_000))) }
        #expect(zone.stats.evicted + UInt64(zone.stats.entries) == 298)
        let answers = (3..<300).compactMap { ZoneKit.stored(zone, $0) }
        #expect(answers.count > 60)
        // The first in has been evicted; now nothing can be.
        var refused = 0
        for number in 300..<310 where !zone.keep(number, ZoneKit.bytes(number, 50_000)) { refused += 1 }
        #expect(refused >= 8 && zone.stats.refusedNoRoom == UInt64(refused))
    }

    // MARK: Freshness

    @Test func `an answer is fresh for its time, and of use beyond it as long as it says`() throws {
        var facts = ZoneKit.facts(freshForS: 10)
        facts.staleIfErrorMs = 20_000
        facts.staleWhileRevalidateMs = 5_000
        ZoneKit.put(zone, 1, 100, facts: facts)
        #expect(find(1, at: 9.9).isFresh)
        let stale = find(1, at: 10)
        #expect(!stale.isFresh && stale.isLeader && stale.stored?.bodyByteCount == 100)
        #expect(stale.stored?.facts.staleMs(ZoneKit.moment(12)) == 2_000)
        let other = find(1, at: 29)
        #expect(other.stored != nil && other.fill === stale.fill && !other.isLeader)
        #expect(find(1, at: 30).stored == nil)
    }

    @Test func `with a validator it is of use for ever`() {
        var facts = ZoneKit.facts(freshForS: 10)
        facts.hasValidator = true
        ZoneKit.put(zone, 1, 100, facts: facts)
        #expect(find(1, at: 1e6).stored != nil && !find(1, at: 1e6).isFresh)
    }

    @Test func `a request says how fresh`() {
        var facts = ZoneKit.facts(freshForS: 100)
        facts.initialAgeS = 50
        facts.hasValidator = true
        ZoneKit.put(zone, 1, 100, facts: facts)
        var wanted = Freshness()
        wanted.maxAgeS = 60
        #expect(find(1, at: 10.9, wanted).isFresh && !find(1, at: 11, wanted).isFresh)
        wanted = Freshness()
        wanted.minFreshMs = 20_000
        #expect(find(1, at: 80, wanted).isFresh && !find(1, at: 80.1, wanted).isFresh)
        wanted = Freshness()
        wanted.maxStaleMs = 5_000
        #expect(find(1, at: 105, wanted).isFresh && !find(1, at: 105.1, wanted).isFresh)
        wanted.maxStaleMs = .max
        #expect(find(1, at: 1e6, wanted).isFresh)
    }

    @Test func `who wants only what is stored gets nothing else`() {
        var wanted = Freshness()
        wanted.isOnlyIfCached = true
        #expect(find(1, wanted).fill == nil)
        #expect(zone.stats.fillsUnderWay == 0)
        ZoneKit.put(zone, 1, 100)
        #expect(find(1, wanted).isFresh)
    }

    @Test func `an answer found unchanged has new times and the same bytes, even when it was evicted meanwhile`() throws {
        var facts = ZoneKit.facts(freshForS: 10)
        facts.hasValidator = true
        ZoneKit.put(zone, 1, 5_000, facts: facts)
        let stale = try #require(find(1, at: 20).stored)
        let renewed = zone.refresh(stale, ZoneKit.facts(at: 20, freshForS: 10))
        #expect(renewed.facts.storedAt == ZoneKit.moment(20))
        #expect(ZoneKit.body(renewed) == ZoneKit.bytes(1, 5_000))
        #expect(find(1, at: 25).isFresh)

        #expect(zone.purge(ZoneKit.key(1)) == 1)
        let gone = zone.refresh(renewed, ZoneKit.facts(at: 30, freshForS: 10))
        #expect(ZoneKit.body(gone) == ZoneKit.bytes(1, 5_000))
        #expect(find(1, at: 30).stored == nil)
    }

    private func refresh(_ answer: StoredAnswer, _ head: [UInt8], at seconds: Double = 20) -> StoredAnswer {
        var facts = ZoneKit.facts(at: seconds, freshForS: 10)
        facts.plainHeadBytes = head.count - 2
        return zone.refresh(answer, facts, head: head.rawSpan)
    }

    @Test(arguments: [0, 100, 100_000]) func `with another head only that is written, and who reads the old one goes on`(_ length: Int)
        throws
    {
        var facts = ZoneKit.facts(freshForS: 10)
        facts.hasValidator = true
        let empty = zone.stats.bytes
        ZoneKit.put(zone, 1, length, facts: facts)
        let single = zone.stats.bytes
        let stale = try #require(find(1, at: 20).stored)
        var previous = stale
        for round in 0..<40 {
            let head = ZoneKit.bytes(round, 3 + round * 200)
            let renewed = refresh(previous, head)
            let found = try #require(find(1, at: 25).stored)
            for answer in [renewed, found] {
                #expect(ZoneKit.head(answer) == head && ZoneKit.body(answer) == ZoneKit.bytes(1, length))
                #expect(answer.headByteCount == head.count && answer.facts.plainHeadBytes == head.count - 2)
                #expect(ZoneKit.written { answer.appendPlainHead(to: &$0) } == Array(head.dropLast(2)))
            }
            #expect(zone.stats.entries == 1 && zone.stats.stored == 1)
            // Two heads at most, as one of them is still read.
            #expect(zone.stats.bytes - single <= 2 * (head.count + 2 * Limits.cachePageBytes))
            previous = renewed
        }
        #expect(ZoneKit.head(stale) == ZoneKit.head(1) && ZoneKit.body(stale) == ZoneKit.bytes(1, length))
        // Without one the newest stays.
        let last = zone.refresh(previous, ZoneKit.facts(at: 40))
        #expect(ZoneKit.head(last) == ZoneKit.head(previous) && last.facts.plainHeadBytes == previous.facts.plainHeadBytes)
        #expect(zone.purge(prefix: "example.com/v1") == 1)
        #expect(ZoneKit.head(last) == ZoneKit.bytes(39, 3 + 39 * 200) && ZoneKit.body(last) == ZoneKit.bytes(1, length))
        #expect(zone.stats.bytes > empty)
    }

    @Test func `all pages of an answer and its heads are free when it has gone and nobody reads it`() throws {
        let empty = zone.stats.bytes
        for isPurgedFirst in [true, false] {
            ZoneKit.put(zone, 1, 50_000)
            do {
                let stale = try #require(find(1).stored)
                if isPurgedFirst { #expect(zone.purge(ZoneKit.key(1)) == 1) }
                let first = refresh(stale, ZoneKit.bytes(2, 9_000))
                let second = refresh(first, ZoneKit.bytes(3, 700))
                #expect(ZoneKit.head(first) == ZoneKit.bytes(2, 9_000) && ZoneKit.head(second) == ZoneKit.bytes(3, 700))
                if !isPurgedFirst { #expect(zone.purge(ZoneKit.key(1)) == 1) }
                #expect(zone.stats.bytes > empty)
            }
            #expect(zone.stats.bytes == empty && zone.stats.entries == 0)
        }
    }

    @Test func `what a 304 says of an answer is nothing to the one in its place`() throws {
        ZoneKit.put(zone, 1, 500)
        let stale = try #require(find(1).stored)
        ZoneKit.put(zone, 1, 700)
        let renewed = refresh(stale, ZoneKit.bytes(2, 300))
        #expect(ZoneKit.head(renewed) == ZoneKit.bytes(2, 300) && renewed.bodyByteCount == 500)
        zone.drop(renewed)
        let newer = try #require(ZoneKit.stored(zone, 1))
        #expect(ZoneKit.head(newer) == ZoneKit.head(1) && newer.bodyByteCount == 700 && newer.facts == ZoneKit.facts())
        // Nor does the fetch that is under way care.
        let fill = zone.fetchAnew(ZoneKit.key(1))
        zone.drop(newer)
        #expect(ZoneKit.stored(zone, 1) == nil && zone.stats.purged == 1)
        ZoneKit.complete(fill, 1, 900)
        #expect(zone.keep(fill) && ZoneKit.stored(zone, 1)?.bodyByteCount == 900)
    }

    // MARK: Purging

    @Test func `a purge takes what it names, and nothing else`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 8 << 20)
        for number in 0..<3_000 {
            let host = number % 2 == 0 ? "a.example.com" : "b.example.com"
            let long = String(repeating: "/segment", count: 100)
            ZoneKit.put(zone, number, 20, path: "\(host)/v\(number % 3)\(number % 5 == 0 ? long : "")/x")
        }
        #expect(zone.stats.entries == 3_000)
        #expect(zone.purge(ZoneKit.key(7)) == 1)
        #expect(zone.purge(ZoneKit.key(7)) == 0)
        #expect(!ZoneKit.isStored(zone, 7) && ZoneKit.isStored(zone, 8))
        #expect(zone.purge(prefix: "a.example.com/v1") == 500)
        #expect(zone.purge(prefix: "a.example.com/v1") == 0)
        for number in 0..<3_000 { #expect(ZoneKit.isStored(zone, number) == (number != 7 && number % 6 != 4)) }
        // A prefix over more than one page.
        #expect(zone.purge(prefix: "b.example.com/v0" + String(repeating: "/segment", count: 90)) == 100)
        #expect(zone.purge(prefix: String(repeating: "x", count: 20_000)) == 0)
        #expect(zone.purgeAll() == 2_399)
        #expect(zone.stats.entries == 0 && zone.stats.purged == 3_000)
        #expect(ZoneKit.put(zone, 1, 20))
    }

    @Test(arguments: [0, 1, 2])
    func `what was fetched before a purge is neither joined nor stored behind it`(way: Int) throws {
        let fill = try #require(find(1).fill)
        var reader = try #require(FillReader(fill, worker: 0, isLeader: true))
        ZoneKit.complete(fill, 1, 100)
        switch way {
        case 0: #expect(zone.purge(ZoneKit.key(1)) == 0)
        case 1: #expect(zone.purge(prefix: "example.com") == 0)
        default: #expect(zone.purgeAll() == 0)
        }
        #expect(find(1).isLeader)
        #expect(!zone.keep(fill))
        #expect(!ZoneKit.isStored(zone, 1))
        #expect(reader.read().name == "complete")
    }
}
