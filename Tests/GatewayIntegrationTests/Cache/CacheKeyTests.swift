import Foundation
import TestSupport
import Testing

/// What makes two requests the same, and what doesn't.
@Suite struct CacheKeyTests {
    // MARK: GET and HEAD

    @Test(arguments: Way.allCases) func `a GET is asked of the origin once, and answered with the same bytes from then on`(_ way: Way)
        throws
    {
        let cached = try CachedOrigin(fields: "Content-Type: text/plain\r\nX-A: b\r\n")
        let client = try cached.client(way)
        let first = try client.ask("/a?b=c")
        #expect(first.status == 200 && first.text == "1 GET /a?b=c " && first.isMiss && first["Age"] == nil)
        for _ in 0..<3 {
            let again = try client.ask("/a?b=c")
            #expect(again.status == 200 && again.body == first.body && again.isHit)
            #expect(again["X-A"] == "b" && again["Content-Type"] == "text/plain" && again.values("Content-Length") == ["13"])
            #expect(again.age ?? -1 >= 0 && (3500...3600).contains(again.ttl ?? -1))
        }
        #expect(cached.count == 1)
        try cached.expect("gateway_cache_requests_total", ["result": "hit"], 3)
        try cached.expect("gateway_cache_requests_total", ["result": "miss"], 1)
        try cached.expect("gateway_cache_stored_total", 1)
    }

    @Test func `HTTP 2 gets what HTTP 1 has stored, and the other way round, but not what came over TLS`() throws {
        let cached = try CachedOrigin()
        #expect(try cached.ask("/", [], .http1).text == "1 GET / ")
        #expect(try cached.ask("/", [], .http2).text == "1 GET / ")
        #expect(try cached.ask("/", [], .http2OverTLS).text == "2 GET / ")
        #expect(try cached.ask("/", [], .http1OverTLS).text == "2 GET / ")
        #expect(cached.count == 2)
    }

    @Test func `path, query and host each count, and the case of the host doesn't`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        let targets = ["/", "/?", "/?a=1", "/?a=1&b=2", "/?b=2&a=1", "/a", "/A", "/a?", "/%61?a", "/a%2Fb", "/a/b"]
        let texts = try targets.map { try client.ask($0).text }
        #expect(Set(texts).count == targets.count)
        #expect(try targets.map { try client.ask($0).text } == texts)
        #expect(cached.count == targets.count)
        let other = try client.ask("/", host: "other.test")
        #expect(other.isMiss && cached.count == targets.count + 1)
        #expect(try client.ask("/", host: "OTHER.test").body == other.body)
    }

    @Test func `one host on two addresses before two upstreams has two answers`() throws {
        let requests = Monitor<[HTTPRequest]>([])
        let first = try CachedOrigin.origin(requests) { try $2.send(CachedOrigin.answer($0, $1)) }
        let second = try CachedOrigin.origin(requests) { try $2.send(CachedOrigin.answer($0, $1)) }
        let gateway = try Gateway(
            conf: """
                \(CachedOrigin.zone)
                server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:{A}; cache ai; } }
                server { listen 127.0.0.2:0; location / { proxy_pass http://127.0.0.1:{B}; cache ai; } }
                server { listen 127.0.0.3:0; location / { proxy_pass http://127.0.0.1:{B}/b/; cache ai; } }
                """, values: ["A": "\(first.port)", "B": "\(second.port)"])
        for _ in 0..<2 {
            for (index, text) in ["1 GET /a ", "2 GET /a ", "3 GET /b/a "].enumerated() {
                #expect(try gateway.connect(index).get("/a", host: "localhost").text == text)
            }
        }
    }

    @Test(arguments: Way.allCases) func `HEAD is answered from what GET has stored, and stores nothing itself`(_ way: Way) throws {
        let cached = try CachedOrigin(fields: "ETag: \"1\"\r\n")
        let client = try cached.client(way)
        for number in 1...2 {
            let missed = try client.ask("/", "HEAD")
            #expect(missed.status == 200 && missed.cacheStatus == "fwd=bypass; detail=head_miss" && missed.body.isEmpty)
            #expect(cached.count == number && cached.received.last?.method == "HEAD")
        }
        let get = try client.ask("/")
        #expect(get.isMiss && get.text == "3 GET / ")
        let head = try client.ask("/", "HEAD")
        #expect(head.isHit && head.body.isEmpty && head["Content-Length"] == "\(get.body.count)" && head["ETag"] == "\"1\"")
        #expect(try client.ask("/", "HEAD", ["Cache-Control: no-cache"]).cacheStatus == "fwd=bypass; detail=head_miss")
        #expect(cached.count == 4)
        #expect(try client.ask("/").text == get.text)
        try cached.expectBypass("head_miss", 3)
    }

    // MARK: POST

    @Test(arguments: [Way.http1, .http2OverTLS]) func `the spelling of JSON doesn't count, and every value does`(_ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        let first = try client.post(#"{"model":"m","n":[1,2.50,1e3],"s":"aé/\n","o":{"a":null,"b":true}}"#)
        #expect(first.isMiss)
        for spelling in [
            #"{"o":{"b":true,"a":null},"s":"aé/\n","n":[1,2.50,1e3],"model":"m"}"#,
            " {\t\"model\" : \"m\" ,\r\n \"n\":[ 1 , 2.50 , 1e3 ] ,\"s\":\"aé/\\n\",\"o\":{ \"a\" : null,\"b\":true } } \n",
            #"{"model":"\u006d","n":[1,2.50,1e3],"s":"\u0061\u00E9\/\u000a","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[1.0,2.5,1000],"s":"aé/\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[10e-1,0.25e1,1.000E+3],"s":"aé/\n","o":{"a":null,"b":true}}"#,
        ] {
            let again = try client.post(spelling)
            #expect(again.isHit && again.body == first.body, "\(spelling)")
        }
        #expect(cached.count == 1)
        // The origin got the spelling of who asked first.
        #expect(cached.received[0].text.hasPrefix(#"{"model":"m","n":[1,2.50"#))
        let others = [
            #"{"model":"M","n":[1,2.50,1e3],"s":"aé/\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[2.50,1,1e3],"s":"aé/\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[1,2.50,1e4],"s":"aé/\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[1,2.50,"1e3"],"s":"aé/\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[1,2.50,1e3],"s":"ae\u0301/\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[1,2.50,1e3],"s":"aé/\\n","o":{"a":null,"b":true}}"#,
            #"{"model":"m","n":[1,2.50,1e3],"s":"aé/\n","o":{"a":false,"b":true}}"#,
            #"{"model":"m","n":[1,2.50,1e3],"s":"aé/\n","o":{"a":null}}"#,
            #"{"model":"m","n":[1,2.50,1e3],"s":"aé/\n","o":{"a":null,"b":true},"x":null}"#,
        ]
        for (index, other) in others.enumerated() {
            #expect(try client.post(other).isMiss, "\(other)")
            #expect(cached.count == index + 2)
        }
    }

    @Test func `a number that a double can't hold counts by its digits`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        let ids = ["9007199254740993", "9007199254740992", "9007199254740993.5", "12345678901234567890", "12345678901234567891"]
        for id in ids { #expect(try client.post("{\"id\":\(id)}").isMiss, "\(id)") }
        for id in ids { #expect(try client.post("{ \"id\" : \(id) }").isHit, "\(id)") }
        #expect(cached.count == ids.count)
    }

    @Test(arguments: [Way.http1, .http2]) func `asked again and again in the same words, each request has its own answer`(_ way: Way) throws
    {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        let long = String(repeating: "x", count: 5000)
        typealias Question = (target: String, host: String, field: String, body: String)
        let questions: [Question] = [
            ("/", "a.test", "Accept: a", #"{"a":"b"}"#), ("/", "a.test", "Accept: a", #"{"a":"c"}"#),
            ("/", "a.test", "Accept: b", #"{"a":"b"}"#),
            ("/", "b.test", "Accept: a", #"{"a":"b"}"#), ("/b", "a.test", "Accept: a", #"{"a":"b"}"#),
            ("/?b", "a.test", "Accept: a", #"{"a":"b"}"#),
            ("/", "a.test", "Accept: a", #"{"a":"\#(long)b"}"#), ("/", "a.test", "Accept: a", #"{"a":"\#(long)c"}"#),
            ("/", "a.test", "Accept: a\(long)", #"{"a":"b"}"#), ("/", "a.test", "Accept: b\(long)", #"{"a":"b"}"#),
        ]
        var texts: [String] = []
        for round in 0..<5 {
            for (index, question) in questions.enumerated() {
                let fields = ["Content-Type: application/json", question.field]
                let answer = try client.ask(question.target, "POST", host: question.host, fields, body: question.body)
                if round == 0 { texts.append(answer.text) }
                #expect(round == 0 ? answer.isMiss : answer.isHit)
                #expect(answer.text == texts[index] && answer.text.hasSuffix(question.body))
            }
        }
        #expect(cached.count == questions.count)
    }

    @Test func `POST is kept apart from GET, and path, query and host count as there`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        #expect(try client.ask("/").isMiss)
        for target in ["/", "/?a", "/b"] { #expect(try client.post("{}", target).isMiss) }
        #expect(try client.ask("/", "POST", host: "b", ["Content-Type: application/json"], body: "{}").isMiss)
        for target in ["/", "/?a", "/b"] { #expect(try client.post("{ }", target).isHit) }
        #expect(cached.count == 5)
    }

    @Test(arguments: Way.allCases) func `a long body is read to its end, and counts to its last byte`(_ way: Way) throws {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send(ScriptedOrigin.message("\(number) \(request.body.count)"))
        }
        let client = try cached.client(way)
        let text = String(repeating: "0123456789", count: 90_000)
        #expect(try client.post("{\"a\":\"\(text)\"}").text == "1 \(text.count + 8)")
        #expect(try client.post(" {\"a\":\"\(text)\"}").text == "1 \(text.count + 8)")
        #expect(try client.post("{\"a\":\"\(text)x\"}").text == "2 \(text.count + 9)")
    }

    // MARK: Fields

    @Test func `the fields that change an answer count, and no others`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        #expect(try client.post("{}").isMiss)
        let counted = [
            "Anthropic-Version: 2023-06-01", "Anthropic-Beta: a", "OpenAI-Beta: a", "OpenAI-Organization: o", "OpenAI-Project: p",
            "Accept: text/event-stream",
        ]
        for field in counted { #expect(try client.post("{}", "/", [field]).isMiss, "\(field)") }
        for field in counted { #expect(try client.post("{}", "/", [field.lowercased()]).isHit, "\(field)") }
        for field in ["User-Agent: a", "X-Stainless-Retry-Count: 1", "X-Request-ID: a", "Accept-Language: de", "Accept-Encoding: br"] {
            #expect(try client.post("{}", "/", [field]).isHit, "\(field)")
        }
        #expect(try client.ask("/", "POST", ["Content-Type: application/json; charset=utf-8"], body: "{}").isMiss)
        #expect(try client.ask("/", "POST", ["Content-Type: application/vnd.api+json"], body: "{}").isMiss)
        #expect(cached.count == counted.count + 3)
    }

    @Test func `headers= names the fields that count in their place`() throws {
        let cached = try CachedOrigin("headers=x-model,Accept-Language")
        let client = try cached.client()
        #expect(try client.ask("/").isMiss)
        for field in ["X-Model: a", "X-Model: b", "accept-language: de", "X-Model:"] { #expect(try client.ask("/", [field]).isMiss) }
        #expect(try client.ask("/", ["Accept: text/html", "OpenAI-Beta: a"]).isHit)
        #expect(try client.ask("/", ["x-model: a"]).isHit)
        #expect(try client.ask("/", ["X-Model: a", "X-Model: b"]).isMiss)
        #expect(try client.ask("/", ["X-Model: b", "X-Model: a"]).isMiss)
        #expect(cached.count == 7)
    }

    // MARK: What the location says of bodies

    @Test func `ignore= leaves members out at the top alone, and the origin gets them all the same`() throws {
        let cached = try CachedOrigin("ignore=user,metadata")
        let client = try cached.client()
        #expect(try client.post(#"{"a":1,"user":"u","metadata":{"b":[1]}}"#).isMiss)
        #expect(cached.received[0].text == #"{"a":1,"user":"u","metadata":{"b":[1]}}"#)
        for same in [#"{"a":1}"#, #"{"user":"v","a":1}"#, #"{"a":1,"\u0075ser":null}"#, #"{"metadata":[],"a":1}"#] {
            #expect(try client.post(same).isHit, "\(same)")
        }
        for other in [#"{"a":1,"User":"u"}"#, #"{"a":1,"o":{"user":"u"}}"#, #"{"a":1,"o":{"user":"v"}}"#, #"{"a":1,"users":1}"#] {
            #expect(try client.post(other).isMiss, "\(other)")
        }
        #expect(cached.count == 5)
    }

    @Test func `deterministic_only keeps what is asked with temperature 0`() throws {
        let cached = try CachedOrigin("deterministic_only")
        let client = try cached.client()
        let others = [
            "{}", #"{"temperature":1}"#, #"{"temperature":null}"#, #"{"temperature":"0"}"#, #"{"o":{"temperature":0}}"#,
            #"{"Temperature":0}"#,
            #"{"temperature":1e-320}"#,
        ]
        for other in others {
            for _ in 0..<2 { #expect(try client.post(other).cacheStatus == "fwd=bypass; detail=not_deterministic", "\(other)") }
        }
        #expect(cached.count == 2 * others.count)
        #expect(try client.post(#"{"temperature":0}"#).isMiss)
        for same in [#"{"temperature":0.0}"#, #"{"temperature":0e5}"#, #"{ "temperature" : 0}"#] {
            #expect(try client.post(same).isHit, "\(same)")
        }
        #expect(try client.ask("/").isMiss)
        #expect(try client.ask("/").isHit)
        try cached.expectBypass("not_deterministic", Double(2 * others.count))
    }

    @Test(arguments: [Way.http1, .http2]) func `a body longer than body_max is passed on whole, and not kept`(_ way: Way) throws {
        let cached = try CachedOrigin("body_max=100k") { number, request, connection in
            try connection.send(ScriptedOrigin.message("\(number) \(request.body.count) \(request.text.hasSuffix("x\"}"))"))
        }
        let client = try cached.client(way)
        for (number, count) in [102_400, 102_401, 400_000].enumerated() {
            let body = "{\"a\":\"" + String(repeating: "x", count: count - 8) + "\"}"
            for _ in 0..<2 {
                let answer = try client.post(body)
                if count <= 102_400 {
                    #expect(answer.text == "1 \(count) true")
                } else {
                    #expect(
                        answer.cacheStatus == "fwd=bypass; detail=body_too_large" && answer.text.hasSuffix(" \(count) true"), "\(number)")
                }
            }
        }
        #expect(cached.count == 5)
        try cached.expectBypass("body_too_large", 4)
    }

    @Test func `other methods, GET with content, and content that is no JSON pass by`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
            #expect(try client.ask("/", method, ["Content-Type: application/json"], body: "{}").cacheStatus == "fwd=bypass; detail=method")
        }
        #expect(try client.ask("/", "GET", ["Content-Type: application/json"], body: "{}").cacheStatus == "fwd=bypass; detail=content")
        for fields in [
            [], ["Content-Type: text/plain"], ["Content-Type: application/jsonl"], ["Content-Type: application/x-www-form-urlencoded"],
            ["Content-Type: application/json", "Content-Type: application/json"],
            ["Content-Type: application/json", "Content-Encoding: gzip"],
        ] {
            #expect(try client.ask("/", "POST", fields, body: "{}").cacheStatus == "fwd=bypass; detail=content_type", "\(fields)")
        }
        #expect(cached.count == 11)
        try cached.expect("gateway_cache_bypasses_total", ["reason": "method"], 4)
        try cached.expect("gateway_cache_bypasses_total", ["reason": "content"], 1)
        try cached.expect("gateway_cache_bypasses_total", ["reason": "content_type"], 6)
        try cached.expect("gateway_cache_entries", 0)
    }
}
