import GatewayConfig

/// What reading `text` says, one text per diagnostic.
func diagnose(_ text: String, environment: [String: String] = [:]) -> [String] {
    ConfigLoader.load(text: text, path: "gateway.conf", environment: environment).diagnostics.map(\.text)
}

/// The messages alone, each behind its line and column: "2:9: error: ...".
func messages(_ text: String, environment: [String: String] = [:]) -> [String] {
    ConfigLoader.load(text: text, path: "gateway.conf", environment: environment).diagnostics.map {
        "\($0.line):\($0.column): \($0.severity.rawValue): \($0.message)"
    }
}

/// The snapshot of what is right, warnings allowed.
func snapshot(_ text: String, environment: [String: String] = [:]) -> ConfigSnapshot? {
    ConfigLoader.load(text: text, path: "gateway.conf", environment: environment).snapshot
}

/// A server that answers, for the tests of what stands outside of servers.
let aServer = "server { listen 8080; return 200 ok; }"

/// A server with more in it.
func server(_ directives: String) -> String {
    "server { listen 8080; \(directives) }"
}

/// A server with one location.
func location(_ directives: String) -> String {
    server("location / { \(directives) }")
}

extension Template {
    init(_ text: String) {
        self.init(parts: text.isEmpty ? [] : [.literal(text)])
    }
}

extension HeaderTemplate {
    init(_ name: String, _ text: String) {
        self.init(name: name, value: Template(text))
    }
}
