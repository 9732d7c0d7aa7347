import TestSupport
import Testing

/// `security_headers` and `proxy_hide_header`, as clients see them.
@Suite struct SecurityHeadersTests {
    private static let all = """
        security_headers {
            hsts max-age=31536000 includeSubDomains preload;
            csp "default-src 'self'; frame-ancestors 'none'";
            frame_options DENY;
            content_type_options nosniff;
            referrer_policy no-referrer strict-origin-when-cross-origin;
            permissions_policy "camera=(), geolocation=()";
            xss_protection "1; mode=block";
            cross_origin_opener_policy same-origin;
            cross_origin_embedder_policy require-corp;
            cross_origin_resource_policy same-site;
        }
        """

    private static let expected = [
        "content-security-policy": "default-src 'self'; frame-ancestors 'none'", "x-frame-options": "DENY",
        "x-content-type-options": "nosniff", "referrer-policy": "no-referrer, strict-origin-when-cross-origin",
        "permissions-policy": "camera=(), geolocation=()", "x-xss-protection": "1; mode=block",
        "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "same-site",
    ]

    private static let hsts = "max-age=31536000; includeSubDomains; preload"

    private static let talkative =
        "HTTP/1.1 200 OK\r\nServer: Origin/1.0\r\nX-Powered-By: PHP\r\nX-FRAME-OPTIONS: ALLOWALL\r\nX-Frame-Options: SAMEORIGIN\r\n"
        + "Strict-Transport-Security: max-age=1\r\nContent-Security-Policy: default-src *\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\nok"

    private func expectAll(_ answer: Answer, _ way: Way, _ status: Int) {
        #expect(answer.status == status, "\(answer)")
        for (name, value) in Self.expected { #expect(answer.values(name) == [value], "\(name) of \(answer)") }
        #expect(answer.values("strict-transport-security") == (way.transport == .tls ? [Self.hsts] : []), "\(answer)")
    }

    @Test(arguments: Way.allCases) func `every answer has them once, in the place of the origin's, HSTS over TLS alone`(_ way: Way) throws {
        let edge = try Edge(
            .answering(Self.talkative),
            server: Self.all + "location = /own { return 204; } location = /wrong { return 404 gone; }"
                + "location = /small { client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }")
        let client = try edge.client(way)
        let proxied = try client.ask("/")
        expectAll(proxied, way, 200)
        #expect(proxied.text == "ok" && proxied["x-kept"] == "yes" && proxied["server"] == "Origin/1.0")
        expectAll(try client.ask("/own"), way, 204)
        expectAll(try client.ask("/wrong"), way, 404)
        expectAll(try client.ask("/small", "POST", body: "12"), way, 413)
        expectAll(try edge.ask(way, "/a%00b"), way, 400)
    }

    @Test(arguments: Way.allCases) func `an origin that fails changes nothing about them`(_ way: Way) throws {
        let edge = try Edge(ScriptedOrigin { _, _ in }, server: Self.all)
        expectAll(try edge.ask(way, "/"), way, 502)
    }

    @Test func `a head that can't be read is refused with the fields of the listener's server`() throws {
        let edge = try Edge(.answering(Self.talkative), server: Self.all)
        let client = try edge.connect(.plain)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 400 && response.values("X-Frame-Options") == ["DENY"])
    }

    @Test(arguments: Way.allCases) func `a location's go over the server's one by one, and off takes them away`(_ way: Way) throws {
        let edge = try Edge(
            .answering(Self.talkative),
            server: "security_headers { frame_options DENY; content_type_options nosniff; csp \"default-src 'self'\"; }"
                + "location /some/ { security_headers { frame_options SAMEORIGIN; csp off; referrer_policy origin; } return 200 ok; }"
                + "location /none/ { security_headers off; return 200 ok; }"
                + "location /origin/ { security_headers { frame_options off; csp off; } proxy_pass http://127.0.0.1:{ORIGIN}; }")
        let client = try edge.client(way)
        let some = try client.ask("/some/")
        #expect(some.values("x-frame-options") == ["SAMEORIGIN"] && some.values("x-content-type-options") == ["nosniff"])
        #expect(some["content-security-policy"] == nil && some.values("referrer-policy") == ["origin"])
        let none = try client.ask("/none/")
        #expect(none["x-frame-options"] == nil && none["x-content-type-options"] == nil && none["content-security-policy"] == nil)
        // What the gateway has nothing to say about is the origin's own business.
        let origin = try client.ask("/origin/")
        #expect(origin.values("x-frame-options") == ["ALLOWALL", "SAMEORIGIN"] && origin["content-security-policy"] == "default-src *")
        #expect(try client.ask("/").values("x-frame-options") == ["DENY"])
    }

    @Test(arguments: Way.allCases) func `hidden fields of the origin don't reach the client, at any level`(_ way: Way) throws {
        let edge = try Edge(
            .answering(
                "HTTP/1.1 200 OK\r\nServer: Origin/1.0\r\nX-Powered-By: PHP\r\nX-Kept: yes\r\nX-Debug: a\r\nx-debug: b\r\n"
                    + "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok"),
            main: "proxy_hide_header server;", server: "proxy_hide_header X-Powered-By;", location: "proxy_hide_header X-Debug Date;")
        let answer = try edge.ask(way, "/")
        #expect(answer.status == 200 && answer.text == "ok" && answer["x-kept"] == "yes")
        #expect(answer["server"] == nil && answer["x-powered-by"] == nil && answer["x-debug"] == nil, "\(answer)")
        // A response has a date, whoever gave it (RFC 9110 § 6.6.1).
        #expect(answer.values("date").count == 1 && answer["date"]?.contains("1970") == false)
    }

    @Test(arguments: Way.allCases) func `hidden and replaced fields don't come back as trailers`(_ way: Way) throws {
        let trailers = "access-control-allow-origin: *\r\nX-Frame-Options: ALLOW\r\nX-Debug: a\r\nx-kept: yes\r\n"
        let edge = try Edge(
            .answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\(trailers)\r\n"),
            server: "cors { origins https://a.example; } security_headers { frame_options DENY; } proxy_hide_header X-Debug;")
        if way.isHTTP2 {
            let answer = try HTTP2Client.open(edge.address(way.transport).connectHTTP2()).get("/")
            #expect(answer.text == "ok" && answer.trailers == ["x-kept": "yes"])
        } else {
            let answer = try edge.connect(way.transport).get("/")
            #expect(answer.text == "ok" && answer.trailers == [.init(name: "x-kept", value: "yes")])
        }
    }

    @Test func `hidden fields stay away from interim heads and switched protocols, too`() throws {
        let fields = "Server: Origin/1.0\r\nETag: \"a\"\r\nX-Kept: yes\r\n"
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                if request.target == "/switch" {
                    try connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\(fields)\r\n")
                } else {
                    try connection.send("HTTP/1.1 103 Early Hints\r\n\(fields)\r\nHTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\n\r\n")
                }
            }
        }
        let edge = try Edge(origin, server: "proxy_hide_header Server ETag;")
        let hinted = try edge.connect(.plain).get("/")
        for head in hinted.interim + [hinted] { #expect(head["X-Kept"] == "yes" && head["Server"] == nil && head["ETag"] == nil) }
        #expect(hinted.interim.count == 1)
        let switched = try edge.connect(.plain).get("/switch", fields: ["Connection: Upgrade", "Upgrade: chat"])
        #expect(switched.status == 101 && switched["Upgrade"] == "chat" && switched["X-Kept"] == "yes")
        #expect(switched["Server"] == nil && switched["ETag"] == nil)
    }
}
