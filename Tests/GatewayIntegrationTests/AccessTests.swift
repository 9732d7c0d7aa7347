import Foundation
import TestSupport
import Testing

/// `allow` and `deny`, as clients and operators see them.
@Suite struct AccessTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// Who asks is told by a trusted proxy.
    private func edge(_ server: String, main: String = "") throws -> Edge {
        try Edge(.answering(Self.answer), main: "trusted_proxies 127.0.0.0/8; \(main)", server: server)
    }

    private func from(_ client: String) -> [String] { ["X-Forwarded-For: \(client)"] }

    private func isRefused(_ answer: Answer) -> Bool {
        answer.status == 403 && answer["content-type"] == "application/problem+json"
            && answer.text.contains("\"error_type\":\"access_denied\"")
    }

    @Test(arguments: Way.allCases) func `who is not allowed gets 403, and nothing else happens`(_ way: Way) throws {
        let edge = try edge(
            """
            deny 192.0.2.66; allow 192.0.2.0/24 2001:db8::/32; deny all;
            location = /own { return 200 own; }
            location /open/ { allow all; proxy_pass http://127.0.0.1:{ORIGIN}; }
            location /away { maintenance on; return 200 away; }
            """)
        let client = try edge.client(way)
        for address in ["192.0.2.66", "198.51.100.1", "::1", "10.0.0.1, 198.51.100.1"] {
            for target in ["/", "/own", "/away", "//own", "/%6fwn", "/open/../own"] {
                #expect(isRefused(try client.ask(target, "GET", from(address))), "\(address) \(target)")
            }
            #expect(try client.ask("/open/x", "GET", from(address)).text == "ok")
        }
        for address in ["192.0.2.1", "2001:db8::1", "198.51.100.1, 192.0.2.1"] {
            #expect(try client.ask("/", "GET", from(address)).text == "ok")
            #expect(try client.ask("/own", "GET", from(address)).text == "own")
            #expect(try client.ask("/away", "GET", from(address)).status == 503)
        }
        // Its body is not waited for, nor sent on.
        #expect(isRefused(try edge.ask(way, "/", "POST", from("198.51.100.1"), body: "secret")))
        #expect(!(0..<edge.origin.connectionCount).contains { edge.origin.received($0).contains("secret") })
        let line = try #require(try edge.gateway.accessLog(waitingFor: 38).first { $0["error_type"] == "access_denied" })
        #expect(line["remote_addr"] == "192.0.2.66" && line.number("status") == 403)
        try edge.gateway.waitForMetrics("the refusals") { $0.sum("gateway_refusals_total", ["error_type": "access_denied"]) == 25 }
    }

    @Test func `the peer counts who is no trusted proxy, and its word does not`() throws {
        let edge = try Edge(.answering(Self.answer), server: "deny 127.0.0.0/8;")
        #expect(isRefused(try edge.ask(.http1, "/")))
        #expect(isRefused(try edge.ask(.http1, "/", "GET", from("192.0.2.1"))))
    }

    @Test(arguments: Way.allCases) func `addresses are looked at before keys, and a refused page can read why`(_ way: Way) throws {
        let edge = try edge(
            "deny 198.51.100.1; authenticate api_key; cors { origins https://app.example.com; methods PUT; }",
            main: "api_keys { header X-API-Key; key a sha256=6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090; }")
        let origin = "Origin: https://app.example.com"
        let answer = try edge.ask(way, "/", "PUT", from("198.51.100.1") + [origin])
        #expect(isRefused(answer) && answer["access-control-allow-origin"] == "https://app.example.com")
        #expect(isRefused(try edge.ask(way, "/", "OPTIONS", from("198.51.100.1") + [origin, "Access-Control-Request-Method: PUT"])))
        #expect(try edge.ask(way, "/", "PUT", from("198.51.100.2") + [origin]).status == 401)
    }

    @Test func `a reload brings other lists`() throws {
        func conf(_ rules: String) -> String { "workers 1; server { listen 127.0.0.1:0; \(rules) return 200 ok; }" }
        let gateway = try Gateway(conf: conf(""))
        let client = try gateway.connect()
        #expect(try client.get("/").status == 200)
        try gateway.reload(conf: conf("deny all;"))
        #expect(try client.get("/").status == 403)
        try gateway.reload(conf: conf("allow 127.0.0.1; deny all;"))
        #expect(try client.get("/").status == 200)
    }
}
