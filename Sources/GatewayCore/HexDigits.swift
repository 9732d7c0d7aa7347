/// All 16 digits of a number in lower-case hexadecimal: to be written at once, or kept for what is written several times.
public struct HexDigits: BitwiseCopyable, Sendable {
    @usableFromInline let words: SIMD2<UInt64>

    /// Of 0: nothing is computed for who needs none yet.
    @inlinable @inline(__always)
    public init() {
        words = SIMD2(repeating: Digits.zeros)
    }

    /// One nibble to a byte, then all made digits at once.
    @inlinable @inline(__always)
    public init(_ value: UInt64) {
        // The most significant byte comes first in memory, and its upper nibble before the lower one.
        let bytes = value.byteSwapped
        var spread = SIMD2(bytes & 0xffff_ffff, bytes >> 32)
        spread = (spread &<< 16 | spread) & 0x0000_ffff_0000_ffff
        spread = (spread &<< 8 | spread) & 0x00ff_00ff_00ff_00ff
        let nibbles = (spread &>> 4 | spread &<< 8) & 0x0f0f_0f0f_0f0f_0f0f
        // 1 in every byte that is a letter; times 255 it is a mask.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
        words = nibbles &+ 0x3030_3030_3030_3030 &+ ((letters &<< 8 &- letters) & 0x2727_2727_2727_2727)
    }
}

/// The 32 digits of a number that has two words: a request's id, or a trace's.
public struct LongHexDigits: BitwiseCopyable, Sendable {
    @inlinable
    public static var count: Int { 32 }

    @usableFromInline let high: HexDigits
    @usableFromInline let low: HexDigits

    @inlinable @inline(__always)
    public init() {
        high = HexDigits()
        low = HexDigits()
    }

    @inlinable @inline(__always)
    public init(_ high: UInt64, _ low: UInt64) {
        self.high = HexDigits(high)
        self.low = HexDigits(low)
    }
}
