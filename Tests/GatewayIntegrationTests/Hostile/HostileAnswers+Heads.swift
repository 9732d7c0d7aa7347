/// Heads: status lines and fields (RFC 9112 §§ 4 and 5), and ends where there should be one.
extension HostileAnswer {
    private static func statusLine(_ name: String, _ line: String) -> Self {
        refused(name, "9112 § 4", "\(line)\r\nX-Secret: 1\r\nContent-Length: 6\r\n\r\nsecret")
    }

    private static func field(_ name: String, _ line: String, _ section: String = "9112 § 5") -> Self {
        refused(name, section, "HTTP/1.1 200 OK\r\nX-Secret: 1\r\n\(line)\r\nContent-Length: 6\r\n\r\nsecret")
    }

    static let endings: [Self] = [
        refused("nothing, and the end", "9112 § 8", "", then: .close, "upstream_closed"),
        refused("nothing, and a reset", "9112 § 8", "", then: .reset, "upstream_closed"),
        refused("half a status line", "9112 § 8", "HTTP/1.1 20", then: .close, "upstream_closed"),
        refused("a status line alone", "9112 § 8", "HTTP/1.1 200 OK\r\n", then: .close, "upstream_closed"),
        refused(
            "a head without its end", "9112 § 8", "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nContent-Length: 6\r\n", then: .close, "upstream_closed"
        ),
        refused("a head that ends in a CR", "9112 § 8", "HTTP/1.1 200 OK\r\nX-Secret: 1\r\n\r", then: .close, "upstream_closed"),
        refused("a head that is reset", "9112 § 8", "HTTP/1.1 200 OK\r\nX-Secret: 1\r\n", then: .reset, "upstream_closed"),
        refused("an interim response alone", "9112 § 8", "HTTP/1.1 100 Continue\r\n\r\n", then: .close, "upstream_closed").after(100),
        refused("half an interim response", "9112 § 8", "HTTP/1.1 100 Continue\r\n", then: .close, "upstream_closed"),
    ]

    static let statusLines: [Self] = [
        refused("garbage", "9112 § 4", "\u{01}\u{02}\u{03}secret"),
        refused("a single byte that begins nothing", "9112 § 4", "X"),
        refused("HTML without a head", "9112 § 4", "<html>secret</html>\n"),
        refused("HTTP/0.9", "9112 § 4", "secret\n", then: .close),
        refused("a TLS alert", "9112 § 4", "\u{15}\u{03}\u{01}\u{00}\u{02}\u{02}\u{28}"),
        refused("HTTP/2's settings", "9113 § 3.4", "\0\0\u{06}\u{04}\0\0\0\0\0\0\u{03}\0\0\0\u{64}"),
        refused("a request instead of a response", "9112 § 4", "GET / HTTP/1.1\r\nHost: secret\r\n\r\n"),
        refused(
            "the PROXY protocol before the response", "9112 § 4", "PROXY UNKNOWN\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"),
        statusLine("an empty line before it", "\r\nHTTP/1.1 200 OK"),
        statusLine("a LF before it", "\nHTTP/1.1 200 OK"),
        statusLine("a space before it", " HTTP/1.1 200 OK"),
        statusLine("a byte order mark before it", "\u{ef}\u{bb}\u{bf}HTTP/1.1 200 OK"),
        statusLine("a version in lower case", "http/1.1 200 OK"),
        statusLine("HTTP/2 in words", "HTTP/2 200 OK"),
        statusLine("HTTP/2.0", "HTTP/2.0 200 OK"),
        statusLine("HTTP/0.9 in words", "HTTP/0.9 200 OK"),
        statusLine("a version of two digits", "HTTP/1.10 200 OK"),
        statusLine("a version without a dot", "HTTP/11 200 OK"),
        statusLine("another protocol", "ICY 200 OK"),
        statusLine("a Status field for a line", "Status: 200 OK"),
        statusLine("two spaces before the status", "HTTP/1.1  200 OK"),
        statusLine("a tab before the status", "HTTP/1.1\t200 OK"),
        statusLine("a tab behind the status", "HTTP/1.1 200\tOK"),
        statusLine("a status of two digits", "HTTP/1.1 20 OK"),
        statusLine("a status of four digits", "HTTP/1.1 2000 OK"),
        statusLine("a status with a dot", "HTTP/1.1 200.1 OK"),
        statusLine("a status with a sign", "HTTP/1.1 +20 OK"),
        statusLine("a negative status", "HTTP/1.1 -20 OK"),
        statusLine("a status that is no number", "HTTP/1.1 2OO OK"),
        statusLine("a hexadecimal status", "HTTP/1.1 0xc OK"),
        statusLine("a status of 0", "HTTP/1.1 000 OK"),
        statusLine("a status below 100", "HTTP/1.1 099 OK"),
        statusLine("a status above 599", "HTTP/1.1 600 OK"),
        statusLine("a status of 999", "HTTP/1.1 999 OK"),
        statusLine("no status", "HTTP/1.1 OK"),
        statusLine("a version alone", "HTTP/1.1"),
        statusLine("a NUL in the reason", "HTTP/1.1 200 O\0K"),
        statusLine("a control in the reason", "HTTP/1.1 200 O\u{01}K"),
        statusLine("an escape in the reason", "HTTP/1.1 200 \u{1b}[31mOK"),
        statusLine("DEL in the reason", "HTTP/1.1 200 OK\u{7f}"),
        statusLine("CR in the reason", "HTTP/1.1 200 O\rK"),
        statusLine("LF alone behind it", "HTTP/1.1 200 OK\nX: a"),
        statusLine("CR alone behind it", "HTTP/1.1 200 OK\rX: a"),
        statusLine("two CRs behind it", "HTTP/1.1 200 OK\r"),
        statusLine("a folded reason", "HTTP/1.1 200\r\n OK"),
    ]

    static let fields: [Self] = [
        field("a space between name and colon", "X : a", "9112 § 5.1"),
        field("a tab between name and colon", "Content-Length\t: 5", "9112 § 5.1"),
        field("a folded line", "X: a\r\n b", "9112 § 5.2"),
        field("a line folded with a tab", "X: a\r\n\tb", "9112 § 5.2"),
        field("a folded Content-Length", "X: a\r\n Content-Length: 5", "9112 § 5.2"),
        field("no colon", "X"),
        field("an empty name", ": a"),
        field("a blank in the name", "X y: a"),
        field("a NUL in the name", "X\0y: a"),
        field("a byte above 127 in the name", "X\u{e9}: a"),
        field("parentheses in the name", "X(y): a"),
        field("a NUL in a value", "X: a\0", "9110 § 5.5"),
        field("a NUL in Set-Cookie", "Set-Cookie: a=\0b", "9110 § 5.5"),
        field("a NUL in Content-Type", "Content-Type: text/html\0", "9110 § 5.5"),
        field("a control in a value", "X: a\u{08}b", "9110 § 5.5"),
        field("an escape in a value", "X: \u{1b}[2J", "9110 § 5.5"),
        field("DEL in a value", "X: a\u{7f}b", "9110 § 5.5"),
        field("CR in a value", "X: a\rY: b", "9110 § 5.5"),
        field("CR before a Set-Cookie", "X: a\rSet-Cookie: evil=1", "9110 § 5.5"),
        field("two CRs at the end of a line", "X: a\r", "9112 § 2.2"),
        field("LF alone behind a field", "X: a\nY: b", "9112 § 2.2"),
        field("LF and CR in the wrong order", "X: a\n\rY: b", "9112 § 2.2"),
        field("an end of the head with LF alone", "X: a\n\nHTTP/1.1 200 OK", "9112 § 2.2"),
        refused("LF alone at the end of the head", "9112 § 2.2", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\nsecret"),
        refused("CR alone at the end of the head", "9112 § 2.2", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\rsecret\r\n"),
        refused("white space before the first field", "9112 § 2.2", "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 6\r\n\r\nsecret"),
        field("Connection that names Content-Length", "Connection: Content-Length", "9110 § 7.6.1"),
        field("Connection that names Set-Cookie", "Set-Cookie: a=b\r\nConnection: Set-Cookie", "9110 § 7.6.1"),
        field("Connection that is no list of tokens", "Connection: a b", "9110 § 7.6.1"),
        field("101 fields", (1...101).map { "X-\($0): a" }.joined(separator: "\r\n"), "9110 § 5.4"),
        refused("a head without an end", "9110 § 5.4", "HTTP/1.1 200 OK\r\nX-Secret: " + String(repeating: "a", count: 33 * 1024)),
        refused(
            "a head of many lines without an end", "9110 § 5.4", "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Secret: 1\r\n", count: 200)),
        refused("a reason without an end", "9110 § 5.4", "HTTP/1.1 200 " + String(repeating: "a", count: 33 * 1024)),
        refused("a name without an end", "9110 § 5.4", "HTTP/1.1 200 OK\r\n" + String(repeating: "a", count: 33 * 1024)),
    ]
}
