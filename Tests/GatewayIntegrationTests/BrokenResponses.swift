/// What an origin may send instead of a response.
struct BrokenResponse: Sendable {
    enum Ending: Sendable { case open, close, reset }

    let name: String
    let bytes: String
    let ending: Ending
    let errorType: String

    init(_ name: String, _ bytes: String, then ending: Ending = .open, _ errorType: String = "upstream_invalid") {
        self.name = name
        self.bytes = bytes
        self.ending = ending
        self.errorType = errorType
    }

    static let all = endings + statusLines + fields + framings + interim

    private static func statusLine(_ name: String, _ line: String) -> Self {
        Self(name, "\(line)\r\nX-Secret: 1\r\nContent-Length: 6\r\n\r\nsecret")
    }

    private static func field(_ name: String, _ line: String) -> Self {
        Self(name, "HTTP/1.1 200 OK\r\nX-Secret: 1\r\n\(line)\r\nContent-Length: 6\r\n\r\nsecret")
    }

    private static func framing(_ name: String, _ fields: String, status: String = "HTTP/1.1 200 OK") -> Self {
        Self(name, "\(status)\r\nX-Secret: 1\r\n\(fields)\r\n\r\n6\r\nsecret\r\n0\r\n\r\n")
    }

    private static let endings = [
        BrokenResponse("nothing, and the end", "", then: .close, "upstream_closed"),
        BrokenResponse("nothing, and a reset", "", then: .reset, "upstream_closed"),
        BrokenResponse("half a status line", "HTTP/1.1 20", then: .close, "upstream_closed"),
        BrokenResponse("a status line alone", "HTTP/1.1 200 OK\r\n", then: .close, "upstream_closed"),
        BrokenResponse(
            "a head without its end", "HTTP/1.1 200 OK\r\nX-Secret: 1\r\nContent-Length: 6\r\n", then: .close, "upstream_closed"),
        BrokenResponse("a head that is reset", "HTTP/1.1 200 OK\r\nX-Secret: 1\r\n", then: .reset, "upstream_closed"),
        BrokenResponse("an interim response alone", "HTTP/1.1 100 Continue\r\n\r\n", then: .close, "upstream_closed"),
    ]

    private static let statusLines = [
        BrokenResponse("garbage", "\u{01}\u{02}\u{03}secret"),
        BrokenResponse("HTML without a head", "<html>secret</html>\n"),
        BrokenResponse("a TLS alert", "\u{15}\u{03}\u{01}\u{00}\u{02}\u{02}\u{28}"),
        statusLine("an empty line before it", "\r\nHTTP/1.1 200 OK"),
        statusLine("a space before it", " HTTP/1.1 200 OK"),
        statusLine("a version in lower case", "http/1.1 200 OK"),
        statusLine("another version", "HTTP/2 200 OK"),
        statusLine("another protocol", "ICY 200 OK"),
        statusLine("two spaces before the status", "HTTP/1.1  200 OK"),
        statusLine("a tab before the status", "HTTP/1.1\t200 OK"),
        statusLine("a status of two digits", "HTTP/1.1 20 OK"),
        statusLine("a status of four digits", "HTTP/1.1 2000 OK"),
        statusLine("a status that is no number", "HTTP/1.1 2OO OK"),
        statusLine("a status below 100", "HTTP/1.1 099 OK"),
        statusLine("a status above 599", "HTTP/1.1 600 OK"),
        statusLine("no status", "HTTP/1.1 OK"),
        statusLine("a control in the reason", "HTTP/1.1 200 O\u{01}K"),
        statusLine("LF alone behind it", "HTTP/1.1 200 OK\nX: a"),
        statusLine("two CRs behind it", "HTTP/1.1 200 OK\r"),
    ]

    private static let fields = [
        field("a space between name and colon", "X : a"),
        field("a folded line", "X: a\r\n b"),
        field("no colon", "X"),
        field("an empty name", ": a"),
        field("a blank in the name", "X y: a"),
        field("a NUL in a value", "X: a\0"),
        field("CR in a value", "X: a\rY: b"),
        field("LF alone behind a field", "X: a\nY: b"),
        field("Connection that names Content-Length", "Connection: Content-Length"),
        field("101 fields", (1...101).map { "X-\($0): a" }.joined(separator: "\r\n")),
        BrokenResponse("a head without an end", "HTTP/1.1 200 OK\r\nX-Secret: " + String(repeating: "a", count: 33 * 1024)),
        BrokenResponse("a reason without an end", "HTTP/1.1 200 " + String(repeating: "a", count: 33 * 1024)),
    ]

    private static let framings = [
        framing("two lengths", "Content-Length: 6\r\nContent-Length: 7"),
        framing("the same length twice", "Content-Length: 6\r\nContent-Length: 6"),
        framing("a list of lengths", "Content-Length: 6, 6"),
        framing("a length that is no number", "Content-Length: six"),
        framing("a negative length", "Content-Length: -6"),
        framing("a length of 64 bits", "Content-Length: 18446744073709551615"),
        framing("a length with chunks", "Content-Length: 6\r\nTransfer-Encoding: chunked"),
        framing("chunks with a length", "Transfer-Encoding: chunked\r\nContent-Length: 6"),
        framing("another coding", "Transfer-Encoding: gzip"),
        framing("a coding before chunked", "Transfer-Encoding: gzip, chunked"),
        framing("chunked that is not last", "Transfer-Encoding: chunked, gzip"),
        framing("two Transfer-Encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        framing("chunks in HTTP/1.0", "Transfer-Encoding: chunked", status: "HTTP/1.0 200 OK"),
        framing("204 with a length", "Content-Length: 6", status: "HTTP/1.1 204 No Content"),
        framing("204 with chunks", "Transfer-Encoding: chunked", status: "HTTP/1.1 204 No Content"),
    ]

    private static let interim = [
        BrokenResponse("101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nsecret"),
        BrokenResponse("an interim response with a length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 6\r\n\r\nsecret"),
        BrokenResponse("an interim response with chunks", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BrokenResponse("too many interim responses", String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9)),
        BrokenResponse("garbage behind an interim response", "HTTP/1.1 100 Continue\r\n\r\nsecret\r\n"),
    ]
}
