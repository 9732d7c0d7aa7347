/// The digits of a number as the bytes of a word, the first in the lowest, and how many they are: eight at the most.
///
/// What is written many times with every request, so all digits are made at once, by multiplications that stand for divisions.
public struct Digits: BitwiseCopyable, Sendable {
    public let word: UInt64
    public let count: Int

    @inlinable @inline(__always)
    public init(word: UInt64, count: Int) {
        self.word = word
        self.count = count
    }

    /// The decimal digits of `value`, which is below 100,000,000, without zeros before them.
    @inlinable @inline(__always)
    public init(_ value: UInt64) {
        if value < 1000 {
            // A status, a short length.
            let leading: UInt64 = value < 10 ? 2 : value < 100 ? 1 : 0
            self.init(word: Self.three(value) &>> (leading &* 8), count: Int(3 &- leading))
        } else {
            let digits = Self.eight(value)
            let leading = UInt64(truncatingIfNeeded: (digits ^ Self.zeros).trailingZeroBitCount &>> 3)
            self.init(word: digits &>> (leading &* 8), count: Int(8 &- leading))
        }
    }

    /// Nanoseconds as seconds with six decimals, cut off, not rounded: "0.001234". Below ten seconds.
    @inlinable @inline(__always)
    public init(secondsFromNanoseconds value: UInt64) {
        let seconds = value / 1_000_000_000
        // Two zeros before the six digits: the seconds, and in place of the other the point, which is 2 less.
        let decimals = Self.eight((value &- seconds &* 1_000_000_000) / 1000)
        self.init(word: decimals &+ seconds &- 0x200, count: 8)
    }

    @usableFromInline static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    /// Three digits of `value`, which is below 1000.
    @inlinable @inline(__always)
    public static func three(_ value: UInt64) -> UInt64 {
        let (tens, hundreds) = (value / 10, value / 100)
        return 0x30_3030 &+ hundreds &+ (tens &- hundreds &* 10) << 8 &+ (value &- tens &* 10) << 16
    }

    /// Eight digits of `value`, which is below 100,000,000: in halves, all of which are halved at once, by multiplications that stand for
    /// divisions by 100 and by 10.
    @inlinable @inline(__always)
    public static func eight(_ value: UInt64) -> UInt64 {
        let upper = value / 10_000
        let fours = upper | (value &- upper &* 10_000) << 32
        let hundreds = (fours &* 10_486) >> 20 & 0x0000_007f_0000_007f
        let twos = hundreds | (fours &- hundreds &* 100) << 16
        let tens = (twos &* 103) >> 10 & 0x000f_000f_000f_000f
        return (tens | (twos &- tens &* 10) << 8) &+ zeros
    }
}
