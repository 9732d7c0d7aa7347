import TestSupport
import Testing

/// Which responses are compressed, and what their heads say then.
@Suite struct GzipTests {
    private static let content = String(repeating: "0123456789", count: 200)
    private static let directives = "gzip on; gzip_types application/json text/event-stream; gzip_min_length 1000; gzip_comp_level 6;"

    struct Case: Sendable, CustomTestStringConvertible {
        enum Outcome { case compressed, plainThatVaries, untouched }

        let testDescription: String
        let request: String
        let status: Int
        let response: String
        let content: String
        let outcome: Outcome

        init(
            _ name: String, request: String = "Accept-Encoding: gzip", status: Int = 200,
            response: String = "Content-Type: application/json", content: String = GzipTests.content, _ outcome: Outcome
        ) {
            testDescription = name
            self.request = request
            self.status = status
            self.response = response
            self.content = content
            self.outcome = outcome
        }

        /// The origin's Content-Encoding.
        var originalCoding: String? {
            ["br", "gzip"].first { response.contains("Content-Encoding: " + $0) }
        }

        static let all = [
            Case("a listed type", .compressed),
            Case(
                "a listed type in other letters, with a parameter", response: "Content-Type: Application/JSON ; charset=utf-8", .compressed),
            Case("text/html, which needs no listing", response: "Content-Type: text/html", .compressed),
            Case("another type", response: "Content-Type: image/png", .untouched),
            Case("a type that begins like a listed one", response: "Content-Type: application/jsonl", .untouched),
            Case("no type", response: "X-A: b", .untouched),
            Case("an event stream, though it is listed", response: "Content-Type: text/event-stream", .untouched),

            Case("a client that says nothing", request: "X-A: b", .plainThatVaries),
            Case("a client that refuses gzip", request: "Accept-Encoding: gzip;q=0, *", .plainThatVaries),
            Case("a client that takes something else", request: "Accept-Encoding: br", .plainThatVaries),
            Case("a client that prefers what is there", request: "Accept-Encoding: identity, gzip;q=0.5", .plainThatVaries),
            Case("a client that takes anything", request: "Accept-Encoding: *;q=0.1", .compressed),
            Case("a client with gzip's old name", request: "Accept-Encoding: x-gzip", .compressed),
            Case(
                "a client that forbids it", request: "Accept-Encoding: gzip\r\nCache-Control: max-age=0, no-transform", .plainThatVaries),

            Case("just long enough", content: String(repeating: "x", count: 1000), .compressed),
            Case("a byte too short", content: String(repeating: "x", count: 999), .untouched),
            Case("empty", content: "", .untouched),

            Case("201", status: 201, .compressed),
            Case("an error of the client's", status: 422, .compressed),
            Case("an error of the origin's", status: 503, .compressed),
            Case("203", status: 203, .compressed),
            Case("a part", status: 206, response: "Content-Type: application/json\r\nContent-Range: bytes 0-1999/9999", .untouched),
            Case("a range by another status", response: "Content-Type: application/json\r\nContent-Range: bytes 0-1999/*", .untouched),
            Case("a redirect", status: 302, response: "Content-Type: application/json\r\nLocation: /", .untouched),

            Case("content that is coded", response: "Content-Type: application/json\r\nContent-Encoding: br", .untouched),
            Case("content that is compressed", response: "Content-Type: application/json\r\nContent-Encoding: gzip", .untouched),
            Case(
                "an origin that forbids it", response: "Content-Type: application/json\r\nCache-Control: public, No-Transform", .untouched),
            Case(
                "an origin that forbids it in a second line",
                response: "Content-Type: application/json\r\nCache-Control: public\r\nCache-Control: no-transform", .untouched),
            Case(
                "an origin that forbids nothing", response: "Content-Type: application/json\r\nCache-Control: no-transformer", .compressed),
            Case("content with a digest", response: "Content-Type: application/json\r\nContent-Digest: sha-256=:YQ==:", .untouched),
            Case("a representation with a digest", response: "Content-Type: application/json\r\nRepr-Digest: sha-256=:YQ==:", .untouched),
            Case("an MD5 sum", response: "Content-Type: application/json\r\nContent-MD5: YQ==", .untouched),
            Case("a digest in the trailers", response: "Content-Type: application/json\r\nTrailer: X-A, repr-digest", .untouched),
            Case(
                "a digest in the trailers by a second line",
                response: "Content-Type: application/json\r\nTrailer: X-A\r\nTrailer: Content-Digest", .untouched),
            Case("other trailers", response: "Content-Type: application/json\r\nTrailer: X-Digest, ETag", .compressed),
        ]
    }

    private static func answer(_ test: Case, framing: String? = nil, _ body: String? = nil) -> String {
        "HTTP/1.1 \(test.status) X\r\n\(test.response)\r\n\(framing ?? "Content-Length: \(test.content.utf8.count)")\r\n\r\n"
            + (body ?? test.content)
    }

    private static func expect(_ answer: HTTPResponse, _ test: Case) throws {
        #expect(answer.status == test.status)
        switch test.outcome {
        case .compressed:
            #expect(answer.values("Content-Encoding") == ["gzip"])
            #expect(answer["Content-Length"] == nil && answer["Transfer-Encoding"] == "chunked")
            #expect(try Gunzip.content(of: answer) == Array(test.content.utf8))
            // What comes in pieces is flushed with each of them.
            #expect(answer.body.count < test.content.utf8.count / 5)
        case .plainThatVaries, .untouched:
            #expect(answer["Content-Encoding"] == test.originalCoding)
            #expect(answer["Content-Length"] == "\(test.content.utf8.count)")
            #expect(answer.text == test.content)
        }
        #expect(answer.values("Vary") == (test.outcome == .untouched ? [] : ["Accept-Encoding"]))
    }

    @Test(arguments: Case.all) func `a response is compressed when it may be and the client wants it`(_ test: Case) throws {
        let proxied = try ProxiedOrigin(answering: Self.answer(test), main: Self.directives)
        let client = try proxied.gateway.connect()
        for _ in 1...2 { try Self.expect(client.get("/", fields: test.request.components(separatedBy: "\r\n")), test) }
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test func `without the directive nothing changes`() throws {
        let test = Case("", .untouched)
        for directives in ["", "gzip off; gzip_types *;"] {
            let proxied = try ProxiedOrigin(answering: Self.answer(test), main: directives)
            try Self.expect(proxied.gateway.get("/", fields: [test.request]), test)
        }
    }

    @Test func `a location has its own say`() throws {
        let test = Case("", .untouched)
        let proxied = try ProxiedOrigin(answering: Self.answer(test), main: Self.directives, location: "gzip off;")
        try Self.expect(proxied.gateway.get("/", fields: [test.request]), test)
        let other = Case("", .compressed)
        let on = try ProxiedOrigin(answering: Self.answer(other), main: "gzip off;", location: "gzip on; gzip_types *;")
        try Self.expect(on.gateway.get("/", fields: [other.request]), other)
    }

    @Test func `content of unknown length is compressed, whatever its end, and its trailers follow`() throws {
        let chunked = "400\r\n\(Self.content.prefix(1024))\r\n3d0\r\n\(Self.content.dropFirst(1024))\r\n0\r\nX-Sum: 1\r\n\r\n"
        let test = Case("", .compressed)
        let proxied = try ProxiedOrigin(
            answering: Self.answer(test, framing: "Transfer-Encoding: chunked\r\nTrailer: X-Sum", chunked), main: Self.directives)
        let answer = try proxied.gateway.get("/", fields: [test.request])
        try Self.expect(answer, test)
        #expect(answer["Trailer"] == "X-Sum" && answer.trailers == [.init(name: "X-Sum", value: "1")])
        let closing = try ProxiedOrigin(answering: Self.answer(test, framing: "Connection: close"), main: Self.directives)
        try Self.expect(closing.gateway.get("/", fields: [test.request]), test)
        // Even if there turns out to be little of it: nobody knew.
        let short = Case("", content: String(repeating: "x", count: 300), .compressed)
        let little = try ProxiedOrigin(answering: Self.answer(short, framing: "Connection: close"), main: Self.directives)
        try Self.expect(little.gateway.get("/", fields: [test.request]), short)
    }

    @Test(arguments: [
        ("Repr-Digest: sha-256=:YQ==:", nil), ("content-digest: sha-256=:YQ==:", nil), ("Digest: sha-256=YQ==", nil),
        ("Content-MD5: YQ==", nil), ("ETag: \"strong\"", "ETag: W/\"strong\""), ("ETag: W/\"weak\"", "ETag: W/\"weak\""),
        ("X-Digest: 1", "X-Digest: 1"), ("Last-Modified: Sat, 21 Nov 2026 00:00:00 GMT", "Last-Modified: Sat, 21 Nov 2026 00:00:00 GMT"),
    ])
    func `trailers say nothing of bytes that the client doesn't get`(trailer: String, compressed: String?) throws {
        let chunked = "7d0\r\n\(Self.content)\r\n0\r\nX-Before: 1\r\n\(trailer)\r\nX-Behind: 2\r\n\r\n"
        let test = Case("", .compressed)
        let proxied = try ProxiedOrigin(
            answering: Self.answer(test, framing: "Transfer-Encoding: chunked", chunked), main: Self.directives)
        func trailers(_ answer: HTTPResponse) -> [String] { answer.trailers.map { "\($0.name): \($0.value)" } }
        let toGzip = try proxied.gateway.get("/", fields: [test.request])
        try Self.expect(toGzip, test)
        #expect(trailers(toGzip) == ["X-Before: 1"] + [compressed].compactMap { $0 } + ["X-Behind: 2"])
        let plain = try proxied.gateway.get("/")
        #expect(plain.text == Self.content && trailers(plain) == ["X-Before: 1", trailer, "X-Behind: 2"])
    }

    @Test func `an HTTP/1.0 client gets the content as it is`() throws {
        let proxied = try ProxiedOrigin(answering: Self.answer(Case("", .untouched)), main: Self.directives)
        let answer = try proxied.exchange("GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        #expect(answer["Content-Encoding"] == nil && answer["Vary"] == "Accept-Encoding" && answer.text == Self.content)
    }

    // MARK: The head

    @Test func `the answer to HEAD has the fields of that to GET`() throws {
        let test = Case("", response: "Content-Type: application/json\r\nETag: \"1\"\r\nAccept-Ranges: bytes", .compressed)
        let proxied = try ProxiedOrigin(answering: Self.answer(test), main: Self.directives)
        let client = try proxied.gateway.connect()
        let toGet = try client.get("/", fields: [test.request])
        let toHead = try client.request("HEAD", "/", fields: [test.request])
        #expect(toHead["Content-Encoding"] == "gzip" && toHead["Content-Length"] == nil && toHead.surplus.isEmpty)
        for name in ["Content-Encoding", "Content-Type", "ETag", "Vary", "Accept-Ranges"] { #expect(toHead[name] == toGet[name]) }
        let plain = try client.request("HEAD", "/")
        #expect(plain["Content-Encoding"] == nil && plain["Content-Length"] == "2000" && plain["ETag"] == "\"1\"")
        #expect(try client.get("/").text == Self.content)
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test(arguments: [
        ("ETag: \"1\"", "W/\"1\""), ("etag: \"\"", "W/\"\""), ("ETag: W/\"1\"", "W/\"1\""), ("X-A: b", nil),
    ])
    func `a strong entity tag becomes weak where the content changes`(field: String, expected: String?) throws {
        let test = Case("", response: "Content-Type: application/json\r\n\(field)\r\nAccept-Ranges: bytes", .compressed)
        let proxied = try ProxiedOrigin(answering: Self.answer(test), main: Self.directives)
        let answer = try proxied.gateway.get("/", fields: [test.request])
        try Self.expect(answer, test)
        #expect(answer["ETag"] == expected)
        #expect(answer["Accept-Ranges"] == nil)
        let plain = try proxied.gateway.get("/")
        #expect(plain["ETag"] == (expected == nil ? nil : String(field.dropFirst(6))))
        #expect(plain["Accept-Ranges"] == "bytes")
    }

    @Test(arguments: [
        ("Vary: Origin", ["Origin, Accept-Encoding"]), ("Vary: Accept-Encoding", ["Accept-Encoding"]),
        ("vary: origin , ACCEPT-encoding", ["origin , ACCEPT-encoding"]), ("Vary: *", ["*"]), ("Vary:", ["Accept-Encoding"]),
        ("Vary: Origin\r\nVary: Cookie", ["Origin, Accept-Encoding", "Cookie"]), ("Vary: Origin\r\nVary: *", ["Origin", "*"]),
    ])
    func `Accept-Encoding joins what the origin says of Vary, once`(field: String, expected: [String]) throws {
        let response = "Content-Type: application/json\r\n\(field)"
        let proxied = try ProxiedOrigin(answering: Self.answer(Case("", response: response, .compressed)), main: Self.directives)
        for fields in [["Accept-Encoding: gzip"], []] { #expect(try proxied.gateway.get("/", fields: fields).values("Vary") == expected) }
    }

    @Test func `a revalidated tag is as weak as the client has it`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", main: Self.directives)
        let client = try proxied.gateway.connect()
        let weak = try client.get("/", fields: ["Accept-Encoding: gzip", "If-None-Match: \"0\", W/\"1\""])
        #expect(weak.status == 304 && weak["ETag"] == "W/\"1\"" && weak["Vary"] == "Accept-Encoding")
        let strong = try client.get("/", fields: ["Accept-Encoding: gzip", "If-None-Match: \"1\", W/\"2\""])
        #expect(strong.status == 304 && strong["ETag"] == "\"1\"" && strong["Vary"] == nil)
    }

    // MARK: The gateway's own answers, counters, the origin

    @Test func `answers of the gateway's own are compressed as well, with a length`() throws {
        let text = String(repeating: "hello ", count: 300)
        let gateway = try Gateway(
            conf: """
                workers 1; access_log off;
                gzip on; gzip_types text/plain application/problem+json; gzip_min_length 100;
                server {
                    listen 127.0.0.1:0;
                    location = /long { return 200 "\(text)"; }
                    location = /short { return 200 short; }
                }
                """)
        let client = try gateway.connect()
        let fields = ["Accept-Encoding: gzip"]
        let long = try client.get("/long", fields: fields)
        #expect(long["Content-Encoding"] == "gzip" && long["Vary"] == "Accept-Encoding")
        #expect(long["Content-Length"] == "\(long.body.count)" && long.body.count < 100)
        #expect(try Gunzip.content(of: long) == Array(text.utf8))
        let head = try client.request("HEAD", "/long", fields: fields)
        #expect(head["Content-Encoding"] == "gzip" && head["Content-Length"] == long["Content-Length"] && head.surplus.isEmpty)
        let plain = try client.get("/long")
        #expect(plain.text == text && plain["Vary"] == "Accept-Encoding" && plain["Content-Encoding"] == nil)
        let short = try client.get("/short", fields: fields)
        #expect(short.text == "short" && short["Vary"] == nil && short["Content-Encoding"] == nil)
        let problem = try client.get("/missing", fields: fields)
        #expect(problem.status == 404 && problem["Content-Encoding"] == "gzip")
        #expect(try String(decoding: Gunzip.content(of: problem), as: UTF8.self).contains("\"error_type\":\"not_found\""))
    }

    @Test func `log and metrics count what went over the wire, and both sides of the compression`() throws {
        let proxied = try ProxiedOrigin(answering: Self.answer(Case("", .compressed)), main: Self.directives)
        let client = try proxied.gateway.connect()
        let size = try client.get("/", fields: ["Accept-Encoding: gzip"]).body.count
        #expect(try proxied.gateway.accessLog(waitingFor: 1)[0].number("bytes_sent") == Double(size))
        try proxied.gateway.waitForMetrics("the response is counted") { $0.sum("http_response_bytes_total") == Double(size) }
        let metrics = try proxied.gateway.metrics()
        #expect(metrics.sum("gateway_gzip_bytes_total", ["direction": "in"]) == 2000)
        #expect(metrics.sum("gateway_gzip_bytes_total", ["direction": "out"]) == Double(size))
        #expect(metrics.sum("gateway_gzip_skipped_total") == 0)
    }

    @Test func `the origin gets Accept-Encoding as the client sent it`() throws {
        let proxied = try ProxiedOrigin(answering: Self.answer(Case("", .compressed)), main: Self.directives)
        _ = try proxied.gateway.get("/", fields: ["Accept-Encoding: br;q=0.5, gzip"])
        #expect(try proxied.lastRequest().values("Accept-Encoding") == ["br;q=0.5, gzip"])
    }
}
