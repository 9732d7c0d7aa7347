import TestSupport
import Testing

/// A client that goes away ends the call to the origin at once, wherever it was.
@Suite struct ClientAbortTests {
    enum Place: CaseIterable, Sendable {
        case awaitingHead, inQuietStream, inFullStream, inUpload
    }

    enum Departure: CaseIterable, Sendable {
        case close, reset
    }

    /// Each means a connection that nothing but the client's departure ends: all timeouts are far away.
    struct Case: Sendable, CustomTestStringConvertible {
        let place: Place
        let departure: Departure
        let transport: Transport

        var testDescription: String { "\(transport), \(departure) \(place)" }

        static let all = Place.allCases.flatMap { place in
            Departure.allCases.flatMap { departure in
                Transport.allCases.map { Case(place: place, departure: departure, transport: $0) }
            }
        }
    }

    private static func origin(_ place: Place, reached: Signal) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            switch place {
            case .awaitingHead:
                break
            case .inQuietStream:
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            case .inFullStream:
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nfirst")
                try connection.sendPattern(1_000_000_000)
            case .inUpload:
                _ = try connection.receive(through: "first")
            }
            reached.send()
            if !connection.isEndedByPeer(timeout: 30) { throw TestError.invalid("the call goes on without its client") }
        }
    }

    @Test(arguments: Case.all) func `a client that leaves ends the upstream call`(_ test: Case) throws {
        let reached = Signal()
        let origin = try Self.origin(test.place, reached: reached)
        let edge = try Edge(origin)
        let client = try edge.connect(test.transport)
        let framing = test.place == .inUpload ? "Content-Length: 1000\r\n" : ""
        try client.send("POST /x HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n" + (test.place == .inUpload ? "first" : ""))
        switch test.place {
        case .awaitingHead, .inUpload: try reached.wait()
        case .inQuietStream, .inFullStream: _ = try client.receive(through: "first")
        }
        if test.departure == .close { client.close() } else { client.breakOff() }
        try origin.waitForEndedConnections(1, timeout: 5)
        #expect(origin.errors == [])

        let entry = try edge.waitForEnd("client_closed")
        #expect(entry.number("status") == 499)
        let metrics = try edge.gateway.metrics()
        #expect(metrics.sum("http_requests_total", ["status": "499"]) == 1)
        #expect(metrics.sum("gateway_upstream_requests_total", ["status": "499"]) == 1)
        #expect(metrics.sum("gateway_upstream_connections", ["state": "active"]) == 0)
        #expect(metrics.sum("gateway_connections", ["state": "active"]) == 0)
    }

    @Test(arguments: Transport.allCases) func `a client that leaves while the origin is connected to ends the call`(_ transport: Transport)
        throws
    {
        let silent = try SilentListener()
        let edge = try Edge(ScriptedOrigin { _, _ in }, server: "location /silent { proxy_pass http://127.0.0.1:\(silent.port); }")
        let client = try edge.connect(transport)
        try client.send("GET /silent HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try edge.gateway.waitForMetrics("a connection that begins") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 1 }
        client.breakOff()
        let entry = try edge.waitForEnd("client_closed")
        #expect(entry.number("status") == 499)
        #expect(entry.number("attempts") == nil)
        #expect(try edge.gateway.metrics().sum("gateway_upstream_connections", ["state": "active"]) == 0)
    }

    @Test func `an abandoned connection is not used for the next request`() throws {
        let origin = try ScriptedOrigin { connection, index in
            _ = try connection.readRequest()
            if index == 0 {
                _ = connection.isEndedByPeer(timeout: 30)
            } else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let edge = try Edge(origin)
        let client = try edge.gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try origin.waitForReceived("\r\n\r\n")
        client.reset()
        try origin.waitForEndedConnections(1)
        #expect(try edge.gateway.get("/").text == "ok")
        #expect(origin.connectionCount == 2)
    }

    // MARK: Half-closed

    @Test(arguments: Transport.allCases) func `a client that half-closes behind its request gets its answer`(_ transport: Transport) throws
    {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        let edge = try Edge(origin)
        for _ in 0..<5 {
            let client = try edge.connect(transport)
            try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
            try client.halfClose()
            let response = try client.readResponse(to: "POST")
            #expect(response.status == 200)
            #expect(response.text == "ok")
            #expect(client.isEndedByPeer())
        }
    }

    @Test(arguments: Transport.allCases) func `a client that half-closes gets a large answer whole`(_ transport: Transport) throws {
        let bytes = 24 << 20
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes)\r\n\r\n")
            try connection.sendPattern(bytes)
        }
        let edge = try Edge(origin)
        let client = try edge.connect(transport, receiveBufferBytes: 64 * 1024)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try client.halfClose()
        #expect(try client.readHead().status == 200)
        try client.receivePattern(bytes)
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 200)
        #expect(entry["error_type"] == nil)
    }

    @Test func `a client that half-closes gets an answer that comes in parts`() throws {
        let isRead = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \((8 << 20) + 7)\r\n\r\n")
            try connection.sendPattern(8 << 20)
            try isRead.wait()
            // So long after the request that the end of the client's side would mean that it has gone, if it came only now.
            _ = connection.isEndedByPeer(timeout: 0.3)
            try connection.send("the end")
        }
        let edge = try Edge(origin)
        let client = try TCPClient(port: edge.gateway.port, receiveBufferBytes: 64 * 1024)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try client.halfClose()
        #expect(try client.readHead().status == 200)
        // The gateway has to wait for the client before it reads on.
        try client.receivePattern(8 << 20)
        isRead.send()
        #expect(try client.receive(through: "the end") == "the end")
        #expect(try edge.gateway.accessLog(waitingFor: 1)[0].number("status") == 200)
    }

    @Test func `pipelined requests before a half-close are all answered`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        let edge = try Edge(origin)
        let client = try edge.gateway.connect()
        try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 5))
        try client.halfClose()
        for _ in 0..<5 { #expect(try client.readResponse().text == "ok") }
        #expect(client.isEndedByPeer())
    }
}
