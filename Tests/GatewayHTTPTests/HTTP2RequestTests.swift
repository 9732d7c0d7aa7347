import GatewayCore
import GatewayHTTP
import Testing

@Suite struct HTTP2RequestTests {
    @Test func `a request is read with all its parts`() throws {
        let server = try HTTP2TestSession.server()
        let fields = requestFields(
            method: "POST", path: "/a/b?c=d", authority: "Example.com:8443", ("user-agent", "t"), ("x-a_b", "1"), ("accept", ""))
        #expect(server.give([.headers(1, fields, ends: false), .data(1, "hello, ", ends: false), .data(1, "world", ends: true)]))
        let stream = try server.stream()
        #expect(server.hasHead(stream) && server.hasInputEnded(stream))
        let request = try server.request(stream)
        #expect(request.method == "POST")
        #expect(request.target == "/a/b?c=d")
        #expect(request.path == "/a/b")
        #expect(request.authority == "Example.com:8443")
        #expect(request.hostname == "example.com")
        #expect(request.framing == .chunked)
        #expect(request.fields == ["user-agent=t", "x-a_b=1", "accept="])
        #expect(request.lines == "user-agent: t\r\nx-a_b: 1\r\naccept: \r\n")
        #expect(server.input(stream) == "hello, world")
        #expect(!server.hasHead(stream))
    }

    @Test(arguments: [
        ("a.example", "A.example"), ("a.example", "a.example:443"), ("a.example:443", "a.example"), ("a.example", "a.example:"),
        ("[::1]:443", "[::1]"),
    ])
    func `Host may say the same as the authority in other words`(authority: String, host: String) throws {
        let server = try HTTP2TestSession.server()
        #expect(server.give([.headers(1, requestFields(authority: authority, ("host", host)))]))
        #expect(try server.request(server.stream()).authority == authority)
    }

    @Test func `an authority is read anew with every request of a connection, whatever it was before`() throws {
        let long = String(repeating: "a", count: 50)
        let authorities = [
            "a.example", "a.example", "b.example", "a.example", "A.example", "A.example", "a.example:80", "a.exampl", "a..xample",
            "a..xample",
            "a.example", long, long + "b", "a.example", "a:99999", "a:99999", "[::1]", "[::1]", "a.example",
        ]
        let shared = try HTTP2TestSession.server()
        for (index, authority) in authorities.enumerated() {
            let fresh = try HTTP2TestSession.server()
            fresh.give([.headers(1, requestFields(authority: authority))])
            shared.give([.headers(Int32(2 * index + 1), requestFields(authority: authority))])
            let (expected, read) = try (fresh.stream(), shared.stream(index))
            #expect(shared.error(read) == fresh.error(expected))
            #expect(shared.isReset(read) == fresh.isReset(expected))
            if fresh.isReset(expected) { continue }
            let (hostname, expectedHostname) = try (shared.request(read).hostname, fresh.request(expected).hostname)
            #expect(hostname == expectedHostname)
        }
    }

    @Test func `a request is the same however its bytes are cut`() throws {
        let bytes =
            http2Preface
            + [
                HTTP2Frame.settings([(4, 100_000)]), .settingsAnswer, .priority(3, on: 1), .windowUpdate(0, 1000),
                .headers(1, requestFields(method: "PUT", ("cookie", "a=b")), ends: false), .data(1, "content", ends: true), .ping(),
            ].flatMap(\.bytes)
        for step in [1, 2, 3, 5, 7, 8, 9, 10, 13, 14, 100] {
            let server = try HTTP2TestSession()
            var start = 0
            while start < bytes.count {
                #expect(server.give(Array(bytes[start..<min(start + step, bytes.count)])))
                start += step
            }
            let stream = try server.stream()
            #expect(try server.request(stream).method == "PUT")
            #expect(server.input(stream) == "content")
            #expect(server.hasInputEnded(stream))
            #expect(server.sent().map(\.type) == [4, 4, 6, 8], "SETTINGS, two answers, the window")
        }
    }

    @Test func `a response goes out with content and trailers`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\nContent-Type: text/plain\nConnection: close\n")
        server.write(stream, "hello")
        var frames = server.sent()
        #expect(frames.map(\.type) == [1, 0])
        #expect(frames[1].payload == Array("hello".utf8))
        #expect(frames.allSatisfy { $0.flags & HTTP2Frame.endStream == 0 })
        #expect(!server.session.wantsToSend)

        server.write(stream, " world")
        server.end(stream, trailers: "grpc-status: 0\r\n")
        frames = server.sent()
        #expect(frames.map(\.type) == [0, 1])
        #expect(frames[1].flags & HTTP2Frame.endStream != 0)
        #expect(server.closedWith(stream) == 0)
        server.session.release(stream)
        #expect(server.session.streamCount == 0)
        #expect(!server.session.isOver)
    }

    @Test func `an answer whose end is known at once ends with its head`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields()), .headers(3, requestFields())])
        server.respond(try server.stream(0), "HTTP/1.1 204 No Content\n", ends: true)
        server.streams.slab[try server.stream(1)].outputEnds = true
        server.respond(try server.stream(1), "HTTP/1.1 200 OK\n")
        let frames = server.sent()
        #expect(frames.map(\.type) == [1, 1])
        #expect(frames.allSatisfy { $0.flags & HTTP2Frame.endStream != 0 })
    }

    @Test func `an end that becomes known late is an empty frame`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        #expect(server.sent().map(\.type) == [1])
        server.write(stream, "", ends: true)
        #expect(server.sent() == [HTTP2Frame.data(1, "", ends: true)])
    }

    @Test func `crumbs of a cookie become one field`() throws {
        let server = try HTTP2TestSession.server()
        let fields = requestFields(("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3"))
        server.give([.headers(1, fields)])
        #expect(try server.request(try server.stream()).fields == ["x=y", "cookie=a=1; b=2; c=3"])
    }

    @Test(arguments: [["a=1", ""], ["", "a=1"], ["a=1", "", ""], ["", "a=1", ""]])
    func `a crumb of nothing adds nothing to the cookie`(crumbs: [String]) throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields() + crumbs.map { ("cookie", $0) })])
        #expect(try server.request(try server.stream()).fields == ["cookie=a=1"])
    }

    @Test func `trailers of a request are kept apart from its head`() throws {
        let server = try HTTP2TestSession.server()
        server.give([
            .headers(1, requestFields(method: "POST"), ends: false), .data(1, "x"), .headers(1, [("x-sum", "1"), ("te", "trailers")]),
        ])
        let stream = try server.stream()
        #expect(server.hasInputEnded(stream))
        #expect(server.trailers(stream) == ["x-sum=1", "te=trailers"])
        #expect(try server.request(stream).fields.isEmpty)
    }

    @Test(arguments: [
        ("a host without :authority", "host", "EXAMPLE.com"), ("the same in both", "both", "example.com"),
    ])
    func `a request may name its host either way`(_ name: String, _ kind: String, _ host: String) throws {
        let server = try HTTP2TestSession.server()
        var fields = requestFields(("host", host))
        if kind == "host" { fields.removeAll { $0.0 == ":authority" } }
        server.give([.headers(1, fields)])
        let request = try server.request(try server.stream())
        #expect(request.hostname == "example.com")
        #expect(request.authority.lowercased() == "example.com")
    }

    @Test func `an extended CONNECT has all its parts, and a tunnel behind it`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields(method: "CONNECT", path: "/chat", (":protocol", "websocket"), ("origin", "x")), ends: false)]
        )
        let request = try server.request(try server.stream())
        #expect(request.method == "CONNECT")
        #expect(request.connectProtocol == "websocket")
        #expect(request.path == "/chat")
        #expect(request.framing == .none)
    }

    @Test func `what a client says about content is held against what comes`() throws {
        let server = try HTTP2TestSession.server()
        let fields = requestFields(method: "POST", ("content-length", "5"))
        server.give([
            .headers(1, fields, ends: false), .data(1, "hello", ends: true),
            .headers(3, fields, ends: false), .data(3, "hello!"),
            .headers(5, fields, ends: false), .data(5, "hell", ends: true),
            .headers(7, fields, ends: false), .data(7, "hell"), .headers(7, [("x", "y")]),
            .headers(9, fields), .headers(11, requestFields(("content-length", "0"))),
        ])
        #expect(server.seen.map { server.error($0) } == [nil, .framingInvalid, .framingInvalid, .framingInvalid, .framingInvalid, nil])
        #expect(server.errors() == [3, 5, 7, 9].map { .stream($0, .protocolError) })
        #expect(try server.request(server.seen[0]).framing == .length(5))
        #expect(try server.request(server.seen[5]).framing == .length(0))
    }

    @Test func `a request beyond a limit can be answered, and its siblings go on`() throws {
        let server = try HTTP2TestSession.server()
        let long = String(repeating: "a", count: 8000)
        let many = (0..<101).map { ("x-\($0)", "") }
        server.give([
            .headers(1, requestFields(path: "/" + long + long)),
            .headers(3, requestFields() + many),
        ])
        let blocks = HTTP2Frame.block(requestFields() + (0..<5).map { ("x-\($0)", long) })
        server.give([
            HTTP2Frame(1, flags: HTTP2Frame.endStream, 5, Array(blocks[..<16000])),
            .continuation(5, Array(blocks[16000..<32000]), ends: false),
            .continuation(5, Array(blocks[32000...])), .headers(7, requestFields()),
        ])
        #expect(server.seen.map { server.error($0) } == [.requestLineTooLong, .fieldsTooMany, .headTooLarge, nil])
        #expect(server.seen.allSatisfy { server.hasHead($0) && !server.isReset($0) })
        #expect(throws: GatewayError.self) { try server.request(server.seen[2]) }
        server.respond(server.seen[0], "HTTP/1.1 414 URI Too Long\n", ends: true)
        #expect(server.sent().map(\.type) == [1])
    }
}
