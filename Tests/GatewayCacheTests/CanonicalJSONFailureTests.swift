import GatewayCache
import GatewayCore
import Testing

@Suite struct CanonicalJSONFailureTests {
    @Test(arguments: [
        "", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[1", "[1,", "{,}", "[,]", "[1,]", "{\"a\":1,}", "{a:1}",
        "{\"a\" 1}", "{\"a\":1 \"b\":2}", "[1 2]", "1 2", "{}{}", "]", "}", "[}", "{]", "[1}", "{\"a\":1]", "{1:2}", "'a'", "tru", "truE",
        "nul", "falsey", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1_000", "--1",
        "\"\\a\"", "\"\\", "\"\\u", "\"\\u12", "\"\\u123g\"", "\"\\U0041\"", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\u{0}", "[1]\u{0}",
        "\u{0}[1]", "\u{feff}[1]", "[1]\u{feff}", "[\u{a0}1]", "/* */1", "1//", "\u{c}1", "\u{b}1", "\"\u{1f}\"", "{\"a\u{0}\":1}",
    ])
    func `what is not JSON has no canonical form`(_ text: String) {
        #expect(failure(Array(text.utf8)) == .invalid)
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"b":1,"a":2,"b":3}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"":1,"":2}}]"#,
        #"{"\n":1,"\u000a":2}"#, #"{"é":1,"\u00e9":2}"#, #"{"😀":1,"\ud83d\uDE00":2}"#, #"{"\/":1,"/":2}"#, #"{"a\u0000":1,"a\u0000":2}"#,
        #"{"12345678a":1,"12345678b":2,"12345678a":3}"#,
    ])
    func `a name that comes twice is refused, however it is spelt`(_ text: String) {
        #expect(failure(Array(text.utf8)) == .duplicateName)
    }

    @Test func `a name that comes twice is found among a thousand`() throws {
        var names = (0..<1000).map { "name \($0 &* 7919 % 1000)" }
        func text() -> [UInt8] { Array("{\(names.map { "\"\($0)\":1" }.joined(separator: ","))}".utf8) }
        #expect(failure(text()) == nil)
        for place in [0, 1, 500, 999] {
            names.insert("name 123", at: place)
            #expect(failure(text()) == .duplicateName)
            names.remove(at: place)
        }
    }

    @Test(arguments: [
        "\\ud800", "\\udc00", "\\ud800a", "\\ud800\\n", "\\ud800\\u0041", "\\ud800\\ud800", "\\udc00\\ud800", "\\udfff", "\\ud83d\\u",
    ])
    func `half a surrogate pair is no text`(_ escapes: String) {
        // What ends in the midst of an escape is not even JSON.
        let expected: CanonicalJSONFailure = escapes.hasSuffix("u") ? .invalid : .invalidUnicode
        #expect(failure(Array("\"\(escapes)\"".utf8)) == expected)
        #expect(failure(Array("{\"\(escapes)\":1}".utf8)) == expected)
    }

    @Test func `bytes that are not UTF-8 are no text, and all that are are`() throws {
        // Each beginning of a character, with followers at the edges of what may follow.
        let followers: [UInt8] = [0x00, 0x22, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]
        var canonicaliser = Canonicaliser()
        for lead in 0x80...0xff as ClosedRange<UInt8> {
            for second in followers {
                for third in followers {
                    for bytes in [
                        [lead], [lead, second], [lead, second, third], [lead, second, third, 0x80], [lead, second, third, 0x22],
                    ] {
                        if bytes.contains(where: { $0 < 0x20 || $0 == 0x22 }) { continue }
                        let body = [0x22] + bytes + [0x22]
                        let isText = String(validating: bytes, as: UTF8.self) != nil
                        let form: [UInt8]? = try? canonicaliser.form(body)
                        #expect(form == (isText ? body : nil), "\(bytes)")
                    }
                }
            }
        }
        #expect(failure([0x22, 0xff, 0x22]) == .invalidUnicode)
        #expect(failure([0x22, 0xe2, 0x82]) == .invalidUnicode)
        #expect(failure([0xff]) == .invalid)
    }

    @Test func `arrays and objects may lie in each other up to the limit`() throws {
        for (opening, closing) in [("[", "]"), ("{\"a\":", "}"), ("[{\"b\":0,\"a\":", "}]")] {
            let depth = Limits.jsonDepthMax / (opening.contains("[{") ? 2 : 1)
            func nested(_ depth: Int) -> [UInt8] {
                Array((String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth)).utf8)
            }
            #expect(failure(nested(depth)) == nil)
            #expect(failure(nested(depth + 1)) == .tooDeep)
            #expect(failure(nested(10_000)) == .tooDeep)
        }
    }

    @Test func `what would take long to bring into order is refused`() {
        func numbers(_ count: Int) -> [UInt8] { Array(("[" + String(repeating: "0.12345678901234567,", count: count - 1) + "1e-17]").utf8) }
        #expect(failure(numbers(Limits.jsonLongNumbersMax)) == nil)
        #expect(failure(numbers(Limits.jsonLongNumbersMax + 1)) == nil)
        #expect(failure(numbers(Limits.jsonLongNumbersMax + 2)) == .tooCostly)
        // Short ones are none of these.
        #expect(failure(Array(("[" + String(repeating: "0.123456789012345,", count: 100_000) + "1]").utf8)) == nil)
        func members(_ numbers: some Sequence<Int>) -> [UInt8] {
            Array(("{" + numbers.map { "\"\($0 + 100_000)\":1" }.joined(separator: ",") + "}").utf8)
        }
        #expect(failure(members((0..<Limits.jsonMembersSortedMax).reversed())) == nil)
        #expect(failure(members((0...Limits.jsonMembersSortedMax).reversed())) == .tooCostly)
        #expect(failure(members(0..<50_000)) == nil, "those are in order")
        func objects(_ object: String, _ count: Int) -> [UInt8] {
            Array(("[" + Array(repeating: object, count: count).joined(separator: ",") + "]").utf8)
        }
        let most = Limits.jsonSortedBytesMax / (2 * (Limits.jsonSortedMemberBytes + 1))
        #expect(failure(objects(#"{"b":1,"a":2}"#, most)) == nil)
        #expect(failure(objects(#"{"b":1,"a":2}"#, most + 1)) == .tooCostly)
        #expect(failure(objects(#"{"a":1,"b":2}"#, 4 * most)) == nil, "those are in order")
    }

    @Test func `a number of ten million digits is refused`() {
        let digits = [UInt8](repeating: 0x39, count: 10_000_000)
        #expect(failure(digits) == .numberTooLong)
        #expect(failure([0x31, 0x2e] + digits) == .numberTooLong)
        #expect(failure([0x31, 0x65] + digits) == .numberTooLong)
        #expect(failure([UInt8](repeating: 0x39, count: Limits.jsonNumberDigitsMax)) == nil)
        #expect(failure([UInt8](repeating: 0x39, count: Limits.jsonNumberDigitsMax + 1)) == .numberTooLong)
        #expect(failure(Array("1e9999999999".utf8)) == .numberTooLong)
    }

    @Test(arguments: ["1.5e-999999999", "10e999999999", "1234567.8e-999999999"])
    func `an exponent counts as it is in the canonical form`(_ text: String) throws {
        #expect(failure(Array(text.utf8)) == .numberTooLong)
        let largest = "1" + text.drop { $0 != "e" }
        #expect(try canonical(canonical(largest)) == canonical(largest))
        let longest = [UInt8](repeating: 0x39, count: Limits.jsonNumberDigitsMax)
        #expect(try canonical(Array(canonical(longest).utf8)) == canonical(longest))
    }
}
