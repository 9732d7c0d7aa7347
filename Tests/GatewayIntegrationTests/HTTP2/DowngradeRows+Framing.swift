import TestSupport

/// How long a request is, HTTP/2's frames say alone: nothing in its fields may say it again in another way.
extension DowngradeRow {
    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n"

    private static func length(
        _ name: String, _ value: String, content: [String]? = ["hello"], method: String = "POST", _ outcome: Outcome = .reset
    ) -> Self {
        Self(name, "9113 § 8.1.1", outcome, .request(method, "/", ["content-length": value]), content: content)
    }

    static let lengths: [Self] =
        [
            "+5", "-5", "-0", "5,5", "5, 5", "5,6", "5,", "0x5", "5a", "5 5", "5.0", "5e0", "1_0", "\"5\"", "(5)", "five", "", "5;q=1",
            "18446744073709551621", "9223372036854775808", "99999999999999999999999999", "5\u{b2}", "\u{a0}5",
        ].map { length("a content-length of '\(visible($0.latin1))'", $0) } + [
            length("a content-length with NUL", "5\0"), length("a content-length with LF", "5\n"),
            length("a content-length with a space before it", " 5"),
            length("a content-length with CRLF and a field", "5\r\nx-a: b"),
            length("less content than content-length", "6"), length("more content than content-length", "4"),
            length("more content than content-length, in another frame", "5", content: ["hello", smuggled]),
            length("content behind a content-length of 0", "0", content: [smuggled]),
            length("no content for a content-length", "5", content: nil),
            length("empty content for a content-length", "5", content: [""]),
            length("a content-length for GET without content", "5", content: nil, method: "GET"),
            length("a content-length for HEAD without content", "5", content: nil, method: "HEAD"),
            length("GET with more content than content-length", "1", method: "GET"),
            Self(
                "two content-lengths", "9110 § 8.6", .reset, .request("POST", "/", ["content-length": "5", "content-length": "6"]),
                content: ["hello"]),
            Self(
                "the same content-length twice", "9110 § 8.6", .refused,
                .request("POST", "/", ["content-length": "5", "content-length": "5"]), content: ["hello"]),
            Self(
                "two content-lengths, the second of 0", "9110 § 8.6", .reset,
                .request("POST", "/", ["content-length": "5", "content-length": "0"]), content: ["hello"]),
            Self(
                "content-length less than the content, with trailers", "9113 § 8.1.1", .reset,
                .request("POST", "/", ["content-length": "1"]),
                content: ["hello"], trailers: ["x-a": "1"]),
            Self(
                "an underscored content-length frames nothing", "9110 § 8.6",
                .passes(Forwarded(line: "POST /", body: "hello", lacks: ["content_length"])),
                .request("POST", "/", ["content_length": "1"]), content: ["hello"]),
            Self(
                "content as content-length says", "9113 § 8.1.1",
                .passes(Forwarded(line: "POST /", body: "hello", has: ["Content-Length: 5"])),
                .request("POST", "/", ["content-length": "5"]), content: ["he", "llo"]),
            Self(
                "GET with content", "9110 § 9.3.1", .passes(Forwarded(line: "GET /", body: "hello")), .request(["content-length": "5"]),
                content: ["hello"]),
        ]

    private static func coding(_ name: String, _ fields: HTTP2Fields) -> Self {
        Self(name, "9113 § 8.2.2", .reset, .request("POST", "/") + fields, content: ["0\r\n\r\n" + smuggled])
    }

    static let codings: [Self] = [
        coding("transfer-encoding", ["transfer-encoding": "chunked"]),
        coding("transfer-encoding in capitals", ["Transfer-Encoding": "chunked"]),
        coding("transfer-encoding: identity", ["transfer-encoding": "identity"]),
        coding("an unknown transfer-encoding", ["transfer-encoding": "xchunked"]),
        coding("an empty transfer-encoding", ["transfer-encoding": ""]),
        coding("transfer-encoding twice", ["transfer-encoding": "identity", "transfer-encoding": "chunked"]),
        coding("transfer-encoding and content-length", ["transfer-encoding": "chunked", "content-length": "47"]),
        coding("transfer-encoding with a space behind its name", ["transfer-encoding ": "chunked"]),
        coding("transfer-encoding with a space before its name", [" transfer-encoding": "chunked"]),
        coding("transfer-encoding with a colon behind its name", ["transfer-encoding:": "chunked"]),
        coding("transfer-encoding with NUL behind its name", ["transfer-encoding\0": "chunked"]),
        coding("transfer-encoding with CR behind its name", ["transfer-encoding\r": "chunked"]),
        coding("transfer-encoding with a line before its name", ["x: a\r\ntransfer-encoding": "chunked"]),
        coding("transfer-encoding in the name", ["transfer-encoding: chunked": ""]),
        coding("transfer-encoding in a value by CRLF", ["x-a": "a\r\ntransfer-encoding: chunked"]),
        coding("transfer-encoding in a value by LF", ["x-a": "a\ntransfer-encoding: chunked"]),
        coding("transfer-encoding with a vertical tab behind its name", ["transfer-encoding\u{b}": "chunked"]),
        coding("transfer-encoding with 0xFF behind its name", ["transfer-encoding\u{ff}": "chunked"]),
        Self(
            "an underscored transfer-encoding frames nothing", "9112 § 6.1",
            .passes(Forwarded(line: "POST /", body: "0\r\n\r\n" + smuggled, lacks: ["transfer_encoding"])),
            .request("POST", "/", ["transfer_encoding": "chunked"]), content: ["0\r\n\r\n" + smuggled]),
    ]

    static let hops: [Self] =
        [
            ("connection", "close"), ("connection", "keep-alive"), ("connection", "x-forwarded-for"), ("connection", ""),
            ("connection", "upgrade"), ("Connection", "close"),
            ("proxy-connection", "keep-alive"), ("keep-alive", "timeout=5"), ("upgrade", "websocket"), ("upgrade", "h2c"), ("upgrade", ""),
            ("te", "gzip"), ("te", "trailers, gzip"), ("te", "trailers;q=1"), ("te", ""), ("te", "chunked"),
        ].map { Self("\($0): \($1)", "9113 § 8.2.2", .reset, .request() + HTTP2Fields([HTTPMessage.Field(name: $0, value: $1)])) } + [
            Self(
                "connection and upgrade", "9113 § 8.2.2", .reset,
                .request(["connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"])),
            Self(
                "te: trailers", "9113 § 8.2.2", .passes(Forwarded(line: "GET /", lacks: ["te", "connection"])), .request(["te": "trailers"])
            ),
            Self(
                "proxy-authorization", "9110 § 11.7.2", .passes(Forwarded(line: "GET /", lacks: ["proxy-authorization"])),
                .request(["proxy-authorization": "Basic a"])),
            Self(
                "x-forwarded-for of a stranger", "7239 § 8.1", .passes(Forwarded(line: "GET /")), .request(["x-forwarded-for": "6.6.6.6"])),
            Self(
                "x_forwarded_for of a stranger", "3875 § 4.1.18", .passes(Forwarded(line: "GET /", lacks: ["x_forwarded_for"])),
                .request(["x_forwarded_for": "6.6.6.6"])),
            Self(
                "x-forwarded-host of a stranger", "7239 § 8.1", .passes(Forwarded(line: "GET /", has: ["X-Forwarded-Host: localhost"])),
                .request(["x-forwarded-host": "evil"])),
            Self(
                "proxy, which a CGI program takes for its HTTP_PROXY", "3875 § 4.1.18", .passes(Forwarded(line: "GET /", lacks: ["proxy"])),
                .request(["proxy": "http://evil"])),
        ]

    private static func trailer(_ name: String, _ trailers: HTTP2Fields) -> Self {
        Self("trailers: \(name)", "9113 § 8.1", .reset, .request("POST", "/"), content: ["hello"], trailers: trailers)
    }

    /// Trailers that mean something in a head alone go no further, as with HTTP/1.1 (RFC 9110 § 6.5.1).
    private static func dropped(_ trailers: HTTP2Fields) -> Self {
        let names = trailers.fields.map(\.name)
        return Self(
            "trailers: \(names.joined()) goes no further", "9110 § 6.5.1",
            .passes(
                Forwarded(line: "POST /", host: "localhost", body: "hello", lacks: names.filter { $0 != "host" && $0 != "x-forwarded-for" })
            ),
            .request("POST", "/"), content: ["hello"], trailers: trailers)
    }

    static let trailerRows: [Self] = [
        trailer(":path", [":path": "/smuggled"]), trailer(":method", [":method": "GET"]), trailer(":authority", [":authority": "a"]),
        trailer(":status", [":status": "200"]), trailer("an unknown pseudo-header field", [":a": "b"]),
        trailer(":path behind another", ["x-a": "1", ":path": "/"]),
        trailer("a name with CRLF", ["x: a\r\ny": "b"]), trailer("a value with CRLF", ["x-a": "a\r\nx-b: c"]),
        trailer("a value with LF", ["x-a": "a\nb"]),
        trailer("a value with NUL", ["x-a": "a\0"]), trailer("the end and a request", ["x-a": "a\r\n\r\n" + smuggled]),
        trailer("a name in capitals", ["X-A": "1"]),
        trailer("a name with a colon", ["x:a": "1"]), trailer("an empty name", ["": "1"]), trailer("a space behind a value", ["x-a": "a "]),
        trailer("transfer-encoding", ["transfer-encoding": "chunked"]), trailer("connection", ["connection": "close"]),
        trailer("keep-alive", ["keep-alive": "timeout=5"]), trailer("upgrade", ["upgrade": "h2c"]),
        dropped(["content-length": "6"]), dropped(["host": "smuggled"]), dropped(["authorization": "Bearer evil"]),
        dropped(["cookie": "a=b"]),
        dropped(["x-forwarded-for": "6.6.6.6"]), dropped(["content-type": "text/html"]), dropped(["trailer": "x-a"]),
        dropped(["expect": "100-continue"]),
        dropped(["content_length": "5"]), dropped(["transfer_encoding": "chunked"]),
        Self(
            "trailers go on", "9113 § 8.1", .passes(Forwarded(line: "POST /", body: "hello", has: ["x-sum: 1", "x-other: 2"])),
            .request("POST", "/"),
            content: ["hello"], trailers: ["x-sum": "1", "x-other": "2"]),
        Self(
            "trailers and no content", "9113 § 8.1", .passes(Forwarded(line: "POST /", body: "", has: ["x-sum: 1"])), .request("POST", "/"),
            content: nil, trailers: ["x-sum": "1"]),
    ]

    static let contents: [Self] = [
        "0\r\n\r\n" + smuggled, smuggled, "\r\n\r\n" + smuggled, "5\r\nhello\r\n0\r\n\r\n", "\0\r\n\u{ff}\u{80}",
    ].map {
        Self(
            "the content '\(visible($0.latin1.prefix(40)))'", "9112 § 7.1", .passes(Forwarded(line: "POST /", body: $0)),
            .request("POST", "/"), content: [$0])
    }
}
