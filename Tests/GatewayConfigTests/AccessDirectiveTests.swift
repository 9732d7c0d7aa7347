import GatewayCore
import Testing

@testable import GatewayConfig

@Suite struct AccessDirectiveTests {
    /// "+10.0.0.0/8 -all", of the server and its location.
    private func rules(main: String = "", _ server: String, _ location: String = "", environment: [String: String] = [:]) -> [String]? {
        func text(_ config: LocationConfig) -> String {
            config.edge.access.map { ($0.allows ? "+" : "-") + ($0.network.map(\.description) ?? "all") }.joined(separator: " ")
        }
        let conf = "\(main) server { listen 8080; \(server) location / { return 200 ok; \(location) } }"
        return snapshot(conf, environment: environment).map { [text($0.servers[0].fallback), text($0.servers[0].locations[0])] }
    }

    @Test func `rules stand in the order they are written`() {
        #expect(rules("deny 10.0.0.1; allow 10.0.0.0/8 ::1; deny all;") == Array(repeating: "-10.0.0.1 +10.0.0.0/8 +::1 -all", count: 2))
        #expect(rules("allow 10.0.0.0/8; deny 10.0.0.1; allow 10.0.0.2;")?[0] == "+10.0.0.0/8 -10.0.0.1 +10.0.0.2")
        #expect(rules("allow env:OFFICE; deny all;", environment: ["OFFICE": "10.0.0.0/8,192.0.2.1"])?[0] == "+10.0.0.0/8 +192.0.2.1 -all")
        #expect(rules("") == ["", ""])
    }

    @Test func `a level with rules of its own has no others`() {
        #expect(rules("deny all;", "allow 10.0.0.0/8;") == ["-all", "+10.0.0.0/8"])
        #expect(rules(main: "deny 10.0.0.1;", "") == ["-10.0.0.1", "-10.0.0.1"])
        #expect(rules(main: "deny 10.0.0.1;", "allow all;") == ["+all", "+all"])
        #expect(rules(main: "admin 127.0.0.1:9145 { allow 10.0.0.0/8; }", "") == ["", ""])
    }

    @Test func `who may ask the admin listener is not who may ask the servers`() {
        let conf = "deny all; admin 127.0.0.1:9145 { } server { listen 8080; return 200 ok; }"
        #expect(snapshot(conf)?.admin?.allow.map(\.description) == ["127.0.0.0/8", "::1"])
        #expect(messages("admin 127.0.0.1:9145 { deny all; } " + aServer).first?.contains("error") == true)
    }

    @Test(arguments: [
        ("allow 10.0.0.0/33;", "error: \"10.0.0.0/33\" is not an address or a network"),
        ("deny unix:;", "error: \"unix:\" is not an address"),
        ("allow 10.0.0.1/8;", "error: \"10.0.0.1/8\" has bits set"), ("deny;", "error: \"deny\" is missing NETWORK|all"),
        ("deny all; allow 10.0.0.1;", "warning: \"10.0.0.1\" never counts"), ("deny all 10.0.0.1;", "warning: \"10.0.0.1\" never counts"),
    ])
    func `what is wrong is told`(directives: String, message: String) {
        let found = messages(server("location / { \(directives) return 200 ok; }"))
        #expect(found.count == 1 && found[0].contains(message), "\(found)")
    }
}
