import GatewayCore
import Testing

@testable import GatewayTelemetry

@Suite struct JSONLineTests {
    private func string(_ bytes: [UInt8]) -> [UInt8] {
        let pool = BufferPool()
        var line = ByteQueue(pool: pool)
        JSONLine.string(bytes.rawSpan, into: &line)
        return line.bytes.array
    }

    private func quoted(_ text: String) -> [UInt8] { Array("\"\(text)\"".utf8) }

    @Test func `every control byte, the quote and the backslash are escaped wherever they stand`() {
        let short: [UInt8: String] = [
            0x08: "\\b", 0x09: "\\t", 0x0a: "\\n", 0x0c: "\\f", 0x0d: "\\r", 0x22: "\\\"", 0x5c: "\\\\",
        ]
        for byte: UInt8 in Array(0..<0x20) + [0x22, 0x5c, 0x7f] {
            let hex = String(byte, radix: 16)
            let escaped = short[byte] ?? "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            for length in 1...25 {
                for position in 0..<length {
                    var bytes = [UInt8](repeating: 0x61, count: length)
                    bytes[position] = byte
                    let before = String(repeating: "a", count: position)
                    let after = String(repeating: "a", count: length - position - 1)
                    #expect(string(bytes) == quoted(before + escaped + after))
                }
            }
        }
    }

    @Test func `every printable ASCII character but quote and backslash is written as it is`() {
        for byte: UInt8 in 0x20..<0x7f where byte != 0x22 && byte != 0x5c {
            for length in [1, 7, 8, 9, 16, 17] {
                let bytes = [UInt8](repeating: byte, count: length)
                #expect(string(bytes) == [0x22] + bytes + [0x22])
            }
        }
        #expect(string([]) == quoted(""))
    }

    @Test func `a special byte beside others is found exactly`() {
        // A borrow in one byte must not hide or invent a mark in its neighbours.
        let interesting: [UInt8] = [0x00, 0x01, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7e, 0x7f, 0x80, 0xff]
        for first in interesting {
            for second in interesting {
                for position in 0..<7 {
                    var bytes = [UInt8](repeating: 0x61, count: 8)
                    bytes[position] = first
                    bytes[position + 1] = second
                    let expected = bytes.firstIndex { $0 < 0x20 || $0 == 0x22 || $0 == 0x5c || $0 >= 0x7f } ?? 8
                    #expect(JSONLine.plainEnd(bytes.rawSpan, from: 0) == expected)
                    #expect(JSONLine.isPlain(bytes.rawSpan) == (expected == 8))
                }
            }
        }
    }

    @Test func `valid UTF-8 stays as it is`() {
        for text in ["é", "Zürich – Tōkyō", "漢字かな", "👩‍🚀 naïve 🚀", "\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}", "\u{d7ff}\u{e000}"] {
            #expect(string(Array(text.utf8)) == quoted(text))
        }
    }

    @Test func `each byte that is no part of valid UTF-8 becomes U+FFFD`() {
        let invalid: [[UInt8]] = [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf],
            [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xfe],
            [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x9a],
        ]
        for bytes in invalid {
            let replaced = String(repeating: "\u{fffd}", count: bytes.count)
            #expect(string(bytes) == quoted(replaced))
            #expect(string(Array("before ".utf8) + bytes + Array(" é after".utf8)) == quoted("before \(replaced) é after"))
        }
        // A sequence that is cut short by a quote swallows nothing.
        #expect(string([0xe2, 0x82, 0x22]) == quoted("\u{fffd}\u{fffd}\\\""))
    }

    @Test func `an object holds its members in order`() {
        let pool = BufferPool()
        var line = ByteQueue(pool: pool)
        var cache = TimestampCache()
        JSONLine.begin(into: &line)
        JSONLine.member(#""time":""#, wallClockNanoseconds: 1_795_268_388_123_456_789, &cache, into: &line)
        JSONLine.member(#""status":"#, 200, into: &line)
        JSONLine.member(#""offset":"#, -7, into: &line)
        JSONLine.member(#""method":""#, "GET", into: &line)
        JSONLine.member(#""path":""#, Array("/a\"b".utf8).rawSpan, into: &line)
        JSONLine.member(#""duration":"#, secondsFromNanoseconds: 1_234_999, into: &line)
        JSONLine.member(#""resumed":"#, true, into: &line)
        JSONLine.member(#""tls":"#, false, into: &line)
        JSONLine.end(into: &line)
        #expect(
            line.bytes.string == """
                {"time":"2026-11-21T13:39:48.123Z","status":200,"offset":-7,"method":"GET","path":"/a\\"b",\
                "duration":0.001234,"resumed":true,"tls":false}
                """)
    }

    @Test func `an object may be empty`() {
        let pool = BufferPool()
        var line = ByteQueue(pool: pool)
        JSONLine.begin(into: &line)
        JSONLine.end(into: &line)
        #expect(line.bytes.string == "{}")
    }

    @Test func `seconds have six decimals, cut off`() {
        let pool = BufferPool()
        for (nanoseconds, expected) in [
            (0, "0.000000"), (999, "0.000000"), (1_000, "0.000001"), (999_999_999, "0.999999"), (1_000_000_000, "1.000000"),
            (61_020_003_000, "61.020003"), (UInt64.max, "18446744073.709551"),
        ] as [(UInt64, String)] {
            var line = ByteQueue(pool: pool)
            JSONLine.seconds(fromNanoseconds: nanoseconds, into: &line)
            #expect(line.bytes.string == expected)
        }
    }

    @Test(
        arguments: [
            (0, "0.000000"), (999, "0.000000"), (1_000, "0.000001"), (45_067_089, "0.045067"), (999_999_999, "0.999999"),
            (1_000_000_000, "1.000000"), (9_876_543_210, "9.876543"), (10_000_001_000, "10.000001"), (123_450_067_000, "123.450067"),
            (UInt64.max, "18446744073.709551"),
        ] as [(UInt64, String)])
    func `seconds have six decimals, however many they are`(nanoseconds: UInt64, written: String) {
        let pool = BufferPool()
        var line = ByteQueue(pool: pool)
        JSONLine.seconds(fromNanoseconds: nanoseconds, into: &line)
        let text = line.bytes.string
        #expect(text == written)
    }
}
