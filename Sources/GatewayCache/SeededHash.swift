import GatewayCore

/// A hash that costs little, with seeds, so that nobody outside can choose what meets. Who finds something by it compares, or does no harm
/// by taking one for another.
struct SeededHash: Sendable {
    private let first = UInt64.random(in: .min ... .max) | 1
    private let second = UInt64.random(in: .min ... .max)

    /// Of a number and two texts.
    func callAsFunction(_ number: UInt64, _ left: RawSpan, _ right: RawSpan) -> UInt64 {
        // Two lanes, as one would wait for each of its multiplications.
        var lanes = (first ^ number, second ^ UInt64(left.byteCount) << 32)
        mix(left, &lanes)
        mix(right, &lanes)
        return Self.fold(lanes.0 ^ second, lanes.1 ^ first)
    }

    private func mix(_ bytes: RawSpan, _ lanes: inout (UInt64, UInt64)) {
        let count = bytes.byteCount
        var position = 0
        while position &+ 32 <= count {
            lanes.0 = Self.fold(bytes.word(at: position) ^ first, bytes.word(at: position &+ 8) ^ lanes.0)
            lanes.1 = Self.fold(bytes.word(at: position &+ 16) ^ second, bytes.word(at: position &+ 24) ^ lanes.1)
            position &+= 32
        }
        while position < count {
            lanes.0 = Self.fold(bytes.paddedWord(at: position) ^ first, UInt64(count &- position) ^ lanes.0)
            position &+= 8
        }
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
