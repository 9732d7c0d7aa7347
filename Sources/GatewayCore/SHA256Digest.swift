/// A SHA-256 (FIPS 180-4), as four words of its bytes in their order.
public struct SHA256Digest: Hashable, Sendable, BitwiseCopyable {
    /// In the order of the bytes: digests are sorted, and told apart, by their first word.
    public let first: UInt64
    public let second: UInt64
    public let third: UInt64
    public let fourth: UInt64

    @inlinable
    public init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
        self.first = first
        self.second = second
        self.third = third
        self.fourth = fourth
    }

    /// Of 32 bytes; nil for any other number.
    public init?(bytes: RawSpan) {
        if bytes.byteCount != Self.byteCount { return nil }
        self.init(
            bytes.word(at: 0).byteSwapped, bytes.word(at: 8).byteSwapped, bytes.word(at: 16).byteSwapped, bytes.word(at: 24).byteSwapped)
    }

    /// Of 64 hexadecimal digits in either case; nil for anything else.
    public init?(hex text: String) {
        let digits = Array(text.utf8)
        if digits.count != 2 * Self.byteCount { return nil }
        var words: [UInt64] = []
        for start in stride(from: 0, to: digits.count, by: 16) {
            var word: UInt64 = 0
            for digit in digits[start..<start + 16] {
                guard let value = digit.hexValue else { return nil }
                word = word << 4 | UInt64(value)
            }
            words.append(word)
        }
        self.init(words[0], words[1], words[2], words[3])
    }

    public static let byteCount = 32

    /// Appends its 64 hexadecimal digits.
    public func appendHex(to queue: inout ByteQueue) {
        queue.append(HexDigits(first))
        queue.append(HexDigits(second))
        queue.append(HexDigits(third))
        queue.append(HexDigits(fourth))
    }

    /// Appends its 32 bytes.
    public func append(to queue: inout ByteQueue) {
        for word in [first, second, third, fourth] { queue.append(word: word.byteSwapped) }
    }

    /// Its 32 bytes.
    public var bytes: [UInt8] {
        [first, second, third, fourth].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    }

    /// Whether both are the same, in a time that doesn't tell how much of them is.
    @inlinable
    public func isSame(as other: SHA256Digest) -> Bool {
        let difference = (first ^ other.first) | (second ^ other.second) | (third ^ other.third) | (fourth ^ other.fourth)
        return difference == 0
    }
}

extension SHA256Digest: CustomStringConvertible {
    /// 64 hexadecimal digits.
    public var description: String {
        [first, second, third, fourth].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}
