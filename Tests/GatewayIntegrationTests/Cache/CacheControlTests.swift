import TestSupport
import Testing

/// What origins say of keeping their answers (RFC 9111): obeyed for GET, and for POST only where that is asked for.
@Suite struct CacheControlTests {
    // MARK: Not to be stored

    @Test(arguments: [
        "Cache-Control: no-store", "Cache-Control: private", "Cache-Control: no-cache", "cache-control: max-age=60, PRIVATE",
        "Cache-Control: max-age=60\r\nCache-Control: no-store", "Cache-Control: private=\"X-A\"", "Cache-Control: no-cache=\"Set-Cookie\"",
        "Cache-Control: max-age=0", "Cache-Control: s-maxage=0, max-age=60", "Cache-Control: max-age=x", "Cache-Control: max-age=-1",
        "Cache-Control: max-age", "Cache-Control: max-age=60, max-age=0", "Expires: 0", "Expires: Sun, 06 Nov 1994 08:49:37 GMT",
        "Cache-Control: max-age=60\r\nAge: 60", "Cache-Control: max-age=60\r\nAge: 999999999999999999",
    ])
    func `a GET that the origin wants fresh is asked anew each time`(field: String) throws {
        let cached = try CachedOrigin(fields: field + "\r\n")
        for number in 1...3 {
            let answer = try cached.ask()
            #expect(answer.text == "\(number) GET / " && answer.cacheStatus == "fwd=miss")
        }
        try cached.expectNotStored("cache_control", 3)
        try cached.expect("gateway_cache_entries", 0)
    }

    @Test(arguments: [
        "Cache-Control: max-age=60", "Cache-Control: public", "Cache-Control: s-maxage=60, max-age=0", "Cache-Control: max-age=\"60\"",
        "Cache-Control: unknown=\"no-store, private\", max-age=60", "Expires: Tue, 19 Jan 2196 03:14:07 GMT", "X-Cache-Control: no-store",
        "Expires: 0\r\nCache-Control: max-age=60", "Cache-Control: max-age=99999999999999999999", "Cache-Control: max-age=60\r\nAge: x",
        "Pragma: no-cache",
    ])
    func `a GET that may be kept is`(field: String) throws {
        let cached = try CachedOrigin(fields: field + "\r\n")
        #expect(try cached.ask().isMiss)
        #expect(try cached.ask().isHit)
        #expect(cached.count == 1)
    }

    // MARK: How long

    @Test(arguments: [
        ("Cache-Control: max-age=100", 90...100, 0...9), ("Cache-Control: max-age=100, s-maxage=50", 40...50, 0...9),
        ("Cache-Control: max-age=100\r\nAge: 60", 30...40, 60...69),
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nExpires: Sun, 06 Nov 1994 08:51:17 GMT", 90...100, 0...9),
        ("X-A: b", 490...500, 0...9), ("Age: 60", 490...500, 60...69),
    ])
    func `what is left and how old it is can be read`(field: String, ttl: ClosedRange<Int>, age: ClosedRange<Int>) throws {
        let cached = try CachedOrigin("ttl=500", fields: field + "\r\n")
        #expect(try cached.ask().isMiss)
        let hit = try cached.ask()
        #expect(hit.isHit && ttl.contains(hit.ttl ?? -1) && age.contains(hit.age ?? -1), "\(hit)")
        #expect(hit.values("Age").count == 1)
    }

    @Test func `an answer that has become too old is fetched anew, and kept in its place`() throws {
        let cached = try CachedOrigin(fields: "Cache-Control: max-age=1\r\n")
        #expect(try cached.ask().isMiss)
        var last: Answer?
        try eventually("the second answer") {
            last = try cached.ask()
            return last?.text == "2 GET / "
        }
        #expect(last?.isMiss == true || last?.cacheStatus == "fwd=stale; stored")
        try cached.expect("gateway_cache_entries", 1)
    }

    // MARK: Cookies

    @Test func `a GET that sets a cookie is its client's alone, and the cookie arrives`() throws {
        for fields in ["", "Cache-Control: private\r\n", "Cache-Control: no-store\r\n", "Cache-Control: max-age=60\r\n"] {
            let cached = try CachedOrigin("scope=shared", fields: fields + "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n")
            for number in 1...2 {
                let answer = try cached.ask()
                #expect(answer.text == "\(number) GET / " && answer.values("Set-Cookie") == ["a=b", "c=d"], "\(fields)")
            }
            try cached.expectNotStored(fields.contains("private") || fields.contains("store") ? "cache_control" : "cookie", 2)
        }
    }

    @Test(arguments: ["302 Found", "401 Unauthorized", "404 Not Found"])
    func `answers that are never kept keep their cookies`(status: String) throws {
        for cache in ["", "scope=shared"] {
            let cached = try CachedOrigin(cache) { number, request, connection in
                try connection.send(CachedOrigin.answer(number, request, status, fields: "Set-Cookie: a=\(number)\r\n"))
            }
            for number in [1, 3] {
                #expect(try cached.ask().values("Set-Cookie") == ["a=\(number)"])
                #expect(try cached.post("{}").values("Set-Cookie") == ["a=\(number + 1)"])
            }
            try cached.expectNotStored("status", 4)
        }
    }

    @Test(arguments: Way.allCases) func `cookies are left out of answers to POST`(_ way: Way) throws {
        let cached = try CachedOrigin(fields: "Set-Cookie: a=b\r\nX-A: b\r\n")
        for _ in 0..<2 {
            let answer = try cached.post("{}", "/", [], way)
            #expect(answer.text == "1 POST / {}" && answer["Set-Cookie"] == nil && answer["X-A"] == "b")
        }
    }

    // MARK: force, and POST

    @Test func `with force the origin is not asked for its opinion`() throws {
        let cached = try CachedOrigin("ttl=500 force", fields: "Cache-Control: no-store, max-age=0\r\nVary: *\r\nSet-Cookie: a=b\r\n")
        for fields in [[], ["A: b"]] {
            let answer = try cached.ask("/", fields)
            #expect(answer.text == "1 GET / " && answer["Set-Cookie"] == nil)
        }
        #expect((490...500).contains(try cached.ask().ttl ?? -1))
    }

    @Test(arguments: ["Cache-Control: no-cache", "Cache-Control: no-store, private", "Expires: 0", "Pragma: no-cache"])
    func `what providers say of POST is not obeyed, unless that is asked for`(field: String) throws {
        let free = try CachedOrigin(fields: field + "\r\n")
        #expect(try free.post("{}").isMiss)
        #expect(try free.post("{}").isHit)
        let obedient = try CachedOrigin("obey_origin", fields: field + "\r\n")
        for number in 1...2 {
            let expected = field.hasPrefix("Pragma") ? 1 : number
            #expect(try obedient.post("{}").text == "\(expected) POST / {}")
        }
    }

    // MARK: Validators

    @Test func `what is too old and has a validator is asked for by it, and given again when it still holds`() throws {
        let cached = try CachedOrigin { number, request, connection in
            let fields = "Cache-Control: max-age=0\r\nETag: \"t\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            if request["If-None-Match"] == "\"t\"" {
                try connection.send("HTTP/1.1 304 Not Modified\r\n\(fields)\r\n")
            } else {
                try connection.send(CachedOrigin.answer(number, request, fields: fields))
            }
        }
        #expect(try cached.ask().isMiss)
        for number in 2...4 {
            let again = try cached.ask()
            #expect(again.status == 200 && again.text == "1 GET / " && again.cacheStatus == "fwd=stale; fwd-status=304; ttl")
            #expect(cached.count == number)
            #expect(cached.received.last?["If-Modified-Since"] == "Sun, 06 Nov 1994 08:49:37 GMT")
        }
        // For a client that has it, too, and for one that has another.
        #expect(try cached.ask("/", ["If-None-Match: \"t\""]).status == 304)
        #expect(try cached.ask("/", ["If-None-Match: \"u\""]).text == "1 GET / ")
        #expect(cached.received.last?.values("If-None-Match") == ["\"t\""])
        try cached.expect("gateway_cache_requests_total", ["result": "revalidated"], 5)
    }

    @Test func `a new answer in the place of 304 replaces the old`() throws {
        let cached = try CachedOrigin { number, request, connection in
            let age = number == 1 ? 0 : 60
            try connection.send(CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=\(age)\r\nETag: \"\(number)\"\r\n"))
        }
        #expect(try cached.ask().isMiss)
        let second = try cached.ask()
        #expect(second.text == "2 GET / " && second.cacheStatus == "fwd=stale; stored" && second["ETag"] == "\"2\"")
        #expect(try cached.ask().body == second.body)
        #expect(cached.count == 2 && cached.received[1]["If-None-Match"] == "\"1\"")
        try cached.expect("gateway_cache_entries", 1)
    }

    @Test(arguments: [
        ("", 4), ("Cache-Control: max-age=0\r\n", 4), ("Cache-Control: no-cache\r\n", 4), ("Cache-Control: max-age=60\r\n", 2),
    ])
    func `how long an answer holds after 304 is what that says, else what was said before`(fields: String, count: Int) throws {
        let cached = try CachedOrigin { number, request, connection in
            if number == 1 {
                try connection.send(CachedOrigin.answer(1, request, fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\n"))
            } else {
                try connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"t\"\r\n\(fields)\r\n")
            }
        }
        for _ in 0..<4 { #expect(try cached.ask().text == "1 GET / ") }
        #expect(cached.count == count)
    }

    @Test func `HEAD of what is too old asks the origin, and takes nothing from what is stored`() throws {
        let cached = try CachedOrigin(fields: "Cache-Control: max-age=0\r\nETag: \"t\"\r\n")
        #expect(try cached.ask().isMiss)
        #expect(try cached.client().ask("/", "HEAD").cacheStatus == "fwd=bypass; detail=head_miss")
        #expect(cached.count == 2 && cached.received[1]["If-None-Match"] == nil)
    }

    @Test(arguments: ["", "stale_if_error=1h", "obey_origin", "obey_origin stale_if_error=1h"])
    func `answers to POST are not asked for by their validators`(cache: String) throws {
        let fields = "ETag: \"t\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=0\r\n"
        let cached = try CachedOrigin("ttl=1ms \(cache)", fields: fields)
        #expect(try cached.post("{}").text == "1 POST / {}")
        #expect(try cached.post("{}", "/", ["Cache-Control: no-cache"]).text == "2 POST / {}")
        // What is too old is fetched anew, and how soon it is doesn't matter.
        for number in 3...5 { try eventually("answer \(number)") { try cached.post("{ }").text.hasPrefix("\(number) ") } }
        #expect(cached.count == 5)
        for request in cached.received { #expect(request["If-None-Match"] == nil && request["If-Modified-Since"] == nil) }
    }
}
