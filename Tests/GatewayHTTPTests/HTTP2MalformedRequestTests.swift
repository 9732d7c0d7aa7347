import GatewayCore
import GatewayHTTP
import Testing

/// Heads that RFC 9113 § 8 calls malformed, or that HTTP/1 would not let pass, each with the reason that the log gives.
@Suite struct HTTP2MalformedRequestTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var error: ErrorType
        var fields: [(String, String)]

        init(_ name: String, _ error: ErrorType, _ fields: [(String, String)]) {
            self.name = name
            self.error = error
            self.fields = fields
        }

        var testDescription: String { name }
    }

    private static let plain = requestFields()

    private static func without(_ name: String) -> [(String, String)] { plain.filter { $0.0 != name } }
    private static func with(_ name: String, _ value: String) -> [(String, String)] {
        plain.map { $0.0 == name ? (name, value) : $0 }
    }

    static let pseudoFields: [Row] = [
        Row("no :method", .requestLineInvalid, without(":method")),
        Row("no :scheme", .requestLineInvalid, without(":scheme")),
        Row("no :path", .requestLineInvalid, without(":path")),
        Row("neither :authority nor host", .hostInvalid, without(":authority")),
        Row("nothing at all", .requestLineInvalid, []),
        Row("only plain fields", .requestLineInvalid, [("accept", "x")]),
        Row(":method twice", .fieldInvalid, plain + [(":method", "GET")]),
        Row(":scheme twice", .fieldInvalid, plain + [(":scheme", "https")]),
        Row(":path twice", .fieldInvalid, plain + [(":path", "/b")]),
        Row(":authority twice", .fieldInvalid, plain + [(":authority", "example.com")]),
        Row("an unknown pseudo-field", .fieldInvalid, plain + [(":unknown", "x")]),
        Row("a pseudo-field of answers", .fieldInvalid, plain + [(":status", "200")]),
        Row("a pseudo-field without a name", .fieldInvalid, plain + [(":", "x")]),
        Row("a pseudo-field in upper case", .fieldInvalid, [(":Method", "GET")] + plain.dropFirst()),
        Row("a pseudo-field behind others", .fieldInvalid, without(":path") + [("accept", "x"), (":path", "/")]),
        Row("a method with a space", .requestLineInvalid, with(":method", "GET /x")),
        Row("a method with CR and LF", .requestLineInvalid, with(":method", "GET / HTTP/1.1\r\nX: y")),
        Row("a method with a NUL", .requestLineInvalid, with(":method", "GE\0T")),
        Row("a method with a colon", .requestLineInvalid, with(":method", "GET:")),
        Row("an empty method", .requestLineInvalid, with(":method", "")),
        Row("an empty path", .targetInvalid, with(":path", "")),
        Row("a path with a space", .targetInvalid, with(":path", "/a b")),
        Row("a path with a space and a version", .targetInvalid, with(":path", "/ HTTP/1.1")),
        Row("a path with a space at its end", .targetInvalid, with(":path", "/ ")),
        Row("a path with CR and LF", .targetInvalid, with(":path", "/\r\nx: y")),
        Row("a path with LF", .targetInvalid, with(":path", "/\n")),
        Row("a path with a NUL", .targetInvalid, with(":path", "/\0")),
        Row("a path with a tab", .targetInvalid, with(":path", "/\t")),
        Row("a path with a fragment", .targetInvalid, with(":path", "/a#b")),
        Row("a path with a backslash", .targetInvalid, with(":path", "/a\\b")),
        Row("a path that is not ASCII", .targetInvalid, with(":path", "/ä")),
        Row("a path without a slash", .targetInvalid, with(":path", "a")),
        Row("a path in absolute form", .targetInvalid, with(":path", "http://other.example/")),
        Row("an asterisk for GET", .targetInvalid, with(":path", "*")),
        Row("an asterisk and more", .targetInvalid, requestFields(method: "OPTIONS", path: "*/a")),
        Row("a scheme that is neither", .requestLineInvalid, with(":scheme", "ftp")),
        Row("an empty scheme", .requestLineInvalid, with(":scheme", "")),
        Row("a scheme with a request in it", .requestLineInvalid, with(":scheme", "http://x/ HTTP/1.1\r\n")),
        Row("an authority with userinfo", .hostInvalid, with(":authority", "user@example.com")),
        Row("an authority with a password", .hostInvalid, with(":authority", "user:secret@example.com")),
        Row("an empty authority", .hostInvalid, with(":authority", "")),
        Row("an authority with a path", .hostInvalid, with(":authority", "example.com/x")),
        Row("an authority with a space", .hostInvalid, with(":authority", "exa mple.com")),
        Row("an authority with CR and LF", .hostInvalid, with(":authority", "example.com\r\nx: y")),
        Row("an authority with a port that is none", .hostInvalid, with(":authority", "example.com:99999")),
        Row("an authority with an empty label", .hostInvalid, with(":authority", "example..com")),
        Row("another host than :authority", .hostInvalid, plain + [("host", "other.example")]),
        Row("another port than :authority's", .hostInvalid, plain + [("host", "example.com:8080")]),
        Row("the port of the other scheme", .hostInvalid, plain + [("host", "example.com:80")]),
        Row("another port than :authority", .hostInvalid, plain + [("host", "example.com:80")]),
        Row("host twice", .hostInvalid, plain + [("host", "example.com"), ("host", "example.com")]),
        Row("an empty host", .hostInvalid, without(":authority") + [("host", "")]),
        Row("a host with userinfo", .hostInvalid, without(":authority") + [("host", "a@b")]),
        Row("CONNECT with a path", .requestLineInvalid, [(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]),
        Row("CONNECT with a scheme", .requestLineInvalid, [(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "http")]),
        Row("CONNECT without an authority", .hostInvalid, [(":method", "CONNECT")]),
        Row(":protocol without CONNECT", .requestLineInvalid, plain + [(":protocol", "websocket")]),
        Row(
            "an extended CONNECT without a path", .requestLineInvalid,
            [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "a")]),
        Row(
            "an extended CONNECT with a protocol that is no token", .requestLineInvalid,
            requestFields(method: "CONNECT", (":protocol", "web socket"))),
    ]

    static let fields: [Row] = [
        ("a name in upper case", "Accept", "x"), ("a name with one letter in upper case", "x-Y", "x"), ("an empty name", "", "x"),
        ("a name with a space", "x y", "x"), ("a name with a space at its end", "x ", "x"), ("a name with a tab", "\tx", "x"),
        ("a name with a colon", "x:y", "x"), ("a name with CR and LF", "x: y\r\nz", "x"), ("a name with LF", "x\ny", "x"),
        ("a name with a NUL", "x\0", "x"), ("a name that is not ASCII", "ä", "x"), ("a name with DEL", "x\u{7f}", "x"),
        ("a name with a slash", "x/y", "x"), ("a name with a quote", "\"x\"", "x"),
        ("a value with LF", "x", "a\nb"), ("a value with CR", "x", "a\rb"),
        ("a value with CR and LF", "x", "a\r\nTransfer-Encoding: chunked"),
        ("a value with a NUL", "x", "a\0b"), ("a value with a control", "x", "a\u{1}b"), ("a value with DEL", "x", "a\u{7f}"),
        ("a value with a space before it", "x", " a"), ("a value with a space behind it", "x", "a "),
        ("a value with a tab before it", "x", "\ta"), ("a value with a tab behind it", "x", "a\t"), ("a value of a space", "x", " "),
        ("a cookie with CR and LF", "cookie", "a\r\nb"), ("a cookie with a space behind it", "cookie", "a "),
        ("connection", "connection", "close"), ("an empty connection", "connection", ""), ("keep-alive", "keep-alive", "timeout=5"),
        ("proxy-connection", "proxy-connection", "close"), ("transfer-encoding", "transfer-encoding", "chunked"),
        ("upgrade", "upgrade", "websocket"), ("te of another kind", "te", "gzip"), ("te of several", "te", "trailers, gzip"),
    ].map { Row($0.0, .fieldInvalid, plain + [($0.1, $0.2)]) }

    static let framing: [Row] = [
        ("content-length twice", ["5", "5"]), ("a content-length that is empty", [""]), ("a content-length with a sign", ["+5"]),
        ("a negative content-length", ["-1"]), ("a content-length of two numbers", ["5, 5"]), ("a content-length in hex", ["0x5"]),
        ("a content-length beyond 64 bits", ["99999999999999999999"]), ("a content-length where there is no content", ["5"]),
    ].map { row in Row(row.0, .framingInvalid, requestFields(method: "POST") + row.1.map { ("content-length", $0) }) }

    @Test(arguments: pseudoFields + fields + framing)
    func `a malformed request resets its stream and no other`(_ row: Row) throws {
        let server = try HTTP2TestSession.server()
        #expect(server.give([.headers(1, row.fields), .headers(3, requestFields())]))
        #expect(server.seen.map { server.error($0) } == [row.error, nil])
        #expect(server.isReset(try server.stream()))
        #expect(server.errors() == [.stream(1, .protocolError)])
        #expect(server.session.failure == nil)
        #expect(throws: GatewayError.self) { try server.request(server.seen[0]) }
        #expect(try server.request(server.seen[1]).method == "GET")
    }

    @Test(arguments: pseudoFields + fields + framing)
    func `nothing of a malformed request but what was valid is seen by anybody`(_ row: Row) throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, row.fields)])
        var head = RequestHead(pool: server.pool)
        do {
            try server.streams.slab[server.stream()].takeRequest(into: &head)
        } catch {}
        let isComplete = head.isComplete
        #expect(!isComplete)
        let request = HTTP2Request(head)
        for text in [request.lines, request.method, request.target, request.path, request.authority, request.hostname] {
            #expect(!text.contains("\0") && !text.contains("Transfer-Encoding") && !text.contains(" HTTP/1.1"))
            #expect(!text.replacing("\r\n", with: "").contains { $0.isNewline } || text == request.lines)
        }
        #expect(!request.target.contains { $0.isWhitespace } && !request.authority.contains("@"))
    }

    @Test(arguments: [
        Row("CONNECT", .methodUnsupported, [(":method", "CONNECT"), (":authority", "example.com:443")]),
        Row("an expectation", .expectationUnsupported, requestFields(("expect", "200-maybe"))),
    ])
    func `what is well-formed but not supported can be answered`(_ row: Row) throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, row.fields, ends: false)])
        #expect(server.error(try server.stream()) == row.error)
        #expect(!server.isReset(try server.stream()))
        #expect(server.errors().isEmpty)
    }

    @Test(arguments: [
        ("a pseudo-field", [(":path", "/")], true), ("an upper-case name", [("X", "y")], true),
        ("a line's end", [("x", "y\r\nz: 1")], true),
        ("connection", [("connection", "x")], true), ("no end of the stream", [("x", "y")], false),
        ("transfer-encoding", [("transfer-encoding", "chunked")], true),
    ])
    func `malformed trailers reset their stream`(_ name: String, _ fields: [(String, String)], _ ends: Bool) throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields(method: "POST"), ends: false), .data(1, "x"), .headers(1, fields, ends: ends)])
        #expect(server.error(try server.stream()) == .fieldInvalid)
        #expect(server.errors() == [.stream(1, .protocolError)])
    }

    @Test func `trailers that are too large reset their stream`() throws {
        let server = try HTTP2TestSession.server()
        let trailers = (0..<3).map { ("x-\($0)", String(repeating: "y", count: 4000)) }
        server.give([.headers(1, requestFields(method: "POST"), ends: false), .headers(1, trailers)])
        #expect(server.errors() == [.stream(1, .enhanceYourCalm)])
    }
}
