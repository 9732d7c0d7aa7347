import TestSupport
import Testing

/// `health_check`: what the gateway asks servers by itself, and what comes of it.
@Suite struct HealthCheckTests {
    private static func lines(_ gateway: Gateway, _ text: String) -> [String] {
        gateway.program.stderr.lines.filter { $0.contains(text) }
    }

    private static let quick = "health_check path=/up interval=100ms"

    @Test func `a server that fails its checks gets nothing more, and requests again when it passes them`() throws {
        let (stays, leaves) = (try SwitchedOrigin(status: 200), try SwitchedOrigin(status: 200))
        let good = try QuickOrigin("good")
        let gateway = try Gateway(
            conf: BalanceTests.conf(
                "server \(leaves.address); server \(good.address); server \(stays.address) weight=0; \(Self.quick) fall=3 rise=2;",
                workers: 2))
        leaves.status = 404
        try eventually("the server is out") { Self.lines(gateway, "a server is put out: it fails its health checks").count == 1 }
        let line = Self.lines(gateway, "a server is put out")[0]
        for part in ["warning", "upstream=api", "server=\(leaves.address)", "checks=3", "answered 404"] {
            #expect(line.contains(part), "\(line)")
        }
        for _ in 0..<12 { #expect(try gateway.get("/")["X-Version"] == "good") }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_server_healthy", ["server": leaves.address]) == 0)
        #expect(metrics.sum("gateway_upstream_health_checks_total", ["server": leaves.address, "result": "failed"]) >= 3)
        #expect(metrics.sum("gateway_upstream_ejections_total") == 0)
        leaves.status = 200
        try eventually("the server is in") { Self.lines(gateway, "it passes its health checks").count == 1 }
        try eventually("it gets requests") { try gateway.get("/")["X-Version"] == nil }
        #expect(try gateway.metrics().sum("gateway_upstream_server_healthy", ["server": leaves.address]) == 1)
    }

    /// More than lines that the operational log says of one kind in a period.
    static let manyClosed = (1...60).map { "127.0.1.\($0):1" }

    static func areNamed(_ servers: [String], _ lines: [String]) -> Bool {
        servers.allSatisfy { server in lines.contains { $0.contains("server=\(server) ") } }
    }

    @Test func `of many servers that fail at once each is named`() throws {
        let servers = Self.manyClosed
        let gateway = try Gateway(
            conf: BalanceTests.conf(servers.map { "server \($0);" }.joined(separator: " ") + " \(Self.quick) fall=1;"))
        try eventually("a line for each") { Self.areNamed(servers, Self.lines(gateway, "a server is put out")) }
    }

    @Test func `checks ask for the path with the Host of the upstream, on connections of their own`() throws {
        let origin = try SwitchedOrigin(status: 202)
        let gateway = try Gateway(
            conf: BalanceTests.conf(
                "server \(origin.address); host chat.internal; health_check path=/up?full=1 interval=100ms expect=202;"))
        try gateway.waitForMetrics("a check that passed") {
            $0.sum("gateway_upstream_health_checks_total", ["upstream": "api", "server": origin.address, "result": "passed"]) >= 2
        }
        let head = origin.received(0)
        #expect(head.hasPrefix("GET /up?full=1 HTTP/1.1\r\nHost: chat.internal\r\n"), "\(head)")
        #expect(head.contains("\r\nUser-Agent: gateway-health-check\r\n"))
        #expect(origin.connectionCount >= 2)
        #expect(try gateway.metrics().sum("gateway_upstream_connects_total") == 0, "those are requests'")
    }

    @Test func `without a host the server's own name is sent`() throws {
        let origin = try SwitchedOrigin(status: 200)
        let gateway = try Gateway(conf: BalanceTests.conf("server \(origin.address); \(Self.quick);"))
        try gateway.waitForMetrics("a check that passed") { $0.sum("gateway_upstream_health_checks_total", ["result": "passed"]) >= 1 }
        #expect(origin.received(0).hasPrefix("GET /up HTTP/1.1\r\nHost: \(origin.address)\r\n"))
    }

    @Test(arguments: ["nobody listens", "silence", "no HTTP", "an end"])
    func `whatever is no answer fails the check, with its reason`(kind: String) throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            if kind == "no HTTP" { try connection.send("SSH-2.0-OpenSSH\r\n\r\n") }
            if kind == "silence" { _ = try connection.readNextRequest() }
        }
        let address = kind == "nobody listens" ? RetryTests.closedPort : "127.0.0.1:\(origin.port)"
        let gateway = try Gateway(conf: BalanceTests.conf("server \(address); \(Self.quick) timeout=200ms fall=1;"))
        try eventually("the server is out") { Self.lines(gateway, "it fails its health checks").count == 1 }
        let reasons = [
            "nobody listens": "Connection refused", "silence": "no answer within timeout", "no HTTP": "the status line is malformed",
            "an end": "the connection ended before an answer",
        ]
        #expect(Self.lines(gateway, "it fails")[0].contains(reasons[kind] ?? "?"), "\(Self.lines(gateway, "it fails"))")
    }

    @Test func `an interim answer is none`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let gateway = try Gateway(conf: BalanceTests.conf("server 127.0.0.1:\(origin.port); \(Self.quick) fall=1;"))
        try gateway.waitForMetrics("two that passed") { $0.sum("gateway_upstream_health_checks_total", ["result": "passed"]) >= 2 }
        #expect(try gateway.metrics().sum("gateway_upstream_health_checks_total", ["result": "failed"]) == 0)
    }

    @Test func `when all servers of a version are down its share goes to the others, and when all are down all are used`() throws {
        let (one, other) = (try SwitchedOrigin(status: 200), try QuickOrigin("other"))
        let gateway = try Gateway(
            conf: BalanceTests.conf(
                """
                version a weight=50 { server \(one.address); server \(RetryTests.closedPort) backup; }
                version b weight=50 { server \(other.address); }
                \(Self.quick) fall=1 rise=1;
                """))
        one.status = 500
        try eventually("all of the version are out") {
            try gateway.metrics().sum("gateway_upstream_server_healthy", ["version": "a"]) == 0
        }
        for _ in 0..<10 { #expect(try gateway.get("/")["X-Version"] == "other") }
        #expect(try gateway.metrics().sum("gateway_upstream_diverted_requests_total", ["version": "a"]) == 5)
    }

    @Test func `what checks have found stays over reloads, and goes with the directive`() throws {
        let (bad, good) = (try SwitchedOrigin(status: 500), try QuickOrigin("good"))
        let servers = "server \(bad.address); server \(good.address);"
        let gateway = try Gateway(conf: BalanceTests.conf("\(servers) \(Self.quick) fall=1;", workers: 2))
        try eventually("the server is out") { Self.lines(gateway, "it fails its health checks").count == 1 }
        // It is not asked again for so long.
        try gateway.reload(conf: BalanceTests.conf("\(servers) health_check path=/up interval=1h fall=1;", workers: 3))
        for _ in 0..<10 { #expect(try gateway.get("/")["X-Version"] == "good") }
        try gateway.reload(conf: BalanceTests.conf(servers, workers: 3))
        try eventually("it gets requests") { try gateway.get("/").status == 500 }
        #expect(try gateway.metrics().sum("gateway_upstream_server_healthy") == 2)
    }

    // MARK: Transports

    @Test func `a check speaks TLS as the upstream does`() throws {
        let secure = try SecureUpstream(SecureUpstream.telling(), upstream: "\(Self.quick) fall=1;")
        try secure.gateway.waitForMetrics("a check that passed") {
            $0.sum("gateway_upstream_health_checks_total", ["result": "passed"]) >= 1
        }
        #expect(try secure.gateway.metrics().sum("gateway_upstream_health_checks_total", ["result": "failed"]) == 0)
    }

    @Test func `a certificate that requests would not accept fails the check`() throws {
        let origin = try ScriptedOrigin.tellingTLS(TLSServerSide(SecureUpstream.stranger.get().leaf(["origin.test"])))
        let secure = try SecureUpstream(origin, upstream: "\(Self.quick) fall=1;")
        try eventually("the server is out") { Self.lines(secure.gateway, "it fails its health checks").count == 1 }
        #expect(Self.lines(secure.gateway, "it fails")[0].contains("TLS: "), "\(Self.lines(secure.gateway, "it fails"))")
    }

    @Test(arguments: [false, true])
    func `over HTTP/2 a check is a request on a connection of its own`(isSecure: Bool) throws {
        let side = isSecure ? try TLSServerSide(SecureUpstream.leaf.get()) { $0.alpn = "h2" } : nil
        let asked = Monitor<[String]>([])
        let origin = try ScriptedOrigin.overHTTP2(tls: side) { connection, _ in
            while let request = try connection.nextRequest() {
                if request.resetCode != nil { continue }
                asked.update { $0.append("\(request.method) \(request.path)") }
                try connection.respond(to: request.stream, text: "well")
            }
        }
        let tls = isSecure ? "tls name=origin.test ca=\(try SecureUpstream.authority.get().authorityPath);" : ""
        let gateway = try ProxiedOrigin(origin, upstream: "protocol h2; \(tls) \(Self.quick) fall=1;").gateway
        try gateway.waitForMetrics("checks that passed") { $0.sum("gateway_upstream_health_checks_total", ["result": "passed"]) >= 2 }
        #expect(try gateway.metrics().sum("gateway_upstream_health_checks_total", ["result": "failed"]) == 0)
        #expect(asked.value.allSatisfy { $0 == "GET /up" } && origin.connectionCount >= 2)
    }

    @Test func `an origin that speaks no HTTP/2 fails the checks of an upstream that does`() throws {
        let origin = try QuickOrigin("HTTP/1")
        let gateway = try ProxiedOrigin(origin.origin, upstream: "protocol h2; \(Self.quick) timeout=500ms fall=1;").gateway
        try eventually("the server is out") { Self.lines(gateway, "it fails its health checks").count == 1 }
    }
}
