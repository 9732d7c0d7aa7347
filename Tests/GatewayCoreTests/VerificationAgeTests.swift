import GatewayCore
import Testing

@Suite struct VerificationAgeTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)
    private func after(_ milliseconds: Int) -> MonotonicTime { start.adding(milliseconds: milliseconds) }

    @Test func `a verification holds until its age is the limit`() {
        #expect(!VerificationAge.isOver(start, now: start, limitMs: 3_600_000))
        #expect(!VerificationAge.isOver(start, now: after(3_599_999), limitMs: 3_600_000))
        #expect(VerificationAge.isOver(start, now: after(3_600_000), limitMs: 3_600_000))
        #expect(VerificationAge.isOver(start, now: after(9_000_000), limitMs: 3_600_000))
        #expect(!VerificationAge.isOver(after(10), now: start, limitMs: 1), "a moment that is still to come")
    }

    @Test func `it ends with the limit or the certificate, whichever comes first`() {
        func end(now: Int, left: Int) -> MonotonicTime {
            VerificationAge.end(start, now: after(now), certificateLeftMs: left, limitMs: 3_600_000)
        }
        #expect(end(now: 0, left: 86_400_000) == after(3_600_000))
        #expect(end(now: 0, left: 8_000 * 365 * 86_400_000) == after(3_600_000))
        #expect(end(now: 0, left: 8_000) == after(8_000))
        // Of a resumed session the age began with the first handshake, the certificate's time is counted from now.
        #expect(end(now: 3_000_000, left: 86_400_000) == after(3_600_000))
        #expect(end(now: 3_000_000, left: 8_000) == after(3_008_000))
        #expect(end(now: 3_000_000, left: -8_000) == after(3_000_000))
    }
}
