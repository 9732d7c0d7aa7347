import GatewayCore

/// Moments on the wall clock as logs show them: "2026-11-21T13:39:48.123Z" (RFC 3339, UTC, milliseconds cut off).
enum Timestamp {
    /// The 24 characters. A UInt64 of nanoseconds reaches the year 2554, so that the year always has four digits.
    static func rfc3339(wallClockNanoseconds: UInt64) -> InlineArray<24, UInt8> {
        var text = InlineArray<24, UInt8>(repeating: 0x30)
        let seconds = Int(wallClockNanoseconds / 1_000_000_000)
        let date = CivilDate(daysSince1970: seconds / 86_400)
        put(date.year, digits: 4, at: 0, into: &text)
        text[4] = 0x2d
        put(date.month, digits: 2, at: 5, into: &text)
        text[7] = 0x2d
        put(date.day, digits: 2, at: 8, into: &text)
        text[10] = 0x54
        put(seconds % 86_400 / 3_600, digits: 2, at: 11, into: &text)
        text[13] = 0x3a
        put(seconds % 3_600 / 60, digits: 2, at: 14, into: &text)
        text[16] = 0x3a
        put(seconds % 60, digits: 2, at: 17, into: &text)
        text[19] = 0x2e
        putMilliseconds(wallClockNanoseconds, into: &text)
        text[23] = 0x5a
        return text
    }

    static func putMilliseconds(_ wallClockNanoseconds: UInt64, into text: inout InlineArray<24, UInt8>) {
        put(Int(wallClockNanoseconds % 1_000_000_000 / 1_000_000), digits: 3, at: 20, into: &text)
    }

    private static func put(_ value: Int, digits: Int, at start: Int, into text: inout InlineArray<24, UInt8>) {
        var rest = value
        var position = start + digits - 1
        while position >= start {
            text[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
            position -= 1
        }
    }
}

/// A worker's last timestamp: within the same second only the milliseconds are written anew, within the same of those nothing.
public struct TimestampCache: Sendable {
    private var millisecond: UInt64 = 0
    private var text = Timestamp.rfc3339(wallClockNanoseconds: 0)

    public init() {}

    public mutating func append(wallClockNanoseconds: UInt64, to line: inout ByteQueue) {
        let wanted = wallClockNanoseconds / 1_000_000
        if wanted != millisecond { write(wanted) }
        line.append(text.rawSpan)
    }

    @inline(never)
    private mutating func write(_ wanted: UInt64) {
        if wanted / 1000 == millisecond / 1000 {
            Timestamp.putMilliseconds(wanted * 1_000_000, into: &text)
        } else {
            text = Timestamp.rfc3339(wallClockNanoseconds: wanted * 1_000_000)
        }
        millisecond = wanted
    }
}
