import TestSupport
import Testing

/// Records on the wire: how requests arrive in them, how answers leave in them, and how they end.
@Suite struct TLSWireTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let versions = [TLSClient.Version.tls12, .tls13]

    private func connect(_ relay: Relay, _ version: TLSClient.Version) throws -> TLSClient {
        try TLSClient(port: relay.port) {
            $0.minimum = version
            $0.maximum = version
        }
    }

    // MARK: In

    @Test(arguments: versions) func `a request whose records come byte by byte is answered`(_ version: TLSClient.Version) throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        let edge = try Edge(origin)
        let relay = try Relay(to: edge.gateway.addresses[1])
        let client = try connect(relay, version)
        for _ in 0..<3 {
            let response = try client.request(
                "POST", "/", fields: ["X-Long: \(String(repeating: "x", count: 500))"], body: Pattern.bytes(1_000))
            #expect(response.text == "ok")
        }
        #expect(origin.errors == [])
    }

    @Test func `a plain request that comes byte by byte is answered`() throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        let edge = try Edge(origin)
        let relay = try Relay(to: edge.gateway.addresses[0])
        let client = try TCPClient(port: relay.port)
        for _ in 0..<3 { #expect(try client.request("POST", "/", body: Pattern.bytes(1_000)).text == "ok") }
        client.close()
    }

    @Test(arguments: versions) func `a request in records of one byte is answered`(_ version: TLSClient.Version) throws {
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n")
                try connection.send(request.body)
            }
        }
        let edge = try Edge(origin)
        let client = try edge.gateway.connectTLS(1) { $0.maximum = version }
        for _ in 0..<2 {
            for byte in "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300\r\n\r\n".utf8 { try client.send([byte]) }
            for byte in Pattern.bytes(300) { try client.send([byte]) }
            #expect(try client.readResponse(to: "POST").body == Pattern.bytes(300))
        }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 100, 1_459]) func `records may be cut anywhere`(_ pieceBytes: Int) throws {
        let origin = try ScriptedOrigin { connection, _ in
            let head = try connection.readHead()
            let length = Int(head["Content-Length"] ?? "") ?? 0
            try connection.receivePattern(length)
            try connection.send(Self.answer)
        }
        let edge = try Edge(origin)
        let relay = try Relay(to: edge.gateway.addresses[1], pieceBytes: pieceBytes)
        let client = try TLSClient(port: relay.port)
        let bytes = pieceBytes < 10 ? 40_000 : 1_000_000
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(bytes)\r\n\r\n")
        try client.sendPattern(bytes)
        #expect(try client.readResponse(to: "POST", timeout: 60).text == "ok")
        #expect(origin.errors == [])
    }

    @Test func `pipelined requests in one record are all answered`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connectTLS(1)
        try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 40))
        for _ in 0..<40 { #expect(try client.readResponse().text == "ok") }
    }

    // MARK: Out

    @Test(arguments: versions) func `a large response leaves in full records`(_ version: TLSClient.Version) throws {
        let bytes = 4 << 20
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes)\r\n\r\n")
            try connection.sendPattern(bytes)
        }
        let edge = try Edge(origin)
        let relay = try Relay(to: edge.gateway.addresses[1], pieceBytes: 65_536)
        let client = try connect(relay, version)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.readHead().status == 200)
        try client.receivePattern(bytes)
        let lengths = relay.recordLengths()
        // 16 KB of content in each, but for what the origin's pace leaves over.
        #expect(lengths.filter { $0 >= 16_384 }.count >= lengths.count / 2, "\(lengths.count) records for \(bytes) bytes")
    }

    @Test(arguments: versions) func `a connection that the gateway ends, ends with close_notify`(_ version: TLSClient.Version) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let relay = try Relay(to: edge.gateway.addresses[1], pieceBytes: 65_536)
        let client = try connect(relay, version)
        #expect(try client.get("/", fields: ["Connection: close"]).text == "ok")
        // Without it this would throw.
        #expect(try client.receiveToEnd() == [])
        if version == .tls12 { #expect(relay.lastRecordType() == 21) }
    }

    @Test(arguments: versions) func `an idle connection ends with close_notify`(_ version: TLSClient.Version) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "keepalive_timeout 200ms;")
        let client = try edge.gateway.connectTLS(1) { $0.maximum = version }
        #expect(try client.get("/").text == "ok")
        #expect(try client.receiveToEnd() == [])
    }

    @Test(arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"])
    func `a response that its origin breaks off is visibly short`(_ framing: String) throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n" + (framing.hasPrefix("T") ? "64\r\nfirst" : "first"))
        }
        let edge = try Edge(origin)
        let client = try edge.gateway.connectTLS(1)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.readHead().status == 200)
        let rest = try? client.receiveToEnd()
        #expect(rest.map { !String(decoding: $0, as: UTF8.self).hasSuffix("0\r\n\r\n") } ?? true)
        #expect(try edge.waitForEnd("upstream_truncated").number("status") == 200)
    }

    @Test(arguments: Transport.allCases) func `a broken response that ends with its connection ends with a reset`(_ transport: Transport)
        throws
    {
        let isRead = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            try isRead.wait()
        }
        let edge = try Edge(origin)
        let client = try edge.connect(transport)
        try client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(try client.receive(through: "first").hasSuffix("first"))
        isRead.send()
        // Neither an end nor a close_notify: what was received must not pass for whole.
        #expect(throws: TestError.self) { try client.receiveToEnd() }
        try edge.waitForEnd("upstream_truncated")
    }

    // MARK: Ends without close_notify

    @Test func `a connection cut off between requests is nobody's mistake`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connectTLS(1)
        #expect(try client.get("/").text == "ok")
        client.tcp.close()
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        #expect(try edge.gateway.metrics().sum("gateway_refusals_total") == 0)
    }

    @Test(arguments: ["GET / HT", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"])
    func `a connection cut off inside a request is a client that left`(_ beginning: String) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connectTLS(1)
        try client.send(beginning)
        client.tcp.close()
        #expect(try edge.waitForEnd("client_closed").number("status") == 499)
    }

    @Test func `a handshake cut off midway is counted`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connect(1)
        try client.send([22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])
        client.close()
        try edge.gateway.waitForMetrics("a failure") { $0.sum("gateway_tls_handshake_failures_total") == 1 }
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    @Test func `records that were tampered with end the connection`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connectTLS(1)
        #expect(try client.get("/").text == "ok")
        try client.tcp.send([23, 3, 3, 0, 32] + Pattern.bytes(32))
        #expect(throws: (any Error).self) { try client.get("/") }
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    // MARK: The wrong port

    @Test func `plain HTTP at the TLS port fails cleanly and is counted`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connect(1)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let answer = try client.receiveToEnd()
        #expect(answer.isEmpty || answer[0] == 21, "nothing, or an alert")
        try edge.gateway.waitForMetrics("a failure") { $0.sum("gateway_tls_handshake_failures_total", ["reason": "http_request"]) == 1 }
        #expect(try edge.gateway.connectTLS(1).get("/").text == "ok")
    }

    @Test func `TLS at the plain port gets 400 and is counted`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        #expect(throws: (any Error).self) { try edge.gateway.connectTLS(0) }
        let entry = try edge.waitForEnd("request_line_invalid")
        #expect(entry.number("status") == 400)
        #expect(try edge.gateway.get("/").text == "ok")
    }

    @Test(arguments: [2_000, 70_000]) func `noise at the TLS port ends the connection`(_ bytes: Int) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        for seed in 0..<20 {
            let client = try edge.gateway.connect(1)
            try? client.send(Pattern.bytes(bytes, at: seed * 5_000))
            #expect(client.isEndedByPeer() || !client.unread.isEmpty)
        }
        try edge.gateway.waitForMetrics("failures") { $0.sum("gateway_tls_handshake_failures_total") == 20 }
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        #expect(try edge.gateway.connectTLS(1).get("/").text == "ok")
    }
}
