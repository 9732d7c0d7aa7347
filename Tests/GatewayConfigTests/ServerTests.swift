import GatewayCore
import Testing

@testable import GatewayConfig

@Suite struct ServerTests {
    @Test(arguments: [
        ("8080", "0.0.0.0:8080"), ("*:8080", "0.0.0.0:8080"), ("0.0.0.0:8080", "0.0.0.0:8080"), ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1", "127.0.0.1:80"), ("localhost:8080", "127.0.0.1:8080"), ("localhost", "127.0.0.1:80"), ("*", "0.0.0.0:80"),
        ("[::]:8443", "[::]:8443"), ("[::1]", "[::1]:80"), ("[2001:DB8::1]:1", "[2001:db8::1]:1"), ("65535", "0.0.0.0:65535"),
    ])
    func `addresses to listen on are written as in nginx`(written: String, meant: String) {
        let text = "server { listen \(written); return 200 ok; }"
        #expect(diagnose(text).isEmpty)
        #expect(snapshot(text)?.servers.first?.listens.map(\.address.name) == [meant])
    }

    @Test(arguments: [
        "65536", "8080x", "127.0.0.1:", "127.0.0.1:x", "127.0.0.256:80", "example.com:80", "::1:80", "[::1", "[::1]80", "[::1]:",
        "[127.0.0.1]:80", "[::ffff:127.0.0.1]:80", "unix:/run/a.sock", "http://a", "\"\"", ":80", "1.2.3:80", "-1",
    ])
    func `what is no address to listen on is an error`(written: String) {
        #expect(messages("server { listen \(written); return 200 ok; }").count == 1)
        #expect(snapshot("server { listen \(written); return 200 ok; }") == nil)
    }

    @Test func `a server without listen listens on port 80`() {
        #expect(snapshot("server { return 200 ok; }")?.servers.first?.listens.map(\.address.name) == ["0.0.0.0:80"])
    }

    @Test(arguments: [
        ("API.Example.com", ["api.example.com"]), ("*.example.com", ["*.example.com"]), ("mail.*", ["mail.*"]), ("_", ["_"]),
        (".example.com", ["example.com", "*.example.com"]), ("\"\"", [""]), ("192.0.2.1", ["192.0.2.1"]), ("[::1]", ["[::1]"]),
        ("a b", ["a", "b"]), ("xn--grsse-lva.example", ["xn--grsse-lva.example"]),
    ])
    func `server names are in lower case`(written: String, names: [String]) {
        #expect(snapshot(server("server_name \(written); return 200 ok;"))?.servers.first?.names == names)
    }

    @Test(arguments: [
        "www.*.com", "*", "*.", "*a.com", "~^a$", "http://a.com", "a.com:80", "a.com/", "größe.example", "$hostname", "a..b", "a.com.",
        "1.2.3",
    ])
    func `what is no server name is an error`(written: String) {
        #expect(messages(server("server_name \(written); return 200 ok;")).count == 1)
        #expect(snapshot(server("server_name \(written); return 200 ok;")) == nil)
    }

    @Test(arguments: [
        ("server { listen 443 ssl; return 200 ok; }", ["1:10: error: \"listen\" with \"ssl\" has no certificate"]),
        (
            "server { listen 443 ssl; ssl_certificate a; return 200 ok; }",
            ["1:26: error: the certificate has no key"]
        ),
        (
            "server { listen 443 ssl; ssl_certificate a; ssl_certificate_key a; ssl_certificate_key b; return 200 ok; }",
            ["1:68: error: the key has no certificate"]
        ),
        (
            "server { listen 443; ssl_certificate a; ssl_certificate_key a; return 200 ok; }",
            ["1:22: warning: the certificate is never used"]
        ),
        (
            "server { listen 443 ssl; ssl_certificate a; ssl_certificate_key b; ssl_protocols TLSv1.1; return 200 ok; }",
            ["1:82: error: \"TLSv1.1\" is not valid here"]
        ),
    ])
    func `TLS needs certificates with their keys`(text: String, expected: [String]) {
        #expect(messages(text) == expected)
    }

    @Test(arguments: [
        (
            "server { listen 80; listen *:80; return 200 ok; }",
            ["1:28: error: the address 0.0.0.0:80 is given twice"]
        ),
        (
            "server { listen 80; return 200 a; }\nserver { listen 80; return 200 b; }",
            ["2:10: warning: the server name \"\" on 0.0.0.0:80 belongs to another server already: it is ignored here"]
        ),
        (
            "server { listen 80; server_name a b; return 200 a; }\nserver { listen 80; server_name c A; return 200 b; }",
            ["2:35: warning: the server name \"a\" on 0.0.0.0:80 belongs to another server already: it is ignored here"]
        ),
        ("server { listen 80; server_name a; return 200 a; }\nserver { listen 80; server_name b; return 200 b; }", []),
        (
            "server { listen 80 default_server; server_name a; return 200 a; }\nserver { listen 80 default_server; return 200 b; }",
            ["2:10: error: 0.0.0.0:80 has two default servers"]
        ),
        (
            "ssl_certificate a; ssl_certificate_key a;\nserver { listen 80 ssl; return 200 a; }\n"
                + "server { listen 80; server_name b; return 200 b; }",
            ["3:10: error: 0.0.0.0:80 has \"ssl\" in one server and not in another"]
        ),
        (
            "admin 127.0.0.1:80 { }\nserver { listen 127.0.0.1:80; return 200 a; }",
            ["1:7: error: the admin address is also a server's: 127.0.0.1:80"]
        ),
        (
            "admin 127.0.0.1:80 { }\nserver { listen 80; return 200 a; }",
            ["1:7: error: the admin address is also a server's: 0.0.0.0:80"]
        ),
        ("admin 127.0.0.1:0 { }\nserver { listen 127.0.0.1:0; return 200 a; }", []),
        ("admin 127.0.0.1:80 { }\nserver { listen [::]:80; return 200 a; }", []),
    ])
    func `servers share addresses without contradiction`(text: String, expected: [String]) {
        #expect(messages(text) == expected)
    }

    @Test func `the admin listener answers the loopback addresses unless it says otherwise`() {
        #expect(snapshot("admin 127.0.0.1:9145 { } " + aServer)?.admin?.allow.map(\.description) == ["127.0.0.0/8", "::1"])
    }

    @Test(arguments: [
        ("access_log off;", nil), ("access_log off json;", "\"off\" takes no format"),
        ("access_log stderr json;", "access_log can't go to stderr"), ("error_log stdout;", "error_log can't go to stdout"),
        ("access_log stdout common;", "\"common\" is not valid here"), ("access_log stdout combined;", nil),
        ("access_log stdout json sample=1% slow=2s hide=token,api_key;", nil), ("access_log stdout json sample=0%;", nil),
        ("access_log stdout json sample=0.0001%;", nil), ("access_log stdout json sample=100.0000%;", nil),
        ("access_log stdout json sample=1;", "\"1\" is not a share"), ("access_log stdout json sample=101%;", "\"101%\" is not a share"),
        ("access_log stdout json sample=0.00001%;", "\"0.00001%\" is not a share"),
        ("access_log stdout json sample=.5%;", "\".5%\" is not a share"), ("access_log stdout json sample=-1%;", "\"-1%\" is not a share"),
        ("access_log stdout json slow=1s;", "without \"sample\" every request has a line"),
        ("access_log off sample=1%;", "\"off\" takes no format"), ("error_log stderr notice;", "\"notice\" is not valid here"),
        ("access_log $host json;", "variables can't be used here"),
    ])
    func `logs go where they can`(text: String, message: String?) {
        let found = ConfigLoader.load(text: text + aServer, path: "gateway.conf", environment: [:]).diagnostics
        #expect(found.map(\.message) == (message.map { [$0] } ?? []))
    }
}
