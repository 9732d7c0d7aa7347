import GatewayCore
import Testing

@Suite struct TimerWheelTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)

    /// In steps of 1 ms, as a loop that looks each time how long it may wait; when each timer fired, by its word.
    private func run(_ wheel: inout TimerWheel, from: Int, until end: Int) -> [UInt64: Int] {
        var firedAt: [UInt64: Int] = [:]
        var fired: [TimerWheel.Timer] = []
        for passed in from..<end {
            let now = start.adding(milliseconds: passed)
            if let wait = wheel.millisecondsUntilNext(now: now) { #expect(wait >= 0 && wait <= 17_000) }
            wheel.collect(now: now, into: &fired)
            for timer in fired { firedAt[timer.word] = passed }
            fired.removeAll()
        }
        return firedAt
    }

    @Test func `a timer that is armed before the one that was next is the next`() {
        var wheel = TimerWheel(now: start)
        _ = wheel.arm(1, at: start.adding(milliseconds: 3_000))
        let far = wheel.millisecondsUntilNext(now: start) ?? -1
        _ = wheel.arm(2, at: start.adding(milliseconds: 200))
        let near = wheel.millisecondsUntilNext(now: start) ?? -1
        #expect(far >= 3_000 && far <= 3_000 + 2 * TimerWheel.tickMs)
        #expect(near >= 200 && near <= 200 + 2 * TimerWheel.tickMs)
    }

    @Test func `timers fire in their tick, whenever they were armed`() {
        var wheel = TimerWheel(now: start)
        for word in 1...40 as ClosedRange<UInt64> { _ = wheel.arm(word, at: start.adding(milliseconds: Int(word) * 97)) }
        var firedAt = run(&wheel, from: 0, until: 1_000)
        for word in 41...60 as ClosedRange<UInt64> { _ = wheel.arm(word, at: start.adding(milliseconds: Int(word - 30) * 97)) }
        firedAt.merge(run(&wheel, from: 1_000, until: 4_000)) { first, _ in first }
        for word in 1...60 as ClosedRange<UInt64> {
            let due = Int(word <= 40 ? word : word - 30) * 97
            let fired = firedAt[word] ?? -1
            #expect(fired >= due && fired <= due + 2 * TimerWheel.tickMs)
        }
        #expect(wheel.millisecondsUntilNext(now: start.adding(milliseconds: 4_000)) == nil)
    }

    @Test func `a clock that steps back fires nothing early and nothing twice`() {
        var wheel = TimerWheel(now: start)
        for word in 1...20 as ClosedRange<UInt64> { _ = wheel.arm(word, at: start.adding(milliseconds: Int(word) * 100)) }
        var fired: [TimerWheel.Timer] = []
        wheel.collect(now: start.adding(milliseconds: 1_050), into: &fired)
        #expect(fired.map(\.word).sorted() == Array(1...10))
        for milliseconds in [1_000, 0, 1_040] {
            let now = start.adding(milliseconds: milliseconds)
            wheel.collect(now: now, into: &fired)
            #expect(wheel.millisecondsUntilNext(now: now).map { $0 >= 1_100 - milliseconds } == true)
        }
        // Before the beginning, too.
        wheel.collect(now: MonotonicTime(nanoseconds: 0), into: &fired)
        _ = wheel.arm(21, at: start)
        #expect(fired.count == 10)
        wheel.collect(now: start.adding(milliseconds: 3_000), into: &fired)
        #expect(fired.map(\.word).sorted() == Array(1...21))
    }
}
