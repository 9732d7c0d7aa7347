import Foundation
import TestSupport
import Testing

/// request_timeout: the bound on an exchange that never pauses for long enough to meet another one.
@Suite struct RequestTimeoutTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// An origin that answers `head` and then a byte of content each time after so many seconds, for no longer than a minute.
    private static func trickling(_ head: String, pause: Double = 0.02) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send(head)
            for _ in 0..<3_000 {
                try connection.send(head.contains("chunked") ? "1\r\nx\r\n" : "x")
                _ = try? connection.receive(1, timeout: pause)
            }
        }
    }

    @Test(arguments: Transport.allCases) func `an origin that does not answer in time is 504`(_ transport: Transport) throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            _ = try connection.receiveToEnd(timeout: 60)
        }
        let edge = try Edge(origin, server: "request_timeout 300ms;")
        let client = try edge.connect(transport)
        let response = try client.get("/")
        #expect(response.status == 504)
        #expect(try response.json()["error_type"] as? String == "request_timeout")
        let entry = try edge.waitForEnd("request_timeout")
        #expect(entry.number("status") == 504 && entry.number("upstream_status") == 504)
        try origin.waitForEndedConnections(1)
        #expect(try edge.gateway.metrics().sum("gateway_upstream_requests_total", ["status": "504"]) == 1)
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    /// Where a machine is busy a timeout may pass before what the test is about has come about: then a longer one is tried.
    private func withTimeouts(_ comesAbout: (_ timeout: String) throws -> Bool) throws {
        for timeout in ["600ms", "3s", "15s"] {
            if try comesAbout(timeout) { return }
        }
        Issue.record("no timeout was long enough")
    }

    @Test func `a client whose body trickles gets 504, whatever client_body_timeout says`() throws {
        try withTimeouts { timeout in
            let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: "client_body_timeout 60s; request_timeout \(timeout);")
            let client = try edge.gateway.connect()
            try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
            var hasOriginBegun = false
            let deadline = Deadline()
            while client.unread.isEmpty && !deadline.hasPassed {
                hasOriginBegun = edge.origin.received().contains("\r\n\r\nx")
                try client.send("x")
                do {
                    client.unread += try client.receiveSome(until: Deadline(seconds: 0.03))
                } catch TestError.timedOut {}
            }
            #expect(try client.readResponse(to: "POST").status == 504)
            if hasOriginBegun { try expectClientBlamed(edge) }
            return hasOriginBegun
        }
    }

    /// The origin has answered in time, or has not got the whole request.
    private func expectClientBlamed(_ edge: Edge) throws {
        #expect(try edge.waitForEnd("request_timeout").number("upstream_status") == 499)
        let metrics = try edge.gateway.metrics()
        #expect(metrics.sum("gateway_upstream_requests_total", ["status": "504"]) == 0)
        #expect(metrics.sum("gateway_upstream_requests_total", ["status": "499"]) == 1)
    }

    /// More than anybody reads in a few seconds.
    private static let endlessBytes = 1 << 40

    /// Always has the next piece at hand: what waits, waits for the client.
    private func endlessOrigin(_ field: String = "Server: endless") throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\(field)\r\nContent-Length: \(Self.endlessBytes)\r\n\r\n")
            let piece = [UInt8](repeating: 0x78, count: 128 * 1024)
            for _ in 0..<Self.endlessBytes / piece.count { try connection.send(piece, timeout: 60) }
        }
    }

    /// What a client reads before it stops. The second makes room in the gateway's socket for all that waits, and less than what epoll tells of.
    @Test(arguments: Transport.allCases, [0, 96 * 1024])
    func `a client that stops reading its response is to blame, not the origin`(_ transport: Transport, _ readBytes: Int) throws {
        try withTimeouts { timeout in
            let edge = try Edge(endlessOrigin(), server: "send_timeout 60s; request_timeout \(timeout);")
            let client = try edge.connect(transport, receiveBufferBytes: 16 * 1024)
            try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            var isBehind = try becomesBehind(edge)
            // Cut off meanwhile, the time was too short.
            if isBehind && readBytes > 0 { isBehind = try (try? client.receive(readBytes)) != nil && becomesBehind(edge) }
            if isBehind { try expectClientBlamed(edge) }
            try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
            return isBehind
        }
    }

    @Test func `a client that reads a cached response too slowly puts no server out`() throws {
        try withTimeouts { timeout in
            let origin = try endlessOrigin("Cache-Control: max-age=60")
            let edge = try Edge(
                origin,
                main: """
                    cache_zone z memory=16m entry_max=64k;
                    upstream api { server 127.0.0.1:{ORIGIN}; outlier errors=1 eject=1h max=100%; }
                    """,
                server: "send_timeout 60s; request_timeout \(timeout); location /a { proxy_pass http://api; cache z ttl=1m; }")
            let client = try edge.connect(.plain, receiveBufferBytes: 16 * 1024)
            try client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let isBehind = try becomesBehind(edge)
            try edge.waitForEnd("request_timeout")
            try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_upstream_connections") == 0 }
            if isBehind {
                let metrics = try edge.gateway.metrics()
                #expect(metrics.sum("gateway_upstream_requests_total", ["status": "504"]) == 0)
                #expect(metrics.sum("gateway_upstream_requests_total") == 1)
                #expect(metrics.sum("gateway_upstream_ejections_total") == 0)
            }
            return isBehind
        }
    }

    /// False if the time was over before.
    private func becomesBehind(_ edge: Edge) throws -> Bool {
        var isBehind = false
        try eventually("the client is behind, or the time is over") {
            isBehind = try waitsForClient(edge)
            return try isBehind || !edge.gateway.accessLogLines().isEmpty
        }
        return isBehind
    }

    /// Whether the gateway leaves alone what the origin has sent: it has as much for the client as it may.
    private func waitsForClient(_ edge: Edge) throws -> Bool {
        let unread = try SocketQueues.unread(from: edge.origin.port)
        return try unread > 0 && edge.figures.isAsleep() && SocketQueues.unread(from: edge.origin.port) == unread
    }

    @Test func `a response that only the end of the connection ends is reset, so that it does not look whole`() throws {
        let edge = try Edge(Self.trickling("HTTP/1.1 200 OK\r\n\r\n"), server: "request_timeout 400ms;")
        let client = try edge.gateway.connect()
        try client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(try client.readHead().status == 200)
        #expect {
            try client.receiveToEnd()
        } throws: { error in
            if case TestError.reset = error { true } else { false }
        }
        let entry = try edge.waitForEnd("request_timeout")
        #expect(entry.number("status") == 200 && entry.number("upstream_status") == 504)
    }

    @Test(arguments: Transport.allCases, ["Content-Length: 5000", "Transfer-Encoding: chunked"])
    func `a response that trickles is broken off visibly`(_ transport: Transport, _ framing: String) throws {
        let edge = try Edge(Self.trickling("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n"), server: "request_timeout 400ms;")
        let client = try edge.connect(transport)
        #expect(try client.get("/").isTruncated)
        let entry = try edge.waitForEnd("request_timeout")
        #expect(entry.number("status") == 200 && entry.number("upstream_status") == 504)
        try edge.origin.waitForEndedConnections(1)
    }

    /// What comes in the round in which the time ends waits for nobody but the end of the round.
    @Test func `an origin that trickles faster than rounds go is to blame, not who asks over HTTP2`() throws {
        let origin = try Self.trickling("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", pause: 0.001)
        let edge = try Edge(origin, server: "request_timeout 500ms;")
        let client = try HTTP2Client.open(edge.connect(.plain))
        for _ in 0..<20 { try client.request() }
        try edge.gateway.waitForMetrics("the end of all") { $0.sum("gateway_upstream_requests_total") == 20 }
        #expect(try edge.gateway.metrics().sum("gateway_upstream_requests_total", ["status": "504"]) == 20)
    }

    @Test(arguments: Transport.allCases) func `a reader who takes too long is cut off, however steadily it reads`(_ transport: Transport)
        throws
    {
        let origin = try endlessOrigin()
        let edge = try Edge(origin, server: "send_timeout 60s; request_timeout 1s;")
        let client = try edge.connect(transport, receiveBufferBytes: 16 * 1024)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        var received = 0
        while let piece = try? client.receiveSome(until: Deadline(seconds: 60)), !piece.isEmpty { received += piece.count }
        #expect(received > 0 && received < Self.endlessBytes)
        try edge.waitForEnd("request_timeout")
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        try origin.waitForEndedConnections(1)
    }

    @Test func `what ends in time leaves nothing behind for the requests after it`() throws {
        let held = try HeldOrigin()
        let edge = try Edge(
            held.origin,
            server: "request_timeout 600ms; location /late { request_timeout 0; proxy_pass http://{ORIGIN_HOST}; }"
                .replacingOccurrences(of: "{ORIGIN_HOST}", with: held.address))
        let client = try edge.gateway.connect()
        // The deadlines of these pass while the request without one is under way on the same connection.
        for _ in 0..<5 { #expect(try client.get("/a").text == "/a") }
        try client.send("GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(throws: TestError.self) { try client.receiveSome(until: Deadline(seconds: 1.5)) }
        held.release()
        #expect(try client.readResponse().text == "late")
        #expect(try client.get("/b").text == "/b")
    }

    @Test func `a connection that has switched protocols has no request_timeout`() throws {
        let edge = try Edge(
            ScriptedOrigin { connection, _ in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
                while case let bytes = try connection.receiveSome(until: Deadline(seconds: 60)), !bytes.isEmpty {
                    try connection.send(bytes)
                }
            }, server: "request_timeout 300ms;")
        let client = try edge.gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        #expect(try client.readHead().status == 101)
        #expect(throws: TestError.self) { try client.receiveSome(until: Deadline(seconds: 1)) }
        try client.send("still")
        #expect(try client.receive(through: "still") == "still")
    }
}
