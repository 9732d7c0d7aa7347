import GatewayCore
import Testing

@testable import GatewayConfig

@Suite struct MaintenanceDirectiveTests {
    private func maintenance(_ server: String, _ location: String = "", environment: [String: String] = [:]) -> MaintenanceConfig? {
        snapshot("server { listen 8080; \(server) location / { return 200 ok; \(location) } }", environment: environment)?
            .servers[0].locations[0].edge.maintenance
    }

    private func plain(_ isOn: Bool, inherited: Bool = false) -> MaintenanceConfig {
        MaintenanceConfig(isOn: isOn, flagPath: nil, page: nil, retryAfterS: 300, bypassFrom: [], bypassHeader: nil, isInherited: inherited)
    }

    @Test func `it needs no block`() {
        #expect(maintenance("") == nil)
        #expect(maintenance("maintenance on;") == plain(true, inherited: true))
        #expect(maintenance("maintenance off { }") == plain(false, inherited: true))
        #expect(maintenance("maintenance on;", "maintenance off;") == plain(false))
    }

    @Test func `the innermost level says when, and the members merge`() {
        let files = TemporaryDirectory()
        let page = files.write("page.html", "<p>")
        let server = "maintenance off { flag /run/a; page \(page); retry_after 10m; bypass_from 10.0.0.0/8; bypass_header X-A env:S; }"
        let environment = ["S": "secret"]
        let inherited = maintenance(server, environment: environment)
        #expect(inherited?.flagPath == "/run/a" && inherited?.isOn == false && inherited?.isInherited == true)
        #expect(inherited?.page?.bytes == Array("<p>".utf8) && inherited?.retryAfterS == 600)
        #expect(inherited?.bypassHeader == FieldConfig("X-A", "secret") && inherited?.bypassFrom.map(\.description) == ["10.0.0.0/8"])
        let own = maintenance(server, "maintenance on { retry_after 60; bypass_header X-A off; }", environment: environment)
        #expect(own?.isOn == true && own?.flagPath == "/run/a" && own?.page != nil && own?.retryAfterS == 60)
        #expect(own?.bypassHeader == nil && own?.bypassFrom.map(\.description) == ["10.0.0.0/8"] && own?.isInherited == false)
    }

    @Test func `a block has the outer flag, and without a block there is none`() {
        let server = "maintenance off { flag /run/a; }"
        #expect(maintenance(server, "maintenance off { bypass_from 10.0.0.0/8; }")?.flagPath == "/run/a")
        #expect(maintenance(server, "maintenance off { flag /run/b; }")?.flagPath == "/run/b")
        #expect(maintenance(server, "maintenance off;") == plain(false))
    }

    @Test(arguments: [
        ("maintenance;", "\"maintenance\" needs a block"), ("maintenance yes;", "\"yes\" is not valid here"),
        ("maintenance on { flags /run/a; }", "unknown directive \"flags\""),
        ("maintenance on { retry_after 0; }", "\"0\" is too short"), ("maintenance on { bypass_from here; }", "\"here\" is not an address"),
        ("maintenance on { bypass_header X-A; }", "\"bypass_header\" is missing VALUE|off"),
        ("maintenance on { page /none.html; }", "\"/none.html\" can't be read: No such file or directory"),
    ])
    func `what is wrong is an error`(directive: String, message: String) {
        let found = messages("server { listen 8080; \(directive)\nlocation / { return 200 ok; } location /a { return 200 ok; } }")
        #expect(found.contains { $0.hasPrefix("1:") && $0.contains("error: " + message) }, "\(found)")
        #expect(found.filter { $0.hasSuffix(message) }.count <= 1)
    }
}
