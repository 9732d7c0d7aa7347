import GatewayCore

/// Moments as spans have them: the nanoseconds since 1970 as a decimal number. Its nineteen digits are kept, as words: the first eleven
/// change ten times a second, and a request's span mostly begins, and ends, when that of its attempt does.
public struct EpochDigits: Sendable {
    @usableFromInline var last: UInt64 = 0
    @usableFromInline var leading: UInt64 = 0
    @usableFromInline var firstEight: UInt64 = 0
    @usableFromInline var nextThree: UInt64 = 0
    @usableFromInline var lastEight: UInt64 = 0

    public init() {
        // Of some moment, so that what is kept is always right.
        _ = keep(1_000_000_000_000_000_000)
    }

    @inlinable
    public mutating func append(_ nanoseconds: UInt64, to line: inout ByteQueue) {
        if nanoseconds != last, !keep(nanoseconds) { return line.append(decimal: nanoseconds) }
        line.append(word: firstEight)
        line.append(word: nextThree, count: 3)
        line.append(word: lastEight)
    }

    /// False before 2001, when there were fewer digits, and from 2286 on, when there are more.
    @usableFromInline
    mutating func keep(_ nanoseconds: UInt64) -> Bool {
        let wanted = nanoseconds / 100_000_000
        if wanted != leading {
            guard wanted >= 10_000_000_000, wanted < 100_000_000_000 else { return false }
            leading = wanted
            firstEight = Digits.eight(wanted / 1000)
            nextThree = Digits.three(wanted % 1000)
        }
        last = nanoseconds
        lastEight = Digits.eight(nanoseconds &- wanted &* 100_000_000)
        return true
    }
}
