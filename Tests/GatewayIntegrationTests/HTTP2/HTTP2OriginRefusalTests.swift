import Glibc
import TestSupport
import Testing

/// Origins that speak HTTP/2 and take no requests, or no more: where those go, and what the operator is told.
@Suite struct HTTP2OriginRefusalTests {
    private func proxied(_ origin: ScriptedOrigin, _ upstream: String = "") throws -> ProxiedOrigin {
        try HTTP2OriginTests.proxied(origin, upstream)
    }

    private func refusing() throws -> ScriptedOrigin {
        try .overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() { try connection.send(.resetStream(request.stream, .refusedStream)) }
        }
    }

    // MARK: Refused requests

    @Test func `a request that is refused goes to another connection, and the one that refused ends when it carries nothing`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            while let request = try connection.nextRequest() {
                if index == 0 {
                    try connection.send(.resetStream(request.stream, .refusedStream))
                } else {
                    try connection.respond(to: request.stream, text: "\(request.method) on \(index)")
                }
            }
        }
        let gateway = try proxied(origin, "keepalive_timeout 60s;").gateway
        #expect(try gateway.connect().request("POST", "/", body: [1]).text == "POST on 1")
        try origin.waitForEndedConnections(1)
        #expect(try gateway.get("/").text == "GET on 1")
        #expect(origin.connectionCount == 2 && origin.errors.isEmpty)
    }

    @Test func `a connection that has refused gets further requests once one of its own is over`() throws {
        let isHeld = Signal()
        let mayEnd = Signal()
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            guard index == 0, let held = try connection.nextRequest() else {
                while let request = try connection.nextRequest() {
                    try connection.respond(to: request.stream, text: "on \(index)")
                    // It takes no further one.
                    try connection.send(.goAway(last: request.stream))
                }
                return
            }
            isHeld.send()
            guard let second = try connection.nextRequest() else { return }
            try connection.send(.resetStream(second.stream, .refusedStream))
            try mayEnd.wait()
            try connection.respond(to: held.stream, text: "held")
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "on 0 again") }
        }
        let gateway = try proxied(origin, "keepalive_timeout 60s;").gateway
        let held = try gateway.connect()
        try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        try isHeld.wait()
        #expect(try gateway.get("/").text == "on 1")
        mayEnd.send()
        #expect(try held.readResponse().text == "held")
        #expect(try gateway.get("/").text == "on 0 again")
        #expect(origin.connectionCount == 2 && origin.errors.isEmpty)
    }

    @Test func `a server that refuses a second time is left for another, whatever the method`() throws {
        let (bad, good) = (try refusing(), try HTTP2OriginTests.telling())
        let servers = "server 127.0.0.1:\(bad.port); server 127.0.0.1:\(good.port); protocol h2; retry attempts=3;"
        let gateway = try Gateway(conf: RetryTests.conf(servers))
        for _ in 0..<4 { #expect(try gateway.connect().request("POST", "/", body: [97]).text == "POST / a on 0") }
        let log = try gateway.accessLog(waitingFor: 4)
        let attempts = log.compactMap { $0.number("attempts") }
        #expect(attempts.allSatisfy { $0 == 1 || $0 == 3 } && attempts.contains(3), "\(attempts)")
        let refused = ["server": "127.0.0.1:\(bad.port)", "frame": "rst_stream", "code": "refused_stream"]
        #expect(try gateway.metrics().sum("gateway_upstream_http2_errors_total", refused) >= 2)
    }

    enum Ending: String, CaseIterable { case goaway, end, reset }

    @Test(arguments: Ending.allCases) func `what was not sent before the connection ended is sent on another`(ending: Ending) throws {
        let arrived = Signal()
        let mayEnd = Signal()
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            while let request = try connection.nextRequest() {
                if request.path == "/held" {
                    arrived.send()
                    try mayEnd.wait()
                    if ending == .goaway { try connection.send(.goAway(last: request.stream)) }
                    if ending == .reset { (connection.connection as? TCPConnection)?.reset() }
                    return
                }
                try connection.respond(to: request.stream, text: "\(request.method) on \(index)")
            }
        }
        let gateway = try proxied(origin, "keepalive_timeout 60s;").gateway
        let clients = try (0..<5).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.get("/").text == "GET on 0") }
        let held = try gateway.connect()
        try held.send("POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        try arrived.wait()
        // The end of the connection is seen in the round in which requests were begun on it.
        try gateway.program.suspend()
        for client in clients { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx") }
        mayEnd.send()
        try origin.waitForEndedConnections(1)
        gateway.program.send(SIGCONT)
        let answers = try clients.map { try $0.readResponse().text }
        #expect(answers == Array(repeating: "POST on 1", count: 5))
        #expect(try held.readResponse().status == 502)
    }

    // MARK: No requests at all

    @Test func `an origin that allows no requests at first gets them when it does`() throws {
        let mayAllow = Signal()
        let origin = try ScriptedOrigin.overHTTP2({ $0.settings = [(HTTP2Setting.maxConcurrentStreams, 0)] }) { connection, index in
            try connection.wait("the acknowledgement") { $0.settingsAcks == 1 }
            try mayAllow.wait()
            try connection.send(.settings([HTTP2Setting.maxConcurrentStreams: 10]))
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "on \(index)") }
        }
        let gateway = try proxied(origin, "connect_timeout 20s;").gateway
        let clients = try (0..<3).map { _ in try gateway.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try gateway.waitForMetrics("three requests") { $0.sum("gateway_connections", ["state": "active"]) == 3 }
        mayAllow.send()
        for client in clients { #expect(try client.readResponse().text == "on 0") }
        #expect(origin.connectionCount == 1 && origin.errors.isEmpty)
    }

    @Test func `an origin that never allows any is 504 at connect_timeout`() throws {
        let origin = try ScriptedOrigin.overHTTP2({ $0.settings = [(HTTP2Setting.maxConcurrentStreams, 0)] }) { connection, _ in
            try connection.waitForEnd()
        }
        let answer = try proxied(origin, "connect_timeout 3s;").gateway.get("/")
        #expect(answer.status == 504 && answer.text.contains("connect_timeout") && answer.text.contains("no requests"))
    }

    // MARK: What the operator is told

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP/1.0 505 No\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", ""])
    func `an origin that speaks another protocol is called so`(greeting: String) throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.receive(24)
            try connection.send(greeting)
        }
        let gateway = try proxied(origin).gateway
        let answer = try gateway.get("/")
        let reason = greeting.isEmpty ? "instead of beginning HTTP/2" : "the origin does not speak HTTP/2"
        #expect(answer.status == 502 && answer.text.contains(reason), "\(answer.text)")
        try gateway.program.stderr.waitForLine("the reason in the log") {
            $0.contains("requests to a server fail") && $0.contains(reason)
        }
    }

    @Test func `the code of a reset is in the log and counted`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() { try connection.send(.resetStream(request.stream, .enhanceYourCalm)) }
        }
        let gateway = try proxied(origin).gateway
        #expect(try gateway.get("/").status == 502)
        try gateway.program.stderr.waitForLine("the code in the log") {
            $0.contains("requests to a server fail") && $0.contains("rst_stream enhance_your_calm")
        }
        let labels = ["upstream": "origin", "server": "127.0.0.1:\(origin.port)", "frame": "rst_stream", "code": "enhance_your_calm"]
        #expect(try gateway.metrics().sum("gateway_upstream_http2_errors_total", labels) == 1)
    }

    @Test(arguments: [(0xb, "enhance_your_calm"), (0x99, "unknown")] as [(UInt32, String)])
    func `the code of a GOAWAY is in the log and counted, also where every request was answered`(code: UInt32, name: String) throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, index in
            guard let request = try connection.nextRequest() else { return }
            try connection.send(.goAway(last: request.stream, code))
            try connection.respond(to: request.stream, text: "on \(index)")
            try connection.waitForEnd()
        }
        let gateway = try proxied(origin).gateway
        for index in 0..<2 { #expect(try gateway.get("/").text == "on \(index)") }
        try gateway.program.stderr.waitForLine("the code in the log") {
            $0.contains("a server ends its connections") && $0.contains("goaway \(name)")
        }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_http2_errors_total", ["frame": "goaway", "code": name]) == 2)
        #expect(metrics.sum("gateway_upstream_http2_errors_total") == 2)
    }
}
