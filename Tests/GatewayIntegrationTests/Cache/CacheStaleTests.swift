import TestSupport
import Testing

/// Answers that are too old: in the place of an origin that fails, and while it is asked anew (RFC 5861).
@Suite struct CacheStaleTests {
    private static let tooOld = "Cache-Control: max-age=0\r\nETag: \"t\"\r\n"

    /// What the origin does from its second request on.
    enum Failure: String, CaseIterable, Sendable {
        case status500, status503, status529, status429, closed, reset, halfHead, silence, nonsense
    }

    private static func fail(_ failure: Failure, _ number: Int, _ request: HTTPRequest, _ connection: TCPConnection) throws {
        switch failure {
        case .status500: try connection.send(CachedOrigin.answer(number, request, "500 No"))
        case .status503: try connection.send(CachedOrigin.answer(number, request, "503 No", fields: "Retry-After: 1\r\n"))
        case .status529: try connection.send(CachedOrigin.answer(number, request, "529 Overloaded"))
        case .status429: try connection.send(CachedOrigin.answer(number, request, "429 Slow Down"))
        case .closed: throw TestError.ended("as it is to be")
        case .reset: connection.reset()
        case .halfHead:
            try connection.send("HTTP/1.1 200 OK\r\nContent-")
            throw TestError.ended("as it is to be")
        case .silence: _ = try connection.receiveToEnd(timeout: 60)
        case .nonsense:
            try connection.send("nonsense\r\n\r\n")
            throw TestError.ended("as it is to be")
        }
    }

    private func proxied(_ cache: String, _ failure: Failure, fields: String = tooOld, _ requests: Monitor<[HTTPRequest]> = Monitor([]))
        throws
        -> ProxiedOrigin
    {
        let origin = try CachedOrigin.origin(requests) { number, request, connection in
            if number == 1 { return try connection.send(CachedOrigin.answer(number, request, fields: fields)) }
            try Self.fail(failure, number, request, connection)
        }
        return try ProxiedOrigin(
            origin, main: CachedOrigin.zone, upstream: "read_timeout 300ms; retry attempts=1;", location: "cache ai \(cache);")
    }

    // MARK: stale_if_error

    @Test(arguments: Failure.allCases) func `what was stored stands in for an origin that fails`(_ failure: Failure) throws {
        let proxied = try proxied("stale_if_error=1h", failure)
        let client = try proxied.gateway.connect()
        #expect(try client.get("/").text == "1 GET / ")
        for _ in 0..<2 {
            let stale = try client.get("/")
            #expect(stale.status == 200 && stale.text == "1 GET / ", "\(stale.rawHead)")
            #expect(
                stale["Cache-Status"]?.hasSuffix("; detail=stale-if-error") == true && stale["Age"] != nil && stale["Retry-After"] == nil)
        }
        try proxied.gateway.waitForMetrics("two stale answers") { $0.sum("gateway_cache_requests_total", ["result": "stale"]) == 2 }
    }

    @Test(arguments: Failure.allCases) func `without stale_if_error the failure is the client's`(_ failure: Failure) throws {
        let proxied = try proxied("", failure)
        #expect(try proxied.gateway.get("/").text == "1 GET / ")
        let failed = try proxied.gateway.get("/")
        let expected: Int =
            switch failure {
            case .status500: 500
            case .status503: 503
            case .status529: 529
            case .status429: 429
            case .silence: 504
            default: 502
            }
        #expect(failed.status == expected && failed["Age"] == nil)
    }

    @Test(arguments: ["must-revalidate", "proxy-revalidate", "s-maxage=0"]) func `what must be asked about is never given stale`(
        word: String
    ) throws {
        let fields = "Cache-Control: max-age=0, \(word)\r\nETag: \"t\"\r\n"
        let proxied = try proxied("stale_if_error=1h stale_while_revalidate=1h", .status503, fields: fields)
        #expect(try proxied.gateway.get("/").text == "1 GET / ")
        #expect(try proxied.gateway.get("/").status == 503)
    }

    @Test func `404 and 401 are answers, for which nothing stands in`() throws {
        for status in [404, 401, 302] {
            let cached = try CachedOrigin("stale_if_error=1h") { number, request, connection in
                try connection.send(CachedOrigin.answer(number, request, number == 1 ? "200 OK" : "\(status) X", fields: Self.tooOld))
            }
            #expect(try cached.ask().isMiss)
            #expect(try cached.ask().status == status)
        }
    }

    @Test func `an origin that is no longer there is stood in for, and one that is there again is asked`() throws {
        let answer = { @Sendable (number: Int, request: HTTPRequest, connection: TCPConnection) in
            try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld))
        }
        let origin = try CachedOrigin.origin(Monitor([]), answer)
        func conf(_ server: String) -> String {
            """
            workers 1;
            admin 127.0.0.1:0 { }
            \(CachedOrigin.zone)
            upstream api { server \(server); }
            server { listen 127.0.0.1:0; location / { proxy_pass http://api; cache ai stale_if_error=1h ttl=1ms; } }
            """
        }
        let gateway = try Gateway(conf: conf("127.0.0.1:\(origin.port)"))
        let client = try gateway.connect()
        func post() throws -> HTTPResponse {
            try client.request("POST", "/", fields: ["Content-Type: application/json"], body: Array("{}".utf8))
        }
        #expect(try client.get("/").text == "1 GET / ")
        #expect(try post().text == "2 POST / {}")
        // Nobody listens there.
        try gateway.reload(conf: conf("127.0.0.1:1"))
        let stale = try client.get("/")
        #expect(stale.text == "1 GET / " && stale["Cache-Status"]?.hasSuffix("; detail=stale-if-error") == true)
        try eventually("a stale answer to POST") {
            let stale = try post()
            return stale.text == "2 POST / {}" && stale["Cache-Status"]?.hasSuffix("; detail=stale-if-error") == true
        }
        #expect(try client.get("/other").status == 502)
        try gateway.reload(conf: conf("127.0.0.1:\(origin.port)"))
        #expect(try client.get("/").text.hasPrefix("3 "))
    }

    @Test(arguments: Way.allCases) func `several who wait for an origin that fails all get what was stored`(_ way: Way) throws {
        let goesOn = Signal()
        let cached = try CachedOrigin("stale_if_error=1h") { number, request, connection in
            if number == 1 { return try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld)) }
            try goesOn.wait()
            try connection.send(CachedOrigin.answer(number, request, "503 No"))
        }
        #expect(try cached.ask("/", [], way).isMiss)
        let address = cached.edge.address(way.transport)
        let asking = (0..<5).map { _ in Background { try WayClient(way, address).ask("/") } }
        try cached.gateway.waitForMetrics("five requests") { $0.sum("gateway_connections", ["state": "active"]) == 5 }
        goesOn.send()
        for answer in asking { #expect(try answer.value().text == "1 GET / ") }
        #expect(cached.count >= 2)
    }

    /// The origin's second answer is 503 with a body that never ends.
    private func endless(_ main: String = "") throws -> CachedOrigin {
        try CachedOrigin("stale_if_error=1h", main: main) { number, request, connection in
            if number == 1 { return try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld)) }
            try connection.send("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno \r\n")
            _ = try connection.receiveToEnd(timeout: 600)
            throw TestError.ended("by the gateway")
        }
    }

    @Test(arguments: Way.allCases) func `a failure that never ends is not read when an answer stands in for it`(_ way: Way) throws {
        let cached = try endless()
        #expect(try cached.ask("/", [], way).isMiss)
        #expect(try cached.ask("/", [], way).text == "1 GET / ")
        try cached.edge.origin.waitForEndedConnections(1)
        try cached.gateway.waitForMetrics("no connection to the origin") { $0.sum("gateway_upstream_connections") == 0 }
    }

    @Test func `a graceful end does not wait for such a failure`() throws {
        let cached = try endless("shutdown_timeout 10m;")
        #expect(try cached.ask().isMiss)
        #expect(try cached.ask().text == "1 GET / ")
        #expect(try cached.gateway.stop() == .exited(0))
    }

    @Test(arguments: Way.allCases) func `what was stored stands in when request_timeout runs out, and 504 where there is nothing`(
        _ way: Way
    ) throws {
        let isSilent = Monitor(false)
        let cached = try CachedOrigin("stale_if_error=1h", location: "request_timeout 1s;") { number, request, connection in
            if isSilent.value { _ = try connection.receiveToEnd(timeout: 600) }
            try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld))
        }
        // A busy machine may need several attempts to be in time.
        try eventually("an answer") { try cached.ask("/", [], way).status == 200 }
        isSilent.update { $0 = true }
        for _ in 0..<2 {
            let stale = try cached.ask("/", [], way)
            #expect(stale.status == 200 && stale.text.hasSuffix(" GET / ") && stale["Age"] != nil, "\(stale)")
            #expect(stale.cacheStatus?.hasSuffix("detail=stale-if-error") == true, "\(stale)")
        }
        #expect(try cached.ask("/other", [], way).status == 504)
    }

    // MARK: stale_while_revalidate

    @Test(arguments: Way.allCases) func `what is too old is given at once, while one request fetches it anew`(_ way: Way) throws {
        let goesOn = Signal()
        let cached = try CachedOrigin("stale_while_revalidate=1h") { number, request, connection in
            if number == 1 { return try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld)) }
            try goesOn.wait()
            try connection.send(CachedOrigin.answer(number, request, fields: "Cache-Control: max-age=60\r\n"))
        }
        let client = try cached.client(way)
        #expect(try client.ask("/").isMiss)
        for _ in 0..<5 {
            let stale = try client.ask("/")
            #expect(stale.text == "1 GET / " && stale.cacheStatus == "hit; ttl; detail=stale-while-revalidate")
        }
        try eventually("the fetch") { cached.count == 2 }
        goesOn.send()
        try eventually("the new answer") { try client.ask("/").isHit }
        #expect(try client.ask("/").text == "2 GET / ")
        #expect(cached.count == 2)
        try cached.expect("gateway_cache_entries", 1)
    }

    @Test func `a fetch in the background may end with 304, or fail, which nobody notices`() throws {
        let cached = try CachedOrigin("stale_while_revalidate=1h") { number, request, connection in
            switch number {
            case 1: try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld))
            case 2: try connection.send(CachedOrigin.answer(number, request, "503 No"))
            case 3: throw TestError.ended("as it is to be")
            default: try connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"t\"\r\nCache-Control: max-age=60\r\n\r\n")
            }
        }
        #expect(try cached.ask().isMiss)
        try eventually("a fresh answer") {
            let answer = try cached.ask()
            #expect(answer.status == 200 && answer.text == "1 GET / ")
            return answer.isHit
        }
        #expect(cached.count >= 4 && cached.received.last?["If-None-Match"] == "\"t\"")
    }

    @Test func `who wants it fresher waits for it`() throws {
        let cached = try CachedOrigin("stale_while_revalidate=1h", fields: Self.tooOld)
        #expect(try cached.ask().isMiss)
        for (index, wish) in ["no-cache", "max-age=0", "min-fresh=1"].enumerated() {
            #expect(try cached.ask("/", ["Cache-Control: \(wish)"]).text == "\(index + 2) GET / ", "\(wish)")
        }
    }

    @Test func `a POST that is too old is given once more, too`() throws {
        let goesOn = Signal()
        let cached = try CachedOrigin("ttl=1ms stale_while_revalidate=1h") { number, request, connection in
            if number > 1 { try goesOn.wait() }
            try connection.send(CachedOrigin.answer(number, request))
        }
        #expect(try cached.post("{}").isMiss)
        try eventually("a stale answer") {
            let answer = try cached.post("{ }")
            #expect(answer.text == "1 POST / {}")
            return answer.cacheStatus == "hit; ttl; detail=stale-while-revalidate"
        }
        try eventually("the fetch") { cached.count == 2 }
        goesOn.send()
        try eventually("the new answer") { try !cached.post("{}").text.hasPrefix("1 ") }
    }

    @Test(arguments: ["no-cache", "max-age=0, must-revalidate"]) func `what 304 says must be asked about is no longer given meanwhile`(
        word: String
    ) throws {
        let cached = try CachedOrigin("stale_while_revalidate=1h") { number, request, connection in
            if request["If-None-Match"] == nil {
                try connection.send(CachedOrigin.answer(number, request, fields: Self.tooOld))
            } else {
                try connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"t\"\r\nCache-Control: \(word)\r\n\r\n")
            }
        }
        #expect(try cached.ask().isMiss)
        // Waits for the 304.
        #expect(try cached.ask("/", ["Cache-Control: max-age=0"]).status == 200)
        #expect(cached.count == 2)
        for number in 3...5 {
            let answer = try cached.ask()
            #expect(answer.status == 200 && answer.cacheStatus?.contains("hit") == false, "\(answer)")
            #expect(cached.count == number)
        }
    }
}
