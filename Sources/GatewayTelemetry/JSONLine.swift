import GatewayCore
import Synchronization

/// One flat JSON object after another, written straight into a ``ByteQueue`` (RFC 8259): no String, no allocation.
///
///     JSONLine.begin(into: &line)
///     JSONLine.member(#""status":"#, 200, into: &line)
///     JSONLine.end(into: &line)
///
/// A member's opening is its key as it stands in the line, for a string with the quote that opens it: one copy, not four. Keys are ours,
/// plain ASCII without anything to escape. Values may be a peer's bytes.
public enum JSONLine {
    @inlinable
    public static func begin(into line: inout ByteQueue) {
        line.append(0x7b)
    }

    /// Every member ends with a comma; the last one is taken back.
    @inlinable
    public static func end(into line: inout ByteQueue) {
        if line.bytes[byte: line.count - 1] == 0x2c { line.replaceLast(with: 0x7d) } else { line.append(0x7d) }
    }

    /// A string of any bytes.
    @inlinable @inline(__always)
    public static func member(_ opening: StaticString, _ value: RawSpan, into line: inout ByteQueue) {
        if isPlain(value) {
            line.append(opening, value, "\",")
        } else {
            line.append(opening)
            appendEscaping(value, into: &line)
            line.append("\",")
        }
    }

    /// A string of any bytes that are kept in an array.
    @inlinable
    public static func member(_ opening: StaticString, _ value: [UInt8], into line: inout ByteQueue) {
        member(opening, value.rawSpan, into: &line)
    }

    /// A string of ours: plain ASCII without anything to escape.
    @inlinable @inline(__always)
    public static func member(_ opening: StaticString, _ value: StaticString, into line: inout ByteQueue) {
        line.append(opening)
        line.append(value)
        line.append("\",")
    }

    @inlinable @inline(__always)
    public static func member(_ opening: StaticString, _ value: Int, into line: inout ByteQueue) {
        if value >= 0 { return line.append(opening, decimal: UInt64(value), ",") }
        line.append(opening)
        line.append("-", decimal: UInt64(value.magnitude), ",")
    }

    @inlinable @inline(__always)
    public static func member(_ opening: StaticString, _ value: Bool, into line: inout ByteQueue) {
        line.append(opening)
        if value { line.append("true,") } else { line.append("false,") }
    }

    /// Seconds with six decimals, cut off, not rounded: "0.001234".
    @inlinable @inline(__always)
    public static func member(_ opening: StaticString, secondsFromNanoseconds value: UInt64, into line: inout ByteQueue) {
        if value < 10_000_000_000 { return line.append(opening, Digits(secondsFromNanoseconds: value), ",") }
        line.append(opening)
        seconds(fromNanoseconds: value, into: &line)
        line.append(0x2c)
    }

    /// A moment in UTC as a string: see ``TimestampCache``.
    @inlinable @inline(__always)
    public static func member(
        _ opening: StaticString, wallClockNanoseconds value: UInt64, _ cache: inout TimestampCache, into line: inout ByteQueue
    ) {
        line.append(opening)
        cache.append(wallClockNanoseconds: value, to: &line)
        line.append("\",")
    }

    @inlinable
    public static func seconds(fromNanoseconds value: UInt64, into line: inout ByteQueue) {
        let tens = value / 10_000_000_000
        if tens > 0 { line.append(decimal: tens) }
        line.append("", Digits(secondsFromNanoseconds: value &- tens &* 10_000_000_000), "")
    }

    /// Members as bytes, each with its comma, to be appended many times: for what a configuration makes constant.
    public static func members(_ members: [(key: String, value: String)]) -> [UInt8] {
        memberPool.withLock { pool in
            var line = ByteQueue(pool: pool)
            for member in members {
                string(Array(member.key.utf8).rawSpan, into: &line)
                line.append(":")
                string(Array(member.value.utf8).rawSpan, into: &line)
                line.append(",")
            }
            return line.bytes.array
        }
    }

    /// What stands between a string's quotes, for texts that a configuration makes constant.
    public static func escaped(_ text: String) -> [UInt8] {
        memberPool.withLock { pool in
            var line = ByteQueue(pool: pool)
            escaped(Array(text.utf8).rawSpan, into: &line)
            return line.bytes.array
        }
    }

    /// One for all: a pool is never freed, so one for each call would be lost with every reload.
    private static let memberPool = Mutex(BufferPool())
}
