import GatewayCore
import Testing

@testable import GatewayPolicy

@Suite struct RetryBudgetTests {
    private func at(_ ms: Int) -> MonotonicTime { MonotonicTime(nanoseconds: 1_000_000_000).adding(milliseconds: ms) }

    /// How many of `count` retries at once are allowed.
    private func taken(_ budget: inout RetryBudget, _ count: Int, percent: Int, floor: Int, at ms: Int) -> Int {
        var taken = 0
        for _ in 0..<count where budget.take(percent: percent, floorPerSecond: floor, now: at(ms)) { taken += 1 }
        return taken
    }

    @Test func `a share of the requests may be retried`() {
        var budget = RetryBudget()
        for _ in 0..<100 { budget.noteRequest(now: at(0)) }
        #expect(taken(&budget, 100, percent: 20, floor: 0, at: 1) == 20)
        for _ in 0..<10 { budget.noteRequest(now: at(2)) }
        #expect(taken(&budget, 100, percent: 20, floor: 0, at: 3) == 2)
    }

    @Test func `a few a second may be, whatever the share`() {
        var budget = RetryBudget()
        budget.noteRequest(now: at(0))
        #expect(taken(&budget, 10, percent: 20, floor: 3, at: 0) == 3)
        #expect(taken(&budget, 10, percent: 20, floor: 3, at: 999) == 0)
        #expect(taken(&budget, 10, percent: 20, floor: 3, at: 1_000) == 3)
    }

    @Test func `requests of long ago count for nothing`() {
        var budget = RetryBudget()
        for _ in 0..<100 { budget.noteRequest(now: at(0)) }
        #expect(taken(&budget, 100, percent: 10, floor: 0, at: Limits.retryWindowMs) == 5, "half of them")
        #expect(taken(&budget, 100, percent: 10, floor: 0, at: 10 * Limits.retryWindowMs) == 0)
    }
}
