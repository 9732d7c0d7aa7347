import GatewayCore

/// The number of a trace; 0 is none.
public struct TraceID: BitwiseCopyable, Sendable, Equatable {
    public var high: UInt64
    public var low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable public static var none: TraceID { TraceID(high: 0, low: 0) }

    @inlinable @inline(__always) public var digits: LongHexDigits { LongHexDigits(high, low) }
}

/// What traceparent says: which trace a request belongs to, and whose call it is (W3C Trace Context, level 1).
///
///     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
public struct TraceContext: BitwiseCopyable, Sendable, Equatable {
    public var id: TraceID
    /// The span of who asks.
    public var parentID: UInt64
    /// Whether who asks has kept its span.
    public var isSampled: Bool

    /// The bytes of a traceparent of version 00.
    private static let byteCount = 55

    public init(id: TraceID, parentID: UInt64, isSampled: Bool) {
        self.id = id
        self.parentID = parentID
        self.isSampled = isSampled
    }

    /// nil for what is not valid. A later version may have more behind what version 00 has, and of its flags the one that is known
    /// counts (§ 3.2.4).
    public init?(_ value: RawSpan) {
        guard value.byteCount >= Self.byteCount, let version = Self.number(value, 0..<2), version != 0xff else { return nil }
        if value.byteCount > Self.byteCount && (version == 0 || value[byte: Self.byteCount] != UInt8(ascii: "-")) { return nil }
        let dash = UInt8(ascii: "-")
        guard value[byte: 2] == dash, value[byte: 35] == dash, value[byte: 52] == dash else { return nil }
        guard let high = Self.word(value, at: 3), let low = Self.word(value, at: 19), let parent = Self.word(value, at: 36),
            let flags = Self.number(value, 53..<55), high | low != 0, parent != 0
        else { return nil }
        self.init(id: TraceID(high: high, low: low), parentID: parent, isSampled: flags & 1 != 0)
    }

    /// 16 digits.
    private static func word(_ value: RawSpan, at start: Int) -> UInt64? {
        guard let high = half(value.word(at: start)), let low = half(value.word(at: start + 8)) else { return nil }
        return high << 32 | low
    }

    /// The number of eight digits, the first in the lowest byte: all are made numbers at once, and have to be what those are spelled as.
    private static func half(_ text: UInt64) -> UInt64? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let letters = text >> 6 & ones
        let digits = (text & 0x0f0f_0f0f_0f0f_0f0f) &+ letters &* 9
        let aboveNine = (digits &+ ones &* 6) >> 4 & ones
        let spelled = digits &+ ones &* 0x30 &+ letters &* 0x27
        guard digits & 0xf0f0_f0f0_f0f0_f0f0 == 0, aboveNine == letters, spelled == text else { return nil }
        var number = digits.byteSwapped
        number = (number | number >> 4) & 0x00ff_00ff_00ff_00ff
        number = (number | number >> 8) & 0x0000_ffff_0000_ffff
        return (number | number >> 16) & 0xffff_ffff
    }

    /// Hexadecimal digits, in lower case alone (§ 3.2.2).
    private static func number(_ value: RawSpan, _ range: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        for index in range {
            let byte = value[byte: index]
            switch byte {
            case 0x30...0x39: number = number << 4 | UInt64(byte &- 0x30)
            case 0x61...0x66: number = number << 4 | UInt64(byte &- 0x57)
            default: return nil
            }
        }
        return number
    }

    public func append(to queue: inout ByteQueue) {
        Self.append(id.digits, parent: HexDigits(parentID), isSampled: isSampled, to: &queue)
    }

    /// As version 00 has it.
    @inlinable
    public static func append(_ id: LongHexDigits, parent: HexDigits, isSampled: Bool, to queue: inout ByteQueue) {
        queue.append("00-")
        queue.append(id)
        queue.append("-")
        queue.append(parent)
        if isSampled { queue.append("-01") } else { queue.append("-00") }
    }

    /// How far from the end of ``append(to:)`` the parent's 16 digits begin.
    public static let parentFromEnd = 19
}
