import TestSupport
import Testing

/// `cors`, as browsers see it.
@Suite struct CORSTests {
    private static let cors = """
        cors {
            origins https://app.example.com https://*.studio.example.com http://localhost:3000;
            methods GET POST PUT;
            headers Content-Type X-API-Key;
            expose X-Request-ID RateLimit;
            credentials on;
            max_age 10m;
        }
        """

    private static let app = "https://app.example.com"

    private static let origin =
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: TRACE\r\naccess-control-expose-headers: X-Own\r\n"
        + "Access-Control-Max-Age: 1\r\nAccess-Control-Allow-Headers: X-Own\r\nVary: X-Own\r\nContent-Length: 2\r\n\r\nok"

    private static let allowed = [
        "access-control-allow-credentials: true", "access-control-allow-origin: \(app)",
        "access-control-expose-headers: X-Request-ID, RateLimit",
    ]

    private func preflight(
        _ client: WayClient, at target: String = "/", origin: String? = app, _ method: String? = "PUT", _ more: [String] = []
    )
        throws -> Answer
    {
        let fields = (origin.map { ["Origin: \($0)"] } ?? []) + (method.map { ["Access-Control-Request-Method: \($0)"] } ?? []) + more
        return try client.ask(target, "OPTIONS", fields)
    }

    // MARK: Answers

    @Test(arguments: Way.allCases) func `an allowed page may read the answer, and the origin's own fields are replaced`(_ way: Way) throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        let answer = try edge.ask(way, "/", "GET", ["Origin: \(Self.app)"])
        #expect(answer.status == 200 && answer.text == "ok" && answer.lines("access-control-") == Self.allowed, "\(answer)")
        #expect(answer.values("vary") == ["X-Own, Origin"])
    }

    @Test(
        arguments: [
            "https://evil.example", "https://app.example.com.evil.example", "https://app.example.com:8443", "http://app.example.com",
            "HTTPS://APP.EXAMPLE.COM", "null", "https://studio.example.com", "https://x.studio.example.com:444",
            "https://evil.example/.studio.example.com", "https://a@x.studio.example.com", "https://a:1.studio.example.com",
            "https://.studio.example.com", "https://a..studio.example.com", "http://localhost", "http://localhost:30000",
            "https://app.example.com, https://app.example.com", "https://\(String(repeating: "a.", count: 2000))studio.example.com",
        ])
    func `any other page may not, and caches are told`(origin: String) throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        for way in [Way.http1, .http2] {
            let client = try edge.client(way)
            let answer = try client.ask("/", "GET", ["Origin: \(origin)"])
            #expect(
                answer.status == 200 && answer.lines("access-control-") == [] && answer.values("vary") == ["X-Own, Origin"], "\(answer)")
            let asked = try preflight(client, origin: origin)
            #expect(asked.status == 204 && asked.lines("access-control-") == [], "\(asked)")
        }
    }

    @Test(arguments: ["https://a.studio.example.com", "https://a-1.b_2.studio.example.com", "http://localhost:3000"])
    func `pages below a name, and those with a port, are allowed as they are written`(origin: String) throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        #expect(try edge.ask(.http1, "/", "GET", ["Origin: \(origin)"])["access-control-allow-origin"] == origin)
    }

    @Test func `two origins in one request are nobody's`() throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        for way in Way.allCases {
            let twice = try edge.ask(way, "/", "GET", ["Origin: \(Self.app)", "Origin: \(Self.app)"])
            #expect(twice.lines("access-control-") == [] && twice["vary"] == "X-Own, Origin", "\(twice)")
        }
    }

    @Test(arguments: Way.allCases) func `a page may read what the gateway itself answers, errors too`(_ way: Way) throws {
        let edge = try Edge(
            ScriptedOrigin { _, _ in },
            server: Self.cors + "location = /own { return 200 ok; } location = /gone { return 404; }"
                + "location = /small { client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }")
        let client = try edge.client(way)
        let fields = ["Origin: \(Self.app)"]
        for (target, status) in [("/own", 200), ("/gone", 404), ("/", 502)] {
            let answer = try client.ask(target, "GET", fields)
            #expect(answer.status == status && answer.lines("access-control-") == Self.allowed, "\(answer)")
            #expect(answer["vary"]?.contains("Origin") == true && answer.values("vary").count == 1)
        }
        let large = try client.ask("/small", "POST", fields, body: "12")
        #expect(large.status == 413 && large.lines("access-control-") == Self.allowed, "\(large)")
        let bad = try edge.ask(way, "/a%00b", "GET", fields)
        #expect(bad.status == 400 && bad.lines("access-control-") == Self.allowed, "\(bad)")
        let silent = try edge.ask(way, "/own")
        #expect(silent.lines("access-control-") == [] && silent.values("vary") == ["Origin"], "\(silent)")
    }

    @Test func `what varies anyway says so once`() throws {
        func vary(_ value: String, _ more: String = "") throws -> [String] {
            let edge = try Edge(
                .answering("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\(value)Content-Length: 2\r\n\r\nok"), server: Self.cors + more)
            return try edge.ask(.http1, "/").values("vary")
        }
        #expect(try vary("") == ["Origin"])
        #expect(try vary("Vary: accept, ORIGIN\r\n") == ["accept, ORIGIN"])
        #expect(try vary("Vary: *\r\n") == ["*"])
        #expect(try vary("Vary:\r\n") == ["Origin"])
        #expect(try vary("Vary: A\r\nVary: B\r\n") == ["A, Origin", "B"])
        #expect(try vary("", "gzip on; gzip_min_length 1;") == ["Accept-Encoding, Origin"])
        #expect(try vary("Vary: Accept\r\n", "gzip on; gzip_min_length 1;") == ["Accept, Accept-Encoding, Origin"])
        // What is hidden has said nothing, whatever it said.
        for hidden in ["A", "Origin", "*", "accept-encoding, origin"] {
            #expect(try vary("Vary: \(hidden)\r\n", "proxy_hide_header Vary;") == ["Origin"])
            let both = try vary("Vary: \(hidden)\r\n", "proxy_hide_header Vary; gzip on; gzip_min_length 1;")
            #expect(both == ["Accept-Encoding, Origin"], "\(hidden)")
        }
    }

    // MARK: Preflights

    @Test(arguments: Way.allCases) func `an allowed preflight is answered here`(_ way: Way) throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        let client = try edge.client(way)
        for names in ["content-type,x-api-key", "X-API-KEY , , Content-Type", ""] {
            let answer = try preflight(client, "PUT", names.isEmpty ? [] : ["Access-Control-Request-Headers: \(names)"])
            #expect(answer.status == 204 && answer.text.isEmpty && answer["content-length"] == nil, "\(answer)")
            #expect(
                answer.lines("access-control-")
                    == (Self.allowed + [
                        "access-control-allow-headers: Content-Type, X-API-Key", "access-control-allow-methods: GET, POST, PUT",
                        "access-control-max-age: 600",
                    ]).sorted())
            #expect(answer.values("vary") == ["Origin, Access-Control-Request-Method, Access-Control-Request-Headers"])
        }
        #expect(edge.origin.connectionCount == 0)
    }

    @Test(arguments: Way.allCases) func `a preflight for what is not listed lacks the fields that allow, and is counted`(_ way: Way) throws
    {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        let client = try edge.client(way)
        let header = "Access-Control-Request-Headers"
        let many = (0..<101).map { _ in "X-API-Key" }.joined(separator: ",")
        let answers = [
            try preflight(client, "DELETE"), try preflight(client, "put"), try preflight(client, ""), try preflight(client, "GET, PUT"),
            try preflight(client, "PUT", ["Access-Control-Request-Method: PUT"]), try preflight(client, "PUT", ["\(header): X-Secret"]),
            try preflight(client, "PUT", ["\(header): Content-Type, X-Secret"]),
            try preflight(client, "PUT", ["\(header): Content-Type", "\(header): X-Secret"]),
            try preflight(client, "PUT", ["\(header): \(many)"]), try preflight(client, origin: "https://evil.example"),
        ]
        for answer in answers {
            #expect(answer.status == 204 && answer.lines("access-control-") == [], "\(answer)")
            #expect(answer.values("vary") == ["Origin, Access-Control-Request-Method, Access-Control-Request-Headers"])
        }
        #expect(edge.origin.connectionCount == 0)
        try edge.gateway.waitForMetrics("the refused ones") {
            $0.sum("gateway_refusals_total", ["error_type": "cors_refused"]) == Double(answers.count)
        }
        let lines = try edge.gateway.accessLog(waitingFor: answers.count)
        #expect(lines.allSatisfy { $0["error_type"] == "cors_refused" })
    }

    @Test(arguments: Way.allCases) func `OPTIONS that is no preflight goes to the origin`(_ way: Way) throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        let client = try edge.client(way)
        #expect(try preflight(client, origin: Self.app, nil).status == 200)
        #expect(try preflight(client, origin: nil, "PUT").status == 200)
        #expect(try client.ask("/", "GET", ["Origin: \(Self.app)", "Access-Control-Request-Method: PUT"]).status == 200)
    }

    @Test(arguments: Way.allCases) func `a preflight needs no key, and the page can read that its request does`(_ way: Way) throws {
        let digest = String(repeating: "6ca13d52", count: 8)
        let edge = try Edge(
            .answering(Self.origin), main: "api_keys { header X-API-Key; key mobile sha256=\(digest); }", server: Self.cors,
            location: "authenticate api_key;")
        let client = try edge.client(way)
        #expect(try preflight(client)["access-control-allow-origin"] == Self.app)
        let answer = try client.ask("/", "GET", ["Origin: \(Self.app)"])
        #expect(answer.status == 401 && answer["www-authenticate"] != nil && answer.lines("access-control-") == Self.allowed, "\(answer)")
    }

    @Test func `a preflight with content leaves the connection in order`() throws {
        let edge = try Edge(.answering(Self.origin), server: Self.cors)
        for way in Way.allCases {
            let client = try edge.client(way)
            let asked = try client.ask("/", "OPTIONS", ["Origin: \(Self.app)", "Access-Control-Request-Method: GET"], body: "content")
            #expect(asked.status == 204 && asked["access-control-allow-origin"] == Self.app, "\(asked)")
            let next = asked["connection"] == "close" ? try edge.client(way) : client
            #expect(try next.ask("/").status == 200)
        }
    }

    @Test(arguments: Way.allCases) func `what became of pages' requests is counted, by location`(_ way: Way) throws {
        let edge = try Edge(
            .answering(Self.origin), server: Self.cors + "location /off/ { cors off; proxy_pass http://127.0.0.1:{ORIGIN}; }")
        let client = try edge.client(way)
        for origin in [Self.app, Self.app, "null"] { _ = try client.ask("/", "GET", ["Origin: \(origin)"]) }
        _ = try client.ask("/")
        _ = try client.ask("/off/", "GET", ["Origin: \(Self.app)"])
        for method in ["PUT", "PUT", "PUT", "DELETE"] { _ = try preflight(client, method) }
        func count(_ metrics: Metrics, _ result: String) -> Double {
            metrics.sum("gateway_cors_requests_total", ["server": "localhost", "location": "/", "result": result])
        }
        try edge.gateway.waitForMetrics("the counts") { count($0, "preflight_refused") == 1 }
        let metrics = try edge.gateway.metrics()
        #expect(["allowed", "refused", "preflight"].map { count(metrics, $0) } == [2, 1, 3])
        #expect(metrics.sum("gateway_cors_requests_total") == 7)
    }

    // MARK: Levels

    @Test func `a location's members go over the server's, and off leaves CORS to the origin`() throws {
        let edge = try Edge(
            .answering(Self.origin),
            server: Self.cors + "location /less/ { cors { methods DELETE; credentials off; } proxy_pass http://127.0.0.1:{ORIGIN}; }"
                + "location /any/ { cors { origins *; credentials off; headers *; } return 200 ok; }"
                + "location /off/ { cors off; proxy_pass http://127.0.0.1:{ORIGIN}; }")
        let client = try edge.client(.http1)
        let less = try preflight(client, at: "/less/", "DELETE")
        #expect(less["access-control-allow-methods"] == "DELETE" && less["access-control-allow-credentials"] == nil)
        #expect(less["access-control-allow-origin"] == Self.app)
        let any = try preflight(
            client, at: "/any/", origin: "null", "PUT",
            ["Access-Control-Request-Headers: X-One", "Access-Control-Request-Headers: Authorization"])
        #expect(any["access-control-allow-origin"] == "*" && any["access-control-allow-headers"] == "X-One, Authorization")
        #expect(any["vary"]?.hasPrefix("Origin") == true)
        let off = try preflight(client, at: "/off/")
        #expect(off.status == 200 && off["access-control-allow-methods"] == "TRACE" && off["vary"] == "X-Own")
    }
}
