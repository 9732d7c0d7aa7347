import TestSupport
import Testing

/// How requests are shared among versions and servers, counted one by one.
extension LoadTests {
    @Suite struct WeightTests {
        /// One worker, so that its selector sees every request; `upstream` is the inside of an upstream block.
        static func conf(_ upstream: String) -> String {
            """
            workers 1;
            access_log off;
            admin 127.0.0.1:0 { }
            upstream api { \(upstream) }
            server { listen 127.0.0.1:0; location / { proxy_pass http://api; } }
            """
        }

        static func versions(_ stable: QuickOrigin, _ stableWeight: Int, _ canary: QuickOrigin, _ canaryWeight: Int) -> String {
            """
            version stable weight=\(stableWeight) { server \(stable.address); }
            version canary weight=\(canaryWeight) { server \(canary.address); }
            """
        }

        let stable: QuickOrigin
        let canary: QuickOrigin

        init() throws {
            stable = try QuickOrigin("stable")
            canary = try QuickOrigin("canary")
        }

        /// Sends requests over `connections` and tells which versions answered them.
        private func share(of requests: Int, over connections: Int, _ gateway: Gateway) throws -> [String: Int] {
            let port = gateway.port
            let load = LoadClient(connections: connections, requests: requests) { try TCPClient(port: port) }
            let tally = try load.waitForEnd(timeout: 120)
            #expect(tally.failures.isEmpty, "\(tally.failures.prefix(5))")
            #expect(tally.answered == requests)
            return tally.versions
        }

        @Test(arguments: [1, 50])
        func `of 10,000 requests at 95 to 5 exactly 9,500 and 500 go where they should`(connections: Int) throws {
            let gateway = try Gateway(conf: Self.conf(Self.versions(stable, 95, canary, 5)))
            #expect(try share(of: 10_000, over: connections, gateway) == ["stable": 9_500, "canary": 500])
            let metrics = try gateway.metrics()
            #expect(metrics.sum("gateway_upstream_requests_total", ["version": "stable", "status": "200"]) == 9_500)
            #expect(metrics.sum("gateway_upstream_requests_total", ["version": "canary", "status": "200"]) == 500)
        }

        @Test func `servers share by their weights too`() throws {
            let gateway = try Gateway(conf: Self.conf("server \(stable.address) weight=99; server \(canary.address) weight=1;"))
            #expect(try share(of: 1_000, over: 10, gateway) == ["stable": 990, "canary": 10])
        }

        @Test func `one in a hundred is evenly spread`() throws {
            let gateway = try Gateway(conf: Self.conf(Self.versions(stable, 99, canary, 1)))
            let client = try gateway.connect()
            for _ in 0..<5 {
                let versions = try (0..<100).map { _ in try client.get("/")["X-Version"] }
                #expect(versions.count { $0 == "canary" } == 1)
            }
        }

        @Test func `servers inside a version take turns`() throws {
            let other = try QuickOrigin("other")
            let gateway = try Gateway(
                conf: Self.conf("version stable weight=1 { server \(stable.address); server \(canary.address); server \(other.address); }"))
            #expect(try share(of: 300, over: 3, gateway) == ["stable": 100, "canary": 100, "other": 100])
        }

        @Test func `weight 0 gets nothing, not even when the other fails`() throws {
            let gateway = try Gateway(conf: Self.conf("server \(stable.address) weight=0; server 127.0.0.1:1;"))
            #expect(try gateway.get("/").status == 502)
            try gateway.reload(conf: Self.conf(Self.versions(stable, 100, canary, 0)))
            #expect(try share(of: 200, over: 4, gateway) == ["stable": 200])
            #expect(canary.origin.connectionCount == 0)
        }

        @Test func `blue-green goes over and back by reload`() throws {
            let gateway = try Gateway(conf: Self.conf(Self.versions(stable, 100, canary, 0)))
            #expect(try share(of: 50, over: 2, gateway) == ["stable": 50])
            #expect(try gateway.reload(conf: Self.conf(Self.versions(stable, 0, canary, 100))).contains("reloaded"))
            #expect(try share(of: 50, over: 2, gateway) == ["canary": 50])
            #expect(try gateway.reload(conf: Self.conf(Self.versions(stable, 100, canary, 0))).contains("reloaded"))
            #expect(try share(of: 50, over: 2, gateway) == ["stable": 50])
        }

        @Test func `all weights 0 are 503 with the reason, and a warning of check`() throws {
            let gateway = try Gateway(conf: Self.conf(Self.versions(stable, 0, canary, 0)))
            let answer = try gateway.get("/")
            #expect(answer.status == 503 && answer.text.contains("no_server"))
            try gateway.reload(conf: Self.conf("server \(stable.address) weight=0;"))
            #expect(try gateway.get("/").status == 503)
            let check = try Program("gateway", ["check", "-c", gateway.directory.file("gateway.conf")])
            #expect(try check.waitForExit() == .exited(0))
            try check.stderr.waitForLine(containing: "warning")
        }

        @Test func `reloads do not starve a canary`() throws {
            let conf = Self.conf(Self.versions(stable, 95, canary, 5))
            let gateway = try Gateway(conf: conf)
            let client = try gateway.connect()
            var canaries = 0
            for request in 0..<420 {
                // A round is 20 requests: a selector that began anew would never come to the canary's turn.
                if request % 7 == 0 { try gateway.reload() }
                if try client.get("/")["X-Version"] == "canary" { canaries += 1 }
            }
            #expect(canaries == 21)
        }
    }
}

/// Tests that keep the machine busy run one after the other.
@Suite(.serialized) struct LoadTests {}
