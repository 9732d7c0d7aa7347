import Testing

@testable import GatewayConfig

@Suite struct SecurityHeadersDirectiveTests {
    private func edge(_ main: String, _ server: String, _ location: String) -> EdgeConfig? {
        snapshot("\(main) server { listen 8080; \(server) location / { return 200 ok; \(location) } }")?.servers[0].locations[0].edge
    }

    private let tls = "server { listen 8443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key; return 200 ok;"

    @Test func `without a directive there is nothing`() {
        #expect(edge("", "", "") == EdgeConfig())
        #expect(edge("", "security_headers { }", "security_headers off;") == EdgeConfig())
    }

    @Test func `levels merge member by member, the inner one first`() {
        let server = "security_headers { frame_options DENY; csp \"default-src 'self'; $x\"; hsts max-age=60; }"
        let all = edge("", server, "security_headers { frame_options SAMEORIGIN; referrer_policy origin same-origin; }")
        #expect(all?.hsts == "max-age=60")
        #expect(
            all?.securityHeaders == [
                FieldConfig("Content-Security-Policy", "default-src 'self'; $x"), FieldConfig("X-Frame-Options", "SAMEORIGIN"),
                FieldConfig("Referrer-Policy", "origin, same-origin"),
            ])
        let less = edge("", server, "security_headers { hsts off; csp off; }")
        #expect(less?.hsts == nil && less?.securityHeaders == [FieldConfig("X-Frame-Options", "DENY")])
        #expect(edge("", server, "security_headers off;") == EdgeConfig())
    }

    @Test func `hidden names of all levels count, each once`() {
        let hidden = edge("proxy_hide_header Server;", "proxy_hide_header X-Powered-By server;", "proxy_hide_header X-A X-B;")
        #expect(hidden?.hiddenHeaders == ["Server", "X-Powered-By", "X-A", "X-B"])
    }

    @Test func `an environment's value stands in a policy as it is`() {
        let text = location("return 200 ok; security_headers { csp env:CSP; }")
        let config = snapshot(text, environment: ["CSP": "default-src 'self'; script-src $x"])
        #expect(config?.servers[0].locations[0].edge.securityHeaders.first?.value == "default-src 'self'; script-src $x")
        #expect(
            messages(text, environment: ["CSP": "a\r\nSet-Cookie: b"]) == [
                "1:74: error: the value of env:CSP is not the value of a header field"
            ])
    }

    @Test(arguments: [
        ("frame_option DENY;", "unknown directive \"frame_option\""),
        ("frame_options deny;", "\"deny\" is not valid here"),
        ("frame_options ALLOW-FROM;", "\"ALLOW-FROM\" is not valid here"),
        ("content_type_options none;", "\"none\" is not valid here"),
        ("referrer_policy never;", "\"never\" is not valid here"),
        ("referrer_policy origin off;", "\"off\" stands alone"),
        ("xss_protection 2;", "\"2\" is not valid here"),
        ("cross_origin_opener_policy cross-origin;", "\"cross-origin\" is not valid here"),
        ("csp \"default-src 'self'\r\nX-A: b\";", "\"default-src 'self'��X-A: b\" is not the value of a header field"),
        ("csp \"\";", "\"\" is not the value of a header field"),
        ("permissions_policy \"caméra=()\";", "\"caméra=()\" is not the value of a header field"),
        ("hsts 31536000;", "\"31536000\" is not an argument of \"hsts\""),
        ("hsts includeSubDomains;", "\"hsts\" is missing \"max-age=\""),
        ("hsts off preload;", "\"off\" stands alone"),
        ("hsts max-age=1y;", "\"1y\" is not a number"),
        ("hsts max-age=60 includesubdomains;", "\"includesubdomains\" is not an argument of \"hsts\""),
        ("listen 80;", "\"listen\" is not allowed in \"security_headers\""),
    ])
    func `what is wrong is an error`(member: String, message: String) {
        let found = ConfigLoader.load(
            text: server("return 200 ok; security_headers { \(member) }"), path: "gateway.conf", environment: [:])
        #expect(found.snapshot == nil)
        #expect(found.diagnostics.filter { $0.severity == .error }.map(\.message) == [message])
    }

    @Test func `a misspelt member is told which is meant`() {
        let found = diagnose(server("return 200 ok; security_headers { hsst max-age=60; referer_policy origin; }"))
        #expect(
            found.contains { $0.contains("did you mean \"hsts\"?") } && found.contains { $0.contains("did you mean \"referrer_policy\"?") })
    }

    @Test(arguments: [
        ("security_headers;", "\"security_headers\" needs a block"),
        ("security_headers on;", "\"on\" is not an argument of \"security_headers\""),
        ("security_headers off { csp \"a\"; }", "\"off\" takes no block"),
        ("proxy_hide_header Content-Length;", "Content-Length can't be set"),
        ("proxy_hide_header \"a b\";", "\"a b\" is not the name of a header field"),
    ])
    func `a wrong form is an error`(directive: String, message: String) {
        #expect(messages(server("return 200 ok; \(directive)")).contains { $0.hasSuffix("error: " + message) })
    }

    @Test func `what add_header doubles is a warning once, at the inner one of the two`() {
        let member = "security_headers { frame_options DENY; }"
        let header = "add_header X-Frame-Options DENY;"
        func found(_ server: String, _ location: String, main: String = "") -> [String] {
            messages("\(main)\nserver { listen 8080; \(server)\nlocation / { return 200 ok; \(location) } location /a { return 200 ok; } }")
        }
        func warning(_ at: String) -> [String] { ["\(at): warning: responses get X-Frame-Options twice"] }
        #expect(found(header, member) == warning("3:48"))
        #expect(found("", member, main: header) == warning("3:48"))
        #expect(found(member, header) == warning("3:29"))
        #expect(found("\(member) \(header)", "") == warning("2:64"))
        #expect(found(header, "security_headers { csp \"a\"; frame_options off; }") == [])
        #expect(found(member, "security_headers off; \(header)") == [])
        #expect(found(header, "\(member) add_header x-frame-options \"\";") == [])
    }

    @Test func `what browsers would not take is a warning`() {
        func warnings(_ hsts: String, _ more: String = "") -> [String] {
            ConfigLoader.load(
                text: "\(tls) \(more) security_headers { hsts \(hsts); frame_options DENY; } }", path: "gateway.conf", environment: [:]
            )
            .diagnostics.map(\.message).filter { !$0.contains("a.pem") && !$0.contains("a.key") }
        }
        let preload = "browsers take no such host into their preload lists"
        #expect(warnings("max-age=31536000 includeSubDomains preload") == [])
        #expect(warnings("max-age=31535999 includeSubDomains preload") == [preload])
        #expect(warnings("max-age=31536000 preload") == [preload])
        #expect(warnings("max-age=60", "add_header x-frame-options DENY;") == ["responses get x-frame-options twice"])
        let plain = messages(server("return 200 ok; security_headers { hsts max-age=60; }"))
        #expect(plain == ["1:57: warning: \"hsts\" is only ever sent over TLS, and this server has none"])
    }
}
