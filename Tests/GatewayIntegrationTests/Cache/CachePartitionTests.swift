import Foundation
import TestSupport
import Testing

/// Whose answers a caller gets: its own, unless the operator says otherwise.
@Suite struct CachePartitionTests {
    private static let a = "key-of-a-0123456789"
    private static let b = "key-of-b-0123456789"

    private static func keys(_ names: [String] = ["a", "b"]) -> String {
        """
        api_keys {
            header X-API-Key;
            header Authorization bearer;
            key \(names[0]) sha256=\(sha256(a));
            key \(names[1]) sha256=\(sha256(b));
        }
        """
    }

    private func keyed(_ cache: String = "", names: [String] = ["a", "b"], fields: String = "") throws -> CachedOrigin {
        try CachedOrigin(cache, fields: fields, main: Self.keys(names), location: "authenticate api_key;")
    }

    // MARK: Keys

    @Test(arguments: Way.allCases) func `two keys that ask the same make two requests to the origin, and each gets its own`(_ way: Way)
        throws
    {
        let cached = try keyed()
        let client = try cached.client(way)
        for _ in 0..<2 {
            #expect(try client.post("{}", "/", ["X-API-Key: \(Self.a)"]).text == "1 POST / {}")
            #expect(try client.post("{}", "/", ["X-API-Key: \(Self.b)"]).text == "2 POST / {}")
            #expect(try client.ask("/", ["X-API-Key: \(Self.a)"]).text == "3 GET / ")
            #expect(try client.ask("/", ["X-API-Key: \(Self.b)"]).text == "4 GET / ")
        }
        #expect(cached.count == 4)
    }

    @Test func `a key is one caller by whichever field it comes, and over all that is spelled after its name`() throws {
        let cached = try keyed(names: ["a", "a"])
        for fields in [["X-API-Key: \(Self.a)"], ["Authorization: Bearer \(Self.a)"], ["x-api-key: \(Self.b)"]] {
            #expect(try cached.post("{}", "/", fields).text == "1 POST / {}")
        }
    }

    @Test func `with scope=shared all keys have the same answers, and who has none gets none`() throws {
        let cached = try keyed("scope=shared")
        for key in [Self.a, Self.b] { #expect(try cached.post("{}", "/", ["X-API-Key: \(key)"]).text == "1 POST / {}") }
        #expect(try cached.post("{}").status == 401)
        #expect(try cached.post("{}", "/", ["X-API-Key: guessed"]).status == 401)
        #expect(try cached.post("{}", "/", ["X-API-Key: guessed", "Cache-Control: only-if-cached"]).status == 401)
    }

    @Test(arguments: [Way.http1, .http2]) func `credentials beside the key count, and a caller has an answer for each`(_ way: Way) throws {
        let keys = "api_keys { header X-API-Key; key a sha256=\(sha256(Self.a)); }"
        let cached = try CachedOrigin(main: keys, location: "authenticate api_key;")
        let client = try cached.client(way)
        let credentials = [
            [], ["Cookie: sid=1"], ["Cookie: sid=2"], ["Authorization: Basic YTph"], ["Authorization: Basic YjpC"],
            ["Authorization: Bearer a"], ["Cookie: sid=1", "Authorization: Bearer a"], ["apikey: a"], ["apikey: b"], ["X_API_Key: a"],
        ]
        for (index, fields) in credentials.enumerated() {
            #expect(try client.ask("/", ["X-API-Key: \(Self.a)"] + fields).text == "\(2 * index + 1) GET / ", "\(fields)")
            #expect(try client.post("{}", "/", ["X-API-Key: \(Self.a)"] + fields).text == "\(2 * index + 2) POST / {}", "\(fields)")
        }
        for (index, fields) in credentials.enumerated() {
            let again = try client.post("{}", "/", ["X-API-Key: \(Self.a)"] + fields)
            #expect(again.isHit && again.text == "\(2 * index + 2) POST / {}", "\(fields)")
        }
    }

    @Test(arguments: [Way.http1, .http2]) func `a second field of api_keys counts, which reaches the origin beside the first`(_ way: Way)
        throws
    {
        let keys = "api_keys { header X-API-Key; header X-User; key a sha256=\(sha256(Self.a)); }"
        let cached = try CachedOrigin(main: keys, location: "authenticate api_key;")
        for (index, user) in ["1", "2"].enumerated() {
            let fields = ["X-API-Key: \(Self.a)", "X-User: \(user)"]
            #expect(try cached.post("{}", "/", fields, way).text == "\(index + 1) POST / {}")
            #expect(try cached.post("{}", "/", fields, way).isHit)
        }
    }

    @Test(arguments: [Way.http1, .http2]) func `a field with an underscore is not the one with a hyphen, as to some origins it is none`(
        _ way: Way
    ) throws {
        for cached in [try CachedOrigin("headers=x-tenant scope=shared"), try CachedOrigin("scope=shared", fields: "Vary: X-Tenant\r\n")] {
            for (index, name) in ["X_Tenant", "X-Tenant"].enumerated() {
                #expect(try cached.ask("/", ["\(name): a"], way).text == "\(index + 1) GET / ", "\(name)")
                #expect(try cached.ask("/", ["\(name): a"], way).isHit)
            }
            #expect(try cached.ask("/", ["x-tenant: a"], way).isHit)
        }
    }

    @Test func `no field of a request makes it another caller's`() throws {
        let cached = try keyed(fields: "Vary: Accept\r\n")
        let body = #"{"a":1}"#
        #expect(try cached.post(body, "/p?q=1", ["X-API-Key: \(Self.a)"]).isMiss)
        #expect(try cached.ask("/p?q=1", ["X-API-Key: \(Self.a)"]).isMiss)
        let own = "X-API-Key: \(Self.b)"
        let attempts: [[String]] = [
            ["X-API-Key-Name: a"], ["Partition: a"], ["Cache-Key: a"], ["X-Cache-Key: a"], ["X-API_Key: \(Self.a)"],
            ["X-Api-Key2: \(Self.a)"],
            ["Cookie: X-API-Key=\(Self.a)"], ["X-User: a"], ["Authorization: Basic YTph"], ["X-Accel-Redirect: /p?q=1"],
            ["X-Original-URL: /p"],
            ["X-Forwarded-For: 127.0.0.1"], ["X-Forwarded-User: a"], ["Proxy-Authorization: Bearer \(Self.a)"], ["Via: a"],
            ["Content-Language: a"], ["Accept: a"], ["OpenAI-Organization: a"],
        ]
        for attempt in attempts {
            for way in [Way.http1, .http2] {
                let post = try cached.post(body, "/p?q=1", [own] + attempt, way)
                #expect(!post.text.hasPrefix("1 "), "\(attempt) \(way)")
                #expect(try !cached.ask("/p?q=1", [own] + attempt, way).text.hasPrefix("2 "), "\(attempt) \(way)")
            }
        }
        // Two keys in one request are nobody.
        for pair in [[own, "X-API-Key: \(Self.a)"], ["X-API-Key: \(Self.a)", own], ["X-API-Key: \(Self.a), \(Self.b)"]] {
            #expect(try cached.post(body, "/p?q=1", pair).status == 401)
        }
    }

    @Test(arguments: [
        "/p?q=1&api_key=a", "/p?q=1&key=\(a)", "/p?q=1&X-API-Key=\(a)", "/p?q=1#a", "/p?q=1%00", "/p?q=1%20", "/p/?q=1", "/p;a?q=1",
        "/p%3Fq=1",
        "/P?q=1", "/p?Q=1", "/p?q=%31", "/p?", "/p", "/x/../p?q=1", "//p?q=1", "http://localhost/p?q=1", "http://localhost:80/p?q=1",
    ])
    func `no spelling of a URL leads to another caller's answer`(target: String) throws {
        let cached = try keyed()
        #expect(try cached.ask("/p?q=1", ["X-API-Key: \(Self.a)"]).isMiss)
        #expect(try cached.post("{}", "/p?q=1", ["X-API-Key: \(Self.a)"]).isMiss)
        // What is no target at all is refused.
        #expect(try !cached.ask(target, ["X-API-Key: \(Self.b)"]).text.hasPrefix("1 "))
        #expect(try !cached.post("{}", target, ["X-API-Key: \(Self.b)"]).text.hasPrefix("2 "))
        #expect(try cached.ask(target, ["X-API-Key: \(Self.b)", "Cache-Control: only-if-cached"]).text.hasPrefix("1 ") == false)
    }

    @Test func `no body stands for another one`() throws {
        let cached = try keyed("ignore=user")
        #expect(try cached.post(#"{"a":"k","n":1}"#, "/", ["X-API-Key: \(Self.a)"]).isMiss)
        #expect(try cached.post(#"{"a":"k","n":1}"#, "/", ["X-API-Key: \(Self.b)"]).isMiss)
        for other in [
            #"{"a":"k","n":2,"n":1}"#, #"{"a":"k","n":1,"n":1}"#, #"{"a":"x","\u0061":"k","n":1}"#, #"{"user":1,"user":2,"a":"k","n":1}"#,
            #"{"a":"\u212a","n":1}"#, #"{"a":"ｋ","n":1}"#, #"{"а":"k","n":1}"#, #"{"a":"k\u200b","n":1}"#, #"{"a":"k\u0000","n":1}"#,
            #"{"a":"k","n":1}{}"#, #"{"a":"k","n":1}x"#, #"["a","k","n",1]"#, #""{\"a\":\"k\",\"n\":1}""#,
            #"{"a":"k","n":1.0000000000000000001}"#,
            #"{"a":"k","n":"1"}"#, #"{"a":"k","n":[1]}"#, #"{"a":"k\",\"n\":1,\"b\":\"","n":1}"#, #"{"a":"k","n":-1}"#, #"{"A":"k","n":1}"#,
            #"{"a":"K","n":1}"#, "{\"a\":\"k\",\"n\":1}\u{0}", "\u{feff}{\"a\":\"k\",\"n\":1}", #"{"a":"k","n":1,"":""}"#,
            #"{"a":"k ","n":1}"#,
        ] {
            let answer = try cached.post(other, "/", ["X-API-Key: \(Self.b)"])
            #expect(!answer.text.hasPrefix("1 ") && !answer.text.hasPrefix("2 ") && answer.status == 200, "\(other)")
        }
    }

    @Test func `parts of a request can't be moved into each other`() throws {
        let cached = try CachedOrigin("headers=x-a,x-b")
        let requests: [(String, [String], String?)] = [
            ("/ab", [], nil), ("/a?b", [], nil), ("/?ab", [], nil), ("/a", ["X-A: b"], nil), ("/a", ["X-B: b"], nil),
            ("/a", ["X-A: ", "X-B: b"], nil),
            ("/a", ["X-A: bX-B: "], nil), ("/a", ["X-A: b", "X-B: c"], nil), ("/a", ["X-A: bc"], nil), ("/a", ["X-A: b", "X-A: c"], nil),
            ("/a", ["X-A: b, c"], nil), ("/a", ["X-A: b,c"], nil), ("/a", ["X-A: c", "X-B: b"], nil), ("/a", [], "{}"), ("/a{}", [], nil),
            ("/a", ["X-A: {}"], nil), ("/a", [], "\"x-a\""), ("/a?", [], nil), ("/a", ["X-A:"], nil), ("/a", ["X-B:"], nil),
        ]
        let texts = try requests.map { target, fields, body in
            try body.map { try cached.post($0, target, fields) } ?? cached.ask(target, fields)
        }.map(\.text)
        #expect(Set(texts.map { $0.prefix { $0 != " " } }).count == requests.count)
        #expect(cached.count == requests.count)
    }

    // MARK: Neither a key nor scope

    @Test(arguments: [
        "Authorization: Bearer a", "authorization: Basic YTph", "Authorization:", "Cookie: a=b", "X-API-Key: a",
        "Proxy-Authorization: Basic YTph",
        "api-key: a", "x-goog-api-key: a", "X-Auth-Token: a", "apikey: a", "X-Access-Token: a", "Private-Token: a", "X_API_Key: a",
        "X-Authorization: a",
    ])
    func `a request with credentials passes by where nothing says whose answers are whose`(field: String) throws {
        let cached = try CachedOrigin()
        #expect(try cached.post("{}").isMiss)
        for number in 2...3 {
            let answer = try cached.post("{}", "/", [field])
            #expect(answer.text == "\(number) POST / {}" && answer.cacheStatus == "fwd=bypass; detail=credentials")
        }
        #expect(try cached.ask("/", [field], .http2).text == "4 GET / ")
        #expect(try cached.post("{}").isHit)
        try cached.expectBypass("credentials", 3)
    }

    @Test(arguments: ["/?key=a", "/?a=b&key=c", "/?KEY=a", "/?api_key=a", "/?access_token=a&b", "/?key", "/?key="])
    func `so does one with a key in its query`(target: String) throws {
        let cached = try CachedOrigin()
        for number in 1...2 {
            let answer = try cached.ask(target)
            #expect(answer.text == "\(number) GET \(target) " && answer.cacheStatus == "fwd=bypass; detail=credentials")
        }
        #expect(try cached.ask("/?keys=a&monkey=b&a=key").isMiss)
        try cached.expectBypass("credentials", 2)
    }

    @Test(arguments: Way.allCases) func `a field that api_keys names carries credentials, also where keys are not asked for`(_ way: Way)
        throws
    {
        let cached = try CachedOrigin(main: "api_keys { header X-Service-Token; key a sha256=\(sha256(Self.a)); }")
        #expect(try cached.post("{}", "/", [], way).isMiss)
        for (index, value) in [Self.a, Self.b].enumerated() {
            let answer = try cached.post("{}", "/", ["X-Service-Token: \(value)"], way)
            #expect(answer.text == "\(index + 2) POST / {}" && answer.cacheStatus == "fwd=bypass; detail=credentials")
        }
        #expect(try cached.post("{}", "/", [], way).isHit)
        try cached.expectBypass("credentials", 2)
    }

    @Test func `with scope=shared credentials don't count`() throws {
        let cached = try CachedOrigin("scope=shared")
        for fields in [[], ["Authorization: Bearer a"], ["Cookie: a=b"], ["Authorization: Bearer b"]] {
            #expect(try cached.post("{}", "/", fields).text == "1 POST / {}")
        }
        #expect(cached.count == 1)
    }

    @Test(arguments: ["$http_x_user", "user-$http_x_user", "$http_x_user@$remote_addr"])
    func `what the origin is told of a user keeps users apart, with scope=shared too`(
        value: String
    ) throws {
        let cached = try CachedOrigin("scope=shared", location: "proxy_set_header X-U \(value);") { _, request, connection in
            try connection.send(ScriptedOrigin.message("for \(request["X-U"] ?? "")"))
        }
        for _ in 0..<2 {
            for user in ["alice", "bob"] {
                let told = value.replacing("$http_x_user", with: user).replacing("$remote_addr", with: "127.0.0.1")
                #expect(try cached.ask("/", ["X-User: \(user)"]).text == "for \(told)")
                #expect(try cached.post("{}", "/", ["X-User: \(user)"], .http2).text == "for \(told)")
            }
        }
    }

    @Test(arguments: [401, 403, 404, 400, 302]) func `what the origin refuses one caller is no other's, with scope=shared neither`(
        status: Int
    ) throws {
        let goesOn = Signal()
        let cached = try CachedOrigin("scope=shared") { number, request, connection in
            if request["Authorization"] == "Bearer good" {
                try connection.send(CachedOrigin.answer(number, request))
            } else {
                try goesOn.wait()
                try connection.send(
                    CachedOrigin.answer(number, request, "\(status) No", fields: "X-For: \(request["Authorization"] ?? "")\r\n"))
            }
        }
        let bad = try cached.edge.connect(.plain)
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
        try bad.send(head + "bad\r\n\r\n")
        try eventually("the request at the origin") { cached.count == 1 }
        let others = try (0..<3).map { _ in try cached.edge.connect(.plain) }
        for other in others { try other.send(head + "good\r\n\r\n") }
        try cached.gateway.waitForMetrics("four requests") { $0.sum("gateway_connections", ["state": "active"]) == 4 }
        goesOn.send()
        let refused = try bad.readResponse()
        #expect(refused.status == status && refused["X-For"] == "Bearer bad")
        for other in others { #expect(try other.readResponse().status == 200) }
        #expect(try cached.ask("/", ["Authorization: Bearer good"]).status == 200)
        try cached.expectNotStored("status", 1)
    }
}
