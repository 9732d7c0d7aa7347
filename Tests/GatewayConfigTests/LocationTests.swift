import Testing

@testable import GatewayConfig

@Suite struct LocationTests {
    private func action(_ directive: String) -> LocationAction? {
        snapshot(location(directive))?.servers.first?.locations.first?.action
    }

    // MARK: return

    @Test func `return answers with a status, a text or a place to go to`() {
        #expect(action("return 404;") == .return(status: 404, body: .empty))
        #expect(action("return 200 \"\";") == .return(status: 200, body: .empty))
        #expect(action("return 503 \"later\\n\";") == .return(status: 503, body: .text(Template("later\n"))))
        #expect(action("return 301 /new;") == .return(status: 301, body: .redirect(Template("/new"))))
        #expect(action("return https://a.example/;") == .return(status: 302, body: .redirect(Template("https://a.example/"))))
        #expect(
            action("return $scheme://a.example;")
                == .return(status: 302, body: .redirect(Template(parts: [.variable(.scheme), .literal("://a.example")]))))
    }

    @Test(arguments: [
        ("return 444;", "444 is not supported"), ("return 100;", "\"100\" is not the status of a response"),
        ("return 600;", "\"600\" is not the status of a response"),
        ("return 99999999999999999999;", "\"99999999999999999999\" is not the status of a response"),
        ("return 301;", "a redirect needs a URL"), ("return 302 \"\";", "a redirect needs a URL"),
        ("return ok;", "\"ok\" is neither a status nor a URL"), ("return /new;", "\"/new\" is neither a status nor a URL"),
        ("return ok ok;", "\"ok\" is not the status of a response"), ("return 204 text;", "a response with status 204 has no content"),
        ("return 301 \"/a\\r\\nSet-Cookie: b\";", "a URL is ASCII without blanks and control characters"),
        ("return;", "\"return\" is missing STATUS|URL"), ("return 200 a b;", "\"b\" is one argument too many"),
    ])
    func `a return that can't be is an error`(directive: String, message: String) {
        let found = ConfigLoader.load(text: location(directive), path: "gateway.conf", environment: [:]).diagnostics
        #expect(found.map(\.message) == [message])
    }

    @Test func `a text of return may be as long as it likes, unless it is made anew for each reader`() {
        func found(_ text: String) -> [String] { messages(location("return 200 \"\(text)\";")) }
        #expect(found(String(repeating: "x", count: 100_000)).isEmpty)
        #expect(found("${host}" + String(repeating: "x", count: 32_768)).isEmpty)
        #expect(found("${host}" + String(repeating: "x", count: 32_769)) == ["1:47: error: a text with variables is longer than 32 KB"])
    }

    @Test func `a server's return comes before its locations, so there can't be both`() {
        #expect(
            messages("server { listen 80; location / { return 200 ok; } return 404; }") == [
                "1:51: error: a server's \"return\" comes before its locations: none is ever reached"
            ])
    }

    @Test func `return hides proxy_pass, and a location without either answers 404`() {
        #expect(
            messages(location("return 404; proxy_pass http://a;")) == ["1:48: warning: \"return\" answers first, so this is never reached"])
        #expect(messages(location("")) == ["1:23: warning: this location answers everything with 404"])
        #expect(action("") == LocationAction.none)
    }

    // MARK: proxy_pass

    @Test(arguments: [
        ("http://api", "api", nil), ("http://API", "api", nil), ("http://api/", "api", "/"), ("http://api/v2/x", "api", "/v2/x"),
        ("http://127.0.0.1:9001", "127.0.0.1:9001", nil), ("http://[::1]:9001/a", "[::1]:9001", "/a"),
        ("http://origin.internal", "origin.internal:80", nil),
    ])
    func `proxy_pass names an upstream or a host`(url: String, name: String, uri: String?) {
        let config = snapshot("upstream api { server b:1; } " + location("proxy_pass \(url);"))
        guard case .proxyPass(let pass) = config?.servers.first?.locations.first?.action else { return #expect(Bool(false)) }
        #expect(config?.upstreams[pass.upstream].name == name)
        #expect(pass.uri == uri)
    }

    @Test func `one address is one upstream, however often it is named`() {
        let text = server(
            "location /a { proxy_pass http://b:1; } location /b { proxy_pass http://b:1/; } location /c { proxy_pass http://b; }")
        #expect(snapshot(text)?.upstreams.map(\.name) == ["b:1", "b:80"])
    }

    @Test func `an upstream may stand behind the server that names it`() {
        #expect(snapshot(location("proxy_pass http://api;") + "upstream api { server b:1; }")?.upstreams.count == 1)
    }

    @Test(arguments: [
        ("https://api", "https:// to the upstream \"api\", which has no \"tls\""), ("ftp://a", "\"ftp://a\" is not the URL of an origin"),
        ("http://api:80", "the upstream \"api\" can't have a port here"),
        ("http://$host", "variables can't be used here"), ("api", "\"api\" is not the URL of an origin"),
        ("http://", "\"\" is neither an upstream's name nor HOST:PORT"),
        ("http://a:0", "\"a:0\" is neither an upstream's name nor HOST:PORT"),
        ("http://a b", "\"b\" is one argument too many"), ("http://u:p@a", "\"http://u:p@a\" contains user information"),
        ("http://a/?x", "\"http://a/?x\" contains a query or a fragment"), ("http://unix:/run/a", "unix: sockets are not supported"),
        ("http://1.2.3", "\"1.2.3\" is neither an upstream's name nor HOST:PORT"),
        ("\"http://a/ \"", "\"http://a/ \" contains characters that a URL can't have"),
    ])
    func `a proxy_pass that can't be is an error`(url: String, message: String) {
        let text = "upstream api { server b:1; } " + location("proxy_pass \(url);")
        #expect(ConfigLoader.load(text: text, path: "gateway.conf", environment: [:]).diagnostics.map(\.message) == [message])
    }

    // MARK: Paths

    @Test func `a location is a prefix, or with an equals sign the whole path`() {
        let text = server("location /a/ { return 200 a; } location = /a/ { return 200 b; } location =/b { return 200 c; }")
        let locations = snapshot(text)?.servers.first?.locations
        #expect(locations?.map(\.name) == ["/a/", "= /a/", "= /b"])
        #expect(locations?.map(\.path) == ["/a/", "/a/", "/b"])
        #expect(locations?.map(\.isExact) == [false, true, true])
    }

    @Test(arguments: [
        ("location ~ \\.php$ { }", "regular expressions are not supported in locations"),
        ("location ~* \\.(gif|png)$ { }", "regular expressions are not supported in locations"),
        ("location ^~ /a { return 200 ok; }", "\"^~\" is not supported"),
        ("location @a { return 200 ok; }", "named locations are not supported"),
        ("location a { return 200 ok; }", "\"a\" does not begin with \"/\""),
        ("location /a?b { return 200 ok; }", "a location matches the path alone, without a query"),
        ("location \"/a b\" { return 200 ok; }", "\"/a b\" contains blanks or control characters"),
        ("location / { location /a { return 200 ok; } return 404; }", "nested locations are not supported"),
        ("location { return 200 ok; }", "\"location\" is missing PATH"),
        ("location = { return 200 ok; }", "\"location\" is missing PATH"),
        ("location / { return 200 a; } location / { return 200 b; }", "the location \"/\" is given twice"),
        ("location = / { return 200 a; } location =/ { return 200 b; }", "the location \"= /\" is given twice"),
    ])
    func `a location that can't be is an error`(text: String, message: String) {
        #expect(ConfigLoader.load(text: server(text), path: "gateway.conf", environment: [:]).diagnostics.map(\.message) == [message])
    }

    @Test(arguments: ["/a//b", "/a/./b", "/a/..", "/a%20b"])
    func `a path that is never matched is a warning`(path: String) {
        #expect(messages(server("location \(path) { return 200 ok; }")) == ["1:32: warning: no path matches \"\(path)\""])
    }

    @Test func `slashes match where they are not merged, and an encoded slash always`() {
        #expect(messages(server("merge_slashes off; location /a//b { return 200 ok; }")).isEmpty)
        #expect(messages(server("location /a%2Fb { return 200 ok; }")).isEmpty)
    }

    // MARK: Header fields

    @Test(arguments: [
        "Connection", "keep-alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "content-length", "HTTP2-Settings",
    ])
    func `fields that the gateway writes itself can't be set`(name: String) {
        for directive in ["add_header", "proxy_set_header"] {
            let found = ConfigLoader.load(text: "\(directive) \(name) x; " + aServer, path: "gateway.conf", environment: [:]).diagnostics
            #expect(found.map(\.message) == ["\(name) can't be set"])
            #expect(found.first?.expected?.isEmpty == false)
        }
    }

    @Test(arguments: [
        ("add_header \"a b\" c;", "\"a b\" is not the name of a header field"),
        ("add_header :status 200;", "\":status\" is not the name of a header field"),
        ("add_header \"\" 200;", "\"\" is not the name of a header field"),
        ("add_header größe 1;", "\"größe\" is not the name of a header field"),
        ("add_header A \"b\\nc\";", "control character in the value of a header field"),
        ("add_header A b alway;", "\"alway\" is not an argument of \"add_header\""), ("add_header A;", "\"add_header\" is missing VALUE"),
        ("proxy_set_header A b always;", "\"always\" is one argument too many"),
    ])
    func `a field that can't be is an error`(text: String, message: String) {
        #expect(ConfigLoader.load(text: text + aServer, path: "gateway.conf", environment: [:]).diagnostics.map(\.message) == [message])
    }

    @Test func `a value may be called as a flag is`() {
        #expect(snapshot("add_header A always; " + aServer)?.servers.first?.fallback.addHeaders == [HeaderTemplate("A", "always")])
    }
}
