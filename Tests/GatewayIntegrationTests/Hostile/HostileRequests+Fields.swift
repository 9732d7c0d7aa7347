/// Field lines: names, values, and how many (RFC 9112 § 5, RFC 9110 § 5).
extension HostileRequest {
    private static func field(
        _ name: String, _ line: String, _ section: String = "9110 § 5.5", _ errorType: String = "field_invalid", _ status: Int = 400
    ) -> Self {
        refused(name, section, "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", errorType, status)
    }

    private static func nameOf(_ name: String, _ fieldName: String) -> Self {
        field("\(name) in a field's name", "\(fieldName): a", "9110 § 5.1")
    }

    private static func control(_ name: String, _ byte: String) -> Self {
        field("\(name) in a value", "X: a\(byte)b")
    }

    private static func good(_ name: String, _ line: String, has: String? = nil, lacks: [String] = [], _ section: String = "9110 § 5.5")
        -> Self
    {
        let forwarded = Forwarded(line: "GET /", host: "a", has: has.map { [$0] } ?? [], lacks: lacks)
        return passes(name, section, "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", forwarded)
    }

    static let fieldNames: [Self] = [
        field("an empty name", ": a", "9110 § 5.1"),
        field("no colon", "X", "9112 § 5"),
        field("no colon, but a value", "X a", "9112 § 5"),
        field("an equals sign for the colon", "X=a", "9112 § 5"),
        field("a full-width colon", "X\u{ff1a} a", "9112 § 5"),
        field("a colon alone", ":", "9110 § 5.1"),
        field("two colons before a value", ":: a", "9110 § 5.1"),
        field("a space between name and colon", "X : a", "9112 § 5.1"),
        field("a tab between name and colon", "Transfer-Encoding\t: chunked", "9112 § 5.1"),
        field("a vertical tab between name and colon", "Content-Length\u{0b}: 5", "9112 § 5.1"),
        field("a no-break space between name and colon", "Content-Length\u{a0}: 5", "9112 § 5.1"),
        field("a NUL between name and colon", "Content-Length\0: 5", "9112 § 5.1"),
        field("a CR between name and colon", "Content-Length\r: 5", "9112 § 5.1"),
        field("a space within the name", "Content Length: 5", "9110 § 5.1"),
        field("a space for the hyphen of Transfer-Encoding", "Transfer Encoding: chunked", "9110 § 5.1"),
        field("a soft hyphen in Content-Length", "Content\u{ad}Length: 5", "9110 § 5.1"),
        field("a hyphen of another kind in Transfer-Encoding", "Transfer\u{2010}Encoding: chunked", "9110 § 5.1"),
        field("a dotless i in Connection", "Connect\u{131}on: close", "9110 § 5.1"),
        field("a byte order mark before a name", "\u{ef}\u{bb}\u{bf}Content-Length: 5", "9110 § 5.1"),
        field("quotes around a name", "\"Content-Length\": 5", "9110 § 5.1"),
        nameOf("a byte above 127", "X\u{e9}"),
        nameOf("UTF-8", "X\u{c3}\u{a9}"),
        nameOf("a NUL", "X\0Y"),
        nameOf("a control", "X\u{01}"),
        nameOf("DEL", "X\u{7f}"),
        nameOf("parentheses", "X(a)"),
        nameOf("a comma", "X,Y"),
        nameOf("a slash", "X/Y"),
        nameOf("a backslash", "X\\Y"),
        nameOf("a semicolon", "X;Y"),
        nameOf("angle brackets", "<X>"),
        nameOf("an at sign", "X@Y"),
        nameOf("square brackets", "X[1]"),
        nameOf("a question mark", "X?"),
        nameOf("an equals sign", "X=Y"),
        nameOf("braces", "{X}"),
        good("a name of punctuation", "!#$%&'*+-.^_`|~: a", has: "!#$%&'*+-.^_`|~: a", "9110 § 5.6.2"),
        good("a name of digits", "123: a", has: "123: a", "9110 § 5.1"),
        good("a name of 10 KB", String(repeating: "x", count: 10_000) + ": a", "9110 § 5.1"),
        good("Content-Length with an underscore frames nothing", "Content_Length: 5", lacks: ["Content_Length"], "9112 § 6.3"),
        good(
            "Transfer-Encoding with an underscore frames nothing", "TRANSFER_ENCODING: chunked", lacks: ["Transfer_Encoding"], "9112 § 6.3"),
        good("a name that only begins as Content-Length", "Content-Lengths: 5", has: "Content-Lengths: 5", "9112 § 6.3"),
        good(
            "a name that only ends as Transfer-Encoding", "X-Transfer-Encoding: chunked", has: "X-Transfer-Encoding: chunked", "9112 § 6.3"),
        good("X-Forwarded-For of a stranger", "X-Forwarded-For: 6.6.6.6", lacks: [], "7239 § 8.1"),
        good("X-Forwarded-For with underscores", "X_Forwarded_For: 6.6.6.6", lacks: ["X_Forwarded_For"], "3875 § 4.1.18"),
        good("Forwarded of a stranger", "Forwarded: for=6.6.6.6;host=evil", lacks: ["Forwarded"], "7239 § 8.1"),
        good("X-Real-IP of a stranger", "X-Real-IP: 6.6.6.6", lacks: ["X-Real-IP"], "7239 § 8.1"),
        good("X-Real-IP with underscores", "X_Real_IP: 6.6.6.6", lacks: ["X_Real_IP"], "3875 § 4.1.18"),
        good("X-Forwarded-Port of a stranger", "X-Forwarded-Port: 443", lacks: ["X-Forwarded-Port"], "7239 § 8.1"),
        good("X-Forwarded-Port with underscores", "X_Forwarded_Port: 443", lacks: ["X_Forwarded_Port"], "3875 § 4.1.18"),
        good("X-Forwarded-Host of a stranger", "X-Forwarded-Host: evil", has: "X-Forwarded-Host: a", "7239 § 8.1"),
        good("X-Forwarded-Proto of a stranger", "X-Forwarded-Proto: https", has: "X-Forwarded-Proto: http", "7239 § 8.1"),
        good("Proxy, which a CGI program takes for its HTTP_PROXY", "Proxy: http://evil", lacks: ["Proxy"], "3875 § 4.1.18"),
    ]

    static let fieldValues: [Self] = [
        control("a NUL", "\0"), control("SOH", "\u{01}"), control("BEL", "\u{07}"), control("a backspace", "\u{08}"),
        control("a vertical tab", "\u{0b}"), control("a form feed", "\u{0c}"), control("SO", "\u{0e}"), control("an escape", "\u{1b}[31m"),
        control("a unit separator", "\u{1f}"), control("DEL", "\u{7f}"),
        control("a CR", "\r"), control("a CR with a field behind it", "\rTransfer-Encoding: chunked\r"),
        field("a NUL at the end of a value", "X: a\0"),
        field("a NUL at the beginning of a value", "X: \0a"),
        field("a NUL as the value", "X:\0"),
        field("a control in the only byte of a value", "X: \u{02}"),
        field("a control behind bytes from 0x80 on", "X: \u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{1f}"),
        field("two CRs at the end of a line", "X: a\r", "9112 § 2.2"),
        field("LF alone behind a field", "X: a\nY: b", "9112 § 2.2"),
        field("LF alone before Content-Length", "X: a\nContent-Length: 5", "9112 § 2.2"),
        field("LF and CR in the wrong order", "X: a\n\rY: b", "9112 § 2.2"),
        field("an end of the head with LF alone within a value", "X: a\n\nGET /evil HTTP/1.1", "9112 § 2.2"),
        field("a folded line", "X: a\r\n b", "9112 § 5.2"),
        field("a line folded with a tab", "X: a\r\n\tb", "9112 § 5.2"),
        field("a folded line of white space", "X: a\r\n \r\nY: b", "9112 § 5.2"),
        field("a folded Transfer-Encoding", "X: a\r\n Transfer-Encoding: chunked", "9112 § 5.2"),
        field("Transfer-Encoding folded behind its colon", "Transfer-Encoding:\r\n chunked", "9112 § 5.2", "framing_invalid"),
        field("Content-Length folded behind its colon", "Content-Length:\r\n 5", "9112 § 5.2", "framing_invalid"),
        field("a folded Content-Length", "Content-Length: 5\r\n 5", "9112 § 5.2"),
        field("a folded Connection", "Connection: close,\r\n X-A", "9112 § 5.2"),
        field("a folded line before the end", "X: a\r\n ", "9112 § 5.2"),
        field("a fold with LF alone", "X: a\n b", "9112 § 2.2"),
        field("a tab before the name", "\tX: a", "9112 § 2.2"),
        field("a space before the name", " X: a", "9112 § 2.2"),
        refused("white space before the first field", "9112 § 2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "field_invalid"),
        refused("a tab before the first field", "9112 § 2.2", "GET / HTTP/1.1\r\n\tX: b\r\nHost: a\r\n\r\n", "field_invalid"),
        refused("LF alone at the end of the head", "9112 § 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n", "field_invalid"),
        refused("CR alone at the end of the head", "9112 § 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", "field_invalid"),
        refused("CR and another byte at the end of the head", "9112 § 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\rX", "field_invalid"),
        refused("a space on the line that ends the head", "9112 § 2.2", "GET / HTTP/1.1\r\nHost: a\r\n \r\n", "field_invalid"),
        good("an empty value", "X:", has: "X: "),
        good("a value of white space", "X: \t \t", has: "X: "),
        good("a value without white space before it", "X:a", has: "X: a"),
        good("a tab before a value", "X:\ta", has: "X: a"),
        good("white space around a value", "X: \t a \t ", has: "X: a"),
        good("a tab within a value", "X: a\tb", has: "X: a\tb"),
        good("colons in a value", "X: :a:b:", has: "X: :a:b:"),
        good("what looks like a field in a value", "X: Content-Length: 5", has: "X: Content-Length: 5"),
        good("quotes and backslashes in a value", "X: \"a\\\"b\\", has: "X: \"a\\\"b\\"),
        good("an escaped line break in a value", "X: a%0d%0aY: b", has: "X: a%0d%0aY: b"),
        good("Latin-1 in a value", "X: caf\u{e9}", has: "X: caf\u{e9}").opaque(),
        good("UTF-8 in a value", "X: caf\u{c3}\u{a9}", has: "X: caf\u{c3}\u{a9}").opaque(),
        good("0x80 and 0xFF in a value", "X: \u{80}\u{ff}", has: "X: \u{80}\u{ff}").opaque(),
        good("a next-line byte, which is no line's end", "X: a\u{85}Y: b", has: "X: a\u{85}Y: b").opaque(),
        good("a line separator, which is no line's end", "X: a\u{2028}Y: b", lacks: ["Y"]).opaque(),
        good("characters whose low byte is a line's end", "X: a\u{560d}\u{560a}Y: b", lacks: ["Y"]).opaque(),
    ]

    static let fieldLimits: [Self] = [
        field("101 fields", (1...100).map { "X-\($0): a" }.joined(separator: "\r\n"), "9110 § 5.4", "fields_too_many", 431),
        field("a thousand short fields", String(repeating: "X:\r\n", count: 1000) + "X:", "9110 § 5.4", "fields_too_many", 431),
        field("a value of 32 KB", "X: " + String(repeating: "a", count: 32 * 1024), "9110 § 5.4", "head_too_large", 431),
        field("a name of 33 KB", String(repeating: "x", count: 33 * 1024) + ": a", "9110 § 5.4", "head_too_large", 431),
        field("white space of 33 KB", "X:" + String(repeating: " ", count: 33 * 1024) + "a", "9110 § 5.4", "head_too_large", 431),
        field(
            "a head of 40 KB in lines of 1 KB",
            (1...40).map { "X-\($0): " + String(repeating: "a", count: 1024) }.joined(separator: "\r\n"),
            "9110 § 5.4", "head_too_large", 431),
        good("99 fields beside Host", (1...99).map { "X-\($0): a" }.joined(separator: "\r\n"), has: "X-99: a"),
    ]
}
