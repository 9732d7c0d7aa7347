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

    @Test func `off is no secret, in whatever case`() {
        for word in ["off", "OFF", "Off"] {
            #expect(maintenance("maintenance on { bypass_header X-A \(word); }") == plain(true, inherited: true), "\(word)")
            #expect(maintenance("maintenance on { bypass_header X-A env:S; }", environment: ["S": word])?.bypassHeader == nil)
        }
    }

    @Test func `addresses that a balancer may have are a warning where no proxy is trusted`() {
        func found(_ networks: String, _ main: String = "") -> [String] {
            messages("\(main)\nserver { listen 8080; return 200 ok; maintenance on { bypass_from \(networks); } }")
        }
        let warning = "warning: behind a balancer with such an address everybody is let through"
        for network in ["10.0.0.0/8", "192.168.1.7", "172.20.0.0/16", "127.0.0.1", "fd00::/8", "::1", "0.0.0.0/0", "::/0"] {
            #expect(found("192.0.2.0/24 \(network)") == ["2:80: \(warning)"], "\(network)")
            #expect(found("192.0.2.0/24 \(network)", "trusted_proxies 10.0.0.0/8;") == [])
        }
        #expect(found("192.0.2.0/24 2001:db8::/32") == [])
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
