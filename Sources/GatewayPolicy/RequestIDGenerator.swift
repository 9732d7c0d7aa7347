/// Makes request ids: 128 bits, unique though no secret (xoshiro256**, Blackman and Vigna 2018). One worker owns a generator; what
/// they start from is the system's randomness, so their sequences don't meet.
public struct RequestIDGenerator: Sendable {
    @usableFromInline var state: (UInt64, UInt64, UInt64, UInt64)

    public init() {
        var system = SystemRandomNumberGenerator()
        // All zeros is the one state that the generator never leaves.
        state = (system.next() | 1, system.next(), system.next(), system.next())
    }

    /// The halves of an id.
    @inlinable
    public mutating func next() -> (UInt64, UInt64) {
        (nextWord(), nextWord())
    }

    @inlinable
    mutating func nextWord() -> UInt64 {
        let result = Self.rotate(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotate(state.3, by: 45)
        return result
    }

    @inlinable
    static func rotate(_ word: UInt64, by bits: UInt64) -> UInt64 {
        word << bits | word >> (64 - bits)
    }
}
