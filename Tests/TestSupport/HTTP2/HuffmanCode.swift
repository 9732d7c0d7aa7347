/// HPACK's code for strings (RFC 7541 appendix B).
enum HuffmanCode {
    /// Of the symbols 0 to 255 and EOS, in bits. The code is canonical: codes of one length follow each other in the symbols' order, and
    /// a longer one begins where the shorter end, so that the lengths tell all.
    private static let lengths: [Int] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]

    static let endOfString = 256

    private struct Code: Hashable {
        let bits: UInt32
        let length: Int
    }

    private static let codes: [Code] = {
        var codes = [Code](repeating: Code(bits: 0, length: 0), count: lengths.count)
        var next: UInt32 = 0
        for length in 1...30 {
            next <<= 1
            for symbol in lengths.indices where lengths[symbol] == length {
                codes[symbol] = Code(bits: next, length: length)
                next += 1
            }
        }
        return codes
    }()

    private static let symbols = Dictionary(uniqueKeysWithValues: codes.enumerated().map { ($1, $0) })

    /// The symbols' codes one behind the other, filled up with ones, as EOS begins.
    static func encode(_ symbols: [Int]) -> [UInt8] {
        var bits: [Bool] = []
        for symbol in symbols {
            let code = codes[symbol]
            bits += (0..<code.length).reversed().map { code.bits >> UInt32($0) & 1 == 1 }
        }
        while bits.count % 8 != 0 { bits.append(true) }
        return stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }

    static func encode(_ bytes: [UInt8]) -> [UInt8] { encode(bytes.map(Int.init)) }

    /// Throws for EOS, and for an end that is not at most seven ones (RFC 7541 § 5.2).
    static func decode(_ bytes: ArraySlice<UInt8>) throws -> [UInt8] {
        var decoded: [UInt8] = []
        var bits: UInt32 = 0
        var length = 0
        for byte in bytes {
            for shift in (0..<8).reversed() {
                bits = bits << 1 | UInt32(byte >> UInt8(shift) & 1)
                length += 1
                guard length <= 30 else { throw TestError.invalid("HPACK: no Huffman code") }
                if let symbol = symbols[Code(bits: bits, length: length)] {
                    guard symbol != endOfString else { throw TestError.invalid("HPACK: EOS in a string") }
                    decoded.append(UInt8(symbol))
                    (bits, length) = (0, 0)
                }
            }
        }
        guard length < 8, bits == (1 << UInt32(length)) - 1 else { throw TestError.invalid("HPACK: a string's padding") }
        return decoded
    }
}
