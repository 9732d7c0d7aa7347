import Testing

@testable import gateway

@Suite struct JSONTests {
    private func read(_ text: String) -> JSONValue? { JSONReader.value(of: Array(text.utf8)) }

    @Test func `what is written is read again`() {
        let value: JSONValue = [
            "a": .number(1), "b": .array([.null, .bool(true), .bool(false), .number(-0.5), .number(1e300)]),
            "text": "quote \" backslash \\ line\n tab\t <script>&amp; \u{2028} \u{1} é 🦉", "empty": .object([]),
        ]
        #expect(read(value.text) == value)
        #expect(value["b"].array.count == 5 && value["c"].isNull && value["a"]["b"].isNull)
    }

    @Test func `nothing in a text ends a script, a line or an event`() {
        let text = JSONValue.string("</script><!-- \r\n\u{2028}\u{2029}\u{85}data: x").text
        #expect(text == #""\u003c/script\u003e\u003c!-- \u000d\n\u2028\u2029\u0085data: x""#)
    }

    @Test(arguments: [
        ("[1, 2.5e3 ,-4]", "[1,2500,-4]"), (#""\u00e9\ud83e\udd89\/""#, "\"é🦉/\""), (" { \"a\" : { } } ", "{\"a\":{}}"), ("null", "null"),
    ])
    func `all of JSON's spellings are read`(_ text: String, _ expected: String) {
        #expect(read(text)?.text == expected)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "\"a", "\"\\x\"", "\"\\ud83e\"", "\"\\u12\"", "+1", ".5", "1 2", "nul", "tru",
        "\"\u{1}\"", "{1:2}",
        String(repeating: "[", count: 100_000),
    ])
    func `what is no JSON is none`(_ text: String) {
        #expect(read(text) == nil)
    }
}
