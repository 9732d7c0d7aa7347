import TestSupport
import Testing

/// Attempts: which failures send a request to another server, and what the client hears when none is left.
@Suite struct RetryTests {
    /// `upstream` is the inside of an upstream block; the default 2 s of connect_timeout would only make the tests slow.
    static func conf(_ upstream: String) -> String {
        """
        workers 1;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        upstream api { \(upstream) }
        server { listen 127.0.0.1:0; location / { proxy_pass http://api; } }
        """
    }

    /// Nobody listens there: below 1024 and without a service.
    static let closedPort = "127.0.0.1:1"

    private func good() throws -> QuickOrigin { try QuickOrigin("good") }

    // MARK: Connecting

    @Test func `a refused connection sends the request to another server`() throws {
        let good = try good()
        let gateway = try Gateway(conf: Self.conf("server \(Self.closedPort); server \(good.address);"))
        let client = try gateway.connect()
        for _ in 0..<6 { #expect(try client.get("/")["X-Version"] == "good") }
        let post = try client.request("POST", "/", body: Array("\r\n\r\n".utf8))
        #expect(post.status == 200, "a connection that was never made cannot have carried the request")
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_requests_total", ["server": Self.closedPort, "status": "502"]) >= 3)
        #expect(metrics.sum("gateway_upstream_retries_total", ["upstream": "api", "server": Self.closedPort]) >= 3)
        #expect(try gateway.accessLog(waitingFor: 7).contains { $0.number("attempts") == 2 && $0["upstream_server"] == good.address })
    }

    @Test func `a refused connection to the only server is 502 with the reason`() throws {
        let gateway = try Gateway(conf: Self.conf("server \(Self.closedPort);"))
        let answer = try gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("connect_failed"))
        #expect(try gateway.metrics().sum("gateway_refusals_total", ["error_type": "connect_failed"]) == 1)
    }

    @Test(arguments: ["retry attempts=1;", "retry on=idle;"])
    func `without a retry for it a refused connection is 502 although another server is there`(retry: String) throws {
        let good = try good()
        let gateway = try Gateway(conf: Self.conf("server \(Self.closedPort); server \(good.address); \(retry)"))
        let statuses = try (0..<4).map { _ in try gateway.get("/").status }
        #expect(statuses.sorted() == [200, 200, 502, 502])
    }

    @Test func `attempts is how many servers are tried in all`() throws {
        let good = try good()
        let dead = "server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3; server 127.0.0.1:4;"
        // The first choice falls on each of the five in turn; the retries' own turns begin with the first server.
        let gateway = try Gateway(conf: Self.conf("\(dead) server \(good.address); retry attempts=2;"))
        #expect(try (0..<5).map { _ in try gateway.get("/").status }.contains(502))
        try gateway.reload(conf: Self.conf("\(dead) server \(good.address); retry attempts=5;"))
        for _ in 0..<5 { #expect(try gateway.get("/").status == 200) }
    }

    @Test func `with a budget no more retries are made than its share and its floor, and a metric says so`() throws {
        let good = try good()
        let servers = "server \(Self.closedPort); server \(good.address);"
        // The floor is nothing: a quarter of the requests may be retried, and half of them would have to be.
        let gateway = try Gateway(conf: Self.conf("\(servers) retry budget=25% floor=0;"))
        let statuses = try (0..<40).map { _ in try gateway.get("/").status }
        let failed = statuses.count { $0 == 502 }
        #expect((10...15).contains(failed), "\(statuses)")
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_retries_refused_total", ["upstream": "api"]) == Double(failed))
        #expect(metrics.sum("gateway_upstream_retries_total", ["upstream": "api"]) == Double(20 - failed))
        try gateway.reload(conf: Self.conf("\(servers) retry budget=0% floor=1000000;"))
        for _ in 0..<10 { #expect(try gateway.get("/").status == 200) }
    }

    @Test func `another version takes over when all servers of the chosen one fail`() throws {
        let good = try good()
        let gateway = try Gateway(
            conf: Self.conf("version old weight=50 { server \(Self.closedPort); } version new weight=50 { server \(good.address); }"))
        for _ in 0..<4 { #expect(try gateway.get("/")["X-Version"] == "good") }
    }

    @Test func `a connection that is not taken within connect_timeout is 504`() throws {
        let deaf = try DeafListener()
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(deaf.port); connect_timeout 100ms;"))
        let answer = try gateway.get("/")
        #expect(answer.status == 504 && answer.text.contains("connect_timeout"))
        #expect(try gateway.metrics().sum("gateway_upstream_requests_total", ["status": "504"]) == 1)
    }

    @Test func `a connection that is not taken sends the request to another server`() throws {
        let good = try good()
        let deaf = try DeafListener()
        let gateway = try Gateway(
            conf: Self.conf("server 127.0.0.1:\(deaf.port); server \(good.address); connect_timeout 100ms;"))
        for _ in 0..<4 { #expect(try gateway.get("/")["X-Version"] == "good") }
    }

    // MARK: Names

    @Test func `a name that does not resolve is a warning, and 502 until it does`() throws {
        let gateway = try Gateway(conf: Self.conf("server no-such-host.invalid:80;"))
        #expect(gateway.program.stderr.text.contains("no-such-host.invalid"))
        let answer = try gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("connect_failed"))
    }

    @Test func `a server without an address leaves its requests to the others, and their shares alone`() throws {
        let stable = try QuickOrigin("stable")
        let canary = try QuickOrigin("canary")
        let gateway = try Gateway(
            conf: Self.conf(
                """
                version lost weight=50 { server no-such-host.invalid:80; }
                version stable weight=25 { server \(stable.address); }
                version canary weight=25 { server \(canary.address); }
                """))
        let client = try gateway.connect()
        let versions = try (0..<40).map { _ in try client.get("/")["X-Version"] }
        #expect(versions.count { $0 == "stable" } == 20 && versions.count { $0 == "canary" } == 20)
    }

    // MARK: Kept-alive connections that died

    /// Answers the first request of each connection; with the second it ends the connection without a word, the first `count` times.
    private static func leaving(after count: Int, resets: Bool) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, index in
            var isFirst = true
            while try connection.readNextRequest() != nil {
                if !isFirst && index < count {
                    if resets { connection.reset() }
                    return
                }
                isFirst = false
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
    }

    @Test(arguments: [true, false])
    func `a GET on a kept-alive connection that ends with it is repeated on a new one`(resets: Bool) throws {
        let origin = try Self.leaving(after: 1, resets: resets)
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(origin.port);"))
        let client = try gateway.connect()
        #expect(try client.get("/1").status == 200)
        #expect(try client.get("/2").status == 200)
        #expect(origin.connectionCount == 2)
        #expect(origin.received(1).hasPrefix("GET /2 HTTP/1.1\r\n"))
    }

    @Test func `a server that dies with a kept-alive connection leaves the request to another, with the two attempts that are usual`()
        throws
    {
        let good = try good()
        let dying = Monitor<ScriptedOrigin?>(nil)
        let port = try dying.update { place in
            let origin = try ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                _ = try connection.readNextRequest()
                // Nobody listens any more.
                dying.update { $0 = nil }
            }
            place = origin
            return origin.port
        }
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(port); server \(good.address);"))
        let client = try gateway.connect()
        #expect(try client.get("/")["X-Version"] == nil)
        #expect(try client.get("/")["X-Version"] == "good")
        let answer = try client.get("/")
        #expect(answer.status == 200 && answer["X-Version"] == "good")
        #expect(try gateway.metrics().sum("gateway_upstream_retries_total") == 2)
    }

    @Test(arguments: [true, false])
    func `a POST on a kept-alive connection that ends with it is not repeated`(resets: Bool) throws {
        let origin = try Self.leaving(after: 1, resets: resets)
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(origin.port);"))
        let client = try gateway.connect()
        #expect(try client.get("/1").status == 200)
        let answer = try client.request("POST", "/2", body: Array("once".utf8))
        #expect(answer.status == 502 && answer.text.contains("upstream_closed"))
        #expect(origin.connectionCount == 1)
    }

    @Test func `a POST is repeated with non_idempotent, body and all`() throws {
        let origin = try Self.leaving(after: 1, resets: false)
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(origin.port); retry non_idempotent;"))
        let client = try gateway.connect()
        #expect(try client.get("/1").status == 200)
        #expect(try client.request("POST", "/2", body: Array("twice".utf8)).status == 200)
        #expect(origin.received(1).hasPrefix("POST /2 ") && origin.received(1).hasSuffix("twice"))
    }

    @Test func `with attempts=1 not even a GET is repeated`() throws {
        let origin = try Self.leaving(after: 1, resets: false)
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(origin.port); retry attempts=1;"))
        let client = try gateway.connect()
        #expect(try client.get("/1").status == 200)
        #expect(try client.get("/2").status == 502)
    }

    @Test func `a connection that was new is no excuse: its end is 502 at once`() throws {
        let origin = try ScriptedOrigin { connection, _ in _ = try connection.readRequest() }
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(origin.port);"))
        let answer = try gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("upstream_closed"))
        #expect(origin.connectionCount == 1)
    }

    @Test func `an answer that has begun is never repeated`() throws {
        let origin = try ScriptedOrigin { connection, index in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 2")
        }
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(origin.port);"))
        let client = try gateway.connect()
        #expect(try client.get("/1").status == 200)
        #expect(try client.get("/2").status == 502)
        #expect(origin.connectionCount == 1)
    }

    // MARK: Times

    @Test func `an origin that does not answer within read_timeout is 504`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: Self.conf("server \(held.address); read_timeout 100ms;"))
        let answer = try gateway.get("/late")
        #expect(answer.status == 504 && answer.text.contains("upstream_read_timeout"))
        #expect(try gateway.get("/quick").status == 200)
        held.release()
    }

    @Test func `an answer that stops midway breaks off after read_timeout`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: Self.conf("server \(held.address); read_timeout 100ms;"))
        let answer = try gateway.get("/stream")
        #expect(answer.status == 200 && answer.text == "a" && answer.isTruncated)
        #expect(try gateway.accessLog(waitingFor: 1)[0]["error_type"] == "upstream_truncated")
        held.release()
    }

    @Test func `an origin that does not take the request within send_timeout is 504`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            // Reads nothing, until the gateway has given up.
            _ = connection.isEndedByPeer(timeout: 0.001)
            try eventually("the gateway's end", timeout: 30) { !connection.isOpen }
        }
        let gateway = try Gateway(
            conf: Self.conf("server 127.0.0.1:\(origin.port); send_timeout \(Deadline.sendTimeoutMs)ms;") + "client_max_body_size 0;")
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        _ = try client.sendUntilBlocked([UInt8](repeating: 120, count: 65_536), bytesMax: 50_000_000)
        let answer = try client.readResponse(to: "POST")
        #expect(answer.status == 504 && answer.text.contains("upstream_send_timeout"))
    }
}
