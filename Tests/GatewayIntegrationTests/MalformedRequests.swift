/// Requests that are malformed or ambiguous, and what each is refused for. Behind each the test sends a second request, which must not
/// be taken for one.
struct MalformedRequest: Sendable {
    let name: String
    let bytes: String
    let status: Int
    let errorType: String

    init(_ name: String, _ bytes: String, _ status: Int, _ errorType: String) {
        self.name = name
        self.bytes = bytes
        self.status = status
        self.errorType = errorType
    }

    static let all = requestLines + targets + hosts + fields + framings + chunks

    /// A request with a line of its own, and otherwise in order.
    private static func line(_ name: String, _ line: String, _ errorType: String = "request_line_invalid", _ status: Int = 400) -> Self {
        Self(name, "\(line)\r\nHost: a\r\n\r\n", status, errorType)
    }

    private static func target(_ name: String, _ target: String) -> Self {
        line(name, "GET \(target) HTTP/1.1", "target_invalid")
    }

    private static func host(_ name: String, _ fields: String) -> Self {
        Self(name, "GET / HTTP/1.1\r\n\(fields)\r\n", 400, "host_invalid")
    }

    private static func field(_ name: String, _ line: String, _ errorType: String = "field_invalid", _ status: Int = 400) -> Self {
        Self(name, "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", status, errorType)
    }

    /// A POST whose framing is not clear; what follows looks like a body of five bytes, or of one chunk.
    private static func framing(_ name: String, _ fields: String, _ errorType: String = "framing_invalid", _ status: Int = 400) -> Self {
        Self(name, "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n0\r\n\r\n", status, errorType)
    }

    private static func chunk(_ name: String, _ body: String) -> Self {
        Self(name, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", 400, "chunk_invalid")
    }

    private static let requestLines = [
        line("two spaces before the target", "GET  / HTTP/1.1"),
        line("two spaces before the version", "GET /  HTTP/1.1"),
        line("a space behind the version", "GET / HTTP/1.1 "),
        line("a space before the method", " GET / HTTP/1.1"),
        line("a tab between method and target", "GET\t/ HTTP/1.1"),
        line("a tab between target and version", "GET /\tHTTP/1.1", "target_invalid"),
        line("a version in lower case", "GET / http/1.1"),
        line("a version of one digit", "GET / HTTP/1"),
        line("a minor version of two digits", "GET / HTTP/1.10"),
        line("a version without a dot", "GET / HTTP/11"),
        line("another protocol", "GET / RTSP/1.0"),
        line("no version", "GET /"),
        line("no target", "GET HTTP/1.1", "target_invalid"),
        line("a method alone", "GET"),
        line("two CRs behind the version", "GET / HTTP/1.1\r"),
        line("a CR before the line", "\rGET / HTTP/1.1"),
        line("too many empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1"),
        line("an at sign in the method", "G@T / HTTP/1.1"),
        line("a NUL in the method", "GE\0T / HTTP/1.1"),
        line("a colon before the method", ":GET / HTTP/1.1"),
        line("a byte above 127 in the method", "GÉT / HTTP/1.1"),
        line("HTTP/2 by prior knowledge", "PRI * HTTP/2.0"),
        line("a TLS handshake", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}"),
        line("HTTP/2.0", "GET / HTTP/2.0", "version_unsupported", 505),
        line("HTTP/0.9", "GET / HTTP/0.9", "version_unsupported", 505),
        line("CONNECT", "CONNECT a:443 HTTP/1.1", "method_unsupported", 501),
        MalformedRequest("LF alone behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "request_line_invalid"),
    ]

    private static let targets = [
        target("a fragment", "/a#b"),
        target("a backslash", "/a\\b"),
        target("a byte above 127 in the path", "/é"),
        target("a byte above 127 in the query", "/?é"),
        target("DEL in the path", "/\u{7f}"),
        target("a control in the query", "/?a\u{01}"),
        target("a NUL in the path", "/\0"),
        target("a path without a slash", "index.html"),
        target("an asterisk for GET", "*"),
        target("another scheme", "ftp://a/"),
        target("a scheme without an authority", "http:/a"),
        target("an empty authority", "http:///a"),
        target("userinfo", "http://user@a/"),
        target("a port that is none", "http://a:65536/"),
        target("an escaped NUL", "/a%00b"),
        target("an escaped backslash", "/a%5cb"),
        target("an escape that is none", "/a%zzb"),
        target("half an escape", "/a%2"),
        target("a path above the root", "/.."),
        target("a path that climbs above the root", "/a/../../b"),
        target("an escaped path above the root", "/%2e%2e/a"),
    ]

    private static let hosts = [
        host("no Host", ""),
        host("two Hosts", "Host: a\r\nHost: b\r\n"),
        host("the same Host twice", "Host: a\r\nHost: a\r\n"),
        host("an empty Host", "Host:\r\n"),
        host("a blank in Host", "Host: a b\r\n"),
        host("a list in Host", "Host: a, b\r\n"),
        host("a path in Host", "Host: a/b\r\n"),
        host("userinfo in Host", "Host: u@a\r\n"),
        host("a port without a host", "Host: :80\r\n"),
        host("a port that is no number", "Host: a:b\r\n"),
        host("a port that is too large", "Host: a:65536\r\n"),
        host("an empty label", "Host: a..b\r\n"),
        host("an address without its bracket", "Host: [::1\r\n"),
        host("an address that is none", "Host: [::g]\r\n"),
        host("a byte above 127 in Host", "Host: é\r\n"),
    ]

    private static let fields = [
        field("a folded line", "X: a\r\n b"),
        field("a line that is white space", "X: a\r\n \r\nY: b"),
        field("a tab before the name", "\tX: a"),
        field("a space between name and colon", "X : a"),
        field("a tab between name and colon", "Transfer-Encoding\t: chunked"),
        field("a space within the name", "Content Length: 5"),
        field("an empty name", ": a"),
        field("no colon", "X"),
        field("a NUL in the value", "X: a\0b"),
        field("a control in the value", "X: a\u{0b}b"),
        field("DEL in the value", "X: a\u{7f}"),
        field("CR in the value", "X: a\rTransfer-Encoding: chunked"),
        field("two CRs at the end of a line", "X: a\r"),
        field("LF alone behind a field", "X: a\nY: b"),
        field("a byte above 127 in the name", "Xé: a"),
        field("parentheses in the name", "X(a): b"),
        field("Connection that names Content-Length", "Content-Length: 0\r\nConnection: Content-Length"),
        field("Connection that names Host", "Connection: close, host"),
        field("Connection that is no list of tokens", "Connection: a b"),
        field("an expectation that nobody knows", "Expect: 200-ok", "expectation_unsupported", 417),
        MalformedRequest("white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "field_invalid"),
        MalformedRequest("LF alone at the end of the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "field_invalid"),
        MalformedRequest("CR alone at the end of the head", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400, "field_invalid"),
        field("101 fields", (1...100).map { "X-\($0): a" }.joined(separator: "\r\n"), "fields_too_many", 431),
        field("a head of 32 KB", "X: " + String(repeating: "a", count: 32 * 1024), "head_too_large", 431),
        line("a request line of 8 KB", "GET /\(String(repeating: "a", count: 8 * 1024)) HTTP/1.1", "request_line_too_long", 414),
    ]

    private static let framings = [
        framing("Content-Length before Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        framing("Transfer-Encoding before Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        framing("two lengths", "Content-Length: 5\r\nContent-Length: 6"),
        framing("the same length twice", "Content-Length: 5\r\nContent-Length: 5"),
        framing("a list of lengths", "Content-Length: 5, 5"),
        framing("an empty length", "Content-Length:"),
        framing("a positive length", "Content-Length: +5"),
        framing("a negative length", "Content-Length: -5"),
        framing("a hexadecimal length", "Content-Length: 0x5"),
        framing("a length with a letter", "Content-Length: 5a"),
        framing("a length with a blank", "Content-Length: 5 5"),
        framing("a length with a fraction", "Content-Length: 5.0"),
        framing("a length in quotes", "Content-Length: \"5\""),
        framing("a length of 64 bits", "Content-Length: 9223372036854775808"),
        framing("a length that wraps", "Content-Length: 18446744073709551621"),
        framing("an empty coding", "Transfer-Encoding:"),
        framing("chunked twice", "Transfer-Encoding: chunked, chunked"),
        framing("two Transfer-Encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        framing("chunked with an identity behind it", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        framing("chunked that is not the last coding", "Transfer-Encoding: chunked, gzip"),
        framing("chunked with a parameter", "Transfer-Encoding: chunked;q=1"),
        framing("a list that begins with a comma", "Transfer-Encoding: ,chunked"),
        framing("chunked in quotes", "Transfer-Encoding: \"chunked\""),
        framing("a control before chunked", "Transfer-Encoding: \u{0b}chunked", "field_invalid"),
        framing("a coding before chunked", "Transfer-Encoding: gzip, chunked", "transfer_coding_unsupported", 501),
        framing("another coding", "Transfer-Encoding: xchunked", "transfer_coding_unsupported", 501),
        framing("identity", "Transfer-Encoding: identity", "transfer_coding_unsupported", 501),
        MalformedRequest(
            "Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            "framing_invalid"),
    ]

    private static let chunks = [
        chunk("no size", "\r\n\r\n"),
        chunk("a size that is no number", "x\r\n"),
        chunk("a negative size", "-1\r\n"),
        chunk("a positive size", "+1\r\na\r\n0\r\n\r\n"),
        chunk("a size with a prefix", "0x1\r\na\r\n0\r\n\r\n"),
        chunk("a space before the size", " 1\r\na\r\n0\r\n\r\n"),
        chunk("a space behind the size", "1 \r\na\r\n0\r\n\r\n"),
        chunk("a size of 17 digits", "00000000000000001\r\na\r\n0\r\n\r\n"),
        chunk("a size of 64 bits", "8000000000000000\r\n"),
        chunk("LF alone behind the size", "1\na\r\n0\r\n\r\n"),
        chunk("CR alone behind the size", "1\ra\r\n0\r\n\r\n"),
        chunk("more data than the size says", "1\r\nab\r\n0\r\n\r\n"),
        chunk("LF alone behind the data", "1\r\na\n0\r\n\r\n"),
        chunk("an empty extension", "1;\r\na\r\n0\r\n\r\n"),
        chunk("LF in an extension", "1;a\nb\r\na\r\n0\r\n\r\n"),
        chunk("a control in a quoted extension", "1;a=\"\u{01}\"\r\na\r\n0\r\n\r\n"),
        chunk("an extension without an end", "1;" + String(repeating: "a", count: 300)),
        chunk("a trailer with a space before its colon", "0\r\nX : a\r\n\r\n"),
        chunk("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"),
        chunk("a trailer without a colon", "0\r\nX\r\n\r\n"),
        chunk("LF alone behind a trailer", "0\r\nX: a\n\r\n"),
        chunk("LF alone at the end", "0\r\n\n"),
        chunk("trailers of 8 KB", "0\r\nX: " + String(repeating: "a", count: 8 * 1024) + "\r\n\r\n"),
    ]
}
