import TestSupport
import Testing

/// Connections to origins: which are kept, for how long, and which are not.
@Suite struct UpstreamPoolTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func gateway(_ upstream: String) throws -> Gateway {
        try Gateway(conf: RetryTests.conf(upstream))
    }

    private func waitForIdle(_ count: Double, _ gateway: Gateway) throws {
        try gateway.waitForMetrics("\(count) idle connections") { $0.sum("gateway_upstream_connections", ["state": "idle"]) == count }
    }

    @Test func `one connection carries one request after the other, of all clients`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let gateway = try gateway("server 127.0.0.1:\(origin.port);")
        for _ in 0..<5 { #expect(try gateway.get("/").status == 200) }
        #expect(try gateway.connect().request("POST", "/", body: [1, 2, 3]).status == 200)
        #expect(origin.connectionCount == 1)
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_connects_total") == 1)
        #expect(metrics.sum("gateway_upstream_connections", ["state": "idle"]) == 1)
        #expect(metrics.sum("gateway_upstream_connections", ["state": "active"]) == 0)
    }

    @Test func `a connection that the origin closed leaves the pool at once`() throws {
        let mayClose = Monitor(false)
        let origin = try ScriptedOrigin { connection, index in
            while let request = try connection.readNextRequest() {
                try connection.send(Self.ok)
                if request.target == "/last" {
                    _ = mayClose.wait(until: Deadline(seconds: 60)) { $0 ? true : nil }
                    return
                }
            }
        }
        let gateway = try gateway("server 127.0.0.1:\(origin.port); keepalive_timeout 60s;")
        let client = try gateway.connect()
        #expect(try client.get("/last").status == 200)
        try waitForIdle(1, gateway)
        mayClose.update { $0 = true }
        try waitForIdle(0, gateway)
        // Not repeated, so it would be 502 on the connection that has gone.
        #expect(try client.request("POST", "/again", body: [1]).status == 200)
        #expect(origin.connectionCount == 2)
    }

    @Test func `an idle connection where the origin talks unasked is closed`() throws {
        let mayTalk = Monitor(false)
        let origin = try ScriptedOrigin { connection, index in
            while try connection.readNextRequest() != nil {
                try connection.send(Self.ok)
                if index > 0 { continue }
                _ = mayTalk.wait(until: Deadline(seconds: 60)) { $0 ? true : nil }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            }
        }
        let gateway = try gateway("server 127.0.0.1:\(origin.port); keepalive_timeout 60s;")
        let client = try gateway.connect()
        #expect(try client.get("/").text == "ok")
        mayTalk.update { $0 = true }
        try waitForIdle(0, gateway)
        #expect(try client.get("/").text == "ok")
        #expect(origin.connectionCount == 2)
    }

    @Test func `no more than keepalive of them wait`() throws {
        let held = try HeldOrigin()
        let gateway = try gateway("server \(held.address); keepalive 2; keepalive_timeout 60s;")
        let streams = try (0..<5).map { _ in try RunningStream(gateway.connect()) }
        held.release()
        for stream in streams { try stream.finish() }
        try waitForIdle(2, gateway)
        try held.origin.waitForEndedConnections(3)
        #expect(held.origin.openCount == 2)
    }

    @Test func `keepalive counts over all servers of the upstream, as nginx's does`() throws {
        let origins = try (0..<3).map { _ in try HeldOrigin() }
        let servers = origins.map { "server \($0.address); " }.joined()
        let gateway = try gateway(servers + "keepalive 2; keepalive_timeout 60s;")
        let streams = try (0..<6).map { _ in try RunningStream(gateway.connect()) }
        origins.forEach { $0.release() }
        for stream in streams { try stream.finish() }
        try waitForIdle(2, gateway)
        try gateway.waitForMetrics("no active ones") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 0 }
        #expect(origins.reduce(0) { $0 + $1.origin.connectionCount } == 6)
    }

    @Test func `keepalive 0 keeps none`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let gateway = try gateway("server 127.0.0.1:\(origin.port); keepalive 0;")
        for _ in 0..<3 { #expect(try gateway.get("/").status == 200) }
        try origin.waitForEndedConnections(3)
        #expect(origin.connectionCount == 3)
    }

    @Test func `keepalive_timeout ends them`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let gateway = try gateway("server 127.0.0.1:\(origin.port); keepalive_timeout 100ms;")
        #expect(try gateway.get("/").status == 200)
        try origin.waitForEndedConnections(1)
        try waitForIdle(0, gateway)
        #expect(try gateway.get("/").status == 200)
        #expect(origin.connectionCount == 2)
    }

    @Test func `reloads keep them, and close those of a server that has left the configuration`() throws {
        let staying = try ScriptedOrigin.answering(Self.ok)
        let leaving = try ScriptedOrigin.answering(Self.ok)
        let servers = "server 127.0.0.1:\(staying.port); keepalive_timeout 60s;"
        let gateway = try gateway("\(servers) server 127.0.0.1:\(leaving.port);")
        for _ in 0..<2 { #expect(try gateway.get("/").status == 200) }
        try waitForIdle(2, gateway)
        try gateway.reload(conf: RetryTests.conf(servers))
        try leaving.waitForEndedConnections(1)
        try waitForIdle(1, gateway)
        #expect(try gateway.get("/").status == 200)
        #expect(staying.connectionCount == 1 && staying.openCount == 1)
    }

    @Test func `a connection whose server leaves while it carries a request is not kept afterwards`() throws {
        let leaving = try HeldOrigin()
        let staying = try ScriptedOrigin.answering(Self.ok)
        let gateway = try gateway("server \(leaving.address); keepalive_timeout 60s;")
        let stream = try RunningStream(gateway.connect())
        try gateway.reload(conf: RetryTests.conf("server 127.0.0.1:\(staying.port);"))
        leaving.release()
        try stream.finish()
        try leaving.origin.waitForEndedConnections(1)
        try waitForIdle(0, gateway)
    }

    @Test func `connections of one upstream are not another's, though the address is the same`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let server = "server 127.0.0.1:\(origin.port); keepalive_timeout 60s;"
        let gateway = try Gateway(
            conf: """
                workers 1;
                access_log off;
                upstream a { \(server) }
                upstream b { \(server) keepalive 0; }
                server { listen 127.0.0.1:0; location /a { proxy_pass http://a; } location /b { proxy_pass http://b; } }
                """)
        for target in ["/a", "/b", "/a", "/b"] { #expect(try gateway.get(target).status == 200) }
        #expect(origin.connectionCount == 3)
    }

    @Test func `host is what the origin gets as Host; without it the client's`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let gateway = try gateway("server 127.0.0.1:\(origin.port); host chat.internal;")
        #expect(try gateway.get("/", host: "api.example").status == 200)
        #expect(origin.received().contains("\r\nHost: chat.internal\r\n"))
        #expect(!origin.received().contains("Host: api.example\r\n") || origin.received().contains("X-Forwarded-Host: api.example\r\n"))
        try gateway.reload(conf: RetryTests.conf("server 127.0.0.1:\(origin.port);"))
        #expect(try gateway.get("/", host: "api.example").status == 200)
        #expect(origin.received().contains("\r\nHost: api.example\r\n"))
    }

    @Test func `an HTTP/1.0 origin is read to its end, and not kept`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end")
        let gateway = try gateway("server 127.0.0.1:\(origin.port);")
        let client = try gateway.connect()
        for _ in 0..<2 {
            let answer = try client.get("/")
            #expect(answer.startLine == "HTTP/1.1 200 OK" && answer.text == "until the end" && answer["Connection"] == nil)
        }
        #expect(origin.connectionCount == 2)
    }

    @Test func `an HTTP/1.0 origin that says keep-alive is kept`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        let gateway = try gateway("server 127.0.0.1:\(origin.port);")
        for _ in 0..<2 { #expect(try gateway.get("/").text == "ok") }
        #expect(origin.connectionCount == 1)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ])
    func `an origin that says it will close is not asked again on that connection`(response: String) throws {
        // It says so, and then does not.
        let origin = try ScriptedOrigin { connection, _ in
            while try connection.readNextRequest() != nil { try connection.send(response) }
        }
        let gateway = try gateway("server 127.0.0.1:\(origin.port);")
        let client = try gateway.connect()
        for _ in 0..<3 { #expect(try client.get("/").text == "ok") }
        #expect(origin.connectionCount == 3)
        try origin.waitForEndedConnections(3)
    }

    @Test func `an answer that comes before the request was whole costs the connection`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
            while !(try connection.receiveSome(until: Deadline(seconds: 30)).isEmpty) {}
        }
        let gateway = try gateway("server 127.0.0.1:\(origin.port);")
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nfew")
        #expect(try client.readResponse(to: "POST").status == 413)
        try origin.waitForEndedConnections(1)
        try waitForIdle(0, gateway)
    }
}
