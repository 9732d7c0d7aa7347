import GatewayCache
import GatewayCore
import Testing

/// One answer under way: who reads what, and who is told.
@Suite struct FillTests {
    private let zone: ResponseCache
    private let fill: Fill

    init() throws {
        zone = try ZoneKit.zone()
        fill = zone.fetchAnew(ZoneKit.key(1))
    }

    private func begin(_ fill: Fill, sharing: Fill.Sharing = .all, keeps: Bool = true) -> Wake {
        fill.begin(head: ZoneKit.head(1).rawSpan, sharing: sharing, keeps: keeps)
    }

    private func reader(_ fill: Fill, worker: Int = 0, isLeader: Bool = false) throws -> FillReader {
        try #require(FillReader(fill, worker: worker, isLeader: isLeader))
    }

    // MARK: Reading along

    @Test func `who comes late catches up from the first byte, in pieces of any size`() throws {
        let bytes = ZoneKit.bytes(1, 100_000)
        var readers = [try reader(fill, isLeader: true)]
        #expect(readers[0].read().name == "waiting")
        _ = begin(fill)
        var sent = 0
        for count in [1, 2047, 1, 16_384, 40_000, 0, 41_567] {
            readers.append(try reader(fill, worker: readers.count))
            _ = fill.append(bytes.rawSpan.extracting(sent..<sent + count))
            sent += count
            for index in readers.indices { #expect(readers[index].read(piece: 700 + index).name == "waiting") }
        }
        #expect(sent == bytes.count)
        _ = fill.finish()
        readers.append(try reader(fill, worker: 20))
        for index in readers.indices {
            #expect(readers[index].read().name == "complete")
            #expect(readers[index].body == bytes)
            #expect(readers[index].head == ZoneKit.head(1))
        }
    }

    @Test func `a worker is told once, until one of its readers reads`() throws {
        var first = try reader(fill, worker: 3, isLeader: true)
        var second = try reader(fill, worker: 1000)
        let third = try reader(fill, worker: 3)
        #expect(begin(fill).workers.all == [3, 1000])
        #expect(fill.add([1]).workers.all.isEmpty)
        #expect(first.read().name == "waiting")
        #expect(fill.add([2]).workers.all == [3])
        #expect(second.read().name == "waiting")
        #expect(first.read().name == "waiting")
        first.leave()
        // The other reader of its worker is still there.
        #expect(fill.add([3]).workers.all == [3, 1000])
        third.leave()
        #expect(fill.finish().workers.all.isEmpty)
        #expect(second.read().name == "complete")
        #expect(second.body == [1, 2, 3])
    }

    @Test func `a worker that cannot be told does not join, and the others are not disturbed`() throws {
        for worker in [-1, WorkerSet.capacity, .min, .max] { #expect(fill.join(worker: worker, isLeader: true) == nil) }
        #expect(fill.readerCount == 0)
        var last = try reader(fill, worker: WorkerSet.capacity - 1, isLeader: true)
        #expect(begin(fill).workers.all == [WorkerSet.capacity - 1])
        _ = fill.finish()
        #expect(last.read().name == "complete")
    }

    @Test func `the leader may leave, and the last to leave says so`() throws {
        let leader = try reader(fill, isLeader: true)
        var other = try reader(fill, worker: 1)
        _ = begin(fill)
        _ = fill.append([1, 2].rawSpan)
        #expect(!leader.leave().isUnread)
        #expect(!zone.abandonIfUnread(fill))
        _ = fill.append([3].rawSpan)
        #expect(other.read().name == "waiting")
        #expect(other.body == [1, 2, 3])
        #expect(other.leave().isUnread)
        // Somebody else comes before the writer gives up.
        let third = try reader(fill, worker: 2)
        #expect(!zone.abandonIfUnread(fill))
        #expect(third.leave().isUnread)
        #expect(zone.abandonIfUnread(fill))
        #expect(fill.join(worker: 1, isLeader: false) == nil)
        let lookup = zone.find(fill.key, now: ZoneKit.start, accepting: Freshness())
        #expect(lookup.isLeader && lookup.fill !== fill)
    }

    // MARK: Passing

    @Test func `an answer that is not kept goes only as far as the slowest reader lets it`() throws {
        var fast = try reader(fill, worker: 1, isLeader: true)
        var slow = try reader(fill, worker: 2)
        _ = begin(fill, keeps: false)
        let bytes = ZoneKit.bytes(1, 1_000_000)
        var sent = 0
        var waits = 0
        var mostHeld = 0
        while sent < bytes.count {
            if fill.isFull {
                waits += 1
                #expect(fast.read().name == "waiting")
                #expect(fill.isFull)
                // Nobody joins what has begun to go.
                if sent > 2 * Limits.fillWindowBytes { #expect(fill.join(worker: 3, isLeader: false) == nil) }
                let reading = slow.readOnce(atMost: 10_000)
                #expect(reading.wakesWriter)
                #expect(!fill.isFull)
            }
            _ = fill.append(bytes.rawSpan.extracting(sent..<sent + 4_000))
            sent += 4_000
            mostHeld = max(mostHeld, zone.stats.fillBytes)
        }
        _ = fill.finish()
        #expect(waits > 50)
        #expect(mostHeld < Limits.fillWindowBytes + 3 * Limits.fillSegmentBytes)
        #expect(fast.read().name == "complete")
        #expect(slow.read().name == "complete")
        #expect(fast.body == bytes)
        #expect(slow.body == bytes)
        #expect(!zone.keep(fill))
    }

    @Test func `the slowest is looked for when those who were have come on a stride, not at each byte`() throws {
        var first = try reader(fill, worker: 1, isLeader: true)
        var second = try reader(fill, worker: 2)
        var third = try reader(fill, worker: 3)
        _ = begin(fill, keeps: false)
        _ = fill.append(ZoneKit.bytes(1, Limits.fillWindowBytes).rawSpan)
        #expect(fill.isFull)
        let stride = Limits.fillStrideBytes
        #expect(!first.readOnce(atMost: Limits.fillWindowBytes).wakesWriter)
        #expect(!second.readOnce(atMost: stride).wakesWriter)
        for _ in 1..<stride / 64 { #expect(!third.readOnce(atMost: 64).wakesWriter) }
        #expect(fill.isFull)
        #expect(third.readOnce(atMost: 64).wakesWriter)
        #expect(!fill.isFull)
    }

    @Test(arguments: 0..<20)
    func `whoever comes, reads and goes, all get all bytes, little is held, and nobody waits for ever`(seed: Int) throws {
        var dice = ZoneDice(state: UInt64(seed) &+ 1000)
        let bytes = ZoneKit.bytes(seed, 400_000)
        var readers = try (0..<8).map { try reader(fill, worker: $0, isLeader: $0 == 0) }
        // Some begin to pass midway.
        let keptBytes = seed % 2 == 0 ? 0 : 5_000
        var isKept = keptBytes > 0
        _ = begin(fill, keeps: isKept)
        var sent = 0
        var writerWaits = false
        while sent < bytes.count {
            if isKept && sent >= keptBytes {
                fill.keepNoMore()
                isKept = false
            }
            if dice.next() % 4 == 0, let late = FillReader(fill, worker: 9) { readers.append(late) }
            if readers.count > 2 && dice.next() % 40 == 0 {
                let leaver = readers.remove(at: Int(dice.next() % UInt64(readers.count)))
                if leaver.leave().writer { writerWaits = false }
            }
            if !writerWaits && !isKept { writerWaits = fill.isFull }
            if !writerWaits {
                let count = min(bytes.count - sent, Int(dice.next() % 20_000) + 1)
                _ = fill.append(bytes.rawSpan.extracting(sent..<sent + count))
                sent += count
            }
            for index in readers.indices where dice.next() % 2 == 0 {
                let reading = readers[index].readOnce(atMost: Int(dice.next() % 9_000))
                if reading.wakesWriter { writerWaits = false }
            }
            let slowest = readers.map(\.body.count).min() ?? 0
            if !isKept {
                #expect(sent - slowest < Limits.fillWindowBytes + 20_000)
                #expect(zone.stats.fillBytes < Limits.fillWindowBytes + 20_000 + 3 * Limits.fillSegmentBytes)
            }
            // A writer that waits has somebody who has not read all.
            if writerWaits { try #require(sent - slowest >= Limits.fillWindowBytes - Limits.fillStrideBytes) }
        }
        _ = fill.finish()
        for index in readers.indices {
            #expect(readers[index].read().name == "complete")
            #expect(readers[index].body == bytes)
        }
    }

    @Test func `the writer is told when the slowest reader leaves`() throws {
        var fast = try reader(fill, worker: 1, isLeader: true)
        let slow = try reader(fill, worker: 2)
        _ = begin(fill, keeps: false)
        _ = fill.append(ZoneKit.bytes(1, Limits.fillWindowBytes).rawSpan)
        #expect(fill.isFull)
        #expect(fast.read().name == "waiting")
        #expect(slow.leave().writer)
        #expect(!fill.isFull)
        let wake = fast.leave()
        #expect(wake.isUnread && !wake.writer)
        _ = fill.append(ZoneKit.bytes(2, 10 * Limits.fillWindowBytes).rawSpan)
        #expect(!fill.isFull)
        #expect(zone.stats.fillBytes < 2 * Limits.fillSegmentBytes)
    }

    @Test func `an answer larger than an entry may be is passed on whole, and the next request leads`() throws {
        let zone = try ZoneKit.zone(entryBytesMax: 100_000)
        let fill = try #require(zone.find(ZoneKit.key(1), now: ZoneKit.start, accepting: Freshness()).fill)
        var leader = try reader(fill, isLeader: true)
        _ = begin(fill)
        let bytes = ZoneKit.bytes(1, 200_000)
        for start in stride(from: 0, to: bytes.count, by: 10_000) {
            #expect(start < Limits.fillWindowBytes || !fill.isFull)
            _ = fill.append(bytes.rawSpan.extracting(start..<start + 10_000))
            #expect(leader.read().name == "waiting")
        }
        let next = zone.find(ZoneKit.key(1), now: ZoneKit.start, accepting: Freshness())
        #expect(next.isLeader && next.fill !== fill)
        _ = fill.finish()
        #expect(leader.read().name == "complete")
        #expect(leader.body == bytes)
        #expect(!fill.isStorable)
    }

    @Test func `when much is under way, further answers are passed on`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 2 << 20, entryBytesMax: 256 << 10)
        var fills: [Fill] = []
        for number in 0..<20 {
            let fill = zone.fetchAnew(ZoneKit.key(number))
            _ = fill.begin(head: ZoneKit.head(number).rawSpan, sharing: .all, keeps: true)
            _ = fill.append(ZoneKit.bytes(number, 200_000).rawSpan)
            _ = fill.finish()
            fills.append(fill)
        }
        #expect(fills.count { $0.isStorable } >= 4)
        #expect(zone.stats.fillBytes <= (1 << 20) + 300_000)
        #expect(fills.allSatisfy { $0.isStorable != $0.isCrowdedOut })
        // Known at the head, when that tells how long it will be.
        fills.append(zone.fetchAnew(ZoneKit.key(30)))
        _ = fills[20].begin(head: ZoneKit.head(30).rawSpan, sharing: .all, keeps: true, bodyBytes: 200_000)
        #expect(!fills[20].isKept && fills[20].isCrowdedOut)
        for fill in fills { zone.end(fill) }
        fills = []
        #expect(zone.stats.fillBytes == 0 && zone.stats.fillsUnderWay == 0)
        #expect(ZoneKit.put(zone, 50, 200_000))
    }

    // MARK: Failure

    @Test func `before the head it fails for the leader, and exactly one of the others leads the next attempt`() throws {
        var leader = try reader(fill, isLeader: true)
        var others = try (1...5).map { try reader(fill, worker: $0) }
        #expect(others[0].read().name == "waiting")
        #expect(fill.fail(ZoneKit.error).workers.all == [0, 1, 2, 3, 4, 5])
        #expect(leader.read().name == "failed upstream_closed")
        #expect(fill.join(worker: 1, isLeader: false) == nil)
        for index in others.indices { #expect(others[index].read().name == "tryAgain") }
        let next = others.compactMap { _ in zone.succeed(fill) }
        #expect(next.count { $0.isLeader } == 1)
        #expect(next.allSatisfy { $0.fill === next[0].fill && $0.fill.attempt == 2 })
        zone.end(fill)
        #expect(zone.find(fill.key, now: ZoneKit.start, accepting: Freshness()).fill === next[0].fill)

        // What comes of that attempt is everybody's, even of those who come when it has ended.
        var second = try reader(next[0].fill, isLeader: true)
        var waiting = try reader(next[1].fill, worker: 1)
        _ = next[0].fill.fail(ZoneKit.error)
        zone.end(next[0].fill)
        var late = try reader(#require(zone.succeed(fill)).fill, worker: 2)
        #expect(second.read().name == "failed upstream_closed")
        #expect(waiting.read().name == "failed upstream_closed")
        #expect(late.read().name == "failed upstream_closed")
        #expect(zone.find(fill.key, now: ZoneKit.start, accepting: Freshness()).fill?.attempt == 1)
    }

    @Test func `a request that comes between failure and the next attempt leads that, and the others join it`() throws {
        let registered = try #require(zone.find(ZoneKit.key(1), now: ZoneKit.start, accepting: Freshness()).fill)
        #expect(registered === fill)
        var waiting = try reader(fill, worker: 1)
        _ = fill.fail(ZoneKit.error)
        let newcomer = zone.find(fill.key, now: ZoneKit.start, accepting: Freshness())
        #expect(newcomer.isLeader && newcomer.fill?.attempt == 2)
        #expect(waiting.read().name == "tryAgain")
        let next = try #require(zone.succeed(fill))
        #expect(!next.isLeader && next.fill === newcomer.fill)
    }

    @Test func `midway it fails for those who have been given something, after all that came`() throws {
        var leader = try reader(fill, worker: 0, isLeader: true)
        var second = try reader(fill, worker: 1)
        var third = try reader(fill, worker: 2)
        _ = begin(fill)
        #expect(leader.read().name == "waiting")
        #expect(second.read().name == "waiting")
        _ = fill.append([1, 2, 3].rawSpan)
        _ = fill.fail(ZoneKit.error)
        #expect(leader.read().name == "failed upstream_closed")
        #expect(second.read().name == "failed upstream_closed")
        #expect(leader.body == [1, 2, 3] && second.body == [1, 2, 3])
        #expect(third.read().name == "tryAgain")
        #expect(!zone.keep(fill))
        #expect(!ZoneKit.isStored(zone, 1))
    }

    @Test func `an answer that another attempt may better is the leader's, and the others try again`() throws {
        var leader = try reader(fill, worker: 0, isLeader: true)
        var others = try (1...3).map { try reader(fill, worker: $0) }
        #expect(!begin(fill, sharing: .leaderThenRetry, keeps: false).isUnread)
        _ = fill.append([5].rawSpan)
        _ = fill.finish()
        #expect(leader.read().name == "complete")
        for index in others.indices { #expect(others[index].read().name == "tryAgain") }
        let next = others.compactMap { _ in zone.succeed(fill) }
        #expect(next.count { $0.isLeader } == 1)
        var second = try reader(next[0].fill, worker: 1, isLeader: true)
        var third = try reader(next[0].fill, worker: 2)
        _ = begin(next[0].fill, sharing: .leaderThenRetry, keeps: false)
        _ = next[0].fill.finish()
        #expect(second.read().name == "complete")
        #expect(third.read().name == "complete")
    }

    @Test func `a private answer is the leader's, the others go alone, and the next request leads`() throws {
        var leader = try reader(fill, worker: 0, isLeader: true)
        var other = try reader(fill, worker: 1)
        _ = begin(fill, sharing: .leaderOnly, keeps: false)
        #expect(other.read().name == "goAlone")
        #expect(fill.join(worker: 1, isLeader: false) == nil)
        #expect(zone.find(fill.key, now: ZoneKit.start, accepting: Freshness()).isLeader)
        _ = fill.append(ZoneKit.bytes(1, Limits.fillWindowBytes).rawSpan)
        // Who goes alone doesn't hold up the leader.
        #expect(fill.isFull)
        #expect(leader.readOnce(atMost: Limits.fillWindowBytes).wakesWriter)
        #expect(!other.leave().isUnread)
        #expect(leader.leave().isUnread)
    }

    @Test func `without its leader a private answer is unread at once`() throws {
        let leader = try reader(fill, worker: 0, isLeader: true)
        let other = try reader(fill, worker: 1)
        #expect(!leader.leave().isUnread)
        #expect(begin(fill, sharing: .leaderOnly, keeps: false).isUnread)
        #expect(zone.abandonIfUnread(fill))
        other.leave()
    }

    @Test func `an answer that stops being kept while nobody reads it says so, once`() throws {
        let zone = try ZoneKit.zone(entryBytesMax: 10_000)
        func fill(_ sharing: Fill.Sharing = .all, keeps: Bool = true, isUnread: Bool = false) -> Fill {
            let fill = zone.fetchAnew(ZoneKit.key(1))
            #expect(begin(fill, sharing: sharing, keeps: keeps).isUnread == isUnread)
            return fill
        }
        let refused = fill(keeps: false, isUnread: true)
        #expect(!refused.add([1]).isUnread)
        #expect(zone.abandonIfUnread(refused))

        let tooLarge = fill()
        #expect(!tooLarge.add(ZoneKit.bytes(1, 9_000)).isUnread)
        #expect(tooLarge.add(ZoneKit.bytes(1, 1_000)).isUnread)
        #expect(!tooLarge.add([1]).isUnread)
        #expect(zone.abandonIfUnread(tooLarge))

        let ended = fill()
        #expect(ended.keepNoMore().isUnread)

        // With a reader, or when all of it has come, its fetch goes on or has ended.
        let read = fill()
        let only = try reader(read, isLeader: true)
        #expect(!read.add(ZoneKit.bytes(1, 20_000)).isUnread)
        #expect(only.leave().isUnread)
        let complete = fill()
        _ = complete.finish()
        #expect(!complete.keepNoMore().isUnread)
    }

    @Test func `readers go on with a stored answer`() throws {
        var facts = ZoneKit.facts(freshForS: 0)
        facts.hasValidator = true
        ZoneKit.put(zone, 1, 5_000, facts: facts)
        let answer = try #require(zone.find(ZoneKit.key(1), now: ZoneKit.moment(1), accepting: Freshness()).stored)
        let fill = zone.fetchAnew(ZoneKit.key(1))
        var reader = try reader(fill, worker: 1, isLeader: true)
        #expect(reader.read().name == "waiting")
        #expect(fill.resolve(with: answer).workers.all == [1])
        guard case .answered(let told) = reader.read() else { throw Unexpected() }
        #expect(ZoneKit.body(told) == ZoneKit.bytes(1, 5_000))
        zone.end(fill)
        #expect(zone.find(fill.key, now: ZoneKit.moment(1), accepting: Freshness()).isLeader)
    }

    private struct Unexpected: Error {}
}
