import GatewayCore
import GatewayPolicy
import Testing

/// Token buckets, and the table that workers share. Time is what the tests say.
@Suite struct BucketTableTests {
    private static func moment(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: 1 << 40 + UInt64(seconds * 1e9)) }
    private static func caller(_ number: UInt32) -> CallerHash { CallerHash(IPAddress(v4: number)) }

    /// 100 in a minute, 20 at once.
    private static let minute = TokenBucket(requests: 100, windowNs: 60_000_000_000, burst: 20)

    /// How many of `count` attempts get through.
    private func taken(
        _ table: BucketTable, _ count: Int, of number: UInt32 = 1, at seconds: Double, cost: UInt64 = 1, _ bucket: TokenBucket = minute
    ) -> Int {
        (0..<count).count { _ in table.take(cost, of: Self.caller(number), bucket, now: Self.moment(seconds)).0.isTaken }
    }

    // MARK: One bucket

    @Test func `a bucket gives its burst at once, then its rate, and is never more than full`() {
        let table = BucketTable(callersMax: 1_000)
        #expect(taken(table, 50, at: 0) == 20)
        #expect(taken(table, 50, at: 0.59) == 0)
        #expect(taken(table, 50, at: 0.6) == 1)
        #expect(taken(table, 50, at: 6.6) == 10)
        #expect(taken(table, 50, at: 1_000) == 20)
        #expect(taken(table, 50, of: 2, at: 0) == 20)
    }

    @Test func `in a minute of hammering there pass the burst and the rate`() {
        let table = BucketTable(callersMax: 1_000)
        var total = 0
        for step in 0...60_000 { total += taken(table, 8, at: Double(step) / 1_000) }
        #expect(total == 120)
    }

    @Test func `rates that no nanosecond divides never let more through`() {
        for (requests, windowNs) in [(7, 60_000_000_000), (3, 1_000_000_000), (999_999, 1_000_000_000), (100, 900_000_000_000)]
            as [(Int, UInt64)]
        {
            let bucket = TokenBucket(requests: requests, windowNs: windowNs, burst: 1)
            #expect(bucket.tokenNs * UInt64(requests) >= windowNs)
            #expect((bucket.tokenNs - 1) * UInt64(requests) < windowNs)
        }
    }

    @Test func `who waits as long as it is told gets through, and not much sooner`() {
        let table = BucketTable(callersMax: 1_000)
        var dice = Dice(state: 1)
        var seconds = 0.0
        for _ in 0..<1_000 {
            let cost = dice.next() % 5 + 1
            let verdict = table.take(cost, of: Self.caller(1), Self.minute, now: Self.moment(seconds)).0
            if !verdict.isTaken {
                let wait = Double(verdict.waitNs) / 1e9
                #expect(taken(table, 1, at: seconds + wait - 0.001, cost: cost) == 0)
                #expect(taken(table, 1, at: seconds + wait + 0.000_001, cost: cost) == 1)
                seconds += wait
            }
            seconds += Double(dice.next() % 1_000) / 1_000
        }
    }

    @Test func `a request may cost more, and what is left is told`() {
        let table = BucketTable(callersMax: 1_000)
        let first = table.take(15, of: Self.caller(1), Self.minute, now: Self.moment(0)).0
        #expect(first.isTaken && first.remaining == 5 && first.waitNs == 9_000_000_000)
        let second = table.take(6, of: Self.caller(1), Self.minute, now: Self.moment(0)).0
        #expect(!second.isTaken && second.remaining == 5 && second.waitNs == 600_000_000)
        #expect(table.take(5, of: Self.caller(1), Self.minute, now: Self.moment(0)).0.remaining == 0)
    }

    @Test func `a clock that is behind finds the bucket no fuller`() {
        let table = BucketTable(callersMax: 1_000)
        #expect(taken(table, 50, at: 100) == 20)
        #expect(taken(table, 50, at: 0) == 0)
        #expect(taken(table, 50, at: 99.9) == 0)
        #expect(taken(table, 50, at: 100.6) == 1)
    }

    @Test func `a clock that goes back and forth counts as standing still at the latest moment that it has shown`() {
        // Few places, so that entries whose time has come are overwritten by those of others, and parts are cut anew.
        for (seed, callersMax) in [(1, 1), (2, 16), (3, 256)] as [(UInt64, Int)] {
            let table = BucketTable(callersMax: callersMax)
            var walk = ClockWalk(seed: seed)
            /// When the one bucket that is watched would be full.
            var fullAt = 0
            var (wrong, passed) = (0, 0)
            for _ in 0..<20_000 {
                walk.step()
                let now = walk.read()
                for _ in 0...walk.dice.next() % 3 {
                    _ = table.take(1, of: Self.caller(UInt32(walk.dice.next() % 10_000) + 10), Self.minute, now: now)
                }
                for _ in 0..<(walk.dice.next() % 2 * 8) {
                    let (verdict, place) = table.take(1, of: Self.caller(1), Self.minute, now: now)
                    let isAllowed = max(fullAt, walk.latest) + 600 <= walk.latest + 12_000
                    if verdict.isTaken != isAllowed || place != .own { wrong += 1 }
                    if !isAllowed { continue }
                    passed += 1
                    fullAt = max(fullAt, walk.latest) + 600
                    if walk.dice.next() % 4 == 0 {
                        fullAt -= 600
                        table.giveBack(1, to: Self.caller(1), Self.minute, taken: verdict, place, now: now)
                    }
                }
            }
            #expect(wrong == 0 && passed > 100, "\(wrong) verdicts are wrong, \(passed) passed in \(walk.latest) ms")
        }
    }

    // MARK: Giving back

    private func takeAndReturn(_ table: BucketTable, cost: UInt64 = 1, at seconds: Double, returnedAt: Double) -> Bool {
        let (verdict, place) = table.take(cost, of: Self.caller(1), Self.minute, now: Self.moment(seconds))
        if verdict.isTaken {
            table.giveBack(cost, to: Self.caller(1), Self.minute, taken: verdict, place, now: Self.moment(returnedAt))
        }
        return verdict.isTaken
    }

    @Test func `what is given back is there for others`() {
        let table = BucketTable(callersMax: 1_000)
        for _ in 0..<1_000 { #expect(takeAndReturn(table, cost: 20, at: 0, returnedAt: 0.001)) }
        #expect(taken(table, 50, at: 0) == 20)
        #expect(!takeAndReturn(table, at: 0, returnedAt: 0))
        #expect(taken(table, 50, at: 0.601) == 1)
    }

    @Test func `a bucket that has become full meanwhile gets nothing on top`() {
        let table = BucketTable(callersMax: 1_000)
        let (verdict, place) = table.take(1, of: Self.caller(1), Self.minute, now: Self.moment(0))
        #expect(taken(table, 50, at: 5) == 20)
        table.giveBack(1, to: Self.caller(1), Self.minute, taken: verdict, place, now: Self.moment(5))
        #expect(taken(table, 50, at: 5) == 0)
        #expect(taken(table, 50, at: 5.6) == 1)
    }

    // MARK: Many callers

    @Test func `each of many callers has a bucket of its own`() {
        let table = BucketTable(callersMax: 50_000)
        for round in 1...3 {
            for number in 0..<50_000 as Range<UInt32> {
                let (verdict, place) = table.take(1, of: Self.caller(number), Self.minute, now: Self.moment(0))
                if place != .own || verdict.remaining != UInt64(20 - round) { Issue.record("\(number): \(verdict), \(place)") }
            }
        }
        #expect(table.callerCount == 50_000)
        #expect(table.byteCount <= 50_000 * 64)
    }

    @Test func `when the table is full of live callers the others share one bucket, and who is in it notices nothing`() {
        let table = BucketTable(callersMax: 256)
        var shared: [UInt32] = []
        for number in 0..<20_000 as Range<UInt32> {
            let (verdict, place) = table.take(1, of: Self.caller(number), Self.minute, now: Self.moment(0))
            if place == .shared { shared.append(number) } else { #expect(verdict.isTaken) }
        }
        #expect(20_000 - shared.count >= 256 && table.callerCount == 20_000 - shared.count)
        #expect(table.byteCount <= 256 * 32 * 2)
        // Of the first of them as many as the bucket holds have got through; now there are none left for any.
        for number in shared.prefix(100) { #expect(taken(table, 1, of: number, at: 0.5) == 0) }
        let own = Set(0..<20_000).subtracting(shared)
        for number in own { #expect(taken(table, 50, of: number, at: 0) == 19) }
        // Buckets that are full again make room.
        #expect(shared.prefix(100).allSatisfy { taken(table, 50, of: $0, at: 100) == 20 })
    }

    @Test func `what callers took is no more once their buckets are full again`() {
        let table = BucketTable(callersMax: 100_000)
        for number in 0..<100_000 as Range<UInt32> { _ = taken(table, 1, of: number, at: 0) }
        let most = table.byteCount
        for second in 1...4 {
            for number in 0..<20_000 as Range<UInt32> { _ = taken(table, 1, of: number, at: Double(second) * 30) }
        }
        #expect(table.callerCount < 60_000)
        #expect(table.byteCount < most)
    }

    @Test func `a caller that is counted stays counted, whoever comes beside it`() {
        let table = BucketTable(callersMax: 1 << 16)
        var total = 0
        for step in 0..<600 {
            // 100 new callers with each step: parts of the table are cut anew around the one that is watched.
            for other in 0..<100 as Range<UInt32> { _ = taken(table, 1, of: UInt32(step) * 100 + other + 10, at: Double(step) / 10) }
            total += taken(table, 5, at: Double(step) / 10)
        }
        #expect(total == 20 + 99)
    }

    // MARK: Several workers

    /// How much it keeps of what it takes: of every fourth it gives back what it took.
    private static func hammer(_ table: BucketTable, _ bucket: TokenBucket, _ worker: Int) -> Int {
        var kept = 0
        for attempt in 0..<5_000 {
            let (verdict, place) = table.take(1, of: .everybody, bucket, now: moment(0))
            if !verdict.isTaken { continue }
            if attempt % 4 == worker {
                table.giveBack(1, to: .everybody, bucket, taken: verdict, place, now: moment(0))
            } else {
                kept += 1
            }
        }
        return kept
    }

    @Test func `several threads take exactly what there is, giving back in between`() async {
        let table = BucketTable(callersMax: 1_000)
        let bucket = TokenBucket(requests: 1, windowNs: 3_600_000_000_000, burst: 10_000)
        let passed = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<4 { group.addTask { Self.hammer(table, bucket, worker) } }
            return await group.reduce(0, +)
        }
        // 15,000 would keep what they took; at the end nothing is lost nor won.
        let left = (0..<20_000).count { _ in table.take(1, of: .everybody, bucket, now: Self.moment(0)).0.isTaken }
        #expect(passed + left == 10_000)
    }
}
