import Testing

@testable import GatewayConfig

/// `tls` of an upstream, and what servers ask of clients.
@Suite struct TLSTests {
    private func upstream(_ block: String) -> UpstreamConfig? { snapshot("upstream a { \(block) } " + aServer)?.upstreams.first }
    private func told(_ block: String) -> [String] { messages("upstream a { \(block) }\n" + aServer) }

    // MARK: Origins

    @Test func `tls alone verifies by the system's authorities`() throws {
        let tls = try #require(upstream("server b:1; tls;")?.tls)
        #expect(tls.verifies && tls.name == nil && tls.caPath == nil && tls.certificate == nil)
        #expect(diagnose("upstream a { server b:1; tls; } " + aServer).isEmpty)
        #expect(upstream("server b:1;")?.tls == nil)
    }

    @Test func `its files are seen from the directory of the configuration`() throws {
        let text = "upstream a { server b:1; tls name=API.Example ca=ca.pem cert=/c.pem key=k.pem; } " + aServer
        let config = ConfigLoader.load(text: text, path: "/etc/gateway.conf", environment: [:]).snapshot
        let tls = try #require(config?.upstreams.first?.tls)
        #expect(tls.name == "api.example" && tls.caPath == "/etc/ca.pem")
        #expect(tls.certificate?.certificatePath == "/c.pem" && tls.certificate?.keyPath == "/etc/k.pem")
    }

    @Test(arguments: [
        ("server b:1; tls;", "b"), ("server b.:1; tls;", "b"), ("server b:1; host c:8443; tls;", "c"),
        ("server b:1; host c; tls name=d;", "d"), ("server [::1]:1; tls;", "::1"), ("server b:1; host [::2]:1; tls;", "::2"),
        ("server b:1; tls name=192.0.2.1;", "192.0.2.1"), ("server b:1; tls name=[::3];", "::3"),
    ])
    func `the name that is verified is the one of tls, of host, or of the server`(block: String, name: String) throws {
        let config = try #require(upstream(block))
        #expect(config.versions.first?.servers.map(config.tlsName) == [name])
    }

    @Test(arguments: [
        ("server b; tls;", 443), ("server b:80; tls;", 80), ("server b;", 80), ("version v weight=1 { server b; } tls;", 443),
        ("tls; server [::1];", 443),
    ])
    func `the port is the scheme's where none is given`(block: String, port: Int) {
        #expect(upstream(block)?.versions.first?.servers.map { Int($0.port) } == [port])
    }

    @Test(arguments: [
        ("server b:1; tls verify=no;", ["1:37: error: \"no\" is not valid here"]),
        ("server b:1; tls name=b:443;", ["1:35: error: \"b:443\" is not the name of a host"]),
        ("server b:1; tls name=*.b;", ["1:35: error: \"*.b\" is not the name of a host"]),
        ("server b:1; tls name=.b;", ["1:35: error: \".b\" is not the name of a host"]),
        ("server b:1; tls name=a..b;", ["1:35: error: \"a..b\" is not the name of a host"]),
        ("server b:1; tls name=-;", ["1:35: error: \"-\" is not the name of a host"]),
        ("server b:1; host .b; tls;", ["1:31: error: \".b\" is not a host"]),
        ("server .b:1; tls;", ["1:21: error: \".b:1\" is not a host with a port"]),
        ("server b:1; tls name=$host;", ["1:35: error: variables can't be used here"]),
        (
            "server b:1; tls verify=off;",
            ["1:37: warning: the certificates of the origins are not verified: whoever is on the way can answer in their place"]
        ),
        ("server b:1; tls verify=off ca=a;", ["1:44: error: \"ca\" is of no use with \"verify=off\""]),
        ("server b:1; tls cert=a;", ["1:35: error: the certificate has no key"]),
        ("server b:1; tls key=a;", ["1:34: error: the key has no certificate"]),
        ("server b:1; tls sni=off;", ["1:30: error: \"sni=off\" is not an argument of \"tls\""]),
        ("server b:1; tls; tls;", ["1:31: error: \"tls\" is given twice"]),
    ])
    func `what tls can't say is an error`(block: String, expected: [String]) {
        #expect(told(block) == expected)
    }

    @Test func `proxy_pass to https asks for TLS of a host, on port 443`() throws {
        let text = server(
            "location /a { proxy_pass https://b; } location /c { proxy_pass http://b:443; } location /d { proxy_pass https://b/x; }")
        let upstreams = try #require(snapshot(text)?.upstreams)
        #expect(upstreams.map(\.name) == ["https://b:443", "b:443"])
        #expect(upstreams[0].tls?.verifies == true && upstreams[1].tls == nil)
    }

    @Test(arguments: ["http://a", "https://a"]) func `an upstream with TLS may be named either way`(url: String) {
        #expect(diagnose("upstream a { server b:1; tls; } " + location("proxy_pass \(url);")).isEmpty)
    }

    @Test func `https to an upstream without TLS is an error that says both ways out`() {
        let told = diagnose("upstream a { server b:1; } " + location("proxy_pass https://a;"))
        #expect(told.count == 1 && told[0].contains("expected \"tls;\" in the upstream, or http://a"))
    }

    // MARK: Clients

    private func secure(_ directives: String) -> String {
        "server { listen 1 ssl; ssl_certificate a; ssl_certificate_key b; \(directives) return 200 ok; }"
    }

    @Test func `what is asked of clients is taken from the nearest level`() throws {
        let text = "ssl_client_certificate ca.pem; ssl_verify_depth 3; " + secure("ssl_verify_client on; ssl_crl crl.pem;")
        let clients = try #require(
            ConfigLoader.load(text: text, path: "/etc/gateway.conf", environment: [:]).snapshot?.servers.first?.tls?.clients)
        #expect(clients.isRequired && clients.caPath == "/etc/ca.pem" && clients.crlPath == "/etc/crl.pem" && clients.depthMax == 3)
        let other = try #require(snapshot(secure("ssl_verify_client optional; ssl_client_certificate c;"))?.servers.first?.tls?.clients)
        #expect(!other.isRequired && other.depthMax == 1 && other.crlPath == nil)
        #expect(snapshot(secure(""))?.servers.first?.tls?.clients == nil)
    }

    @Test(arguments: [
        ("ssl_verify_client on;", "error: \"ssl_verify_client on\" has nobody to vouch for clients"),
        ("ssl_verify_client optional_no_ca; ssl_client_certificate c;", "error: \"optional_no_ca\" is not valid here"),
        ("ssl_client_certificate c;", "warning: \"ssl_client_certificate\" has no effect here"),
        ("ssl_crl c;", "warning: \"ssl_crl\" has no effect here"),
        ("ssl_verify_client on; ssl_client_certificate c; listen 2;", "warning: requests to this address are refused"),
        ("ssl_trusted_certificate c;", "error: unknown directive \"ssl_trusted_certificate\""),
    ])
    func `what servers can't ask of clients is told`(directives: String, expected: String) {
        let told = messages(secure(directives))
        #expect(told.count == 1 && told[0].contains(expected), "\(told)")
    }

    @Test func `a server without TLS asks nobody, and says so`() {
        let told = messages(server("ssl_verify_client on; ssl_client_certificate c; return 200 ok;"))
        #expect(told.count == 1 && told[0].contains("error: no \"listen\" of this server has \"ssl\""), "\(told)")
        #expect(messages(server("ssl_verify_client optional; ssl_client_certificate c; return 200 ok;")).count == 2)
        #expect(messages("ssl_verify_client on; ssl_client_certificate c; " + server("return 200 ok;")).isEmpty)
    }
}
