import TestSupport
import Testing

/// What GET was answered with, after a request that may have changed it (RFC 9111 § 4.4).
@Suite struct CacheChangeTests {
    @Test(arguments: ["PUT", "DELETE", "PATCH", "POST"], [Way.http1, .http2])
    func `a request that may change a resource ends what GET had of it, and of no other`(_ method: String, _ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        for target in ["/a", "/b", "/a?c"] { #expect(try client.ask(target).isMiss) }
        #expect(try client.ask("/a").text == "1 GET /a ")
        #expect(try client.ask("/a", method, ["Content-Type: text/plain"], body: "x").status == 200)
        let fresh = try client.ask("/a")
        #expect(fresh.isMiss && fresh.text == "5 GET /a ")
        for (target, text) in [("/a", "5 GET /a "), ("/b", "2 GET /b "), ("/a?c", "3 GET /a?c ")] {
            let answer = try client.ask(target)
            #expect(answer.isHit && answer.text == text)
        }
    }

    @Test func `a GET that the origin may take for another method ends what GET had, too`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        #expect(try client.ask("/").isMiss)
        #expect(try client.ask("/", ["X-HTTP-Method-Override: DELETE"]).cacheStatus == "fwd=bypass; detail=override")
        #expect(try client.ask("/").isMiss)
        #expect(try client.ask("/").isHit)
        // Passing by for another reason changes nothing.
        #expect(try client.ask("/", ["Cache-Control: no-store"]).cacheStatus == "fwd=bypass; detail=no_store")
        #expect(try client.ask("/").isHit)
    }

    @Test func `what is refused, or only asks, changes nothing`() throws {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send(CachedOrigin.answer(number, request, request.method == "PUT" ? "403 Forbidden" : "200 OK"))
        }
        let client = try cached.client()
        #expect(try client.ask("/").isMiss)
        for method in ["PUT", "OPTIONS"] { _ = try client.ask("/", method, ["Content-Type: text/plain"], body: "x") }
        #expect(cached.count == 3)
        #expect(try client.ask("/").isHit)
        // A question in JSON is answered by what it asks: another one changes nothing of that.
        #expect(try client.post("{}").isMiss)
        #expect(try client.post("{\"a\":1}").isMiss)
        #expect(try client.post("{}").isHit)
    }

    @Test func `all variants of a resource end with it`() throws {
        let cached = try CachedOrigin(fields: "Vary: X-A\r\n")
        let client = try cached.client()
        for value in ["a", "b"] {
            #expect(try client.ask("/", ["X-A: \(value)"]).isMiss)
            #expect(try client.ask("/", ["X-A: \(value)"]).isHit)
        }
        #expect(try client.ask("/", "DELETE").status == 200)
        for value in ["a", "b"] {
            #expect(try client.ask("/", ["X-A: \(value)"]).isMiss)
            #expect(try client.ask("/", ["X-A: \(value)"]).isHit)
        }
    }

    @Test func `what was asked for before a change is neither joined after it nor kept`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            if number == 1 { try released.wait() }
            try connection.send(CachedOrigin.answer(number, request))
        }
        let early = try cached.edge.connect(.plain)
        try early.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try eventually("the origin has it") { cached.count == 1 }
        #expect(try cached.client().ask("/", "PUT", ["Content-Type: text/plain"], body: "x").text == "2 PUT / x")
        let late = try cached.client().ask("/")
        #expect(late.isMiss && late.text == "3 GET / ")
        released.send()
        #expect(try early.readResponse(to: "GET").text == "1 GET / ")
        try cached.expectNotStored("changed")
        let next = try cached.client().ask("/")
        #expect(next.isHit && next.text == "3 GET / ")
    }

    @Test func `what was asked for after a change is joined and kept, although what was stored before is still there`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            if number == 3 { try released.wait() }
            try connection.send(CachedOrigin.answer(number, request))
        }
        #expect(try cached.ask("/").text == "1 GET / ")
        #expect(try cached.client().ask("/", "PUT", ["Content-Type: text/plain"], body: "x").text == "2 PUT / x")
        let first = try cached.edge.connect(.plain)
        try first.send("GET / HTTP/1.1\r\nHost: localhost\r\nCache-Control: no-cache\r\n\r\n")
        try eventually("the origin has it") { cached.count == 3 }
        let second = try cached.edge.connect(.plain)
        try second.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        // By then that one has been looked up, too.
        #expect(try cached.ask("/b").text == "4 GET /b ")
        released.send()
        for client in [first, second] { #expect(try client.readResponse(to: "GET").text == "3 GET / ") }
        let next = try cached.ask("/")
        #expect(next.isHit && next.text == "3 GET / ")
        #expect(cached.count == 4)
        try cached.expect("gateway_cache_not_stored_total", 0)
    }

    @Test(arguments: [false, true])
    func `what a 304 from before a change says is for those who asked before it, and makes nothing fresh`(_ isAskedMeanwhile: Bool) throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            switch number {
            case 1: try connection.send(CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\n"))
            case 2:
                try released.wait()
                try connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"t\"\r\nCache-Control: max-age=3600\r\n\r\n")
            default:
                #expect(request["If-None-Match"] == nil)
                try connection.send(CachedOrigin.answer(number, request))
            }
        }
        #expect(try cached.ask("/").text == "1 GET / ")
        let early = try cached.edge.connect(.plain)
        try early.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try eventually("the origin has it") { cached.count == 2 }
        #expect(try cached.client().ask("/", "PUT", ["Content-Type: text/plain"], body: "x").text == "3 PUT / x")
        if isAskedMeanwhile { #expect(try cached.ask("/").text == "4 GET / ") }
        released.send()
        #expect(try early.readResponse(to: "GET").text == "1 GET / ")
        if !isAskedMeanwhile {
            #expect(try cached.gateway.metrics().sum("gateway_cache_entries") == 0)
            let next = try cached.ask("/")
            #expect(next.isMiss && next.text == "4 GET / ")
        }
        let last = try cached.ask("/")
        #expect(last.isHit && last.text == "4 GET / ")
    }

    // MARK: 304

    @Test(arguments: [Way.http1, .http2]) func `a 304 brings the fields of what is stored up to date`(_ way: Way) throws {
        let first =
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"t\"\r\nContent-Type: text/plain\r\nX-A: old\r\nX-B: b\r\nX-C: 1\r\nX-C: 2\r\n"
        let second =
            "Date: Mon, 07 Nov 1994 08:49:37 GMT\r\nETag: \"t\"\r\nContent-Type: text/wrong\r\nContent-Length: 7\r\nX-A: new\r\nX-C: 3\r\n"
        let cached = try CachedOrigin { number, request, connection in
            if number == 1 {
                try connection.send(CachedOrigin.answer(number, request, fields: first + "Cache-Control: max-age=0\r\n"))
            } else {
                #expect(request["If-None-Match"] == "\"t\"")
                try connection.send("HTTP/1.1 304 Not Modified\r\n\(second)Cache-Control: max-age=60\r\n\r\n")
            }
        }
        let client = try cached.client(way)
        #expect(try client.ask("/")["X-A"] == "old")
        for round in 0..<4 {
            let answer = try client.ask("/")
            #expect(answer.status == 200 && answer.text == "1 GET / ")
            #expect(answer.cacheStatus == (round == 0 ? "fwd=stale; fwd-status=304; ttl" : "hit; ttl"))
            #expect(answer.values("Date") == ["Mon, 07 Nov 1994 08:49:37 GMT"] && answer.values("Cache-Control") == ["max-age=60"])
            #expect(answer.values("X-A") == ["new"] && answer.values("X-B") == ["b"] && answer.values("X-C") == ["3"])
            #expect(answer.values("Content-Type") == ["text/plain"] && answer.values("Content-Length") == ["8"])
            #expect(answer.values("ETag") == ["\"t\""] && answer.values("Age").count == 1)
        }
        #expect(cached.count == 2)
        #expect(try cached.gateway.metrics().sum("gateway_cache_entries") == 1)
    }

    @Test(arguments: ["ETag: \"u\"\r\n", "ETag: \"t\"\r\nETag: \"u\"\r\n"]) func `a 304 about another answer makes nothing fresh`(
        _ tags: String
    ) throws {
        let cached = try CachedOrigin { number, request, connection in
            switch number {
            case 1: try connection.send(CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\n"))
            case 2: try connection.send("HTTP/1.1 304 Not Modified\r\n\(tags)Cache-Control: max-age=3600\r\n\r\n")
            default:
                #expect(request["If-None-Match"] == nil)
                try connection.send(CachedOrigin.answer(number, request))
            }
        }
        for number in [1, 1, 3] { #expect(try cached.ask("/").text == "\(number) GET / ") }
        let next = try cached.ask("/")
        #expect(next.isHit && next.text == "3 GET / ")
    }

    @Test func `a 304 with the weak form of the tag is about what is stored`() throws {
        let cached = try CachedOrigin { number, request, connection in
            let fields = number == 1 ? "Cache-Control: max-age=0\r\nETag: \"t\"\r\n" : "Cache-Control: max-age=3600\r\nETag: W/\"t\"\r\n"
            let status = "HTTP/1.1 304 Not Modified\r\n"
            try connection.send(number == 1 ? CachedOrigin.answer(number, request, fields: fields) : "\(status)\(fields)\r\n")
        }
        for _ in 0..<4 { #expect(try cached.ask("/").text == "1 GET / ") }
        #expect(cached.count == 2)
    }

    @Test(arguments: ["few of which are long", "many of which are short"])
    func `a 304 whose fields would be too much for a head changes none`(_ kind: String) throws {
        @Sendable func fields(_ letter: String) -> String {
            let (count, length) = kind.hasPrefix("few") ? (2, 9_000) : (60, 1)
            return (0..<count).map { "X-\(letter)-\($0): \(String(repeating: letter, count: length))\r\n" }.joined()
        }
        let cached = try CachedOrigin { number, request, connection in
            if number == 1 {
                try connection.send(
                    CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\n" + fields("a")))
            } else {
                try connection.send("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=3600\r\n\(fields("b"))\r\n")
            }
        }
        for _ in 0..<4 {
            let answer = try cached.ask("/")
            #expect(answer.status == 200 && answer.text == "1 GET / " && answer["X-A-1"] != nil && answer["X-B-1"] == nil)
        }
        #expect(cached.count == 2)
    }

    // MARK: Who waits for whom

    @Test func `who asks for what was not to be shared waits for nobody else's answer, until it may be shared`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            if number == 2 || number == 3 { try released.wait() }
            try connection.send(CachedOrigin.answer(number, request, fields: number < 4 ? "Cache-Control: private\r\n" : ""))
        }
        #expect(try cached.ask("/").text == "1 GET / ")
        let clients = try (0..<2).map { _ in try cached.edge.connect(.plain) }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        // Neither has a head yet.
        try eventually("the origin has both") { cached.count == 3 }
        released.send()
        released.send()
        let texts = try clients.map { try $0.readResponse(to: "GET").text }
        #expect(Set(texts) == ["2 GET / ", "3 GET / "])
        #expect(try cached.ask("/").text == "4 GET / ")
        #expect(try cached.ask("/").isHit)
        #expect(cached.count == 4)
    }

    @Test func `where the origin fails Cache-Status tells what it has said`() throws {
        let cached = try CachedOrigin("stale_if_error=1h") { number, request, connection in
            switch number {
            case 1: try connection.send(CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\n"))
            case 2: try connection.send(CachedOrigin.answer(number, request, "503 Service Unavailable"))
            default: throw TestError.ended("without an answer")
            }
        }
        #expect(try cached.ask("/").text == "1 GET / ")
        #expect(try cached.ask("/").cacheStatus == "fwd=stale; fwd-status=503; ttl; detail=stale-if-error")
        #expect(try cached.ask("/").cacheStatus == "fwd=stale; ttl; detail=stale-if-error")
    }
}
