import TestSupport
import Testing

/// Which server answers: by listen address, then by server_name, as in nginx.
@Suite struct ServerChoiceTests {
    private static let conf = """
        server { listen 127.0.0.1:0; server_name first.example; return 200 first; }
        server { listen 127.0.0.1:0; server_name api.example.com; return 200 exact; }
        server { listen 127.0.0.1:0; server_name *.example.com; return 200 wildcard; }
        server { listen 127.0.0.1:0; server_name *.deep.example.com; return 200 deep; }
        server { listen 127.0.0.1:0; server_name mail.*; return 200 mail; }
        server { listen 127.0.0.1:0; server_name .both.example; return 200 both; }
        server { listen 127.0.0.1:0; server_name [::1]; return 200 six; }
        server { listen 127.0.0.2:0; server_name other.example; return 200 other; }
        server { listen 127.0.0.2:0 default_server; server_name chosen.example; return 200 chosen; }
        """

    @Test func `the name in Host chooses the server`() throws {
        let gateway = try Gateway(conf: Self.conf)
        let client = try gateway.connect()
        let expected = [
            ("api.example.com", "exact"), ("API.Example.COM", "exact"), ("api.example.com:8443", "exact"), ("api.example.com.", "exact"),
            ("api.example.com.:80", "exact"), ("api.example.com:", "exact"), ("www.example.com", "wildcard"),
            ("a.b.example.com", "wildcard"),
            ("a.deep.example.com", "deep"), ("deep.example.com", "wildcard"), ("example.com", "first"), ("mail.example.org", "mail"),
            ("mail.example.com", "wildcard"), ("both.example", "both"), ("x.both.example", "both"), ("unknown.example", "first"),
            ("127.0.0.1", "first"), ("[::1]:80", "six"), ("other.example", "first"),
        ]
        for (host, server) in expected { #expect(try client.get("/", host: host).text == server, "\(host)") }
    }

    @Test func `each address has its own default server`() throws {
        let gateway = try Gateway(conf: Self.conf)
        let client = try gateway.connect(1)
        for (host, server) in [("other.example", "other"), ("api.example.com", "chosen"), ("chosen.example", "chosen")] {
            #expect(try client.get("/", host: host).text == server)
        }
    }

    @Test func `a request without a host goes to the default server`() throws {
        let gateway = try Gateway(conf: Self.conf)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.readResponse().text == "first")
    }

    @Test func `the authority of an absolute-form chooses, not Host`() throws {
        let gateway = try Gateway(conf: Self.conf)
        #expect(try gateway.get("http://api.example.com:1/", host: "mail.example.org").text == "exact")
    }
}
