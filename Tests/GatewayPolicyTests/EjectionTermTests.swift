import GatewayCore
import Testing

@testable import GatewayPolicy

@Suite struct EjectionTermTests {
    private func at(_ second: Int) -> MonotonicTime { MonotonicTime(nanoseconds: 0).adding(milliseconds: second * 1000) }

    @Test func `each time in a row is longer than the one before, up to the longest`() {
        var term = EjectionTerm()
        var terms: [Int] = []
        for _ in 0..<12 {
            terms.append(term.begin(firstMs: 30_000, now: at(0)))
            term.end(now: at(0))
        }
        #expect(terms == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300].map { $0 * 1000 })
    }

    @Test func `time that a server has been in shortens its next term`() {
        var term = EjectionTerm()
        for _ in 0..<20 {
            _ = term.begin(firstMs: 30_000, now: at(0))
            term.end(now: at(0))
        }
        #expect(term.begin(firstMs: 30_000, now: at(29)) == 300_000, "not a whole first term")
        term.end(now: at(100))
        #expect(term.begin(firstMs: 30_000, now: at(100 + 90)) == 240_000)
        term.end(now: at(200))
        #expect(term.begin(firstMs: 30_000, now: at(10_000)) == 30_000, "all is forgotten")
    }

    @Test func `a first term beyond the longest stays what it is`() {
        var term = EjectionTerm()
        #expect(term.begin(firstMs: 3_600_000, now: at(0)) == 3_600_000)
        term.end(now: at(1))
        #expect(term.begin(firstMs: 3_600_000, now: at(1)) == 3_600_000)
    }

    @Test(arguments: [(1, 50, 1), (2, 50, 1), (3, 50, 1), (4, 50, 2), (10, 25, 2), (3, 100, 3), (5, 1, 1), (5, 0, 0)])
    func `a share of the servers may be out, but one if any may be`(servers: Int, percent: Int, expected: Int) {
        #expect(EjectionTerm.outMax(of: servers, percent: percent) == expected)
    }
}
