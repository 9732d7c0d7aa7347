import Testing

@testable import GatewayConfig

/// The text of a configuration as the admin listener shows it.
@Suite struct ConfigSourceTests {
    private func shown(_ text: String) -> String? {
        ConfigLoader.load(text: text, path: "gateway.conf", environment: [:]).sources.first?.text
    }

    @Test func `a configuration is shown as it is written`() {
        let text = "# A comment about keys.\nworkers 2;\r\n\n\(aServer)\n"
        #expect(shown(text)?.replacing("\r", with: "") == text.replacing("\r", with: ""))
    }

    @Test(arguments: [
        "api_keys { key a sha256=s3cret; }",
        "api_keys { key a\n  sha256=s3cret;\n}",
        "server { maintenance off { bypass_header X-P \"s3cret pass\"; } }",
        "proxy_set_header Authorization \"Bearer s3cret\";",
        "# key a sha256=s3cret;",
        "workers 2; # api_keys { key a sha256=s3cret; }",
        "#    key a sha256=s3cret; # and more",
        "## key a sha256=s3cret;",
        "#key a sha256=s3cret;",
        "# once: key a sha256=s3cret;",
        "# proxy_set_header Authorization \"Bearer s3cret\";",
        "# bypass_header X-P s3cret;",
        "# 'tis key a sha256=s3cret;",
        "# \"s3cret\" was here; key a sha256=s3cret;",
    ])
    func `secrets are stars, also behind a number sign`(_ text: String) throws {
        let shown = try #require(self.shown(text + "\n" + aServer))
        // What is prose is nobody's secret.
        #expect(!shown.replacing("# \"s3cret\" was here", with: "").contains("s3cret"))
        #expect(shown.contains("*"))
        #expect(shown.hasSuffix(aServer))
    }

    @Test func `prose about keys stays prose`() {
        let text = "# The key of a caller, and its token, are told by `gateway key new`.\n# A secret: none.\n\(aServer)"
        #expect(shown(text) == text)
    }

    @Test func `files that are included are shown once each, in the order in which they are met`() throws {
        let directory = TemporaryDirectory()
        directory.write("a.conf", "workers 2;\n")
        let path = directory.write("gateway.conf", "include a.conf;\n\(aServer)\n")
        let sources = ConfigLoader.load(path: path, environment: [:]).sources
        #expect(sources.map(\.path) == [path, path.replacing("gateway.conf", with: "a.conf")])
        #expect(sources.map(\.text) == ["include a.conf;\n\(aServer)\n", "workers 2;\n"])
    }

    @Test func `what is longer than is shown ends with a line, and says so`() throws {
        let line = "# " + String(repeating: "x", count: 97) + "\n"
        let directory = TemporaryDirectory()
        directory.write("a.conf", String(repeating: line, count: 8_000))
        directory.write("b.conf", String(repeating: line, count: 8_000))
        let path = directory.write("gateway.conf", "include *.conf.in;\ninclude a.conf;\ninclude b.conf;\n\(aServer)\n")
        let sources = ConfigLoader.load(path: path, environment: [:]).sources
        #expect(sources.map(\.isCut) == [false, false, true])
        #expect(sources[2].text.hasSuffix("x\n") && sources.reduce(0) { $0 + $1.text.utf8.count } <= 1024 * 1024)
    }

    @Test func `names of the admin listener are read as names of servers are`() {
        let admin = snapshot("admin 127.0.0.1:9145 { server_name Gateway.Example *.example.com; server_name a.b; } " + aServer)?.admin
        #expect(admin?.names == ["gateway.example", "*.example.com", "a.b"])
    }
}
