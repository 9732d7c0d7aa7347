import GatewayCache
import GatewayCore
import Glibc
import Synchronization
import Testing

/// A zone that threads share.
@Suite(.timeLimit(.minutes(5))) struct SharedZoneTests {
    @Test func `of eight threads that ask for the same at once exactly one fetches, each time`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 8 << 20)
        let rounds = 300
        let turns = (0..<rounds).map { _ in Gate() }
        let outcomes = ZoneKit.onThreads(8) { thread in
            var leads: [Int] = []
            for round in 0..<rounds {
                turns[round].arrive(of: 8)
                let lookup = zone.find(ZoneKit.key(round), now: ZoneKit.start, accepting: Freshness())
                if let answer = lookup.stored {
                    precondition(ZoneKit.body(answer) == ZoneKit.bytes(round, 1_500))
                } else if let fill = lookup.fill, lookup.isLeader {
                    leads.append(round)
                    ZoneKit.complete(fill, round, 1_500)
                    precondition(zone.keep(fill))
                } else if let fill = lookup.fill, var reader = FillReader(fill, worker: thread) {
                    while true {
                        if case .complete = reader.read() { break }
                    }
                    precondition(reader.body == ZoneKit.bytes(round, 1_500))
                    reader.leave()
                }
            }
            return leads
        }
        #expect(outcomes.flatMap { $0 }.sorted() == Array(0..<rounds))
        let stats = zone.stats
        #expect(stats.misses == UInt64(rounds) && stats.hits + stats.collapsed == UInt64(7 * rounds))
        #expect(stats.fillsUnderWay == 0 && stats.fillBytes == 0)
    }

    /// Threads meet here.
    private final class Gate: Sendable {
        private let count = Atomic<Int>(0)

        func arrive(of all: Int) {
            count.add(1, ordering: .acquiringAndReleasing)
            while count.load(ordering: .acquiring) < all { sched_yield() }
        }
    }

    @Test(arguments: [true, false])
    func `two hundred readers on threads get equal bytes, each told or at the end`(keeps: Bool) throws {
        let zone = try ZoneKit.zone(entryBytesMax: 512 << 10)
        let fill = try #require(zone.find(ZoneKit.key(1), now: ZoneKit.start, accepting: Freshness()).fill)
        let bytes = ZoneKit.bytes(1, 300_000)
        let mailboxes = (0..<10).map { _ in ZoneMailbox() }
        let post: @Sendable (Wake) -> Void = { wake in
            for worker in wake.workers.all { mailboxes[worker].post() }
            if wake.writer { mailboxes[9].post() }
        }
        let joined = (0..<8).map { worker in (0..<25).compactMap { FillReader(fill, worker: worker, isLeader: worker + $0 == 0) } }
        let equal = ZoneKit.onThreads(9) { worker -> Int in
            if worker == 8 {
                // The writer waits for the slowest, and is told when that goes on.
                post(fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: keeps))
                var sent = 0
                while sent < bytes.count {
                    while fill.isFull { mailboxes[9].wait() }
                    let count = min(bytes.count - sent, 1 + sent % 5_000)
                    post(fill.append(bytes.rawSpan.extracting(sent..<sent + count)))
                    sent += count
                }
                post(fill.finish())
                return 0
            }
            var readers = joined[worker]
            var isAtEnd = readers.map { _ in false }
            while isAtEnd.contains(false) {
                // A worker sleeps until it is told: if nobody told it, this would not end.
                mailboxes[worker].wait()
                for index in readers.indices where !isAtEnd[index] {
                    var progress = readers[index].head == nil ? Fill.Progress.bytes(1) : .bytes(0)
                    while case .bytes = progress {
                        let reading = readers[index].readOnce(atMost: 1_000 * (index + 1))
                        progress = reading.progress
                        if reading.wakesWriter { mailboxes[9].post() }
                    }
                    if case .complete = progress { isAtEnd[index] = true }
                }
            }
            for reader in readers { post(reader.leave()) }
            return readers.count { $0.body == bytes && $0.head == ZoneKit.head(1) }
        }
        #expect(equal.reduce(0, +) == 200)
        #expect(zone.keep(fill) == keeps)
        #expect(ZoneKit.stored(zone, 1).map { ZoneKit.body($0) == bytes } == (keeps ? true : nil))
    }

    @Test func `of readers on threads whose answer fails exactly one tries again, and the others have what that one gets`() throws {
        let zone = try ZoneKit.zone()
        for round in 0..<100 {
            let fill = try #require(zone.find(ZoneKit.key(round), now: ZoneKit.start, accepting: Freshness()).fill)
            let readers = (0..<8).compactMap { FillReader(fill, worker: $0, isLeader: $0 == 0) }
            let outcomes = ZoneKit.onThreads(8) { thread -> String in
                if thread == 0 {
                    _ = fill.fail(ZoneKit.error)
                    zone.end(fill)
                    return "failed"
                }
                var reader = readers[thread]
                var progress = reader.read()
                while case .waiting = progress { progress = reader.read() }
                guard case .tryAgain = progress else { return progress.name }
                reader.leave()
                guard let next = zone.succeed(fill) else { return "alone" }
                if next.isLeader {
                    ZoneKit.complete(next.fill, round, 700)
                    return zone.keep(next.fill) ? "led" : "not kept"
                }
                guard var second = FillReader(next.fill, worker: thread) else { return "too late" }
                progress = second.read()
                while case .waiting = progress { progress = second.read() }
                second.leave()
                return second.body == ZoneKit.bytes(round, 700) ? progress.name : "other bytes"
            }
            #expect(outcomes.sorted() == ["complete", "complete", "complete", "complete", "complete", "complete", "failed", "led"])
            #expect(ZoneKit.isStored(zone, round))
        }
    }

    @Test func `whatever threads do at a time, an answer is that of its key, and all memory comes back`() throws {
        let zone = try ZoneKit.zone(memoryBytes: 1 << 20, entryBytesMax: 64 << 10)
        let wrong = ZoneKit.onThreads(8) { thread -> Int in
            var dice = ZoneDice(state: UInt64(thread))
            var wrong = 0
            var held: [(number: Int, answer: StoredAnswer)] = []
            for step in 0..<3_000 {
                let number = Int(dice.next() % 40) * Int(dice.next() % 40)
                let length = number * 97 % 12_000
                let lookup = zone.find(ZoneKit.key(number), now: ZoneKit.start, accepting: Freshness())
                if let answer = lookup.stored {
                    held.append((number, answer))
                } else if let fill = lookup.fill, lookup.isLeader {
                    ZoneKit.complete(fill, number, length)
                    if dice.next() % 8 == 0 { zone.end(fill) } else { _ = zone.keep(fill, path: "example.com/\(number % 10)") }
                } else if let fill = lookup.fill, var reader = FillReader(fill, worker: thread) {
                    if case .complete = reader.read(), reader.body != ZoneKit.bytes(number, length) { wrong += 1 }
                    reader.leave()
                }
                while held.count > 5 {
                    let (number, answer) = held.removeFirst()
                    if ZoneKit.body(answer) != ZoneKit.bytes(number, number * 97 % 12_000) { wrong += 1 }
                }
                switch step % 500 {
                case 100: _ = zone.purge(ZoneKit.key(number))
                case 200: _ = zone.purge(prefix: "example.com/\(thread)")
                case 300: ZoneKit.put(zone, number, length)
                case 400 where thread == 0: _ = zone.purgeAll()
                default: break
                }
            }
            return wrong
        }
        #expect(wrong.reduce(0, +) == 0)
        #expect(zone.stats.evicted > 0)
        _ = zone.purgeAll()
        let stats = zone.stats
        #expect(stats.entries == 0 && stats.fillBytes == 0 && stats.bytes < 60_000)
        #expect(stats.stored >= stats.evicted + stats.purged)
    }
}

/// Holds whether somebody has posted, and lets its thread wait for that.
final class ZoneMailbox: Sendable {
    private let posted = Atomic<Bool>(false)

    func post() {
        posted.store(true, ordering: .releasing)
    }

    func wait() {
        while !posted.exchange(false, ordering: .acquiringAndReleasing) { sched_yield() }
    }
}
