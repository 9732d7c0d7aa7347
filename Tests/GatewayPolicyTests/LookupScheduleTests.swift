import GatewayCore
import GatewayPolicy
import Testing

@Suite struct LookupScheduleTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func at(_ milliseconds: Int) -> MonotonicTime { start.adding(milliseconds: milliseconds) }

    @Test func `a name is due at once, and again an interval after its answer`() {
        var schedule = LookupSchedule()
        schedule.follow(["a": 30_000], now: start)
        #expect(schedule.nextDue == start)
        #expect(schedule.begin(now: start) == ["a"])
        #expect(schedule.begin(now: at(60_000)).isEmpty && schedule.nextDue.isNever)
        schedule.end("a", isFailure: false, hasAddresses: true, now: at(500))
        #expect(schedule.nextDue == at(30_500))
        #expect(schedule.begin(now: at(30_499)).isEmpty)
        #expect(schedule.begin(now: at(30_500)) == ["a"])
    }

    @Test func `a name without addresses is due sooner, one that kept its last ones is not`() {
        var schedule = LookupSchedule()
        schedule.follow(["lost": 30_000, "kept": 30_000, "quick": 200], now: start)
        _ = schedule.begin(now: start)
        schedule.end("lost", isFailure: true, hasAddresses: false, now: start)
        schedule.end("kept", isFailure: true, hasAddresses: true, now: start)
        schedule.end("quick", isFailure: true, hasAddresses: false, now: start)
        #expect(schedule.begin(now: at(200)) == ["quick"])
        #expect(schedule.begin(now: at(Limits.unresolvedRetryMs)) == ["lost"])
        #expect(schedule.begin(now: at(30_000)) == ["kept"])
    }

    @Test func `names that fail leave room for the others`() {
        var schedule = LookupSchedule()
        let dead = (0..<100).map { "dead\($0)" }
        schedule.follow(Dictionary(uniqueKeysWithValues: dead.map { ($0, 1) }), now: start)
        // The first time nobody knows: as many as there is room for.
        var failed = 0
        while failed < dead.count {
            let begun = schedule.begin(now: start)
            #expect(begun.count == min(Limits.lookupsOfDoubtfulNamesMax, dead.count - failed))
            for name in begun { schedule.end(name, isFailure: true, hasAddresses: false, now: start) }
            failed += begun.count
        }
        let good = (0..<8).map { "good\($0)" }
        schedule.follow(Dictionary(uniqueKeysWithValues: (dead + good).map { ($0, 1) }), now: start)
        let begun = schedule.begin(now: at(5_000))
        #expect(begun.filter { $0.hasPrefix("good") } == good)
        #expect(begun.count { $0.hasPrefix("dead") } == Limits.lookupsOfFailedNamesMax)
        // What is due and has no room is no reason to wake up.
        #expect(schedule.nextDue.isNever)
        for name in good { schedule.end(name, isFailure: false, hasAddresses: true, now: at(5_000)) }
        #expect(schedule.begin(now: at(6_000)) == good)
    }

    @Test func `new names whose first lookup hangs, and names that failed, leave room for those that have addresses`() {
        var schedule = LookupSchedule()
        let (good, dead) = ((0..<8).map { "good\($0)" }, (0..<20).map { "dead\($0)" })
        var intervals = Dictionary(uniqueKeysWithValues: (good + dead).map { ($0, 1_000) })
        schedule.follow(intervals, now: start)
        var asked = 0
        while asked < 28 {
            let begun = schedule.begin(now: start)
            asked += begun.count
            for name in begun { schedule.end(name, isFailure: name.hasPrefix("dead"), hasAddresses: true, now: start) }
        }
        for index in 0..<40 { intervals["new\(index)"] = 1_000 }
        schedule.follow(intervals, now: start)
        let first = schedule.begin(now: at(10))
        #expect(first.count == Limits.lookupsOfDoubtfulNamesMax && first.allSatisfy { $0.hasPrefix("new") })
        #expect(schedule.nextDue == at(1_000))
        #expect(schedule.begin(now: at(1_000)) == good)
        #expect(schedule.nextDue.isNever)
    }

    @Test func `a reload makes names due, new ones at once, and forgets those that are gone`() {
        var schedule = LookupSchedule()
        schedule.follow(["a": 30_000, "b": 30_000], now: start)
        _ = schedule.begin(now: start)
        for name in ["a", "b"] { schedule.end(name, isFailure: false, hasAddresses: true, now: start) }
        schedule.follow(["b": 30_000, "c": 30_000], now: at(1))
        #expect(schedule.begin(now: at(1)) == ["c"])
        schedule.makeAllDue(now: at(2))
        #expect(schedule.begin(now: at(2)) == ["b"])
        // The lookup of a name that went away while it ran ends without a trace.
        schedule.follow(["b": 30_000], now: at(3))
        schedule.end("c", isFailure: false, hasAddresses: true, now: at(3))
        schedule.end("b", isFailure: false, hasAddresses: true, now: at(3))
        #expect(schedule.nextDue == at(30_003))
    }

    @Test func `a shorter interval counts from now`() {
        var schedule = LookupSchedule()
        schedule.follow(["a": 3_600_000], now: start)
        _ = schedule.begin(now: start)
        schedule.end("a", isFailure: false, hasAddresses: true, now: start)
        schedule.follow(["a": 1_000], now: at(10))
        #expect(schedule.nextDue == at(1_010))
    }
}

@Suite struct AddressTurnTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func `addresses take turns`() {
        var turn = AddressTurn(count: 3)
        #expect((0..<7).map { _ in turn.next(now: start) } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func `the turn begins where it is told to, and goes on when the addresses change`() {
        var turn = AddressTurn(count: 3, from: 7)
        #expect((0..<2).map { _ in turn.next(now: start) } == [1, 2])
        var other = AddressTurn(count: 2, following: turn, from: 1)
        #expect(other.next(now: start) == 0)
        _ = turn.next(now: start)
        var next = AddressTurn(count: 3, following: turn, from: 0)
        #expect(next.next(now: start) == 1)
        var first = AddressTurn(count: 3, following: AddressTurn(count: 0), from: 5)
        #expect(first.next(now: start) == 2)
    }

    @Test func `an address that failed is passed over for a while`() {
        var turn = AddressTurn(count: 3)
        turn.avoid(1, now: start)
        #expect((0..<4).map { _ in turn.next(now: start) } == [0, 2, 0, 2])
        let later = start.adding(milliseconds: Limits.addressAvoidanceMs)
        #expect((0..<4).map { _ in turn.next(now: later) } == [0, 1, 2, 0])
    }

    @Test func `when all have failed the one that failed longest ago is tried`() {
        var turn = AddressTurn(count: 3)
        for (index, ms) in [(2, 0), (0, 1), (1, 2)] { turn.avoid(index, now: start.adding(milliseconds: ms)) }
        let now = start.adding(milliseconds: 3)
        #expect(turn.next(now: now) == 2)
        turn.avoid(2, now: now)
        #expect(turn.next(now: now) == 0)
    }

    @Test func `what is known of an address moves with it`() {
        var old = AddressTurn(count: 2)
        old.avoid(0, now: start)
        var new = AddressTurn(count: 2)
        new.carryOver(1, from: old, at: 0)
        #expect((0..<3).map { _ in new.next(now: start) } == [0, 0, 0])
    }
}
