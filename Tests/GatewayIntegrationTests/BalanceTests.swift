import Glibc
import TestSupport
import Testing

/// Which server a request goes to when it matters how many are there already.
@Suite struct BalanceTests {
    static func conf(_ upstream: String, workers: Int = 1) -> String {
        """
        workers \(workers);
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        upstream api { \(upstream) }
        server { listen 127.0.0.1:0; location / { proxy_pass http://api; } }
        """
    }

    static func hold(_ gateway: Gateway) throws -> TCPClient {
        let client = try gateway.connect()
        try client.send("GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client
    }

    // MARK: least_conn

    @Test func `least_conn sends nothing more to a server that is slow while another is free, reloads or not`() throws {
        let slow = try HeldOrigin()
        let quick = try QuickOrigin("quick")
        let gateway = try Gateway(
            conf: Self.conf("server 127.0.0.1:\(slow.origin.port) weight=2; server \(quick.address) weight=2; balance least_conn;"))
        let held = try Self.hold(gateway)
        try slow.origin.waitForReceived("/late")
        let client = try gateway.connect()
        for _ in 0..<10 { #expect(try client.get("/")["X-Version"] == "quick") }
        // The request that runs on the old configuration is at the same server.
        try gateway.reload()
        for _ in 0..<10 { #expect(try client.get("/")["X-Version"] == "quick") }
        slow.release()
        #expect(try held.readResponse().text == "late")
        let versions = try (0..<10).map { _ in try client.get("/")["X-Version"] }
        #expect(versions.count { $0 == "quick" } == 5)
    }

    @Test(arguments: ["away and back", "to the backups"])
    func `least_conn knows what is at a server that reloads have moved`(place: String) throws {
        let slow = try HeldOrigin()
        let quick = try QuickOrigin("quick")
        let (slowServer, quickServer) = ("server 127.0.0.1:\(slow.origin.port)", "server \(quick.address)")
        let both = Self.conf("\(slowServer) weight=2; \(quickServer) weight=2; balance least_conn;")
        let gateway = try Gateway(conf: both)
        let held = try Self.hold(gateway)
        try slow.origin.waitForReceived("/late")
        if place == "away and back" {
            try gateway.reload(conf: Self.conf("\(quickServer); balance least_conn;"))
            try gateway.reload(conf: both)
        } else {
            try gateway.reload(
                conf: Self.conf("server 127.0.0.1:1; \(slowServer) backup; \(quickServer) backup; balance least_conn;"))
        }
        let client = try gateway.connect()
        for _ in 0..<10 { #expect(try client.get("/")["X-Version"] == "quick") }
        slow.release()
        #expect(try held.readResponse().text == "late")
        let versions = try (0..<10).map { _ in try client.get("/")["X-Version"] }
        #expect(versions.count { $0 == "quick" } == 5)
    }

    @Test func `least_conn without differences is round robin by weight`() throws {
        let (one, other) = (try QuickOrigin("one"), try QuickOrigin("other"))
        let gateway = try Gateway(conf: Self.conf("server \(one.address) weight=3; server \(other.address); balance least_conn;"))
        let client = try gateway.connect()
        let versions = try (0..<40).map { _ in try client.get("/")["X-Version"] }
        #expect(versions.count { $0 == "one" } == 30 && versions.count { $0 == "other" } == 10)
    }

    // MARK: max_conns

    @Test func `requests beyond max_conns are refused with their reason until one has ended, reloads or not`() throws {
        let origin = try HeldOrigin()
        let conf = Self.conf("server 127.0.0.1:\(origin.origin.port) max_conns=2; balance round_robin;", workers: 2)
        let gateway = try Gateway(conf: conf)
        let held = [try Self.hold(gateway), try Self.hold(gateway)]
        try origin.origin.waitForConnections(2)
        for _ in 0..<2 {
            let refused = try gateway.get("/")
            #expect(refused.status == 503 && refused.text.contains("upstream_busy") && refused["Retry-After"] == "1")
            try gateway.reload()
        }
        let line = try gateway.accessLog(waitingFor: 2)[0]
        #expect(line["error_type"] == "upstream_busy" && line["upstream"] == "api" && line["upstream_server"] == nil)
        origin.release()
        for client in held { #expect(try client.readResponse().text == "late") }
        try Self.expectPlaces(2, at: origin, gateway)
    }

    /// So many requests find a place at once, and no more.
    static func expectPlaces(_ count: Int, at origin: HeldOrigin, _ gateway: Gateway) throws {
        try gateway.waitForMetrics("all places free") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 0 }
        origin.hold()
        let held = try (0..<count).map { _ in try hold(gateway) }
        try gateway.waitForMetrics("\(count) requests at the origin") {
            $0.sum("gateway_upstream_connections", ["state": "active"]) == Double(count)
        }
        #expect(try gateway.get("/").status == 503)
        origin.release()
        for client in held { #expect(try client.readResponse().text == "late") }
    }

    @Test(arguments: ["round_robin", "least_conn"])
    func `what a full server cannot take goes to another server, then to another version`(balance: String) throws {
        let origin = try HeldOrigin()
        let (second, third) = (try HeldOrigin(), try QuickOrigin("third"))
        let gateway = try Gateway(
            conf: Self.conf(
                """
                version a weight=1 {
                    server 127.0.0.1:\(origin.origin.port) max_conns=1; server 127.0.0.1:\(second.origin.port) max_conns=1;
                }
                version b weight=0 { server 127.0.0.1:1; }
                version c weight=1 { server \(third.address); }
                balance \(balance);
                """))
        let client = try gateway.connect()
        var held: [TCPClient] = []
        // Every other request is for version a, for as long as that has room.
        while held.count < 2 {
            if try client.get("/")["X-Version"] == "third" { held.append(try Self.hold(gateway)) }
            try eventually("the held request") {
                try gateway.metrics().sum("gateway_upstream_connections", ["state": "active"]) == Double(held.count)
            }
        }
        // The gateway is connected before an origin on a busy machine has accepted.
        for held in [origin, second] { try held.origin.waitForConnections(1) }
        #expect(origin.origin.connectionCount == 1 && second.origin.connectionCount == 1)
        for _ in 0..<6 { #expect(try client.get("/")["X-Version"] == "third") }
        origin.release()
        second.release()
        for client in held { #expect(try client.readResponse().text == "late") }
        try eventually("room in version a") { try client.get("/")["X-Version"] == nil }
    }

    @Test(arguments: ["the client leaves", "the origin breaks off", "nobody listens"])
    func `a request that fails leaves its place`(failure: String) throws {
        let origin = try ScriptedOrigin { connection, index in
            while let request = try connection.readNextRequest() {
                if index == 0 && failure == "the origin breaks off" { return }
                if request.target == "/late" { continue }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let port = failure == "nobody listens" ? 1 : origin.port
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:\(port) max_conns=1;"))
        if failure == "the client leaves" {
            let client = try Self.hold(gateway)
            try origin.waitForReceived("/late")
            #expect(try gateway.get("/").status == 503)
            client.close()
            try eventually("the place of who has left") { try gateway.get("/").status == 200 }
        } else {
            #expect(try gateway.get("/").status == 502)
            #expect(try gateway.get("/").status == (failure == "nobody listens" ? 502 : 200))
        }
    }

    // MARK: backup

    @Test func `a backup has requests while no other server can take them, and none before or after`() throws {
        let host = "127.55.\(Int.random(in: 0...254)).\(Int.random(in: 1...254))"
        let backup = try QuickOrigin("backup")
        let gateway = try Gateway(
            conf: Self.conf("server \(host):\(backup.port); server no-such-host.invalid:80; server \(backup.address) backup;"))
        let client = try gateway.connect()
        for _ in 0..<6 { #expect(try client.get("/")["X-Version"] == "backup") }
        let first = try QuickOrigin("first", host: host, port: backup.port)
        let connections = backup.origin.connectionCount
        try eventually("the first server's turn") { try client.get("/")["X-Version"] == "first" }
        for _ in 0..<20 { #expect(try client.get("/")["X-Version"] == "first") }
        #expect(backup.origin.connectionCount == connections && first.origin.errors.isEmpty)
    }

    @Test func `a backup takes what is beyond max_conns of the others, up to its own`() throws {
        let origin = try HeldOrigin()
        let backup = try HeldOrigin()
        let gateway = try Gateway(
            conf: Self.conf(
                """
                server 127.0.0.1:\(origin.origin.port) max_conns=1; server 127.0.0.1:\(backup.origin.port) backup max_conns=1;
                balance least_conn;
                """))
        let first = try Self.hold(gateway)
        try origin.origin.waitForReceived("/late")
        let second = try Self.hold(gateway)
        try backup.origin.waitForReceived("/late")
        #expect(try gateway.get("/").text.contains("upstream_busy"))
        origin.release()
        #expect(try first.readResponse().text == "late")
        #expect(try gateway.get("/mine").text == "/mine")
        #expect(origin.origin.received().contains("/mine"))
        backup.release()
        #expect(try second.readResponse().text == "late")
    }
}

extension LoadTests {
    @Suite struct ConnectionLimitTests {
        /// How many requests are at an origin at a time.
        private struct Concurrency {
            var now = 0
            var peak = 0
            /// How many have come that wait to be answered.
            var held = 0
        }

        @Test(arguments: ["round_robin", "least_conn"])
        func `over several workers no more requests than max_conns are at a server at a time, and no place is lost`(balance: String) throws
        {
            let limit = 3
            let concurrency = Monitor(Concurrency())
            let isReleased = Signal()
            let limited = try ScriptedOrigin(keepsReceived: false) { connection, _ in
                while let request = try connection.readNextRequest() {
                    if request.target == "/late" {
                        concurrency.update { $0.held += 1 }
                        try isReleased.wait(timeout: 60)
                    }
                    concurrency.update {
                        $0.now += 1
                        $0.peak = max($0.peak, $0.now)
                    }
                    // Another thread's turn: the requests of all workers meet here.
                    for _ in 0..<20 { sched_yield() }
                    concurrency.update { $0.now -= 1 }
                    try connection.send("HTTP/1.1 200 OK\r\nX-Version: limited\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let other = try QuickOrigin("other")
            let gateway = try Gateway(
                conf: BalanceTests.conf(
                    "server 127.0.0.1:\(limited.port) weight=100 max_conns=\(limit); server \(other.address); balance \(balance);",
                    workers: 4))
            let port = gateway.port
            let load = LoadClient(connections: 24, requests: 4_000) { try TCPClient(port: port) }
            let tally = try load.waitForEnd(timeout: 120)
            #expect(tally.failures.isEmpty, "\(tally.failures.prefix(5))")
            #expect(concurrency.value.peak == limit)
            // All places are free again: as many requests as there are places find one at the same time, and no more.
            try gateway.waitForMetrics("all places free") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 0 }
            try gateway.reload(
                conf: BalanceTests.conf("server 127.0.0.1:\(limited.port) max_conns=\(limit); balance \(balance);", workers: 4))
            let held = try (0..<limit).map { _ in try BalanceTests.hold(gateway) }
            try eventually("\(limit) requests at the server") { concurrency.value.held == limit }
            #expect(try gateway.get("/").status == 503)
            isReleased.send()
            for client in held { #expect(try client.readResponse()["X-Version"] == "limited") }
        }
    }
}
