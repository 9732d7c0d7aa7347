import Foundation
import TestSupport
import Testing

/// Who may call: `api_keys` and `authenticate`, over HTTP/1.1 and HTTP/2.
@Suite struct APIKeyTests {
    private static let mobile = "mobile-key-0123456789"
    private static let rotated = "mobile-key-abcdefghij"
    private static let partner = "partner-key"
    private static let old = "key-of-yesterday"
    private static let secrets = [mobile, rotated, partner, old, "guessed-key"]

    private static let keys = """
        api_keys {
            header X-API-Key;
            header Authorization bearer;
            key mobile sha256=\(sha256(mobile));
            key mobile sha256=\(sha256(rotated)) expires=2190-12-31;
            key partner sha256=\(sha256(partner));
            key old sha256=\(sha256(old)) expires=2020-01-01;
        }
        """

    private func edge(main: String = keys, server: String = "", location: String = "authenticate api_key;") throws -> Edge {
        try Edge(.repeatingHeads(), main: main, server: server, location: location)
    }

    private func problem(_ answer: HTTPResponse) -> String? { (try? answer.json())?["error_type"] as? String }

    // MARK: 401

    @Test(arguments: Transport.allCases) func `only a known key gets through, and the refusal says what is missing`(_ transport: Transport)
        throws
    {
        let edge = try edge()
        let client = try edge.connect(transport)
        for key in [Self.mobile, Self.rotated, Self.partner] {
            #expect(try client.get("/a", fields: ["X-API-Key: \(key)"]).status == 200)
            #expect(try client.get("/a", fields: ["authorization: BEARER \(key)"]).status == 200)
        }
        let missing = try client.get("/a")
        #expect(missing.status == 401 && problem(missing) == "key_missing")
        #expect(missing["WWW-Authenticate"] == "Bearer realm=\"localhost\"")
        #expect(missing["Content-Type"] == "application/problem+json")
        for field in ["X-API-Key: guessed-key", "Authorization: Bearer guessed-key", "X-API-Key: \(sha256(Self.mobile))"] {
            let unknown = try client.get("/a", fields: [field])
            #expect(unknown.status == 401 && problem(unknown) == "key_unknown")
            #expect(unknown["WWW-Authenticate"] == "Bearer realm=\"localhost\", error=\"invalid_token\"")
        }
        let expired = try client.get("/a", fields: ["X-API-Key: \(Self.old)"])
        #expect(expired.status == 401 && problem(expired) == "key_expired")
        #expect(try client.get("/a", fields: ["Authorization: Basic bW9iaWxl"]).status == 401)
        // The connection has lived through all of it.
        #expect(try client.get("/a", fields: ["X-API-Key: \(Self.mobile)"]).status == 200)
    }

    @Test(arguments: [
        ("", "Bearer realm=\"localhost\""), ("header X-API-Key;", "ApiKey realm=\"localhost\""),
        ("header X-A; header X-Token bearer;", "ApiKey realm=\"localhost\""),
        ("header authorization bearer;", "Bearer realm=\"localhost\""),
    ])
    func `a bearer token is asked for only where one is read`(headers: String, challenge: String) throws {
        let edge = try edge(main: "api_keys { \(headers) key mobile sha256=\(sha256(Self.mobile)); }")
        let client = try edge.connect(.plain)
        #expect(try client.get("/a").values("WWW-Authenticate") == [challenge])
        let wrong = try client.get("/a", fields: ["X-API-Key: k", "X-A: k", "Authorization: Bearer k"])
        let isBearer = challenge.hasPrefix("Bearer")
        #expect(wrong.status == 401 && wrong.values("WWW-Authenticate") == [challenge + (isBearer ? ", error=\"invalid_token\"" : "")])
    }

    @Test func `HTTP 2 is asked in the same way`() throws {
        let edge = try edge()
        let client = try HTTP2Client.open(edge.connect(.plain))
        #expect(try client.get("/a", ["x-api-key": Self.mobile]).status == 200)
        #expect(try client.get("/a", ["authorization": "Bearer \(Self.partner)"]).status == 200)
        let missing = try client.get("/a")
        #expect(
            missing.status == 401 && missing["www-authenticate"] == "Bearer realm=\"localhost\"" && missing.text.contains("key_missing"))
        #expect(try client.get("/a", ["x-api-key": "guessed-key"]).text.contains("key_unknown"))
        #expect(try client.get("/a", ["x-api-key": Self.mobile, "x-api-key": Self.mobile]).status == 401)
        #expect(try client.get("/a", ["x-api-key": Self.mobile]).status == 200)
    }

    @Test func `a key that is there twice, too long or empty is refused`() throws {
        let edge = try edge()
        let client = try edge.connect(.plain)
        let twice = try client.get("/a", fields: ["X-API-Key: \(Self.mobile)", "X-API-Key: \(Self.mobile)"])
        #expect(twice.status == 401 && problem(twice) == "key_unknown")
        let long = try client.get("/a", fields: ["X-API-Key: " + String(repeating: "k", count: 30_000)])
        #expect(long.status == 401 && problem(long) == "key_unknown")
        #expect(problem(try client.get("/a", fields: ["X-API-Key:", "Authorization: Bearer "])) == "key_missing")
        #expect(try client.get("/a", fields: ["X-API-Key: \(Self.mobile), \(Self.mobile)"]).status == 401)
        #expect(try client.get("/a", fields: ["X-API-Key: \(Self.mobile)"]).status == 200)
        // What no head may have ends before anybody is asked.
        #expect(try edge.connect(.plain).get("/a", fields: ["X-API-Key: " + String(repeating: "k", count: 1 << 20)]).status == 431)
        let many = (0..<1_000).map { "X-API-Key: \($0)" }
        #expect(try edge.connect(.plain).get("/a", fields: many).status == 431)
        #expect(try edge.connect(.plain).get("/a", fields: ["X-API-Key: a\u{1}b"]).status == 400)
    }

    @Test func `no spelling of a path walks around the key`() throws {
        let origin = try ScriptedOrigin.telling()
        let gateway = try Gateway(
            conf: """
                \(Self.keys)
                server {
                    listen 127.0.0.1:0;
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /v1/chat/ { proxy_pass http://127.0.0.1:{ORIGIN}; authenticate api_key; }
                }
                """, values: ["ORIGIN": "\(origin.port)"])
        let client = try gateway.connect()
        #expect(try client.get("/v1/models").status == 200)
        for path in ["/v1/chat/", "/v1/%63hat/", "//v1/chat/", "/v1/./chat/", "/x/../v1/chat/", "/v1//chat/x", "/%76%31/chat/"] {
            #expect(try client.get(path).status == 401, "\(path)")
            #expect(try client.get(path, fields: ["X-API-Key: \(Self.mobile)"]).status == 200, "\(path)")
        }
    }

    @Test func `the gateway's own answers need the key, and the body waits for it`() throws {
        let edge = try edge(server: "location /own { return 200 $api_key_name; authenticate api_key; } location /open { return 200 open; }")
        let client = try edge.connect(.plain)
        #expect(try client.get("/own").status == 401)
        #expect(try client.get("/own", fields: ["X-API-Key: \(Self.partner)"]).text == "partner")
        #expect(try client.get("/open").text == "open")
        // Refused by its head alone: no byte of the body is asked for.
        try client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        let refused = try client.readResponse(to: "POST")
        #expect(refused.status == 401 && refused.interim.isEmpty)
        #expect(edge.origin.connectionCount == 0)
    }

    // MARK: What others learn of it

    @Test func `the origin gets the key unless it is stripped, and the name where it is set`() throws {
        let edge = try edge(
            server: """
                proxy_set_header X-Caller $api_key_name;
                location /strip { proxy_pass http://127.0.0.1:{ORIGIN}; authenticate api_key strip; }
                location /open { proxy_pass http://127.0.0.1:{ORIGIN}; }
                """)
        let client = try edge.connect(.plain)
        let kept = try client.get("/a", fields: ["X-API-Key: \(Self.mobile)", "X-Caller: forged"])
        #expect(kept.text.contains("X-API-Key: \(Self.mobile)") && kept.text.contains("X-Caller: mobile") && !kept.text.contains("forged"))
        let stripped = try client.get(
            "/strip", fields: ["Authorization: Bearer \(Self.mobile)", "X-API-Key: \(Self.partner)", "X-Other: o"])
        #expect(stripped.status == 200 && stripped.text.contains("X-Caller: partner") && stripped.text.contains("X-Other: o"))
        for secret in Self.secrets { #expect(!stripped.text.contains(secret)) }
        // Nobody was asked there, so nobody is known.
        let open = try client.get("/open", fields: ["X-API-Key: \(Self.mobile)", "X-Caller: forged"])
        #expect(open.status == 200 && !open.text.contains("X-Caller"))
    }

    @Test func `logs and metrics have the name, and never the key`() throws {
        let edge = try edge(server: "location /open { return 200 open; }")
        let client = try edge.connect(.tls)
        #expect(try client.get("/a?n=1", fields: ["X-API-Key: \(Self.mobile)"]).status == 200)
        #expect(try client.get("/a?n=2", fields: ["Authorization: Bearer \(Self.rotated)"]).status == 200)
        #expect(try client.get("/a?n=3", fields: ["X-API-Key: \(Self.old)"]).status == 401)
        #expect(try client.get("/a?n=4", fields: ["X-API-Key: guessed-key"]).status == 401)
        #expect(try client.get("/open", fields: ["X-API-Key: \(Self.mobile)"]).status == 200)
        let entries = try edge.gateway.accessLog(waitingFor: 5)
        #expect(entries.map { $0["key"] } == ["mobile", "mobile", "old", nil, nil])
        #expect(entries.map { $0["error_type"] } == [nil, nil, "key_expired", "key_unknown", nil])
        try edge.gateway.waitForMetrics("two requests of mobile") {
            $0.sum("gateway_api_key_requests_total", ["key": "mobile"]) == 2
                && $0.sum("gateway_refusals_total", ["error_type": "key_expired"]) == 1
                && $0.sum("gateway_refusals_total", ["error_type": "key_unknown"]) == 1
        }
        let all = try edge.gateway.metrics().text + edge.gateway.program.stderr.text + entries.map(\.line).joined()
        for secret in Self.secrets { #expect(!all.contains(secret) && !all.contains(sha256(secret))) }
    }

    // MARK: Reload

    @Test func `keys change with a reload, while connections stay`() throws {
        let origin = try ScriptedOrigin.telling()
        func conf(_ keys: String) -> String {
            """
            api_keys { include {DIR}/keys.d/*.conf; }
            server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:{ORIGIN}; authenticate api_key; } }
            """
        }
        let gateway = try Gateway(conf: conf(""), values: ["ORIGIN": "\(origin.port)"])
        let client = try gateway.connect()
        #expect(try client.get("/", fields: ["X-API-Key: \(Self.mobile)"]).status == 401)
        try FileManager.default.createDirectory(atPath: gateway.directory.file("keys.d"), withIntermediateDirectories: true)
        try gateway.directory.write("key mobile sha256=\(sha256(Self.mobile));", to: "keys.d/a.conf")
        try gateway.directory.write("key mobile sha256=\(sha256(Self.rotated));", to: "keys.d/b.conf")
        #expect(try gateway.reload().contains("reloaded"))
        for key in [Self.mobile, Self.rotated] { #expect(try client.get("/", fields: ["X-API-Key: \(key)"]).status == 200) }
        try gateway.directory.write("", to: "keys.d/a.conf")
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try client.get("/", fields: ["X-API-Key: \(Self.mobile)"]).status == 401)
        #expect(try client.get("/", fields: ["X-API-Key: \(Self.rotated)"]).status == 200)
    }
}

extension ScriptedOrigin {
    /// Answers each request with its head.
    static func repeatingHeads() throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() { try connection.send(message(request.rawHead)) }
        }
    }
}
