import TestSupport
import Testing

/// Origins that speak HTTP/2: what they are sent, what of their answers reaches clients, and how connections are shared.
@Suite struct HTTP2OriginTests {
    /// Answers each request with what it was, in the order in which they come.
    static func telling(
        tls: TLSServerSide? = nil, _ configure: @escaping @Sendable (inout HTTP2ServerConnection.Options) -> Void = { _ in }
    ) throws -> ScriptedOrigin {
        try .overHTTP2(tls: tls, configure) { connection, index in
            while let request = try connection.nextRequest() {
                if request.resetCode != nil { continue }
                try connection.respond(to: request.stream, text: "\(request.method) \(request.path) \(request.text) on \(index)")
            }
        }
    }

    static func proxied(_ origin: ScriptedOrigin, _ upstream: String = "", location: String = "") throws -> ProxiedOrigin {
        try ProxiedOrigin(origin, upstream: "protocol h2; \(upstream)", location: location)
    }

    // MARK: Connections

    @Test func `one connection carries the requests of all clients, and waits for more`() throws {
        let origin = try Self.telling()
        let gateway = try Self.proxied(origin).gateway
        for index in 0..<5 { #expect(try gateway.get("/\(index)").text == "GET /\(index)  on 0") }
        #expect(try gateway.connect().request("POST", "/p", body: Array("abc".utf8)).text == "POST /p abc on 0")
        try gateway.waitForMetrics("an idle connection") { $0.sum("gateway_upstream_connections", ["state": "idle"]) == 1 }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_connects_total") == 1)
        #expect(metrics.sum("gateway_upstream_connections", ["state": "active"]) == 0)
        #expect(metrics.sum("gateway_upstream_requests_total", ["status": "200"]) == 6)
        #expect(origin.errors.isEmpty && origin.connectionCount == 1)
    }

    @Test func `requests are under way together, and answered in any order`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            let requests = try (0..<20).compactMap { _ in try connection.nextRequest() }
            for request in requests.reversed() { try connection.respond(to: request.stream, text: request.path) }
            try connection.waitForEnd()
        }
        let gateway = try Self.proxied(origin).gateway
        let clients = try (0..<20).map { _ in try gateway.connect() }
        for (index, client) in clients.enumerated() { try client.send("GET /\(index) HTTP/1.1\r\nHost: a\r\n\r\n") }
        for (index, client) in clients.enumerated() { #expect(try client.readResponse().text == "/\(index)") }
        #expect(origin.connectionCount == 1)
    }

    @Test func `another connection is opened when one carries as many as the origin allows`() throws {
        let arrived = Signal()
        let origin = try ScriptedOrigin.overHTTP2({ $0.settings = [(HTTP2Setting.maxConcurrentStreams, 2)] }) { connection, index in
            var waiting: [HTTP2ServerConnection.Request] = []
            for _ in 0..<2 {
                guard let request = try connection.nextRequest() else { break }
                waiting.append(request)
                arrived.send()
            }
            try arrived.wait(6)
            for request in waiting { try connection.respond(to: request.stream, text: "on \(index)") }
            try connection.waitForEnd()
        }
        let gateway = try Self.proxied(origin).gateway
        let clients = try (0..<6).map { _ in try gateway.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        let answers = try clients.map { try $0.readResponse().text }
        #expect(answers.sorted() == ["on 0", "on 0", "on 1", "on 1", "on 2", "on 2"])
        #expect(origin.errors.isEmpty)
    }

    @Test func `nothing is sent before the origin's SETTINGS, and all that waited goes behind them on one connection`() throws {
        let mayBegin = Signal()
        let origin = try ScriptedOrigin { socket, index in
            try mayBegin.wait()
            let connection = try HTTP2ServerConnection(socket)
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "on \(index)") }
        }
        let gateway = try Self.proxied(origin).gateway
        let clients = try (0..<5).map { _ in try gateway.connect() }
        for client in clients { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx") }
        try gateway.waitForMetrics("five requests") { $0.sum("gateway_connections", ["state": "active"]) == 5 }
        mayBegin.send()
        for client in clients { #expect(try client.readResponse().text == "on 0") }
        #expect(try gateway.metrics().sum("gateway_upstream_connects_total") == 1)
    }

    @Test func `an origin that sends no SETTINGS is 504 at connect_timeout, and one that speaks HTTP/1.1 is 502`() throws {
        let mute = try ScriptedOrigin { connection, _ in _ = try connection.receiveToEnd(timeout: 60) }
        let answer = try Self.proxied(mute, "connect_timeout 200ms;").gateway.get("/")
        #expect(answer.status == 504 && answer.text.contains("connect_timeout") && answer.text.contains("HTTP/2"))
        let old = try ScriptedOrigin { connection, _ in
            _ = try connection.receive(24)
            try connection.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        }
        let refused = try Self.proxied(old).gateway.get("/")
        #expect(refused.status == 502 && refused.text.contains("upstream_invalid"))
    }

    @Test func `over TLS both sides agree on h2, and a new connection resumes`() throws {
        let side = try TLSServerSide(SecureUpstream.leaf.get()) { $0.alpn = "h2" }
        let origin = try ScriptedOrigin.overHTTP2(tls: side) { connection, _ in
            let stream = connection.connection as? TLSStream
            while let request = try connection.nextRequest() {
                let text = "\(request.head[":scheme"] ?? "") alpn=\(stream?.alpn ?? "none") resumed=\(stream?.isResumed ?? false)"
                try connection.respond(to: request.stream, text: text)
                if request.path == "/last" {
                    try connection.send(.goAway(last: request.stream))
                    return try connection.waitForEnd()
                }
            }
        }
        let gateway = try SecureUpstream(origin, upstream: "protocol h2;").gateway
        #expect(try gateway.get("/").text == "https alpn=h2 resumed=false")
        #expect(try gateway.get("/last").text == "https alpn=h2 resumed=false")
        #expect(try gateway.get("/").text == "https alpn=h2 resumed=true")
        #expect(origin.connectionCount == 2 && origin.errors.isEmpty)
    }

    @Test func `idle connections end by GOAWAY at keepalive_timeout, beyond keepalive, and when the gateway ends`() throws {
        let codes = Monitor<[UInt32?]>([])
        func origin() throws -> ScriptedOrigin {
            try .overHTTP2 { connection, _ in
                while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "ok") }
                codes.update { $0.append(connection.goAwayCode) }
            }
        }
        for upstream in ["keepalive_timeout 100ms;", "keepalive 0;"] {
            let origin = try origin()
            let gateway = try Self.proxied(origin, upstream).gateway
            #expect(try gateway.get("/").text == "ok")
            try origin.waitForEndedConnections(1)
            withExtendedLifetime(gateway) {}
        }
        let last = try origin()
        let gateway = try Self.proxied(last, "keepalive_timeout 60s;").gateway
        #expect(try gateway.get("/").text == "ok")
        try gateway.stop()
        try last.waitForEndedConnections(1)
        #expect(codes.value == [0, 0, 0])
    }

    @Test func `a reload to the other protocol takes none of the connections that are kept`() throws {
        let origin = try ScriptedOrigin { socket, index in
            let first = try socket.receive("the first bytes", until: Deadline(seconds: 60)) { $0.count >= 4 ? 0 : nil }
            #expect(first.isEmpty)
            if socket.unread.starts(with: Array("PRI ".utf8)) {
                let connection = try HTTP2ServerConnection(socket)
                while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "h2 on \(index)") }
            } else {
                while try socket.readNextRequest() != nil { try socket.send(ScriptedOrigin.message("http/1.1 on \(index)")) }
            }
        }
        func conf(_ name: String) -> String { RetryTests.conf("server 127.0.0.1:\(origin.port); protocol \(name); keepalive_timeout 60s;") }
        let gateway = try Gateway(conf: conf("h2"))
        #expect(try gateway.get("/").text == "h2 on 0")
        try gateway.reload(conf: conf("http/1.1"))
        #expect(try gateway.get("/").text == "http/1.1 on 1")
        try gateway.reload(conf: conf("h2"))
        #expect(try gateway.get("/").text == "h2 on 2")
        try origin.waitForEndedConnections(2)
    }

    // MARK: Messages

    @Test func `the origin gets the request in HTTP/2's form, without what belongs to the client's connection`() throws {
        let seen = Monitor<HTTP2ServerConnection.Request?>(nil)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                seen.update { $0 = request }
                try connection.respond(to: request.stream, "204")
            }
        }
        let proxied = try Self.proxied(origin, "host chosen.test;")
        let fields = "X-Mixed: Case\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers, deflate\r\nProxy-Connection: x\r\n"
        #expect(try proxied.exchange("GET /a/b?c=d HTTP/1.1\r\nHost: client.test\r\n\(fields)\r\n").status == 204)
        let request = try #require(seen.value)
        #expect(request.method == "GET" && request.path == "/a/b?c=d" && request[":scheme"] == "http")
        #expect(request[":authority"] == "chosen.test" && request["x-forwarded-host"] == "client.test")
        #expect(request["x-mixed"] == "Case" && request["te"] == "trailers")
        #expect(request["x-hop"] == nil && request["content-length"] == nil)
        #expect(origin.errors.isEmpty)
    }

    @Test func `content passes with its length, in chunks, and with trailers, up and down`() throws {
        let seen = Monitor<HTTP2ServerConnection.Request?>(nil)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                seen.update { $0 = request }
                let trailers: HTTP2Fields? = request.path == "/trailers" ? ["grpc-status": "0", "x-sum": "7"] : nil
                try connection.respond(to: request.stream, body: request.body, trailers: trailers)
            }
        }
        let proxied = try Self.proxied(origin)
        let plain = try proxied.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        #expect(plain.text == "hello" && seen.value?["content-length"] == "5")
        let chunks = "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Up: 1\r\nHost: evil\r\n\r\n"
        let both = try proxied.exchange("POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)")
        #expect(both.text == "hello world")
        #expect(both.trailers.map { "\($0.name): \($0.value)" } == ["grpc-status: 0", "x-sum: 7"])
        #expect(seen.value?.trailers == ["x-up": "1"] && seen.value?["content-length"] == nil)
        #expect(origin.errors.isEmpty)
    }

    @Test func `trailers behind a Content-Length of 0 reach a client of HTTP/2`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                try connection.sendHead([":status": "200", "content-length": "0"], on: request.stream)
                if request.path == "/none" {
                    try connection.sendData([], on: request.stream, endsStream: true)
                } else {
                    try connection.sendHead(["grpc-status": "5"], on: request.stream, endsStream: true)
                }
            }
        }
        let gateway = try Self.proxied(origin).gateway
        let client = try HTTP2Client.open(gateway.connect())
        let answer = try client.get("/")
        #expect(answer.status == 200 && answer["content-length"] == "0" && answer.trailers == ["grpc-status": "5"])
        let none = try client.get("/none")
        #expect(none.status == 200 && none.body.isEmpty && none.trailers == nil)
    }

    @Test func `answers without content end where they do, and interim ones go on`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextHead() {
                switch request.path {
                case "/head": try connection.respond(to: request.stream, "200", ["content-length": "1000"])
                case "/304": try connection.respond(to: request.stream, "304", ["etag": "\"a\"", "content-length": "9"])
                case "/empty": try connection.respond(to: request.stream, "200")
                case "/early":
                    try connection.sendHead([":status": "103", "link": "</a>"], on: request.stream)
                    try connection.respond(to: request.stream, text: "late")
                default:
                    try connection.sendHead([":status": "100"], on: request.stream)
                    try connection.wait("the content") { $0.request(request.stream).isOver }
                    try connection.respond(to: request.stream, body: connection.request(request.stream).body)
                }
            }
        }
        let gateway = try Self.proxied(origin).gateway
        let client = try gateway.connect()
        let head = try client.request("HEAD", "/head")
        #expect(head.status == 200 && head["Content-Length"] == "1000")
        #expect(try client.get("/304").status == 304)
        let empty = try client.get("/empty")
        #expect(empty.status == 200 && empty.body.isEmpty && empty["Content-Length"] == "0")
        let early = try client.get("/early")
        #expect(early.interim.map(\.status) == [103] && early.interim.first?["link"] == "</a>" && early.text == "late")
        try client.send("POST /continue HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(try client.readHead().status == 100)
        try client.send("abc")
        #expect(try client.readResponse().text == "abc")
        #expect(origin.errors.isEmpty)
    }

    @Test func `answers with an empty field each are no flood, however many come`() throws {
        // More than the budget of fields that a client may send without values.
        let fields = HTTP2Fields((0..<20).map { HTTPMessage.Field(name: "x-empty-\($0)", value: "") })
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                try connection.respond(to: request.stream, "200", fields, body: [], trailers: ["grpc-message": ""])
            }
        }
        let gateway = try Self.proxied(origin).gateway
        let client = try gateway.connect()
        for _ in 0..<200 { #expect(try client.get("/").status == 200) }
        #expect(origin.connectionCount == 1 && origin.errors.isEmpty)
    }

    @Test func `large content passes whole in both directions`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, body: request.body) }
        }
        let proxied = try ProxiedOrigin(origin, main: "client_max_body_size 0;", upstream: "protocol h2;")
        let content = Pattern.bytes(1_000_000)
        let clients = try (0..<4).map { _ in try proxied.gateway.connect() }
        let answers = clients.map { client in
            Background { try client.request("POST", "/", body: content, timeout: 60).body == content }
        }
        for answer in answers { #expect(try answer.value(timeout: 60)) }
        #expect(origin.connectionCount == 1 && origin.errors.isEmpty)
    }

    @Test func `what is compressed on the way is whole`() throws {
        let text = String(repeating: "compressible ", count: 20_000)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                try connection.respond(to: request.stream, "200", ["content-type": "text/html"], text: text)
            }
        }
        let proxied = try Self.proxied(origin, location: "gzip on;")
        let answer = try proxied.gateway.get("/", fields: ["Accept-Encoding: gzip"])
        #expect(answer["Content-Encoding"] == "gzip")
        #expect(try Gunzip().decode(answer.body) == Array(text.utf8))
    }

    @Test func `a client that asks for another protocol is told that the origin has none`() throws {
        let proxied = try Self.proxied(Self.telling())
        let answer = try proxied.exchange(
            "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n")
        #expect(answer.status == 502 && answer.text.contains("upgrade_unsupported"))
        #expect(try proxied.gateway.get("/").status == 200)
    }

    // MARK: Load

    @Test func `max_conns counts requests, not connections`() throws {
        let mayAnswer = Signal()
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            guard let request = try connection.nextRequest() else { return }
            try mayAnswer.wait()
            try connection.respond(to: request.stream, text: "first")
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "next") }
        }
        let gateway = try Gateway(conf: RetryTests.conf("server 127.0.0.1:\(origin.port) max_conns=1; protocol h2;"))
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.waitForConnections(1)
        try eventually("a full server") { try gateway.get("/").status == 503 }
        mayAnswer.send()
        #expect(try client.readResponse().text == "first")
        #expect(try gateway.get("/").text == "next")
    }
}
