/// All 16 digits of a number in lower-case hexadecimal, made once for what is written several times.
public struct HexDigits: BitwiseCopyable, Sendable {
    @usableFromInline let words: SIMD2<UInt64>

    /// Of 0: nothing is computed for who needs none yet.
    @inlinable @inline(__always)
    public init() {
        words = SIMD2(repeating: Digits.zeros)
    }

    @inlinable @inline(__always)
    public init(_ value: UInt64) {
        words = Digits.hex16(value)
    }
}

/// The 32 digits of a number that has two words.
public struct LongHexDigits: BitwiseCopyable, Sendable {
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
