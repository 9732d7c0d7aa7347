import Foundation
import TestSupport
import Testing

/// `sticky` and `version_header`: callers that keep their version.
extension LoadTests {
    @Suite struct StickyTests {
        private let stable: QuickOrigin
        private let canary: QuickOrigin

        init() throws {
            stable = try QuickOrigin("stable")
            canary = try QuickOrigin("canary")
        }

        private func conf(_ directives: String, canary weight: Int, workers: Int = 1, main: String = "", location: String = "") -> String {
            """
            workers \(workers);
            access_log off;
            admin 127.0.0.1:0 { }
            trusted_proxies 127.0.0.1;
            \(main)
            upstream chat {
                version stable weight=\(100 - weight) { server \(stable.address); }
                version canary weight=\(weight) { server \(canary.address); }
                \(directives)
            }
            server { listen 127.0.0.1:0; location / { \(location) proxy_pass http://chat; } }
            """
        }

        /// The version that answers each of the callers, asked on one connection, some at a time and in any order: turns by weight, which
        /// come in the same order each time, would otherwise look like versions that stay.
        private func versions(of callers: [String], _ gateway: Gateway) throws -> [String] {
            let client = try gateway.connect()
            let order = callers.indices.shuffled()
            var versions = Array(repeating: "none", count: callers.count)
            for start in stride(from: 0, to: callers.count, by: 50) {
                let some = order[start..<min(start + 50, callers.count)]
                try client.send(some.map { "GET / HTTP/1.1\r\nHost: localhost\r\n\(callers[$0])\r\n\r\n" }.joined())
                for caller in some { versions[caller] = try client.readResponse()["X-Version"] ?? "none" }
            }
            return versions
        }

        @Test func `10,000 callers come within one point of 5 and of 25 %, and none moves back`() throws {
            let callers = (0..<10_000).map { "X-User: caller-\($0)" }
            let gateway = try Gateway(conf: conf("sticky key=header:X-User;", canary: 5, workers: 2))
            let few = try versions(of: callers, gateway)
            #expect((400...600).contains(few.count { $0 == "canary" }))
            try gateway.reload(conf: conf("sticky key=header:X-User;", canary: 25, workers: 2))
            let more = try versions(of: callers, gateway)
            #expect((2_400...2_600).contains(more.count { $0 == "canary" }))
            #expect(!zip(few, more).contains { $0 == "canary" && $1 != "canary" })
            // Another process, with other workers.
            let other = try Gateway(conf: conf("sticky key=header:X-User;", canary: 25))
            #expect(try versions(of: Array(callers.prefix(1_000)), other) == Array(more.prefix(1_000)))
        }

        @Test func `callers without the key go by weight`() throws {
            let gateway = try Gateway(conf: conf("sticky key=header:X-User;", canary: 25))
            for line in ["X-Other: caller-1", "X-User:"] {
                let versions = try versions(of: Array(repeating: line, count: 100), gateway)
                #expect(versions.count { $0 == "canary" } == 25)
            }
        }

        @Test func `an address is a caller, and so is a network of IPv6`() throws {
            let gateway = try Gateway(conf: conf("sticky key=ip;", canary: 50))
            let callers = (0..<200).map { "192.0.2.\($0)" } + (0..<50).map { "2001:db8:0:\($0)::1" }
            let first = try versions(of: callers.map { "X-Forwarded-For: \($0)" }, gateway)
            #expect(try versions(of: callers.map { "X-Forwarded-For: \($0)" }, gateway) == first)
            #expect(Set(first) == ["stable", "canary"])
            let neighbours = (0..<50).map { "X-Forwarded-For: 2001:db8:0:\($0):a:b:c:d" }
            #expect(try versions(of: neighbours, gateway) == Array(first.suffix(50)))
        }

        @Test(arguments: [false, true]) func `a cookie is a caller, wherever it stands among others`(isHTTP2: Bool) throws {
            let gateway = try Gateway(conf: conf("sticky key=cookie:sid;", canary: 50))
            let client = try WayClient(isHTTP2 ? .http2 : .http1, EdgeAddress(address: gateway.addresses[0], transport: .plain))
            var seen: Set<String> = []
            for index in 0..<40 {
                let answers = try [
                    ["Cookie: sid=s\(index)"], ["Cookie: a=1; sid=s\(index); b=2"], ["Cookie: a=1", "Cookie: sid=s\(index)"],
                ]
                .map { try client.ask("/", "GET", $0)["x-version"] ?? "none" }
                #expect(Set(answers).count == 1, "\(index): \(answers)")
                seen.formUnion(answers)
            }
            #expect(seen == ["stable", "canary"])
        }

        @Test func `of an API key the name is the caller, so a new key keeps the version`() throws {
            let names = (0..<20).map { "caller-\($0)" }
            let lines = names.flatMap { name in
                ["old", "new"].map { "key \(name) sha256=\(sha256("\($0)-\(name)"));" }
            }
            let keys = "api_keys { header X-API-Key; \(lines.joined(separator: "\n")) }"
            let gateway = try Gateway(
                conf: conf("sticky key=api_key;", canary: 50, main: keys, location: "authenticate api_key;"))
            let old = try versions(of: names.map { "X-API-Key: old-\($0)" }, gateway)
            #expect(try versions(of: names.map { "X-API-Key: new-\($0)" }, gateway) == old)
            #expect(Set(old) == ["stable", "canary"])
        }

        @Test func `trusted addresses choose a version by name, weight 0 included`() throws {
            let directives = "sticky key=header:X-User; version_header X-Version from=10.0.0.0/8,192.0.2.1;"
            let gateway = try Gateway(conf: conf(directives, canary: 0))
            func version(_ client: String, _ asked: String) throws -> String? {
                try gateway.get("/", fields: ["X-Forwarded-For: \(client)", "X-Version: \(asked)", "X-User: a"])["X-Version"]
            }
            for client in ["10.1.2.3", "192.0.2.1"] {
                #expect(try version(client, "canary") == "canary" && version(client, "stable") == "stable")
                for other in ["nightly", "", "Canary", "canary, stable"] { #expect(try version(client, other) == "stable", "\(other)") }
            }
            for client in ["11.0.0.1", "192.0.2.2", "10.1.2.3, 192.0.2.2"] { #expect(try version(client, "canary") == "stable") }
        }

        @Test func `a version that fails leaves its callers to the others, and has them again`() throws {
            func conf(_ address: String) -> String {
                """
                workers 1; access_log off;
                upstream chat {
                    version stable weight=50 { server \(stable.address); }
                    version canary weight=50 { server \(address); }
                    sticky key=header:X-User;
                }
                server { listen 127.0.0.1:0; location / { proxy_pass http://chat; } }
                """
            }
            let callers = (0..<40).map { "X-User: caller-\($0)" }
            let gateway = try Gateway(conf: conf("127.0.0.1:1"))
            #expect(Set(try versions(of: callers, gateway)) == ["stable"])
            try gateway.reload(conf: conf(canary.address))
            let back = try versions(of: callers, gateway)
            #expect(Set(back) == ["stable", "canary"])
        }
    }
}
