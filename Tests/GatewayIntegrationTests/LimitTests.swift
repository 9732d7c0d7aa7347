import TestSupport
import Testing

/// `rate_limit` and `limit` as clients meet them. The rates are of one request in an hour: what passes is the burst, however slow the
/// machine is.
@Suite struct LimitTests {
    private static let keys = """
        api_keys {
            key mobile sha256=\(sha256("mobile-key"));
            key mobile sha256=\(sha256("mobile-key-2"));
            key partner sha256=\(sha256("partner-key"));
        }
        """

    private func edge(_ limits: String, server: String = "", location: String = "", workers: Int = 1) throws -> Edge {
        try Edge(.repeatingHeads(), main: Self.keys + limits, server: server, location: location, workers: workers)
    }

    private func problem(_ answer: HTTPResponse) -> String? { (try? answer.json())?["error_type"] as? String }

    /// How many of `count` requests are let through. All others are refused by a limit.
    private func passed(_ count: Int, _ client: any ByteStream, _ target: String = "/", _ fields: [String] = []) throws -> Int {
        var passed = 0
        for _ in 0..<count {
            let status = try client.get(target, fields: fields).status
            if status == 200 { passed += 1 } else { #expect(status == 429) }
        }
        return passed
    }

    private func openHTTP2(_ edge: Edge, _ transport: Transport) throws -> HTTP2Client {
        if transport == .plain { return try HTTP2Client.open(edge.connect(.plain)) }
        let address = edge.address(.tls).address
        return try HTTP2Client.open(TLSClient(port: address.port, host: address.host) { $0.alpn = ["h2"] })
    }

    // MARK: One limit

    @Test(arguments: Transport.allCases) func `beyond the burst requests get 429, and are told why and for how long`(_ transport: Transport)
        throws
    {
        let edge = try edge("rate_limit per_ip key=ip rate=1r/h burst=3;", location: "limit per_ip;")
        let client = try edge.connect(transport)
        for left in [2, 1, 0] {
            let answer = try client.get("/")
            #expect(answer.status == 200 && answer["RateLimit-Policy"] == "\"per_ip\";q=3;w=10800")
            #expect(answer["RateLimit"]?.hasPrefix("\"per_ip\";r=\(left);t=") == true)
            #expect(answer["Retry-After"] == nil)
        }
        let refused = try client.get("/")
        #expect(refused.status == 429 && problem(refused) == "rate_limited" && refused["Content-Type"] == "application/problem+json")
        let wait = try #require(refused["Retry-After"].flatMap { Int($0) })
        #expect(1...3_600 ~= wait && refused["RateLimit"] == "\"per_ip\";r=0;t=\(wait)")
        #expect(refused["Connection"] == nil)
        // Whichever way it comes: it is the same caller.
        #expect(try passed(2, edge.connect(.plain)) == 0)
        #expect(try passed(2, edge.connect(.tls)) == 0)
        #expect(try openHTTP2(edge, transport).get("/").status == 429)
        let entry = try edge.gateway.accessLog(waitingFor: 4)[3]
        #expect(entry["error_type"] == "rate_limited" && entry["rate_limit"] == "per_ip" && entry.number("status") == 429)
        try edge.gateway.waitForMetrics("six refusals") {
            $0.sum("gateway_rate_limited_total", ["limit": "per_ip", "mode": "enforced"]) == 6
                && $0.sum("gateway_refusals_total", ["error_type": "rate_limited"]) == 6
        }
    }

    @Test func `HTTP 2 is limited in the same way, stream by stream`() throws {
        let edge = try edge("rate_limit per_ip key=ip rate=1r/h burst=3;", location: "limit per_ip;")
        let client = try openHTTP2(edge, .tls)
        let streams = try (0..<5).map { _ in try client.request() }
        let answers = try streams.map { try client.response(on: $0) }
        #expect(answers.map(\.status).sorted() == [200, 200, 200, 429, 429])
        for answer in answers {
            #expect(answer["ratelimit-policy"] == "\"per_ip\";q=3;w=10800" && answer["ratelimit"]?.hasPrefix("\"per_ip\";r=") == true)
            #expect((answer["retry-after"] != nil) == (answer.status == 429))
        }
    }

    @Test func `who waits gets through again`() throws {
        let edge = try edge("rate_limit per_ip key=ip rate=5r/s burst=1;", location: "limit per_ip;")
        let client = try edge.connect(.plain)
        for _ in 0..<3 {
            try eventually("two requests so soon one after the other that the second is refused") {
                let answer = try client.get("/")
                #expect(answer.status == 200 || answer["Retry-After"] == "1")
                return answer.status == 429
            }
            try eventually("an answer that passes") { try client.get("/").status == 200 }
        }
    }

    @Test func `no spelling of a path walks around a limit, and the gateway's own answers are limited too`() throws {
        let edge = try edge(
            "rate_limit chat key=ip rate=1r/h burst=6; rate_limit own key=ip rate=1r/h burst=2;",
            server: """
                location /v1/chat/ { proxy_pass http://127.0.0.1:{ORIGIN}; limit chat; }
                location /own { return 200 own; limit own; }
                location = /free { return 200 free; limit off; }
                """, location: "limit off;")
        let client = try edge.connect(.plain)
        for path in ["/v1/chat/", "/v1/%63hat/", "//v1/chat/", "/v1/./chat/", "/x/../v1/chat/", "/%761/chat/a?b"] {
            #expect(try client.get(path).status == 200, "\(path)")
        }
        for path in ["/v1/chat/", "/v1/%63hat/", "//v1/chat/", "/v1/./chat/", "/x/../v1/chat/", "/v1//chat/c"] {
            #expect(try client.get(path).status == 429, "\(path)")
        }
        #expect(try passed(5, client, "/own") == 2)
        #expect(try passed(5, client, "/free") == 5)
        #expect(try passed(5, client, "/v1/models") == 5)
        #expect(try client.get("/free")["RateLimit"] == nil)
        // Before a byte of the body is asked for.
        try client.send("POST /v1/chat/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        let refused = try client.readResponse(to: "POST")
        #expect(refused.status == 429 && refused.interim.isEmpty)
    }

    // MARK: Whom it counts

    @Test func `addresses are those that trusted proxies name, IPv6 by network`() throws {
        let edge = try edge(
            "trusted_proxies 127.0.0.0/8; rate_limit per_ip key=ip rate=1r/h burst=2; rate_limit wide key=ip rate=1r/h burst=3 ipv6_prefix=48;",
            server: "location /wide { proxy_pass http://127.0.0.1:{ORIGIN}; limit wide; }", location: "limit per_ip;")
        let client = try edge.connect(.plain)
        func passed(_ from: String, _ target: String = "/") throws -> Int {
            try self.passed(4, client, target, ["X-Forwarded-For: \(from)"])
        }
        #expect(try passed("192.0.2.1") == 2)
        #expect(try passed("::ffff:192.0.2.1") == 0)
        #expect(try passed("192.0.2.2") == 2)
        #expect(try passed("2001:db8:1:2::1") == 2)
        #expect(try passed("2001:db8:1:2:ffff::1") == 0)
        #expect(try passed("2001:db8:1:3::1") == 2)
        #expect(try passed("2001:db8:1:2::1", "/wide") == 3)
        #expect(try passed("2001:db8:1:3::1", "/wide") == 0)
        // What is no address leaves the one before it.
        #expect(try passed("6.6.6.6, garbage, 192.0.2.3") == 2)
        #expect(try passed("garbage") == 2)
        #expect(try passed("<script>,,, ,") == 0)
    }

    @Test func `keys count by name, exceptions have buckets of their own, and others are untouched`() throws {
        let edge = try edge(
            "rate_limit per_key key=api_key rate=1r/h burst=2 { partner rate=2r/h burst=5; }",
            location: "authenticate api_key; limit per_key;")
        let client = try edge.connect(.plain)
        #expect(try passed(2, client, "/", ["X-API-Key: mobile-key"]) == 2)
        #expect(try passed(4, client, "/", ["X-API-Key: mobile-key-2"]) == 0)
        #expect(try passed(9, client, "/", ["Authorization: Bearer partner-key"]) == 5)
        let refused = try client.get("/", fields: ["X-API-Key: partner-key"])
        #expect(refused["RateLimit-Policy"] == "\"per_key\";q=5;w=9000")
        #expect(try client.get("/").status == 401)
        let entries = try edge.gateway.accessLog(waitingFor: 17)
        #expect(entries[15]["key"] == "partner" && entries[15]["rate_limit"] == "per_key")
    }

    @Test func `a field's value is a caller, and those without the field are one`() throws {
        let edge = try edge("rate_limit users key=header:X-User rate=1r/h burst=2;", location: "limit users;")
        let client = try edge.connect(.plain)
        for user in ["a", "b", "", String(repeating: "x", count: 20_000)] { #expect(try passed(3, client, "/", ["X-User: \(user)"]) == 2) }
        #expect(try passed(3, client) == 2)
        #expect(try passed(3, client, "/", ["x-user: a"]) == 0)
        #expect(try passed(3, client, "/", ["X-User: a", "X-User: b"]) == 2)
    }

    @Test func `keys cannot be tried at will`() throws {
        let edge = try edge(
            "rate_limit per_ip key=ip rate=1r/h burst=5;", location: "limit per_ip; authenticate api_key;")
        let client = try edge.connect(.plain)
        let answers = try (0..<8).map { try client.get("/", fields: ["X-API-Key: guess-\($0)"]) }
        #expect(answers.map(\.status) == [401, 401, 401, 401, 401, 429, 429, 429])
        #expect(answers[0]["RateLimit"]?.hasPrefix("\"per_ip\";r=4;") == true && answers[0]["WWW-Authenticate"] != nil)
        // Nor is a good key found by its answer.
        #expect(try client.get("/", fields: ["X-API-Key: mobile-key"]).status == 429)
    }

    @Test func `who has no key takes nothing from those who have one`() throws {
        let edge = try edge(
            "rate_limit total key=all rate=1r/h burst=4;",
            server: "location /keyed { proxy_pass http://127.0.0.1:{ORIGIN}; authenticate api_key; limit total; }",
            location: "limit total;")
        let client = try edge.connect(.plain)
        for fields in [[], ["X-API-Key: guess"]] {
            for _ in 0..<6 {
                let answer = try client.get("/keyed", fields: fields)
                #expect(answer.status == 401 && answer["RateLimit"] == nil)
            }
        }
        #expect(try passed(3, client, "/keyed", ["X-API-Key: mobile-key"]) == 3)
        // Where no key is asked for, it is one bucket for everybody.
        #expect(try passed(3, client) == 1)
        #expect(try passed(2, client, "/keyed", ["X-API-Key: partner-key"]) == 0)
    }

    // MARK: Several limits

    @Test func `a request that one limit refuses takes nothing from the others`() throws {
        let edge = try edge(
            """
            rate_limit per_ip key=ip rate=1r/h burst=10;
            rate_limit total key=all rate=1r/h burst=20;
            rate_limit per_key key=api_key rate=1r/h burst=4;
            rate_limit chat key=header:X-User rate=1r/h burst=2;
            """,
            server: """
                limit per_ip total;
                location /chat { proxy_pass http://127.0.0.1:{ORIGIN}; limit chat; }
                location /keyed { proxy_pass http://127.0.0.1:{ORIGIN}; limit per_key; authenticate api_key; }
                """)
        let client = try edge.connect(.plain)
        #expect(try passed(20, client, "/chat") == 2)
        let refused = try client.get("/chat")
        #expect(refused["RateLimit"]?.contains("\"per_ip\";r=8;") == true && refused["RateLimit"]?.contains("\"total\";r=18;") == true)
        // The key is known only behind the address: what that gave it gets back.
        #expect(try passed(20, client, "/keyed", ["X-API-Key: mobile-key"]) == 4)
        #expect(try passed(20, client, "/") == 4)
        #expect(try passed(3, client, "/chat", ["X-User: other"]) == 0)
    }

    @Test func `limits of all levels count once, off takes them away, and a location has its own cost`() throws {
        let edge = try edge(
            "rate_limit a key=ip rate=1r/h burst=10; rate_limit b key=ip rate=1r/h burst=9; limit a;",
            server: """
                limit b;
                location /cost { proxy_pass http://127.0.0.1:{ORIGIN}; limit a cost=4; }
                location /off { proxy_pass http://127.0.0.1:{ORIGIN}; limit off; }
                """)
        let client = try edge.connect(.plain)
        #expect(try passed(2, client, "/cost") == 2)
        #expect(try passed(2, client, "/cost") == 0)
        #expect(try passed(20, client, "/off") == 20)
        let last = try client.get("/")
        #expect(last["RateLimit"]?.contains("\"a\";r=1;") == true && last["RateLimit"]?.contains("\"b\";r=6;") == true)
    }

    @Test func `a limit on trial is counted and logged, and refuses nobody`() throws {
        let edge = try edge(
            "rate_limit trial key=ip rate=1r/h burst=2 dry_run; rate_limit real key=ip rate=1r/h burst=4;", location: "limit trial real;")
        let client = try edge.connect(.plain)
        let answer = try client.get("/")
        #expect(answer["RateLimit-Policy"] == "\"real\";q=4;w=14400")
        #expect(try passed(5, client) == 3)
        let entries = try edge.gateway.accessLog(waitingFor: 6)
        #expect(entries.map { $0["rate_limit_dry_run"] } == [nil, nil, "trial", "trial", "trial", "trial"])
        #expect(entries.map { $0["rate_limit"] } == [nil, nil, nil, nil, "real", "real"])
        try edge.gateway.waitForMetrics("both modes") {
            $0.sum("gateway_rate_limited_total", ["limit": "trial", "mode": "dry_run"]) == 4
                && $0.sum("gateway_rate_limited_total", ["limit": "trial", "mode": "enforced"]) == 0
                && $0.sum("gateway_rate_limited_total", ["limit": "real", "mode": "enforced"]) == 2
        }
    }

    @Test func `the operator's message is the detail`() throws {
        let edge = try edge(
            #"rate_limit chat key=ip rate=1r/h burst=1 message="Too many \"AI\" queries, bitte warten – später";"#, location: "limit chat;")
        let client = try edge.connect(.plain)
        #expect(try client.get("/").status == 200)
        let refused = try client.get("/")
        #expect(try refused.json()["detail"] as? String == "Too many \"AI\" queries, bitte warten – später")
        #expect(problem(refused) == "rate_limited")
    }

    // MARK: Fields

    @Test(arguments: [
        ("ietf", ["RateLimit-Policy", "RateLimit"]), ("legacy", ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]),
        ("openai", ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]), ("off", []),
    ])
    func `clients learn of limits in the form that is asked for, and only from us`(_ style: String, _ names: [String]) throws {
        let all = [
            "RateLimit-Policy", "RateLimit", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
        ]
        let origin = try ScriptedOrigin.answering(
            "HTTP/1.1 200 OK\r\n\(all.map { "\($0): origin\r\n" }.joined())X-RateLimit-Limit-Tokens: 7\r\nContent-Length: 0\r\n\r\n")
        let edge = try Edge(
            origin, main: "rate_limit per_ip key=ip rate=1r/h burst=3; limit_headers \(style);",
            server: "location /own { return 200 own; limit per_ip; } location /free { proxy_pass http://127.0.0.1:{ORIGIN}; }",
            location: "limit per_ip;")
        let client = try edge.connect(.plain)
        let proxied = try client.get("/")
        for name in all {
            #expect(proxied.values(name).count == 1 && (proxied[name] == "origin") == !names.contains(name), "\(name)")
        }
        #expect(proxied["X-RateLimit-Limit-Tokens"] == "7")
        let own = try client.get("/own")
        #expect(all.filter { own[$0] != nil } == names)
        #expect(try client.get("/free").values("RateLimit") == ["origin"])
        _ = try client.get("/")
        let refused = try client.get("/")
        #expect(refused.status == 429 && all.filter { refused[$0] != nil } == names && refused["Retry-After"] != nil)
    }

    // MARK: Workers and reloads

    @Test func `two workers let through exactly what one would`() throws {
        let edge = try edge(
            "rate_limit per_key key=api_key rate=1r/h burst=200; rate_limit total key=all rate=1r/h burst=5000;",
            location: "authenticate api_key; limit total per_key;", workers: 2)
        let address = edge.address(.plain)
        let hammers = (0..<8).map { _ in
            Background {
                let client = try address.connect()
                return try (0..<100).map { _ in try client.get("/", fields: ["X-API-Key: mobile-key"]).status }
            }
        }
        let statuses = try hammers.flatMap { try $0.value(timeout: 60) }
        #expect(statuses.count { $0 == 200 } == 200 && statuses.count { $0 == 429 } == 600)
        #expect(try passed(3, edge.connect(.plain), "/", ["X-API-Key: partner-key"]) == 3)
        let left = try edge.connect(.plain).get("/", fields: ["X-API-Key: partner-key"])
        #expect(left["RateLimit"]?.contains("\"total\";r=4796;") == true)
    }

    @Test func `buckets survive a reload by name, and begin anew in another shape`() throws {
        let origin = try ScriptedOrigin.telling()
        func conf(_ limit: String, _ more: String = "") -> String {
            """
            workers 2;
            \(limit) \(more)
            server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:{ORIGIN}; limit per_ip; } }
            """
        }
        let first = "rate_limit per_ip key=ip rate=1r/h burst=3;"
        let gateway = try Gateway(conf: conf(first), values: ["ORIGIN": "\(origin.port)"])
        #expect(try passed(5, gateway.connect()) == 3)
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try passed(2, gateway.connect()) == 0)
        // Other words and another limit beside it change nothing.
        let sameShape = first.replacing(";", with: " message=\"wait\";")
        #expect(try gateway.reload(conf: conf("rate_limit other key=all rate=1r/s;", sameShape)).contains("reloaded"))
        #expect(try passed(2, gateway.connect()) == 0)
        #expect(try gateway.reload(conf: conf("rate_limit per_ip key=ip rate=1r/h burst;")).contains("reload failed"))
        #expect(try passed(2, gateway.connect()) == 0)
        #expect(try gateway.reload(conf: conf("rate_limit per_ip key=ip rate=1r/h burst=2;")).contains("reloaded"))
        #expect(try passed(4, gateway.connect()) == 2)
    }

    @Test func `callers beyond the table's room share one bucket, and are counted`() throws {
        let edge = try edge("rate_limit users key=header:X-User rate=1r/h burst=2 callers=1;", location: "limit users;")
        let client = try edge.connect(.plain)
        let passed = try (0..<60).map { try self.passed(1, client, "/", ["X-User: \($0)"]) }
        // So many have a place, however small the table is said to be; the others have two tokens between them.
        let count = passed.reduce(0, +)
        #expect(passed.prefix(count).allSatisfy { $0 == 1 } && count < 40)
        try edge.gateway.waitForMetrics("those who share") {
            $0.sum("gateway_rate_limit_shared_total", ["limit": "users"]) == Double(60 - count + 2)
        }
        #expect(try self.passed(3, client, "/", ["X-User: 0"]) == 1)
    }
}
