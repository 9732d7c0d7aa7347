import TestSupport
import Testing

/// `outlier`: servers that requests put out, for how long, and who takes their share.
@Suite struct OutlierTests {
    private static func conf(_ upstream: String, workers: Int = 2) -> String {
        BalanceTests.conf(upstream, workers: workers)
    }

    private static func out(_ gateway: Gateway, _ server: String) throws -> Bool {
        try gateway.metrics().sum("gateway_upstream_server_healthy", ["server": server]) == 0
    }

    private static func lines(_ gateway: Gateway, _ text: String) -> [String] {
        gateway.program.stderr.lines.filter { $0.contains(text) }
    }

    @Test func `a server that answers 5xx so many times in a row gets nothing more, from any worker`() throws {
        let good = try QuickOrigin("good")
        let bad = try SwitchedOrigin(status: 503)
        let gateway = try Gateway(conf: Self.conf("server \(good.address); server \(bad.address); outlier errors=3 eject=1h max=50%;"))
        #expect(try !Self.out(gateway, bad.address) && !Self.out(gateway, good.address))
        let statuses = try (0..<40).map { _ in try gateway.get("/").status }
        #expect(statuses.count { $0 == 503 } == 3, "\(statuses)")
        #expect(try (0..<20).allSatisfy { _ in try gateway.get("/")["X-Version"] == "good" })
        try gateway.waitForMetrics("the ejection") { $0.sum("gateway_upstream_ejections_total", ["server": bad.address]) == 1 }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_server_healthy", ["server": bad.address]) == 0)
        #expect(metrics.sum("gateway_upstream_server_healthy", ["server": good.address]) == 1)
        #expect(metrics.sum("gateway_upstream_ejections_total", ["server": good.address]) == 0)
        let line = try #require(Self.lines(gateway, "a server is put out").first)
        for part in ["warning", "upstream=api", "server=\(bad.address)", "failures=3", "answered 503", "seconds=3600"] {
            #expect(line.contains(part), "\(line)")
        }
    }

    @Test func `of many servers that are put out at once each is named`() throws {
        let servers = HealthCheckTests.manyClosed
        let gateway = try Gateway(
            conf: Self.conf(servers.map { "server \($0);" }.joined(separator: " ") + " outlier errors=1 eject=1h max=100%;", workers: 1))
        for _ in servers { _ = try gateway.get("/") }
        try eventually("a line for each") { HealthCheckTests.areNamed(servers, Self.lines(gateway, "a server is put out")) }
    }

    @Test func `any other answer ends the row, also 404`() throws {
        let origin = try SwitchedOrigin(status: 500)
        let good = try QuickOrigin("good")
        let gateway = try Gateway(
            conf: Self.conf("server \(origin.address); server \(good.address) backup; outlier errors=3 eject=1h max=50%;", workers: 1))
        for _ in 0..<4 {
            origin.status = 500
            for _ in 0..<2 { #expect(try gateway.get("/").status == 500) }
            origin.status = 404
            #expect(try gateway.get("/").status == 404)
        }
        origin.status = 500
        for _ in 0..<3 { #expect(try gateway.get("/").status == 500) }
        #expect(try gateway.get("/")["X-Version"] == "good")
    }

    @Test func `a server that can't be connected to is tried so many times and no more`() throws {
        let good = try QuickOrigin("good")
        let gateway = try Gateway(
            conf: Self.conf("server \(RetryTests.closedPort); server \(good.address); outlier errors=2 eject=1h max=50%;", workers: 1))
        for _ in 0..<20 { #expect(try gateway.get("/")["X-Version"] == "good") }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_connects_total", ["server": RetryTests.closedPort]) == 2)
        #expect(metrics.sum("gateway_upstream_retries_total") == 2)
    }

    @Test func `silence and broken answers count as well`() throws {
        let silent = try ScriptedOrigin { connection, _ in while try connection.readNextRequest() != nil {} }
        let broken = try ScriptedOrigin { connection, _ in _ = try connection.readHead() }
        let (good, other) = (try QuickOrigin("good"), try QuickOrigin("other"))
        let gateway = try Gateway(
            conf: Self.conf(
                """
                server 127.0.0.1:\(silent.port); server 127.0.0.1:\(broken.port); server \(good.address); server \(other.address);
                read_timeout 50ms; outlier errors=1 eject=1h max=50%;
                """, workers: 1))
        let statuses = try (0..<30).map { _ in try gateway.get("/").status }
        #expect(statuses.count { $0 == 504 } == 1 && statuses.count { $0 == 502 } == 1, "\(statuses)")
        try eventually("one line for the failure, one for the ejection") {
            Self.lines(gateway, "did not answer within read_timeout").count == 2
        }
    }

    @Test func `no more than the share are out, and one that has to stay is told of`() throws {
        let bad = try (0..<3).map { _ in try SwitchedOrigin(status: 502) }
        let servers = bad.map { "server \($0.address);" }.joined()
        let gateway = try Gateway(conf: Self.conf("\(servers) outlier errors=1 eject=1h max=67%;"))
        for _ in 0..<30 { #expect(try gateway.get("/").status == 502) }
        #expect(try gateway.metrics().sum("gateway_upstream_server_healthy") == 1)
        try eventually("the lines of all") {
            Self.lines(gateway, "a server is put out").count == 2 && Self.lines(gateway, "stays in").count == 1
        }
    }

    @Test func `when all are out all are used, for any may be as good as another`() throws {
        let origins = try (0..<2).map { _ in try SwitchedOrigin(status: 500) }
        let gateway = try Gateway(
            conf: Self.conf("server \(origins[0].address); server \(origins[1].address); outlier errors=1 eject=1h max=100%;"))
        for _ in 0..<8 { #expect(try gateway.get("/").status == 500) }
        #expect(try gateway.metrics().sum("gateway_upstream_server_healthy") == 0)
        for origin in origins { origin.status = 200 }
        for _ in 0..<8 { #expect(try gateway.get("/").status == 200) }
    }

    @Test func `the only server of an upstream is told to be out and used nevertheless`() throws {
        let origin = try SwitchedOrigin(status: 500)
        let gateway = try Gateway(conf: Self.conf("server \(origin.address); outlier errors=1 eject=1h max=50%;"))
        for _ in 0..<4 { #expect(try gateway.get("/").status == 500) }
        #expect(try Self.out(gateway, origin.address))
        origin.status = 200
        for _ in 0..<4 { #expect(try gateway.get("/").status == 200) }
    }

    // MARK: Versions

    @Test func `a version whose servers are all out leaves its share to the others by their weights, and a metric says so`() throws {
        let bad = try SwitchedOrigin(status: 500)
        let (stable, canary) = (try QuickOrigin("stable"), try QuickOrigin("canary"))
        let gateway = try Gateway(
            conf: Self.conf(
                """
                version lost weight=50 { server \(bad.address); }
                version stable weight=30 { server \(stable.address); }
                version canary weight=20 { server \(canary.address); }
                outlier errors=1 eject=1h max=50%;
                """, workers: 1))
        let client = try gateway.connect()
        while try client.get("/").status == 200 {}
        let versions = try (0..<100).map { _ in try client.get("/")["X-Version"] }
        #expect(versions.count { $0 == "stable" } == 60 && versions.count { $0 == "canary" } == 40, "\(versions)")
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_upstream_diverted_requests_total", ["version": "lost"]) == 50)
        #expect(metrics.sum("gateway_upstream_diverted_requests_total") == 50)
    }

    // MARK: Coming back

    @Test func `a server is in again when its time is over, and its row begins anew`() throws {
        let good = try QuickOrigin("good")
        let origin = try SwitchedOrigin(status: 503)
        let gateway = try Gateway(
            conf: Self.conf("server \(origin.address); server \(good.address); outlier errors=2 eject=300ms max=50%;"))
        func putOut() -> [String] { Self.lines(gateway, "a server is put out") }
        try eventually("the server is out") {
            _ = try gateway.get("/")
            return !putOut().isEmpty
        }
        origin.status = 200
        try eventually("the server is in again") { Self.lines(gateway, "a server is taken again").count == putOut().count }
        #expect(try !Self.out(gateway, origin.address))
        try eventually("it gets requests") { try gateway.get("/")["X-Version"] == nil }
        let times = putOut().count
        origin.status = 503
        try eventually("the server is out once more") {
            _ = try gateway.get("/")
            return putOut().count > times
        }
        #expect(putOut()[0].contains("seconds=0.3") && putOut().allSatisfy { $0.contains("failures=2") }, "\(putOut())")
    }

    @Test func `a server stays out over reloads, and is in again when the directive is gone`() throws {
        let good = try QuickOrigin("good")
        let bad = try SwitchedOrigin(status: 503)
        let servers = "server \(good.address); server \(bad.address);"
        let gateway = try Gateway(conf: Self.conf("\(servers) outlier errors=1 eject=1h max=50%;"))
        try eventually("the server is out") {
            _ = try gateway.get("/")
            return try Self.out(gateway, bad.address)
        }
        try gateway.reload(conf: Self.conf("\(servers) outlier errors=7 eject=1h max=50%; connect_timeout 1s;", workers: 3))
        #expect(try Self.out(gateway, bad.address))
        for _ in 0..<10 { #expect(try gateway.get("/").status == 200) }
        try gateway.reload(conf: Self.conf(servers))
        #expect(try !Self.out(gateway, bad.address))
        try eventually("it gets requests") { try gateway.get("/").status == 503 }
        try gateway.reload(conf: Self.conf("server \(good.address);"))
        #expect(try gateway.metrics().series.keys.count { $0.hasPrefix("gateway_upstream_server_healthy{") } == 1, "the other's is gone")
    }

    // MARK: Under load

    /// An address that no client's connection begins at: its port stays free while nobody listens there.
    private static let elsewhere = "127.0.0.9"

    @Test func `a server that dies under load is out without an error for clients, and taken again when it is back`() throws {
        let stays = try QuickOrigin("stays")
        let host = Self.elsewhere
        // The port is known before its first server comes: one that has taken any port could not be followed by another there.
        let port = try QuickOrigin("nobody", host: host).port
        var leaves: QuickOrigin?
        func come() throws {
            try eventually("the port is free") {
                leaves = try? QuickOrigin("leaves", host: host, port: port)
                return leaves != nil
            }
        }
        try come()
        let gateway = try Gateway(
            conf: Self.conf("server \(stays.address); server \(host):\(port); outlier errors=5 eject=200ms max=50%;"))
        let listener = gateway.port
        let load = LoadClient(connections: 8) { try TCPClient(port: listener) }
        try load.waitForAnswers(400)
        leaves = nil
        try eventually("the server is out") { Self.lines(gateway, "a server is put out").count >= 1 }
        try load.waitForAnswers(400)
        try come()
        let before = load.tally.versions["leaves"] ?? 0
        try eventually("it is taken again") { load.tally.versions["leaves", default: 0] > before + 100 }
        let tally = try load.stop()
        // What was sent on a connection that had not been used before may have been acted on.
        #expect(tally.failures.allSatisfy { $0.contains("upstream_closed") } && tally.failures.count <= 8, "\(tally.failures)")
        #expect(try !Self.out(gateway, "\(host):\(port)"))
        withExtendedLifetime(leaves) {}
    }
}
