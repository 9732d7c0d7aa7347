import TestSupport
import Testing

/// Vary where it comes late: in a 304, in a failure, after a purge, or from a fetch that took longer than a newer one.
@Suite struct CacheNewVaryTests {
    private static func allowing(_ request: HTTPRequest) -> String {
        request["Origin"].map { "Access-Control-Allow-Origin: \($0)\r\nVary: Origin\r\n" } ?? ""
    }

    private func site(_ name: String?) -> [String] { name.map { ["Origin: https://\($0).example"] } ?? [] }

    private func allowed(_ name: String?) -> String? { name.map { "https://\($0).example" } }

    /// Clients that have asked with those fields, one after another, and wait for the one that the origin is asked for, which is its
    /// request number `count`.
    private func waiting(_ requests: [[String]], at cached: CachedOrigin, asked count: Int) throws -> [any ByteStream] {
        let clients = try requests.map { fields in
            let client = try cached.edge.connect(.plain)
            let lines = ["GET / HTTP/1.1", "Host: localhost"] + fields
            try client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            try eventually("the origin is asked") { cached.count == count }
            return client
        }
        try cached.gateway.waitForMetrics("all wait") {
            $0.sum("gateway_connections", ["state": "active"]) == Double(requests.count)
        }
        return clients
    }

    // MARK: 304

    /// Says of Vary only to those who send Origin, and by 304 that what it gave to one who didn't still holds.
    private func revalidating(_ released: Signal? = nil) throws -> CachedOrigin {
        try CachedOrigin { number, request, connection in
            let fields = "ETag: \"e\"\r\nCache-Control: max-age=\(number == 1 ? 0 : 60)\r\n\(Self.allowing(request))"
            if request["If-None-Match"] == nil { return try connection.send(CachedOrigin.answer(number, request, fields: fields)) }
            try released?.wait()
            try connection.send("HTTP/1.1 304 Not Modified\r\n\(fields)\r\n")
        }
    }

    @Test(arguments: Way.allCases) func `a 304 that names a field which the key does not count makes nothing fresh`(_ way: Way) throws {
        let cached = try revalidating()
        let client = try cached.client(way)
        #expect(try client.ask("/", "GET", []).isMiss)
        for (name, number) in [("a", 3), ("b", 4), (nil, 5)] {
            let answer = try client.ask("/", "GET", site(name))
            #expect(answer.isMiss && answer.text == "\(number) GET / " && answer["Access-Control-Allow-Origin"] == allowed(name))
        }
        for name in ["a", "b", nil] {
            let answer = try client.ask("/", "GET", site(name))
            #expect(answer.isHit && answer["Access-Control-Allow-Origin"] == allowed(name))
        }
        #expect(cached.count == 5)
    }

    @Test func `who waits for such a 304 gets an answer of its own`() throws {
        let released = Signal()
        let cached = try revalidating(released)
        #expect(try cached.ask("/").isMiss)
        let names = ["a", "b", "c", "d"]
        let clients = try waiting(names.map(site), at: cached, asked: 2)
        released.send()
        for (name, client) in zip(names, clients) {
            let answer = try client.readResponse(to: "GET")
            #expect(answer.status == 200 && answer["Access-Control-Allow-Origin"] == allowed(name))
        }
        // Who sends no Origin is told nothing of Vary, and so would be who reads along: he is not among them.
        // One conditional request, and one without conditions for all; of those who are not meant by its answer each goes alone.
        #expect(cached.received.count { $0["If-None-Match"] != nil } == 1 && cached.count == 6)
        #expect(try names.count { try cached.ask("/", site($0)).isHit } == 1)
    }

    @Test func `a 304 that names what the key counts anyhow keeps what is stored`() throws {
        let cached = try CachedOrigin("headers=x-b") { number, request, connection in
            let fields = "ETag: \"e\"\r\nCache-Control: max-age=0\r\nVary: \(number == 1 ? "X-A" : "X-A, X-B, Accept-Encoding")\r\n"
            let isSame = request["If-None-Match"] != nil
            try connection.send(
                isSame ? "HTTP/1.1 304 Not Modified\r\n\(fields)\r\n" : CachedOrigin.answer(number, request, fields: fields))
        }
        for _ in 0..<3 { #expect(try cached.ask("/", ["X-A: 1", "X-B: 1"]).text == "1 GET / ") }
        #expect(cached.count == 3)
    }

    // MARK: Failures

    @Test(arguments: ["503 Service Unavailable", "429 Too Many Requests"])
    func `a failure that depends on what the key does not count is nobody else's, the second time either`(_ status: String) throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            if number <= 2 { try released.wait(number) }
            try connection.send(CachedOrigin.answer(number, request, status, fields: Self.allowing(request)))
        }
        let names = ["a", "b", "c", "d"]
        let clients = try waiting(names.map(site), at: cached, asked: 1)
        released.send()
        try eventually("one of the others tries again") { cached.count == 2 }
        released.send()
        for (name, client) in zip(names, clients) {
            let answer = try client.readResponse(to: "GET")
            #expect("\(answer.status)" == status.prefix(3) && answer["Access-Control-Allow-Origin"] == allowed(name))
        }
        #expect(cached.count == 4)
    }

    @Test func `a failure is for all who wait under a key that counts what it depends on`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            let fields = "Vary: X-A\r\nETag: \"e\"\r\nCache-Control: max-age=0\r\n"
            if number > 1 { try released.wait(number - 1) }
            try connection.send(CachedOrigin.answer(number, request, number == 1 ? "200 OK" : "503 Service Unavailable", fields: fields))
        }
        #expect(try cached.ask("/", ["X-A: 1"]).isMiss)
        let clients = try waiting(Array(repeating: ["X-A: 1"], count: 4), at: cached, asked: 2)
        released.send()
        try eventually("one of the others tries again") { cached.count == 3 }
        released.send()
        for client in clients { #expect(try client.readResponse(to: "GET").status == 503) }
        #expect(cached.count == 3)
    }

    // MARK: Older and newer ones

    @Test(arguments: [false, true]) func `a variant that was asked for later stays`(_ isVaryKnown: Bool) throws {
        let released = Signal()
        let slow = isVaryKnown ? 2 : 1
        let cached = try CachedOrigin { number, request, connection in
            let answer = CachedOrigin.answer(number, request, fields: "Vary: X-A\r\n")
            try connection.send(String(answer.dropLast()))
            if number == slow { try released.wait() }
            try connection.send(String(answer.suffix(1)))
        }
        if isVaryKnown { #expect(try cached.ask("/", ["X-A: 0"]).isMiss) }
        let client = try cached.edge.connect(.plain)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n\r\n")
        _ = try client.readHead()
        #expect(try cached.ask("/", ["X-A: 1", "Cache-Control: no-cache"]).text == "\(slow + 1) GET / ")
        #expect(try cached.ask("/", ["X-A: 1"]).text == "\(slow + 1) GET / ")
        released.send()
        try cached.expectNotStored("superseded", 1)
        let next = try cached.ask("/", ["X-A: 1"])
        #expect(next.isHit && next.text == "\(slow + 1) GET / ")
        // The others are still where they were.
        if isVaryKnown { #expect(try cached.ask("/", ["X-A: 0"]).isHit) }
    }

    @Test func `of two variants that are fetched at once both are kept, whichever comes first`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            let answer = CachedOrigin.answer(number, request, fields: "Vary: X-A\r\n")
            try connection.send(String(answer.dropLast()))
            if number == 2 { try released.wait() }
            try connection.send(String(answer.suffix(1)))
        }
        #expect(try cached.ask("/", ["X-A: 0"]).isMiss)
        let client = try cached.edge.connect(.plain)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nCache-Control: no-cache\r\n\r\n")
        _ = try client.readHead()
        #expect(try cached.ask("/", ["X-A: 2", "Cache-Control: no-cache"]).text == "3 GET / ")
        released.send()
        try cached.expect("gateway_cache_stored_total", 3)
        for (value, number) in [("0", 1), ("1", 2), ("2", 3)] {
            let answer = try cached.ask("/", ["X-A: \(value)"])
            #expect(answer.isHit && answer.text == "\(number) GET / ")
        }
        try cached.expect("gateway_cache_not_stored_total", 0)
    }
}
