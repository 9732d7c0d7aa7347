import GatewayCore
import Testing

@testable import GatewayTelemetry

@Suite struct TimestampTests {
    private static let known: [(UInt64, String)] = [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999_999_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
        (1_078_099_200_001_000_000, "2004-03-01T00:00:00.001Z"),
        (1_795_268_388_123_456_789, "2026-11-21T13:39:48.123Z"),
        (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
        (UInt64.max, "2554-07-21T23:34:33.709Z"),
    ]

    private func plain(_ nanoseconds: UInt64) -> String {
        let text = Timestamp.rfc3339(wallClockNanoseconds: nanoseconds)
        return text.rawSpan.string
    }

    @Test func `moments are written as RFC 3339 in UTC`() {
        for (nanoseconds, expected) in Self.known {
            #expect(plain(nanoseconds) == expected)
        }
    }

    @Test func `nanoseconds are written as numbers, whichever way the clock steps`() {
        let pool = BufferPool()
        var digits = EpochDigits()
        var moments = Self.known.map(\.0) + [999_999_999_999_999_999, 1_000_000_000_000_000_000, 9_999_999_999_999_999_999]
        for step: UInt64 in 0..<50 { moments.append(1_795_268_388_000_000_000 + step * 7_777_777_777) }
        moments += [10_000_000_000_000_000_000] + moments.reversed()
        for moment in moments {
            // The second is one that begins with it.
            var first = EpochDigits()
            for _ in 0..<2 {
                var line = ByteQueue(pool: pool)
                digits.append(moment, to: &line)
                first.append(moment, to: &line)
                let text = line.bytes.string
                #expect(text == "\(moment)\(moment)")
            }
        }
    }

    @Test func `a cache writes what is written without one, whichever way the clock steps`() {
        let pool = BufferPool()
        var cache = TimestampCache()
        var moments = Self.known.map(\.0) + [0]
        for step: UInt64 in 0..<50 { moments.append(1_795_268_388_000_000_000 + step * 77_777_777) }
        moments += moments.reversed()
        for moment in moments {
            var cached = ByteQueue(pool: pool)
            cache.append(wallClockNanoseconds: moment, to: &cached)
            let text = cached.bytes.string
            #expect(text == plain(moment))
        }
    }
}
