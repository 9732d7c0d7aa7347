import TestSupport
import Testing

/// What clients say by Cache-Control (RFC 9111 § 5.2.1).
@Suite struct CacheWishTests {
    @Test(arguments: Way.allCases) func `no-cache fetches anew, and stores for the others`(_ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        #expect(try client.post("{}").isMiss)
        for (number, field) in [(2, "Cache-Control: no-cache"), (3, "cache-control: max-age=60, No-Cache"), (4, "Pragma: no-cache")] {
            let anew = try client.post("{}", "/", [field])
            #expect(anew.text == "\(number) POST / {}" && anew.cacheStatus == "fwd=request; stored")
            let other = try client.post("{}")
            #expect(other.isHit && other.body == anew.body)
        }
        // Pragma is for those who know no Cache-Control (§ 5.4).
        #expect(try client.post("{}", "/", ["Pragma: no-cache", "Cache-Control: max-age=60"]).isHit)
        #expect(cached.count == 4)
        try cached.expect("gateway_cache_requests_total", ["result": "refresh"], 3)
        try cached.expect("gateway_cache_entries", 1)
    }

    @Test(arguments: [Way.http1, .http2]) func `no-store passes by, and leaves what is stored alone`(_ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        #expect(try client.post("{}").isMiss)
        for number in 2...3 {
            let other = try client.post("{}", "/", ["Cache-Control: no-store"])
            #expect(other.text == "\(number) POST / {}" && other.cacheStatus == "fwd=bypass; detail=no_store")
        }
        #expect(try client.post("{}").text == "1 POST / {}")
        #expect(try client.post("{\"a\":1}", "/", ["Cache-Control: no-store"]).text == "4 POST / {\"a\":1}")
        #expect(try client.post("{\"a\":1}").isMiss)
        try cached.expectBypass("no_store", 3)
    }

    @Test func `max-age takes nothing older, min-fresh nothing that ends sooner`() throws {
        let cached = try CachedOrigin("ttl=500", fields: "Age: 100\r\n")
        let client = try cached.client()
        #expect(try client.ask("/").isMiss)
        for wish in ["max-age=200", "min-fresh=400", "max-age=200, min-fresh=400", "max-age=\"200\""] {
            #expect(try client.ask("/", ["Cache-Control: \(wish)"]).isHit, "\(wish)")
        }
        let refused = ["max-age=50", "max-age=0", "max-age=x", "min-fresh=600", "min-fresh=99999999999999999999", "max-age=200, max-age=5"]
        for (index, wish) in refused.enumerated() {
            let answer = try client.ask("/", ["Cache-Control: \(wish)"])
            #expect(answer.text == "\(index + 2) GET / " && answer.cacheStatus == "fwd=stale; stored", "\(wish)")
            #expect(try client.ask("/").body == answer.body)
        }
    }

    @Test func `max-stale takes what is too old, but for what must be asked about`() throws {
        let cached = try CachedOrigin { number, request, connection in
            let more = request.target == "/a" ? "" : request.target == "/b" ? ", must-revalidate" : ", proxy-revalidate"
            try connection.send(
                CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=0\(more)\r\nETag: \"\(number)\"\r\n"))
        }
        let client = try cached.client()
        #expect(try client.ask("/a").isMiss)
        for wish in ["max-stale", "max-stale=1000", "max-stale=1000, max-age=1000"] {
            let answer = try client.ask("/a", ["Cache-Control: \(wish)"])
            #expect(answer.isHit && answer.text == "1 GET /a ", "\(wish)")
        }
        for (index, wish) in ["max-age=1000", "max-stale=0", "max-stale=x"].enumerated() {
            #expect(try client.ask("/a", ["Cache-Control: \(wish)"]).text == "\(index + 2) GET /a ", "\(wish)")
        }
        for (index, target) in ["/b", "/b", "/c", "/c"].enumerated() {
            #expect(try client.ask(target, ["Cache-Control: max-stale"]).text == "\(index + 5) GET \(target) ")
        }
    }

    @Test(arguments: Way.allCases) func `only-if-cached gets 504 instead of an origin`(_ way: Way) throws {
        let cached = try CachedOrigin()
        let client = try cached.client(way)
        let wish = ["Cache-Control: only-if-cached"]
        let missing = try client.ask("/", wish)
        #expect(missing.status == 504 && missing.text.contains("\"error_type\":\"not_cached\""))
        #expect(try client.post("{}", "/", wish).status == 504)
        #expect(try client.ask("/", "HEAD", wish).status == 504)
        #expect(cached.count == 0)
        #expect(try client.ask("/").isMiss)
        #expect(try client.post("{}").isMiss)
        #expect(try client.ask("/", wish).isHit)
        #expect(try client.ask("/", "HEAD", wish).isHit)
        #expect(try client.post(" {}", "/", wish).isHit)
        #expect(try client.post("{\"a\":1}", "/", wish).status == 504)
        #expect(cached.count == 2)
        try cached.expect("gateway_refusals_total", ["error_type": "not_cached"], 4)
    }
}
