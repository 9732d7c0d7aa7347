import Foundation
import TestSupport
import Testing

/// `/health` of the admin listener.
@Suite struct HealthPageTests {
    /// The page as JSON says it: the status code, and the servers by their address.
    struct Page {
        let code: Int
        let status: String
        let version: String
        let upstreams: [String: String]
        let servers: [String: [String: Any]]

        init(_ gateway: Gateway) throws {
            let answer = try gateway.admin("/health")
            code = answer.status
            let json = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
            status = try #require(json["status"] as? String)
            version = try #require(json["version"] as? String)
            var upstreams: [String: String] = [:]
            var servers: [String: [String: Any]] = [:]
            for upstream in try #require(json["upstreams"] as? [[String: Any]]) {
                upstreams[try #require(upstream["name"] as? String)] = try #require(upstream["status"] as? String)
                for server in try #require(upstream["servers"] as? [[String: Any]]) {
                    servers[try #require(server["server"] as? String)] = server
                }
            }
            self.upstreams = upstreams
            self.servers = servers
        }

        func text(_ server: String, _ member: String) -> String? { servers[server]?[member] as? String }
    }

    private static func conf(_ upstreams: String) -> String {
        """
        workers 1;
        admin 127.0.0.1:0 { }
        \(upstreams)
        server { listen 127.0.0.1:0; location / { proxy_pass http://api; } }
        """
    }

    @Test func `it tells each server's state, check, latency and reason, and is 503 when none of an upstream is left`() throws {
        let first = try SwitchedOrigin(status: 200)
        let second = try SwitchedOrigin(status: 200)
        let gateway = try Gateway(
            conf: Self.conf(
                """
                upstream api {
                    version stable weight=1 { server \(first.address); }
                    version canary weight=1 { server \(second.address); }
                    health_check path=/up interval=100ms fall=1 rise=1;
                }
                upstream other { server 127.0.0.1:1; }
                """))
        try eventually("both have passed") {
            let page = try Page(gateway)
            return page.text(first.address, "check") == "passed" && page.text(second.address, "check") == "passed"
        }
        var page = try Page(gateway)
        #expect(page.code == 200 && page.status == "ok" && !page.version.isEmpty)
        #expect(page.upstreams == ["api": "ok", "other": "ok"])
        #expect(page.text(first.address, "state") == "healthy" && page.text(first.address, "version") == "stable")
        #expect((page.servers[first.address]?["latency_ms"] as? Double ?? 0) > 0)
        #expect(page.text("127.0.0.1:1", "state") == "healthy" && page.text("127.0.0.1:1", "check") == nil)

        second.status = 500
        try eventually("one is down") { try Page(gateway).text(second.address, "state") == "down" }
        page = try Page(gateway)
        #expect(page.code == 200 && page.status == "degraded" && page.upstreams == ["api": "degraded", "other": "ok"])
        #expect(page.text(second.address, "check") == "failed" && page.text(second.address, "reason") == "answered 500")

        first.status = 500
        try eventually("none is left") { try Page(gateway).code == 503 }
        page = try Page(gateway)
        #expect(page.status == "failing" && page.upstreams == ["api": "failing", "other": "ok"])
        #expect(try gateway.admin("/readyz").status == 200, "that is about the gateway itself")

        first.status = 200
        try eventually("one is back") { try Page(gateway).code == 200 }
    }

    @Test func `an ejected server says why and when it returns, and a name without an address that it has none`() throws {
        let bad = try SwitchedOrigin(status: 503)
        let gateway = try Gateway(
            conf: Self.conf(
                "upstream api { server \(bad.address); server no-such-host.invalid:80 backup; outlier errors=1 eject=1h max=50%; }"))
        _ = try gateway.get("/")
        let page = try Page(gateway)
        #expect(page.code == 503 && page.status == "failing")
        #expect(page.text(bad.address, "state") == "ejected" && page.text(bad.address, "reason") == "answered 503")
        let returns = page.servers[bad.address]?["returns_in_ms"] as? Int ?? 0
        #expect(returns > 0 && returns <= 3_600_000)
        #expect(page.text("no-such-host.invalid:80", "state") == "unresolved")
    }

    @Test func `servers without weight make no upstream ill`() throws {
        let bad = try SwitchedOrigin(status: 503)
        let good = try SwitchedOrigin(status: 200)
        let gateway = try Gateway(
            conf: Self.conf(
                """
                upstream api {
                    version stable weight=1 { server \(good.address); }
                    version off weight=0 { server \(bad.address); }
                    health_check interval=100ms fall=1;
                }
                """))
        try eventually("the server without weight is down") { try Page(gateway).text(bad.address, "state") == "down" }
        #expect(try Page(gateway).code == 200 && Page(gateway).status == "ok")
    }
}
