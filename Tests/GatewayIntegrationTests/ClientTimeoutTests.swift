import TestSupport
import Testing

/// Clients that are late: each wait has its end, and a name for it.
@Suite struct ClientTimeoutTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func expectTimeout(_ response: HTTPResponse, _ errorType: String, _ edge: Edge) throws {
        #expect(response.status == 408)
        #expect(response["Content-Type"] == "application/problem+json")
        #expect(try response.json()["error_type"] as? String == errorType)
        #expect(response["Connection"] == "close")
        #expect(try edge.waitForEnd(errorType).number("status") == 408)
        #expect(try edge.gateway.metrics().sum("http_requests_total", ["status": "408"]) == 1)
    }

    /// Without a request there is no line in the access log, but a reason in the counter and in the gateway's own log.
    private func expectClosed(_ edge: Edge, _ reason: String) throws {
        try edge.gateway.waitForMetrics(reason) { $0.sum("gateway_connections_closed_total", ["reason": reason]) == 1 }
        #expect(try edge.gateway.metrics().sum("gateway_connections_closed_total") == 1)
        try edge.gateway.program.stderr.waitForLine(containing: "reason=\(reason)")
    }

    // MARK: client_header_timeout

    @Test(arguments: Transport.allCases) func `a head that stops midway gets 408`(_ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 300ms;")
        let client = try edge.connect(transport)
        try client.send("GET / HTTP/1.1\r\nHost: local")
        try expectTimeout(client.readResponse(), "header_timeout", edge)
        #expect(client.isEndedByPeer())
    }

    @Test(arguments: Transport.allCases) func `a head that trickles gains no time`(_ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 300ms;")
        let client = try edge.connect(transport)
        try client.send("GET / HTTP/1.1\r\nX: ")
        let deadline = Deadline()
        while client.unread.isEmpty && !deadline.hasPassed {
            try client.send("x")
            do {
                client.unread += try client.receiveSome(until: Deadline(seconds: 0.03))
            } catch TestError.timedOut {}
        }
        try expectTimeout(client.readResponse(), "header_timeout", edge)
    }

    @Test(arguments: Transport.allCases) func `a connection on which nothing comes is closed`(_ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 300ms;")
        let client = try edge.connect(transport)
        #expect(client.isEndedByPeer(timeout: 5))
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        try expectClosed(edge, "header_timeout")
    }

    @Test func `the head of a second request has its own time`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 300ms;")
        let client = try edge.gateway.connect()
        #expect(try client.get("/").status == 200)
        try client.send("GET / HT")
        let response = try client.readResponse()
        #expect(response.status == 408)
        #expect(try edge.waitForEnd("header_timeout").number("status") == 408)
    }

    // MARK: TLS

    @Test(arguments: ["", "\u{16}\u{03}\u{01}\u{01}"])
    func `a TLS handshake that does not come is given up and counted`(_ beginning: String) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 300ms;")
        let client = try edge.gateway.connect(1)
        try client.send(beginning)
        #expect(client.isEndedByPeer(timeout: 5))
        try edge.gateway.waitForMetrics("a timeout") { $0.sum("gateway_tls_handshake_failures_total", ["reason": "timeout"]) == 1 }
        #expect(try edge.gateway.metrics().sum("gateway_connections") == 0)
        try expectClosed(edge, "handshake_timeout")
    }

    @Test func `the time of the first head has begun with the connection, before the TLS handshake`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 2s;")
        let slow = try edge.gateway.connect(1)
        #expect(throws: TestError.self) { try slow.receiveSome(until: Deadline(seconds: 0.7)) }
        // It comes later and has its time from now on; the other one's handshake comes later still, and gains nothing by it.
        let plain = try edge.gateway.connect()
        try plain.send("GET /plain HT")
        #expect(throws: TestError.self) { try plain.receiveSome(until: Deadline(seconds: 0.3)) }
        let client = try TLSClient(over: slow)
        try client.send("GET /tls HT")
        let entries = try edge.gateway.accessLog(waitingFor: 2)
        #expect(entries.allSatisfy { $0["error_type"] == "header_timeout" })
        #expect(entries.map { $0["tls"] } == ["TLSv1.3", nil])
    }

    // MARK: client_body_timeout

    @Test(arguments: Transport.allCases, ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc"])
    func `a body that stops midway gets 408, and its origin is let go`(_ transport: Transport, _ body: String) throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        let edge = try Edge(origin, server: "client_body_timeout 300ms;")
        let client = try edge.connect(transport)
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\n" + body)
        try expectTimeout(client.readResponse(to: "POST"), "body_timeout", edge)
        #expect(client.isEndedByPeer())
        try origin.waitForEndedConnections(1)
    }

    @Test func `a body that keeps coming takes as long as it needs`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_body_timeout 1s;")
        let client = try edge.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n")
        for _ in 0..<15 {
            #expect(throws: TestError.self) { try client.receiveSome(until: Deadline(seconds: 0.1)) }
            try client.send("x")
        }
        #expect(try client.readResponse(to: "POST").text == "ok")
    }

    @Test func `a client waits for its answer longer than for its body`() throws {
        let mayAnswer = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try mayAnswer.wait()
            try connection.send(Self.answer)
        }
        let edge = try Edge(
            origin, server: "client_body_timeout 100ms; client_header_timeout 100ms; keepalive_timeout 100ms; send_timeout 100ms;")
        let client = try edge.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
        #expect(throws: TestError.self) { try client.receiveSome(until: Deadline(seconds: 0.7)) }
        mayAnswer.send()
        #expect(try client.readResponse(to: "POST").text == "ok")
    }

    // MARK: keepalive_timeout

    @Test(arguments: Transport.allCases) func `an idle connection is closed after keepalive_timeout`(_ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "keepalive_timeout 300ms;")
        let client = try edge.connect(transport)
        #expect(try client.get("/").text == "ok")
        #expect(try client.get("/").text == "ok")
        #expect(client.isEndedByPeer(timeout: 5))
        // That is how connections end, and nobody's mistake.
        #expect(try edge.gateway.accessLog(waitingFor: 2).allSatisfy { $0["error_type"] == nil })
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        #expect(try edge.gateway.metrics().sum("gateway_refusals_total") == 0)
        try expectClosed(edge, "keepalive_timeout")
    }

    @Test func `keepalive_timeout 0 ends each connection after its answer`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "keepalive_timeout 0;")
        let client = try edge.gateway.connect()
        let response = try client.get("/")
        #expect(response.text == "ok")
        #expect(response["Connection"] == "close")
        #expect(client.isEndedByPeer())
    }

    // MARK: send_timeout

    @Test(arguments: Transport.allCases) func `a client that does not read is given up after send_timeout`(_ transport: Transport) throws {
        let bytes = 64 << 20
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes)\r\n\r\n")
            try connection.sendPattern(bytes)
        }
        let edge = try Edge(origin, server: "send_timeout 300ms;")
        let client = try edge.connect(transport, receiveBufferBytes: 16 * 1024)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try origin.waitForEndedConnections(1)
        let entry = try edge.waitForEnd("send_timeout")
        #expect(entry.number("status") == 499)
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        #expect(throws: (any Error).self) { try client.receivePattern(bytes, timeout: 5) }
    }

    /// Between two looks at the socket room may come and be filled: the last write then leaves nothing over that a timer would be for.
    @Test(arguments: Transport.allCases) func `clients that read a little and then no more are all given up after send_timeout`(
        _ transport: Transport
    ) throws {
        let piece = [UInt8](repeating: 0x78, count: 128 * 1024)
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 40)\r\n\r\n")
            while true { try connection.send(piece, timeout: 60) }
        }
        let edge = try Edge(origin, server: "send_timeout 500ms;")
        var random = SystemRandomNumberGenerator()
        let clients = try (0..<16).map { _ in
            let client = try edge.connect(transport, receiveBufferBytes: 16 * 1024)
            try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return client
        }
        for _ in 0..<200 {
            let client = clients[Int.random(in: clients.indices, using: &random)]
            _ = try? client.receive(Int.random(in: 1_000...20_000, using: &random), timeout: 0.002)
        }
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        try origin.waitForEndedConnections(clients.count)
    }

    @Test func `a client that does not read what is already answered is given up as well`() throws {
        let edge = try Edge(
            ScriptedOrigin.answering(Self.answer), server: "send_timeout 300ms; location /big { return 200 \"\(Self.big)\"; }")
        let client = try TCPClient(
            port: edge.gateway.addresses[0].port, host: edge.gateway.addresses[0].host, receiveBufferBytes: 4 * 1024)
        // Requests until the gateway takes no more, because of the answers that nobody reads.
        let request = String(repeating: "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 50)
        _ = try? client.sendUntilBlocked(Array(request.utf8), bytesMax: 64 << 20)
        try expectClosed(edge, "send_timeout")
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    private static let big = String(repeating: "x", count: 8_000)
}
