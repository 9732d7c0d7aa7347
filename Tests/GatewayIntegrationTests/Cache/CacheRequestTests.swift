import TestSupport
import Testing

/// Heads of requests at a location with a cache: what of them counts, and which of them pass.
@Suite struct CacheRequestTests {
    /// The origin tells what it got of the field.
    private static func telling(_ name: String, _ cache: String = "", fields: String = "") throws -> CachedOrigin {
        try CachedOrigin(cache) { number, request, connection in
            try connection.send(ScriptedOrigin.message("\(number) \(request[name] ?? "none")", fields: fields))
        }
    }

    // MARK: Fields of one connection

    private static let values = ["X-V", "keep-alive, x-v", "X-V, keep-alive", "x-other,X-V"]

    @Test(arguments: values) func `a field that Connection names doesn't count among headers=`(connection: String) throws {
        let cached = try Self.telling("X-V", "headers=x-v")
        #expect(try cached.ask("/", ["X-V: victim", "Connection: \(connection)"]).text == "1 none")
        let victim = try cached.ask("/", ["X-V: victim"])
        #expect(victim.isMiss && victim.text == "2 victim")
        #expect(try cached.ask("/", ["Connection: \(connection)", "X-V: other"]).text == "1 none")
        #expect(try cached.ask("/", ["X-V: victim"]).text == "2 victim")
    }

    @Test(arguments: values) func `a field that Connection names doesn't count among those that Vary names`(connection: String) throws {
        let cached = try Self.telling("X-V", fields: "Vary: X-V\r\n")
        #expect(try cached.ask("/", ["X-V: victim", "Connection: \(connection)"]).text == "1 none")
        let victim = try cached.ask("/", ["X-V: victim"])
        #expect(victim.isMiss && victim.text == "2 victim")
        #expect(try cached.ask("/", ["Connection: \(connection)", "X-V: other"]).text == "1 none")
        #expect(try cached.ask("/", ["X-V: victim"]).text == "2 victim")
    }

    // MARK: Fields that make it another request

    private static let overrides = [
        "X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "X-Original-URL", "X-Rewrite-URL", "x_original_url",
        "X-ORIGINAL-URL",
    ]

    @Test(arguments: Way.allCases) func `what some origins take for another request passes by`(_ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        for name in Self.overrides {
            for _ in 0..<2 {
                #expect(try client.ask("/", ["\(name): /admin"]).cacheStatus == "fwd=bypass; detail=override", "\(name)")
                #expect(try client.post("{}", "/", ["\(name): /admin"]).cacheStatus == "fwd=bypass; detail=override", "\(name)")
            }
        }
        #expect(try client.ask("/").isMiss)
        #expect(try client.ask("/").isHit)
        // Others of that length are nothing to it.
        #expect(try client.ask("/", ["X-Original-URI: /admin", "X-Original-UR: a"]).isHit)
        try cached.expectBypass("override", Double(4 * Self.overrides.count))
    }

    @Test func `but not where it counts by headers=`() throws {
        let cached = try Self.telling("X-Original-URL", "headers=x-original-url")
        for _ in 0..<2 {
            #expect(try cached.ask("/", ["X-Original-URL: /a"]).text == "1 /a")
            #expect(try cached.ask("/", ["X-Original-URL: /b"]).text == "2 /b")
        }
        #expect(cached.count == 2)
        #expect(try cached.ask("/", ["X-Rewrite-URL: /b"]).cacheStatus == "fwd=bypass; detail=override")
    }

    // MARK: Hosts

    private static let hosts = ["a.example", "a.example:1337", "a.example:1338", "b.example"]

    @Test(arguments: Way.allCases) func `the port counts as a part of the host`(_ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        for host in Self.hosts { #expect(try client.ask("/", host: host).isMiss, "\(host)") }
        for (index, host) in Self.hosts.enumerated() {
            let again = try client.ask("/", host: host)
            #expect(again.isHit && again.text == "\(index + 1) GET / ", "\(host)")
        }
        #expect(cached.count == Self.hosts.count)
    }

    @Test(arguments: [Way.http1, .http2]) func `the host and scheme that a trusted proxy tells count`(_ way: Way) throws {
        let cached = try CachedOrigin(main: "trusted_proxies 127.0.0.1;") { number, request, connection in
            let told = "\(request["X-Forwarded-Proto"] ?? "")://\(request["X-Forwarded-Host"] ?? "")"
            try connection.send(ScriptedOrigin.message("\(number) \(told)"))
        }
        let client = try cached.client(way)
        let told = Self.hosts.flatMap { host in
            ["http", "https"].map { scheme in ["X-Forwarded-Host: \(host)", "X-Forwarded-Proto: \(scheme)"] }
        }
        let texts = try told.map { try client.ask("/", $0).text }
        #expect(texts[1] == "2 https://a.example")
        #expect(Set(texts).count == told.count && cached.count == told.count)
        #expect(try told.map { try client.ask("/", $0).text } == texts)
    }

    @Test func `what anybody else tells of them doesn't`() throws {
        let cached = try CachedOrigin(main: "trusted_proxies 127.0.0.9;")
        #expect(try cached.ask().isMiss)
        for field in ["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Proto: ftp"] {
            #expect(try cached.ask("/", [field]).isHit, "\(field)")
        }
    }

    // MARK: Heads at the edge of what is allowed

    /// The same origin without the cache, to compare with.
    private static func compared(_ cache: String = "", fields: String = "") throws -> Edge {
        let origin = try CachedOrigin.origin { try $2.send(CachedOrigin.answer($0, $1, fields: fields)) }
        return try Edge(
            origin, main: CachedOrigin.zone, server: "location /plain/ { proxy_pass http://127.0.0.1:{ORIGIN}; }",
            location: "cache ai \(cache);")
    }

    @Test func `a request of HTTP 1.0 without Host is answered as without a cache`() throws {
        let edge = try Self.compared()
        for path in ["/plain/", "/", "/", "/other"] {
            let client = try edge.connect(.plain)
            try client.send("GET \(path) HTTP/1.0\r\n\r\n")
            let answer = try client.readResponse()
            #expect(answer.status == 200 && answer.text.hasSuffix(" GET \(path) "), "\(answer.rawHead)")
        }
    }

    @Test(arguments: [Way.http1, .http2]) func `as many fields are passed on as without a cache`(_ way: Way) throws {
        let edge = try Self.compared("headers=x-0,x-1", fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\nLast-Modified: now\r\n")
        for count in [90, 96, 97, 98, 99, 100, 101] {
            // One of them is Host.
            let fields = (0..<count - 1).map { "X-\($0): \($0)" }
            let plain = try edge.client(way).ask("/plain/\(count)", fields)
            if count == 98 { #expect(plain.status == 200) }
            // The second is asked of the origin with the conditions of the gateway besides.
            for turn in 1...2 {
                #expect(try edge.client(way).ask("/\(count)", fields).status == plain.status, "\(count) fields, turn \(turn)")
            }
        }
    }
}
