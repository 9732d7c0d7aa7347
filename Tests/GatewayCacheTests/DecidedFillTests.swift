import GatewayCache
import GatewayCore
import Testing

/// Answers that are whole, stored or not, and still read.
@Suite struct DecidedFillTests {
    private let zone: ResponseCache
    private let fill: Fill

    init() throws {
        zone = try ZoneKit.zone()
        fill = try #require(zone.find(ZoneKit.key(1), now: ZoneKit.start, accepting: Freshness()).fill)
    }

    @Test func `what is stored takes no further memory for those who still read it`() throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: true))
        var slow = try #require(FillReader(fill, worker: 1))
        let late = try #require(FillReader(fill, worker: 2))
        ZoneKit.complete(fill, 1, 200_000)
        #expect(slow.readOnce(atMost: 30_000).progress.name == "bytes 30000")
        #expect(fill.rest(of: late.id)?.byteCount == 200_000)
        #expect(zone.stats.fillBytes > 200_000)
        #expect(zone.keep(fill))
        #expect(zone.stats.fillBytes < 4_000)
        // Whatever comes of the entry.
        #expect(zone.purgeAll() == 1)
        #expect(ZoneKit.put(zone, 1, 100))
        let rest = try #require(fill.rest(of: slow.id))
        #expect(rest.hasHead && rest.offset == 30_000 && rest.byteCount == 170_000)
        let stored = try #require(rest.stored)
        #expect(ZoneKit.body(stored) == ZoneKit.bytes(1, 200_000))
        #expect(quick.read(piece: 7_000).name == "complete")
        #expect(slow.read().name == "complete")
        #expect(quick.body == ZoneKit.bytes(1, 200_000) && slow.body == quick.body)
        var last = late
        #expect(last.read().name == "complete" && last.body == quick.body)
        var later = try #require(FillReader(fill, worker: 3))
        #expect(later.read().name == "complete" && later.body == quick.body)
    }

    @Test func `its pages are free when the last who reads it has gone`() throws {
        let emptyBytes = zone.stats.bytes
        do {
            let fill = zone.fetchAnew(ZoneKit.key(2))
            let reader = try #require(FillReader(fill, worker: 0, isLeader: true))
            ZoneKit.complete(fill, 2, 100_000)
            #expect(zone.keep(fill) && zone.purge(ZoneKit.key(2)) == 1)
            #expect(zone.stats.bytes > emptyBytes + 100_000)
            reader.leave()
        }
        #expect(zone.stats.bytes == emptyBytes)
    }

    @Test func `all are told of the end, also who was told before and has not read since`() throws {
        var first = try #require(FillReader(fill, worker: 0, isLeader: true))
        let second = try #require(FillReader(fill, worker: 5))
        ZoneKit.complete(fill, 1, 10)
        #expect(first.read().name == "complete")
        #expect(!fill.isDecided)
        #expect(fill.decide().workers.all == [0, 5])
        #expect(fill.isDecided)
        second.leave()
        #expect(fill.decide().workers.all == [0])
    }

    @Test func `who gets nothing of it has no rest`() throws {
        let leader = try #require(FillReader(fill, worker: 0, isLeader: true))
        let other = try #require(FillReader(fill, worker: 1))
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .leaderOnly, keeps: false)
        _ = fill.add([1, 2, 3])
        #expect(fill.rest(of: leader.id) == nil)
        _ = fill.finish()
        let rest = try #require(fill.rest(of: leader.id))
        #expect(!rest.hasHead && rest.offset == 0 && rest.byteCount == 3 && rest.stored == nil)
        #expect(fill.rest(of: other.id) == nil)
    }

    @Test func `an answer that has changed leaves what is under way alone`() throws {
        ZoneKit.put(zone, 1, 1_000)
        let stored = try #require(ZoneKit.stored(zone, 1))
        let next = zone.fetchAnew(ZoneKit.key(1))
        zone.drop(stored)
        #expect(!ZoneKit.isStored(zone, 1))
        #expect(zone.find(ZoneKit.key(1), now: ZoneKit.start, accepting: Freshness()).fill === next)
        ZoneKit.complete(next, 1, 2_000)
        #expect(zone.keep(next))
        // It is another one that is there now.
        zone.drop(stored)
        #expect(ZoneKit.isStored(zone, 1))
    }
}
