import GatewayCore

/// Moments as spans have them: the nanoseconds since 1970 as a decimal number. Of its nineteen digits the first eleven change ten times a
/// second, and are kept.
public struct EpochDigits: Sendable {
    /// None at first.
    @usableFromInline var leading = UInt64.max
    @usableFromInline var firstEight: UInt64 = 0
    @usableFromInline var nextThree: UInt64 = 0

    public init() {}

    @inlinable
    public mutating func append(_ nanoseconds: UInt64, to line: inout ByteQueue) {
        let wanted = nanoseconds / 100_000_000
        if wanted != leading {
            // Before 2001 there are fewer digits, and from 2286 on more.
            guard wanted >= 10_000_000_000, wanted < 100_000_000_000 else { return line.append(decimal: nanoseconds) }
            leading = wanted
            firstEight = Digits.eight(wanted / 1000)
            nextThree = Digits.three(wanted % 1000)
        }
        line.append(word: firstEight)
        line.append(word: nextThree, count: 3)
        line.append(word: Digits.eight(nanoseconds &- wanted &* 100_000_000))
    }
}
