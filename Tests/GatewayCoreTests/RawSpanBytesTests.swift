import GatewayCore
import Testing

@Suite struct RawSpanBytesTests {
    private static let literals: [StaticString] = [
        "", "a", "ab", "a-c", "abcd", "ab-de", "abcdef", "a_c{e}g", "abcdefgh", "abcdefgh-", "abcdefgh-jklmno", "abcdefgh-jklmnop",
        "abcdefgh-jklmnopq",
        "abcdefgh-jklmnop.rstuvwxyz[\\]^_`", "@[`{0123456789 az",
    ]

    private func equals(_ bytes: [UInt8], _ literal: StaticString) -> Bool { bytes.rawSpan.equals(literal) }
    private func equalsIgnoringCase(_ bytes: [UInt8], _ literal: StaticString) -> Bool { bytes.rawSpan.equalsIgnoringCase(literal) }

    @Test(arguments: literals.indices) func `bytes equal a literal if each of them does`(index: Int) {
        let literal = Self.literals[index]
        let bytes = Array("\(literal)".utf8)
        #expect(equals(bytes, literal))
        #expect(equalsIgnoringCase(bytes, literal))
        for position in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[position] = byte
                #expect(equals(changed, literal) == (byte == bytes[position]))
                #expect(equalsIgnoringCase(changed, literal) == (byte.asciiLowercased == bytes[position]))
            }
        }
        #expect(!equals(bytes + [0], literal))
        #expect(!equalsIgnoringCase(bytes + [0], literal))
        if !bytes.isEmpty { #expect(!equals(Array(bytes.dropLast()), literal)) }
        if !bytes.isEmpty { #expect(!equalsIgnoringCase(Array(bytes.dropLast()), literal)) }
    }

    @Test func `a scan by words finds the first byte that is marked, and the end if there is none`() {
        for count in 0..<40 {
            for marked in 0...count {
                var bytes = [UInt8](repeating: 1, count: count)
                for index in stride(from: marked, to: count, by: 3) { bytes[index] = 0x80 }
                for start in 0...count {
                    let found = bytes.rawSpan.firstIndex(from: start) { $0 & 0x8080_8080_8080_8080 }
                    #expect(found == (bytes[start...].firstIndex(of: 0x80) ?? count))
                    let zero = bytes.rawSpan.firstIndex(from: start) { ($0 &- 0x0101_0101_0101_0101) & ~$0 & 0x8080_8080_8080_8080 }
                    #expect(zero == count)
                }
            }
        }
    }

    @Test func `a word that reaches over the end is filled with zeros`() {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
        let words = [0, 1, 2, 8].map { bytes.rawSpan.paddedWord(at: $0) }
        #expect(words == [0x0807_0605_0403_0201, 0x0908_0706_0504_0302, 0x0009_0807_0605_0403, 9])
        for count in 0...9 {
            for offset in 0...count {
                let expected = bytes[offset..<count].prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let word = Array(bytes.prefix(count)).rawSpan.paddedWord(at: offset)
                #expect(word == expected)
            }
        }
    }
}
