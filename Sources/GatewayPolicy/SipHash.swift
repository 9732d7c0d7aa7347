import GatewayCore

/// SipHash-2-4 (Aumasson and Bernstein, 2012): a hash under a key. Unlike Swift's own `Hasher` it says the same in every process.
public struct SipHash: Sendable, BitwiseCopyable {
    private let key: (UInt64, UInt64)

    public init(key: (UInt64, UInt64)) {
        self.key = key
    }

    public func callAsFunction(_ bytes: RawSpan) -> UInt64 {
        var state = State(key)
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            state.take(bytes.word(at: offset))
            offset += 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.byteCount) << 56
        for index in offset..<bytes.byteCount { last |= UInt64(bytes[byte: index]) << UInt64(8 * (index - offset)) }
        state.take(last)
        return state.finish()
    }

    private struct State {
        var v0, v1, v2, v3: UInt64

        init(_ key: (UInt64, UInt64)) {
            v0 = key.0 ^ 0x736f_6d65_7073_6575
            v1 = key.1 ^ 0x646f_7261_6e64_6f6d
            v2 = key.0 ^ 0x6c79_6765_6e65_7261
            v3 = key.1 ^ 0x7465_6462_7974_6573
        }

        mutating func take(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = (v1 << 13 | v1 >> 51) ^ v0
            v0 = v0 << 32 | v0 >> 32
            v2 &+= v3
            v3 = (v3 << 16 | v3 >> 48) ^ v2
            v0 &+= v3
            v3 = (v3 << 21 | v3 >> 43) ^ v0
            v2 &+= v1
            v1 = (v1 << 17 | v1 >> 47) ^ v2
            v2 = v2 << 32 | v2 >> 32
        }
    }
}
