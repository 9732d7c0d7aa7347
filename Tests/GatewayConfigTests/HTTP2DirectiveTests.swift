import Testing

@testable import GatewayConfig

@Suite struct HTTP2DirectiveTests {
    private func load(_ text: String) -> ConfigResult {
        ConfigLoader.load(text: text, path: "gateway.conf", environment: [:])
    }

    private func servers(_ main: String, _ server: String = "") -> [Bool]? {
        load("\(main) server { listen 8080; return 200 ok; \(server) } server { listen 8081; return 200 ok; }").snapshot?.servers
            .map(\.speaksHTTP2)
    }

    private func upstream(_ block: String) -> Bool? {
        let text = "upstream a { server b:1; \(block) } server { listen 8080; location / { proxy_pass http://a; } }"
        return load(text).snapshot?.upstreams.first?.speaksHTTP2
    }

    @Test func `clients may speak HTTP/2 unless the server, or what is around it, says otherwise`() {
        #expect(servers("") == [true, true])
        #expect(servers("", "http2 off;") == [false, true])
        #expect(servers("http2 off;") == [false, false])
        #expect(servers("http2 off;", "http2 on;") == [true, false])
    }

    @Test func `origins are spoken to in HTTP/1.1 unless protocol says otherwise`() {
        #expect(upstream("") == false)
        #expect(upstream("protocol http/1.1;") == false)
        #expect(upstream("protocol h2;") == true)
        #expect(upstream("protocol h2; tls;") == true)
        let unnamed = load("server { listen 8080; location / { proxy_pass https://b:1; } }").snapshot
        #expect(unnamed?.upstreams.first?.speaksHTTP2 == false)
    }

    @Test func `without TLS a server is told that the default server's http2 counts`() {
        func warnings(_ first: String, _ second: String) -> [String] {
            load("server { listen 8080; return 200 a; \(first) }\nserver { listen 8080; server_name b; return 200 b; \(second) }")
                .diagnostics.map { "\($0.severity) \($0.position.line) \($0.message)" }
        }
        #expect(warnings("", "http2 on;") == [] && warnings("http2 off;", "") == [] && warnings("http2 off;", "http2 off;") == [])
        let message = "\"http2\" of this server has no effect on 0.0.0.0:8080, which has no TLS"
        #expect(warnings("", "http2 off;") == ["warning 2 \(message)"])
        #expect(warnings("http2 off;", "http2 on;") == ["warning 2 \(message)"])
        let secure = "ssl_certificate a; ssl_certificate_key b; return 200 a;"
        let names = load("server { listen 443 ssl; \(secure) } server { listen 443 ssl; server_name b; http2 off; \(secure) }")
        #expect(names.diagnostics.isEmpty)
    }

    @Test(arguments: [
        ("http2 yes;", "\"yes\" is not valid here"), ("http2;", "\"http2\" is missing on|off"),
        ("upstream a { server b:1; protocol h3; }", "\"h3\" is not valid here"),
        ("upstream a { server b:1; protocol h2 http/1.1; }", "\"http/1.1\" is one argument too many"),
        ("upstream a { server b:1; protocol h2; protocol h2; }", "\"protocol\" is given twice"),
        ("protocol h2;", "\"protocol\" is not allowed at the top level"),
    ])
    func `what is wrong is an error at its place`(directive: String, message: String) {
        let result = load("\(directive)\nserver { listen 8080; return 200 ok; }")
        #expect(result.snapshot == nil)
        #expect(result.diagnostics.map(\.message) == [message])
        #expect(result.diagnostics.first?.position.line == 1)
    }
}
