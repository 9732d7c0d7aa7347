import TestSupport
import Testing

/// What the origin hears of the client: proxy_set_header, X-Forwarded-* and X-Request-ID, and whose word counts for them.
@Suite struct ForwardingTests {
    private static let nothing = "HTTP/1.1 204 No Content\r\n\r\n"
    private static let spoofed = [
        "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.8", "x-forwarded-proto: https", "X-Forwarded-Host: evil.example",
        "X-Request-ID: mine",
    ]

    @Test func `what a stranger says of itself is dropped`() throws {
        let proxied = try ProxiedOrigin(answering: Self.nothing, location: "add_header X-Id $request_id;")
        let answer = try proxied.gateway.get("/", host: "api.example:81", fields: Self.spoofed)
        let request = try proxied.lastRequest()
        #expect(request.values("X-Forwarded-For") == ["127.0.0.1"])
        #expect(request.values("X-Forwarded-Proto") == ["http"])
        #expect(request.values("X-Forwarded-Host") == ["api.example:81"])
        #expect(request.values("Host") == ["api.example:81"])
        let id = try #require(request["X-Request-ID"])
        #expect(id.wholeMatch(of: /[0-9a-f]{32}/) != nil)
        #expect(answer["X-Id"] == id)
        let entry = try proxied.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry["request_id"] == id && entry["remote_addr"] == "127.0.0.1")
    }

    /// Answers with the head of each request.
    private static func tellingHeads() throws -> ScriptedOrigin {
        try .overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                if request.resetCode != nil { continue }
                try connection.respond(to: request.stream, text: request.head.fields.map { "\($0.name)=\($0.value)\n" }.joined())
            }
        }
    }

    @Test(arguments: [false, true])
    func `an origin over HTTP 2 hears the same of a stranger`(overTLS: Bool) throws {
        let origin = try Self.tellingHeads()
        let certificates = try TestCertificates()
        let gateway = try Gateway(
            conf: """
                access_log {DIR}/access.log json;
                upstream api { server 127.0.0.1:{ORIGIN}; protocol h2; }
                server {
                    listen 127.0.0.1:0 \(overTLS ? "ssl" : "");
                    ssl_certificate {CERT};
                    ssl_certificate_key {KEY};
                    location / { proxy_pass http://api; add_header X-Id $request_id; }
                }
                """, certificate: try certificates.leaf(["localhost"]), values: ["ORIGIN": "\(origin.port)"])
        let spoofed = Self.spoofed + ["X-Own: 1"]
        let answer =
            try overTLS
            ? gateway.connectTLS().get("/", host: "api.example:81", fields: spoofed)
            : gateway.get("/", host: "api.example:81", fields: spoofed)
        let entry = try gateway.accessLog(waitingFor: 1)[0]
        let id = try #require(entry["request_id"])
        #expect(id.wholeMatch(of: /[0-9a-f]{32}/) != nil && answer["X-Id"] == id)
        let heard = Set(answer.text.split(separator: "\n").map(String.init))
        #expect(
            heard == [
                ":method=GET", ":scheme=http", ":path=/", ":authority=api.example:81", "x-forwarded-for=127.0.0.1",
                "x-forwarded-proto=\(overTLS ? "https" : "http")", "x-forwarded-host=api.example:81", "x-request-id=\(id)", "x-own=1",
            ])
        #expect(origin.errors.isEmpty)
    }

    @Test func `an origin over HTTP 2 is never asked for nobody`() throws {
        let origin = try Self.tellingHeads()
        let proxied = try ProxiedOrigin(origin, upstream: "protocol h2;")
        let answer = try proxied.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(answer.status == 200)
        let authority = answer.text.split(separator: "\n").first { $0.hasPrefix(":authority=") }
        #expect(try #require(authority).count > ":authority=".count)
    }

    @Test func `an origin over HTTP 2 gets a cookie without blanks around it`() throws {
        let proxied = try ProxiedOrigin(try Self.tellingHeads(), upstream: "protocol h2;")
        let client = try HTTP2Client.open(proxied.gateway.connect())
        let answer = try client.get("/", ["cookie": "a=1", "cookie": "b=2", "cookie": ""])
        #expect(answer.text.contains("\ncookie=a=1; b=2\n"))
    }

    @Test func `each request gets an id of its own`() throws {
        let proxied = try ProxiedOrigin(answering: Self.nothing)
        let client = try proxied.gateway.connect()
        var ids: Set<String> = []
        for _ in 1...20 {
            _ = try client.get("/")
            ids.insert(try #require(try proxied.lastRequest()["X-Request-ID"]))
        }
        #expect(ids.count == 20)
    }

    @Test func `what a trusted proxy says is kept`() throws {
        let proxied = try ProxiedOrigin(
            answering: Self.nothing, main: "trusted_proxies 127.0.0.9 10.0.0.0/8;", location: "add_header X-Id $request_id;")
        let client = try proxied.gateway.connect(from: "127.0.0.9")
        let answer = try client.get("/", fields: Self.spoofed + ["X-Forwarded-For: 10.1.2.3"])
        let request = try proxied.lastRequest()
        #expect(request.values("X-Forwarded-For") == ["203.0.113.7, 203.0.113.8, 10.1.2.3, 127.0.0.9"])
        #expect(request.values("X-Forwarded-Proto") == ["https"])
        #expect(request.values("X-Forwarded-Host") == ["evil.example"])
        #expect(request.values("X-Request-ID") == ["mine"])
        #expect(answer["X-Id"] == "mine")
        let entry = try proxied.gateway.accessLog(waitingFor: 1)[0]
        // The last address that no trusted proxy has.
        #expect(entry["remote_addr"] == "203.0.113.8" && entry["request_id"] == "mine")
    }

    @Test func `X-Forwarded-Proto is https where TLS is spoken`() throws {
        let certificates = try TestCertificates()
        let origin = try ScriptedOrigin.answering(Self.nothing)
        let gateway = try Gateway(
            conf: """
                server {
                    listen 127.0.0.1:0 ssl;
                    ssl_certificate {CERT};
                    ssl_certificate_key {KEY};
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; proxy_set_header X-Scheme $scheme; }
                }
                """, certificate: try certificates.leaf(["localhost"]), values: ["ORIGIN": "\(origin.port)"])
        _ = try gateway.connectTLS().get("/", fields: ["X-Forwarded-Proto: http"])
        let request = try ReceivedHead(origin.received())
        #expect(request.values("X-Forwarded-Proto") == ["https"] && request["X-Scheme"] == "https")
    }

    @Test func `a trusted proxy that says nothing gets the same as everybody`() throws {
        let proxied = try ProxiedOrigin(answering: Self.nothing, main: "trusted_proxies 127.0.0.9;")
        _ = try proxied.gateway.connect(from: "127.0.0.9").get("/", host: "a.example")
        let request = try proxied.lastRequest()
        #expect(request["X-Forwarded-For"] == "127.0.0.9" && request["X-Forwarded-Proto"] == "http")
        #expect(request["X-Forwarded-Host"] == "a.example" && request["X-Request-ID"]?.count == 32)
    }

    @Test func `a stranger beside the trusted proxies stays one`() throws {
        let proxied = try ProxiedOrigin(answering: Self.nothing, main: "trusted_proxies 127.0.0.9;")
        _ = try proxied.gateway.get("/", fields: Self.spoofed)
        #expect(try proxied.lastRequest()["X-Forwarded-For"] == "127.0.0.1")
        #expect(try proxied.lastRequest()["X-Request-ID"] != "mine")
    }

    @Test func `proxy_set_header sets, replaces and removes fields, and merges with the outer levels`() throws {
        let proxied = try ProxiedOrigin(
            answering: Self.nothing, main: "proxy_set_header X-Main main; proxy_set_header X-Gone main;",
            server: "proxy_set_header X-Both server; proxy_set_header Accept-Encoding \"\";",
            location: """
                proxy_set_header X-Both "in $http_x_client"; proxy_set_header X-Gone ""; proxy_set_header User-Agent gateway;
                proxy_set_header X-Forwarded-Proto $scheme-$server_port; proxy_set_header X-Forwarded-Host "";
                """)
        _ = try proxied.gateway.get(
            "/", fields: ["x-both: client", "X-Client: c", "USER-AGENT: curl", "Accept-Encoding: gzip", "X-Gone: client", "X-Stays: 1"])
        let request = try proxied.lastRequest()
        #expect(request.values("X-Both") == ["in c"] && request.values("X-Main") == ["main"])
        #expect(request["X-Gone"] == nil && request["Accept-Encoding"] == nil && request["X-Forwarded-Host"] == nil)
        #expect(request.values("User-Agent") == ["gateway"] && request["X-Stays"] == "1")
        #expect(request.values("X-Forwarded-Proto") == ["http-\(proxied.gateway.port)"])
    }

    @Test func `Host is the client's, the upstream's host, or what proxy_set_header says`() throws {
        let client = try ProxiedOrigin(answering: Self.nothing)
        _ = try client.gateway.get("/", host: "Api.Example:81")
        #expect(try client.lastRequest().values("Host") == ["Api.Example:81"])
        let upstream = try ProxiedOrigin(.answering(Self.nothing), upstream: "host inside.example;")
        _ = try upstream.gateway.get("/", host: "api.example")
        #expect(try upstream.lastRequest().values("Host") == ["inside.example"])
        let set = try ProxiedOrigin(.answering(Self.nothing), upstream: "host inside.example;", location: "proxy_set_header Host x.$host;")
        _ = try set.gateway.get("/", host: "api.example:81")
        #expect(try set.lastRequest().values("Host") == ["x.api.example"])
    }

    @Test func `variables say what they are named for`() throws {
        let names = [
            "args", "host", "hostname", "is_args", "proxy_add_x_forwarded_for", "remote_addr", "remote_port", "request_id",
            "request_method",
            "request_uri", "scheme", "server_addr", "server_name", "server_port", "server_protocol", "uri", "http_x_y", "arg_c",
        ]
        let text = names.map { "\($0)=[$\($0)]" }.joined(separator: "\\n")
        let gateway = try Gateway(conf: "server { listen 127.0.0.1:0; server_name a.example b.example; return 200 \"\(text)\"; }")
        let client = try gateway.connect()
        let answer = try client.request(
            "POST", "/p//%71/../r?b=1&c=d%20e&c=f", host: "B.example:99", fields: ["X-Y: z", "x-forwarded-for: 1.2.3.4"])
        var values: [String: String] = [:]
        for line in answer.text.components(separatedBy: "\n") {
            let parts = line.components(separatedBy: "=[")
            values[parts[0]] = String(parts.dropFirst().joined(separator: "=[").dropLast())
        }
        #expect(values["args"] == "b=1&c=d%20e&c=f" && values["is_args"] == "?" && values["arg_c"] == "d%20e")
        #expect(values["host"] == "b.example" && values["server_name"] == "a.example" && values["http_x_y"] == "z")
        #expect(values["remote_addr"] == "127.0.0.1" && values["remote_port"] == "\(client.localPort)")
        #expect(values["server_addr"] == "127.0.0.1" && values["server_port"] == "\(gateway.port)" && values["scheme"] == "http")
        #expect(values["request_method"] == "POST" && values["request_uri"] == "/p//%71/../r?b=1&c=d%20e&c=f" && values["uri"] == "/p/r")
        #expect(values["server_protocol"] == "HTTP/1.1" && values["proxy_add_x_forwarded_for"] == "127.0.0.1")
        #expect(values["request_id"]?.count == 32 && values["hostname"]?.isEmpty == false)
    }

    @Test func `a value of the request cannot make a field of its own`() throws {
        let proxied = try ProxiedOrigin(
            answering: Self.nothing, location: "proxy_set_header X-Arg $arg_x; add_header X-Uri $uri; add_header X-Arg $arg_x;")
        let answer = try proxied.gateway.get("/%0d%0aX-Evil:%201?x=%0d%0aX-Evil:1")
        #expect(answer["X-Evil"] == nil && answer["X-Arg"] == "%0d%0aX-Evil:1" && answer["X-Uri"] == "/%0D%0AX-Evil:%201")
        #expect(try proxied.lastRequest()["X-Evil"] == nil)
    }
}
