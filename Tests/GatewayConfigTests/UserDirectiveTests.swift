import Testing

@testable import GatewayConfig

@Suite struct UserDirectiveTests {
    private func load(_ text: String) -> ConfigResult {
        ConfigLoader.load(text: text, path: "gateway.conf", environment: [:])
    }

    @Test func `user is a name of this machine, with its own group or another`() {
        let rest = "server { listen 8080; return 200 ok; }"
        #expect(load(rest).snapshot?.user == nil)
        #expect(load("user root; \(rest)").snapshot?.user == UserConfig(name: "root", id: 0, group: 0))
        let nobody = load("user nobody; \(rest)").snapshot?.user
        #expect(nobody?.id == 65534 && nobody?.group == 65534)
        #expect(load("user nobody root; \(rest)").snapshot?.user?.group == 0)
    }

    @Test(arguments: [
        ("user no-such-user;", 6, "\"no-such-user\" is no user of this machine"),
        ("user nobody no-such-group;", 13, "\"no-such-group\" is no group of this machine"),
    ])
    func `a name that the machine doesn't know is an error at its place`(directive: String, column: Int, message: String) {
        let result = load("\n\(directive)\nserver { listen 8080; return 200 ok; }")
        #expect(result.snapshot == nil)
        #expect(result.diagnostics.map(\.message) == [message])
        #expect(result.diagnostics.first?.position.line == 2 && result.diagnostics.first?.position.column == column)
    }
}
