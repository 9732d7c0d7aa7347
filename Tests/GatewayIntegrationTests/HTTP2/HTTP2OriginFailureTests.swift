import TestSupport
import Testing

/// What goes wrong at origins that speak HTTP/2: what is sent again, what the client sees, and that the streams beside it go on.
@Suite struct HTTP2OriginFailureTests {
    private func proxied(_ origin: ScriptedOrigin, _ upstream: String = "") throws -> ProxiedOrigin {
        try HTTP2OriginTests.proxied(origin, upstream)
    }

    // MARK: What was not processed

    @Test func `a refused request is sent again whatever its method, with its content`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            if index == 0, let first = try connection.nextRequest() { try connection.send(.resetStream(first.stream, .refusedStream)) }
            while let request = try connection.nextRequest() {
                try connection.respond(to: request.stream, text: "\(request.method) \(request.text)")
            }
        }
        let proxied = try proxied(origin)
        let answer = try proxied.gateway.connect().request("POST", "/", body: Array("once".utf8))
        #expect(answer.text == "POST once")
        #expect(try proxied.gateway.accessLog(waitingFor: 1).first?.number("attempts") == 2)
        #expect(try proxied.gateway.metrics().sum("gateway_upstream_retries_total") == 1)
        #expect(origin.connectionCount == 2)
    }

    @Test func `without a retry for it a refused request is 502`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() { try connection.send(.resetStream(request.stream, .refusedStream)) }
        }
        for retry in ["retry attempts=1;", "retry on=connect;"] {
            let answer = try proxied(origin, retry).gateway.get("/")
            #expect(answer.status == 502 && answer.text.contains("upstream_closed"))
        }
    }

    @Test func `behind GOAWAY what is under way goes on, and what the origin did not take goes to another connection`() throws {
        let arrived = Signal()
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            guard index == 0 else {
                while let request = try connection.nextRequest() {
                    try connection.respond(to: request.stream, text: "\(request.method) \(request.text) on \(index)")
                }
                return
            }
            let first = try #require(try connection.nextRequest())
            arrived.send()
            let second = try #require(try connection.nextRequest())
            #expect(second.stream > first.stream)
            try connection.send(.goAway(last: first.stream))
            try connection.respond(to: first.stream, text: "\(first.path) on 0")
            try connection.waitForEnd()
        }
        let gateway = try proxied(origin).gateway
        let (early, late) = (try gateway.connect(), try gateway.connect())
        try early.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n")
        try arrived.wait()
        #expect(try late.request("POST", "/late", body: Array("x".utf8)).text == "POST x on 1")
        #expect(try early.readResponse().text == "/early on 0")
        #expect(try gateway.get("/").text == "GET  on 1")
        try origin.waitForEndedConnections(1)
        #expect(origin.errors.isEmpty)
    }

    @Test func `a kept connection that the origin has ended by GOAWAY takes no further request`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            guard let request = try connection.nextRequest() else { return }
            try connection.respond(to: request.stream, text: "on \(index)")
            try connection.send(.goAway(last: request.stream))
            try connection.waitForEnd()
        }
        let gateway = try proxied(origin, "keepalive_timeout 60s;").gateway
        for index in 0..<3 {
            #expect(try gateway.connect().request("POST", "/", body: [1]).text == "on \(index)")
            try origin.waitForEndedConnections(index + 1)
        }
        #expect(try gateway.metrics().sum("gateway_upstream_retries_total") == 0)
    }

    @Test func `a request on a kept connection that dies is sent again if it may be repeated`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            while let request = try connection.nextRequest() {
                if request.path == "/die" && index % 2 == 0 { return }
                try connection.respond(to: request.stream, text: "on \(index)")
            }
        }
        let gateway = try proxied(origin, "keepalive_timeout 60s;").gateway
        #expect(try gateway.get("/").text == "on 0")
        #expect(try gateway.get("/die").text == "on 1")
        let fresh = try proxied(origin, "keepalive_timeout 60s;").gateway
        #expect(try fresh.get("/").text == "on 2")
        let post = try fresh.connect().request("POST", "/die", body: [1])
        #expect(post.status == 502 && post.text.contains("upstream_closed"))
    }

    @Test func `requests that wait for a connection that fails go to another server`() throws {
        let good = try HTTP2OriginTests.telling()
        let bad = try ScriptedOrigin { connection, _ in _ = try connection.receive(24) }
        let gateway = try Gateway(conf: RetryTests.conf("server 127.0.0.1:\(bad.port); server 127.0.0.1:\(good.port); protocol h2;"))
        let clients = try (0..<8).map { _ in try gateway.connect() }
        for client in clients { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx") }
        for client in clients { #expect(try client.readResponse().text == "POST / x on 0") }
        #expect(try gateway.metrics().sum("gateway_upstream_retries_total") >= 1)
    }

    // MARK: What breaks off

    @Test func `a stream that the origin resets in the middle is visibly short, and the one beside it whole`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            let requests = try (0..<2).compactMap { _ in try connection.nextRequest() }
            for request in requests {
                try connection.sendHead([":status": "200", "content-length": "10"], on: request.stream)
                try connection.sendData(Array("12345".utf8), on: request.stream)
            }
            for request in requests {
                if request.path == "/broken" {
                    try connection.send(.resetStream(request.stream, .internalError))
                } else {
                    try connection.sendData(Array("67890".utf8), on: request.stream, endsStream: true)
                }
            }
            try connection.waitForEnd()
        }
        let gateway = try proxied(origin).gateway
        let (broken, whole) = (try gateway.connect(), try gateway.connect())
        try broken.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n")
        try whole.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try broken.readResponse().isTruncated)
        #expect(try whole.readResponse().text == "1234567890")
        let lines = try gateway.accessLog(waitingFor: 2)
        #expect(lines.first { $0["uri"] == "/broken" }?["error_type"] == "upstream_truncated")
        #expect(lines.first { $0["uri"] == "/whole" }?["error_type"] == nil)
    }

    @Test func `a connection that is lost breaks off what had begun, but nothing that had come whole`() throws {
        let content = Pattern.bytes(50_000)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            let requests = try (0..<2).compactMap { _ in try connection.nextRequest() }
            for request in requests where request.path == "/half" {
                try connection.sendHead([":status": "200"], on: request.stream)
                try connection.sendData(Array("half".utf8), on: request.stream)
            }
            for request in requests where request.path == "/whole" { try connection.respond(to: request.stream, body: content) }
        }
        let gateway = try proxied(origin).gateway
        let (half, whole) = (try gateway.connect(), try gateway.connect())
        try half.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        try whole.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try half.readResponse().isTruncated)
        #expect(try whole.readResponse().body == content)
    }

    @Test func `an answer that comes before the request has ended is whole, also if the origin then refuses the rest`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextHead() {
                try connection.respond(to: request.stream, "413", text: "too much")
                try connection.send(.resetStream(request.stream, .noError))
            }
        }
        let gateway = try proxied(origin).gateway
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nbegin")
        let answer = try client.readResponse()
        #expect(answer.status == 413 && answer.text == "too much")
    }

    @Test func `a client that leaves cancels its stream alone`() throws {
        let left = Signal()
        let code = Monitor<UInt32?>(nil)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            let requests = try (0..<2).compactMap { _ in try connection.nextRequest() }
            guard let leaving = requests.first(where: { $0.path == "/leaving" })?.stream,
                let staying = requests.first(where: { $0.path == "/staying" })?.stream
            else { return }
            left.send()
            try connection.wait("RST_STREAM") { $0.request(leaving).resetCode != nil }
            code.update { $0 = connection.request(leaving).resetCode }
            try connection.respond(to: staying, text: "still here")
            try connection.waitForEnd()
        }
        let gateway = try proxied(origin).gateway
        let (leaving, staying) = (try gateway.connect(), try gateway.connect())
        try leaving.send("GET /leaving HTTP/1.1\r\nHost: a\r\n\r\n")
        try staying.send("GET /staying HTTP/1.1\r\nHost: a\r\n\r\n")
        try left.wait()
        leaving.reset()
        #expect(try staying.readResponse().text == "still here")
        #expect(code.value == HTTP2Code.cancel.rawValue)
        #expect(origin.connectionCount == 1)
    }

    // MARK: What is malformed

    enum Malformation: String, CaseIterable {
        case longerThanLength, shorterThanLength, noStatus, upperCase, connectionField, switching, contentFirst, content204

        func answer(_ stream: UInt32, _ connection: HTTP2ServerConnection) throws {
            switch self {
            case .longerThanLength: try connection.respond(to: stream, "200", ["content-length": "2"], text: "abc")
            case .shorterThanLength: try connection.respond(to: stream, "200", ["content-length": "4"], text: "abc")
            case .noStatus: try connection.sendHead(["x-a": "b"], on: stream, endsStream: true)
            case .upperCase: try connection.respond(to: stream, "200", ["X-Upper": "a"], text: "abc")
            case .connectionField: try connection.respond(to: stream, "200", ["transfer-encoding": "chunked"], text: "abc")
            case .switching: try connection.respond(to: stream, "101", text: "abc")
            case .contentFirst: try connection.send(.data(stream, "abc", .endStream))
            case .content204: try connection.respond(to: stream, "204", text: "abc")
            }
        }

        /// The head alone gives no reason to refuse it.
        var beginsWell: Bool { self == .longerThanLength || self == .shorterThanLength || self == .content204 }
    }

    @Test(arguments: Malformation.allCases) func `a malformed answer reaches no client as a whole one`(malformation: Malformation) throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                if request.path == "/good" {
                    try connection.respond(to: request.stream, text: "good")
                } else {
                    try malformation.answer(request.stream, connection)
                }
            }
        }
        let gateway = try proxied(origin).gateway
        let answer = try gateway.get("/")
        if malformation.beginsWell {
            #expect(answer.status == 502 || answer.isTruncated || answer.status == 204 && answer.body.isEmpty)
        } else {
            #expect(answer.status == 502 && answer.text.contains("upstream_invalid"))
        }
        #expect(try gateway.get("/good").text == "good")
        // A stream's error ends the stream alone; content before any head is one of the connection, to nghttp2.
        #expect(origin.connectionCount == (malformation == .contentFirst ? 2 : 1))
    }

    @Test func `an origin that breaks the protocol is told so by GOAWAY, and its requests are 502`() throws {
        let code = Monitor<UInt32?>(nil)
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            while let request = try connection.nextRequest() {
                if index > 0 {
                    try connection.respond(to: request.stream, text: "ok")
                    continue
                }
                try connection.send(HTTP2Frame(.settings, .none, 3, []))
                try connection.waitForEnd()
                code.update { $0 = connection.goAwayCode }
                return
            }
        }
        let gateway = try proxied(origin).gateway
        let answer = try gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("upstream_invalid"))
        try origin.waitForEndedConnections(1)
        #expect(code.value == HTTP2Code.protocolError.rawValue)
        #expect(try gateway.get("/").text == "ok")
    }
}
