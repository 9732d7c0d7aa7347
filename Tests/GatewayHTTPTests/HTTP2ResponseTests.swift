import GatewayCore
import GatewayHTTP
import Testing

/// The client's role.
@Suite struct HTTP2ResponseTests {
    private func takeResponse(_ client: HTTP2TestSession, _ stream: Handle) throws -> (Int, BodyFraming, [String]) {
        var head = ResponseHead(pool: client.pool)
        try client.streams.slab[stream].takeResponse(into: &head)
        let isWhole = head.isComplete && head.version == .http2
        #expect(isWhole)
        return (
            head.status, head.framing, (0..<head.fields.count).map { head.fields.nameBytes($0).string + "=" + head.fields.value($0).string }
        )
    }

    @Test func `a request goes out, and its answer comes in`() throws {
        let client = try HTTP2TestSession.client()
        let server = try HTTP2TestSession.server()
        let stream = try client.ask(
            "POST /a?b HTTP/1.1\nHost: example.com\nUser-Agent: g\nConnection: close\nTE: trailers\nTransfer-Encoding: chunked\n",
            ends: false)
        client.write(stream, "content", ends: true)
        let sent = client.sent()
        #expect(sent.map(\.type) == [1, 0])
        server.give(sent)
        let request = try server.request(try server.stream())
        #expect(request.method == "POST" && request.target == "/a?b" && request.authority == "example.com")
        #expect(request.fields == ["user-agent=g", "te=trailers"])
        #expect(server.input(try server.stream()) == "content")

        server.respond(try server.stream(), "HTTP/1.1 201 Created\nContent-Type: text/plain\n")
        server.write(try server.stream(), "answer")
        server.end(try server.stream(), trailers: "Grpc-Status: 0\r\n")
        client.give(server.sent())
        let (status, framing, fields) = try takeResponse(client, stream)
        #expect(status == 201 && framing == .chunked && fields == ["content-type=text/plain"])
        #expect(client.input(stream) == "answer")
        #expect(client.trailers(stream) == ["grpc-status=0"])
        #expect(client.closedWith(stream) == 0)
        client.session.release(stream)
        #expect(client.session.streamCount == 0)
        #expect(client.session.streamsAvailable == 100)
    }

    @Test func `every field goes out by its name in lower case, the first time and from the table`() throws {
        let client = try HTTP2TestSession.client()
        let server = try HTTP2TestSession.server()
        // Of those one connection's own, or another place's.
        let others: Set<FieldName> = [
            .other, .host, .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .te, .cookie, .contentLength, .expect,
        ]
        let names = FieldName.allCases.filter { !others.contains($0) }.map { "\($0.name)" } + ["x-unheard-of", "api-key", "x"]
        let lines = names.map { "\($0.uppercased()): of \($0)\n" }.joined()
        for turn in 0..<3 {
            _ = try client.ask("GET / HTTP/1.1\nHost: a\n" + lines)
            server.give(client.sent())
            let request = try server.request(try server.stream(turn))
            #expect(request.method == "GET" && request.authority == "a")
            #expect(request.fields == names.map { "\($0)=of \($0)" })
        }
    }

    @Test(arguments: [
        ("X-Request-ID", false), ("Traceparent", false), ("Tracestate", false), ("X-Correlation-Id", false), ("Idempotency-Key", false),
        ("Authorization", false), ("Proxy-Authorization", false), ("Cookie", false), ("API-Key", false), ("X-API-Key", false),
        ("X-Goog-Api-Key", false), ("apikey", false), ("X-Auth-Token", false), ("Private-Token", false), ("User-Agent", true),
        ("X-Forwarded-For", true), ("X-Unheard", true),
    ])
    func `what is secret, or another in each message, stays out of the table of those that come again`(
        _ name: String, _ isIndexed: Bool
    ) throws {
        let client = try HTTP2TestSession.client()
        var byteCounts: [Int] = []
        let field = "\(name): 0123456789abcdef\n"
        for fields in ["", "", field, field] {
            _ = try client.ask("GET / HTTP/1.1\nHost: a\n" + fields)
            byteCounts.append(try #require(client.sent().first).payload.count)
        }
        // Once it is in the table, a field takes a byte.
        if isIndexed { #expect(byteCounts[3] == byteCounts[1] + 1) } else { #expect(byteCounts[3] > byteCounts[1] + 10) }
    }

    @Test(arguments: [
        ("X-Request-ID", true), ("Traceparent", true), ("Tracestate", false), ("X-Correlation-Id", false), ("Idempotency-Key", false),
        ("Authorization", false), ("Proxy-Authorization", false), ("Cookie", false), ("API-Key", false), ("X-API-Key", false),
    ])
    func `of what is another in each message the name is kept in the table, of what is secret nothing ever`(
        _ name: String, _ isNameKept: Bool
    ) throws {
        let client = try HTTP2TestSession.client()
        var representations: [UInt8] = []
        for turn in 0..<66 {
            _ = try client.ask("GET / HTTP/1.1\nHost: a\n\(name): of turn \(turn)\n")
            let block = try #require(client.sent().first).payload
            // Behind :method, :scheme and :path, a byte each, and :authority, whose value is spelled out the first time.
            representations.append(block[turn == 0 ? 6 : 4])
        }
        for (turn, representation) in representations.enumerated() {
            if isNameKept && turn % 64 == 0 {
                #expect(representation & 0xc0 == 0x40, "with indexing (RFC 7541 § 6.2.1), turn \(turn)")
            } else {
                #expect(representation & 0xf0 == 0x10, "never indexed (§ 6.2.3), turn \(turn)")
                if isNameKept { #expect(representation != 0x10, "the name is spelled out, turn \(turn)") }
            }
        }
    }

    @Test func `interim answers are taken one by one, however they come`() throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("GET / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([
            .headers(1, [(":status", "100")], ends: false), .headers(1, [(":status", "103"), ("link", "</a>")], ends: false),
            .headers(1, [(":status", "200"), ("content-length", "2")], ends: false), .data(1, "ok", ends: true),
        ])
        #expect(try takeResponse(client, stream).0 == 100)
        #expect(client.hasHead(stream))
        let hints = try takeResponse(client, stream)
        #expect(hints.0 == 103 && hints.2 == ["link=</a>"])
        let (status, framing, _) = try takeResponse(client, stream)
        #expect(status == 200 && framing == .length(2))
        #expect(!client.hasHead(stream) && client.hasInputEnded(stream))
    }

    @Test func `an interim answer that is taken at once leaves no head`() throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("GET / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([.headers(1, [(":status", "103")], ends: false)])
        #expect(try takeResponse(client, stream).0 == 103)
        #expect(!client.hasHead(stream))
    }

    @Test(arguments: [
        ("GET", "200", [], true, BodyFraming.length(0)), ("GET", "200", [("content-length", "0")], true, .length(0)),
        ("HEAD", "200", [("content-length", "5")], true, .none), ("GET", "304", [("content-length", "5")], true, .none),
        ("GET", "204", [], true, .none), ("GET", "200", [], false, .chunked), ("GET", "200", [("content-length", "5")], false, .length(5)),
        ("HEAD", "200", [], false, .none),
    ])
    func `the framing of an answer depends on the method and the status`(
        _ method: String, _ status: String, _ fields: [(String, String)], _ ends: Bool, _ framing: BodyFraming
    ) throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("\(method) / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([.headers(1, [(":status", status)] + fields, ends: ends)])
        #expect(try takeResponse(client, stream).1 == framing)
        #expect(client.error(stream) == nil)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var frames: [HTTP2Frame]

        init(_ name: String, _ frames: [HTTP2Frame]) {
            testDescription = name
            self.frames = frames
        }

        init(_ name: String, _ fields: [(String, String)], ends: Bool = true) {
            self.init(name, [.headers(1, fields, ends: ends)])
        }
    }

    private static let ok = (":status", "200")

    @Test(arguments: [
        Row("no status", [("x", "y")]), Row("nothing at all", [.headers(1, [])]), Row("the status twice", [ok, ok]),
        Row("a status of a word", [(":status", "OK")]),
        Row("a status of two digits", [(":status", "20")]), Row("a status of four digits", [(":status", "2000")]),
        Row("a status below 100", [(":status", "099")]), Row("a status above 599", [(":status", "600")]),
        Row("a status with a sign", [(":status", "+20")]), Row("an empty status", [(":status", "")]),
        Row("101", [(":status", "101")], ends: false), Row("a pseudo-field of requests", [ok, (":path", "/")]),
        Row("an unknown pseudo-field", [ok, (":x", "y")]), Row("the status behind others", [("x", "y"), ok]),
        Row("a name in upper case", [ok, ("X", "y")]), Row("a name with a space", [ok, ("x ", "y")]),
        Row("an empty name", [ok, ("", "y")]),
        Row("a name with a line's end", [ok, ("x\r\ny", "z")]), Row("a value with a line's end", [ok, ("x", "y\r\nSet-Cookie: a=b")]),
        Row("a value with a NUL", [ok, ("x", "\0")]), Row("a value with white space around it", [ok, ("x", " y")]),
        Row("connection", [ok, ("connection", "close")]), Row("keep-alive", [ok, ("keep-alive", "x")]),
        Row("transfer-encoding", [ok, ("transfer-encoding", "chunked")]), Row("upgrade", [ok, ("upgrade", "x")]),
        Row("proxy-connection", [ok, ("proxy-connection", "x")]),
        Row("content-length twice", [ok, ("content-length", "1"), ("content-length", "1")], ends: false),
        Row("a content-length that is none", [ok, ("content-length", "x")]),
        Row("a content-length where there is no content", [ok, ("content-length", "5")]),
        Row("204 with a content-length", [(":status", "204"), ("content-length", "5")]),
        Row("an interim answer that ends", [(":status", "103")]),
        Row("more content than its length", [.headers(1, [ok, ("content-length", "1")], ends: false), .data(1, "xy")]),
        Row("less content than its length", [.headers(1, [ok, ("content-length", "3")], ends: false), .data(1, "xy", ends: true)]),
        Row("content behind 204", [.headers(1, [(":status", "204")], ends: false), .data(1, "x")]),
        Row("content behind an interim answer", [.headers(1, [(":status", "103")], ends: false), .data(1, "x")]),
        Row("an end behind an interim answer", [.headers(1, [(":status", "103")], ends: false), .data(1, "", ends: true)]),
        Row("trailers that do not end", [.headers(1, [ok], ends: false), .headers(1, [("x", "y")], ends: false)]),
        Row("trailers with a status", [.headers(1, [ok], ends: false), .headers(1, [ok])]),
        Row("a head that is too large", [.headers(1, [ok] + (0..<101).map { ("x\($0)", "y") })]),
        Row(
            "too many interim answers",
            (0..<10).map { _ in .headers(1, [(":status", "103"), ("link", String(repeating: "x", count: 5000))], ends: false) }),
        Row("a window opened by nothing", [.windowUpdate(1, 0)]),
        Row("a window opened too far", [.windowUpdate(1, 0x7fff_ffff)]),
    ])
    func `a malformed answer resets its stream and no other`(_ row: Row) throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("GET / HTTP/1.1\nHost: a\n", ends: false)
        let other = try client.ask("GET / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        #expect(client.give(row.frames + [.headers(3, [Self.ok])]))
        #expect(client.error(stream) == .upstreamInvalid)
        #expect(client.isReset(stream))
        #expect(client.errors().count == 1)
        #expect(client.session.failure == nil)
        #expect(try takeResponse(client, other).0 == 200)
    }

    @Test func `content behind the answer to HEAD is refused`() throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("HEAD / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([.headers(1, [Self.ok, ("content-length", "5")], ends: false), .data(1, "hello", ends: true)])
        #expect(client.error(stream) == .upstreamInvalid)
    }

    @Test func `GOAWAY closes what was not processed, so that it can be tried elsewhere`() throws {
        let client = try HTTP2TestSession.client()
        let first = try client.ask("GET /1 HTTP/1.1\nHost: a\n")
        let second = try client.ask("GET /2 HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([.goaway(1)])
        #expect(client.closedWith(second) == HTTP2ErrorCode.refusedStream.rawValue)
        #expect(client.closedWith(first) == nil)
        #expect(client.session.goawayLastStream == 1)
        #expect(client.session.streamsAvailable == 0)
        let lines = client.lines("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.session.request(lines, isSecure: false, user: .none, endsStream: true) == nil)
        client.give([.headers(1, [Self.ok])])
        #expect(try takeResponse(client, first).0 == 200)
        #expect(client.session.isOver)
    }

    @Test func `only as many requests are begun as the origin takes`() throws {
        let client = try HTTP2TestSession.client([(3, 2)])
        #expect(client.session.streamsAvailable == 2)
        _ = try client.ask("GET / HTTP/1.1\nHost: a\n")
        #expect(client.session.streamsAvailable == 1)
    }

    @Test func `an answer that nobody reads any further is cancelled`() throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("GET / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([.headers(1, [Self.ok], ends: false), .data(1, "x")])
        client.session.release(stream)
        #expect(client.errors() == [.stream(1, .cancel)])
        #expect(client.session.streamCount == 0)
        #expect(client.give([.data(1, "y"), .headers(1, [("x", "y")])]))
    }

    @Test func `a request that was given up before it was sent never is`() throws {
        let client = try HTTP2TestSession.client()
        client.session.release(try client.ask("GET / HTTP/1.1\nHost: a\n"))
        #expect(client.sent().isEmpty)
        #expect(client.session.streamCount == 0)
    }

    @Test func `an answer to a PING is noted`() throws {
        let client = try HTTP2TestSession.client()
        #expect(client.session.lastPong.isNever)
        client.session.ping()
        #expect(client.sent().map(\.type) == [6])
        client.give([HTTP2Frame(6, flags: 1, 0, Array(repeating: 0, count: 8))])
        #expect(client.session.lastPong == client.now)
    }

    @Test func `a WebSocket is asked for by an extended CONNECT`() throws {
        let client = try HTTP2TestSession.client([(8, 1)])
        #expect(client.session.takesExtendedConnect)
        let server = try HTTP2TestSession.server()
        _ = try client.ask("GET /chat HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n", ends: false, webSocket: true)
        server.give(client.sent())
        let request = try server.request(try server.stream())
        #expect(request.method == "CONNECT" && request.connectProtocol == "websocket" && request.path == "/chat" && request.fields.isEmpty)
    }

    @Test func `a server that pushes breaks the protocol`() throws {
        let client = try HTTP2TestSession.client()
        _ = try client.ask("GET / HTTP/1.1\nHost: a\n")
        _ = client.sent()
        client.give([HTTP2Frame(5, flags: 4, 1, big32(2) + HTTP2Frame.block(requestFields()))])
        #expect(client.errors() == [.connection(.protocolError)])
        #expect(client.session.failure?.type == .upstreamInvalid)
        #expect(client.session.isOver)
    }
}
