import Foundation
import TestSupport
import Testing

/// Clients of every kind before a cache: how they send, what they accept, and what becomes of their connections.
@Suite struct CacheClientTests {
    private static func post(_ target: String, _ body: String, _ fields: String = "", version: String = "1.1") -> String {
        "POST \(target) HTTP/\(version)\r\nHost: localhost\r\nContent-Type: application/json\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    // MARK: Requests

    @Test(arguments: Transport.allCases) func `a client that waits for 100 is told to go on, on a miss and on a hit`(_ transport: Transport)
        throws
    {
        let cached = try CachedOrigin()
        let client = try cached.edge.connect(transport)
        for _ in 0..<2 {
            try client.send(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n")
            #expect(try client.readHead().status == 100)
            try client.send("{\"a\":1}")
            #expect(try client.readResponse(to: "POST").text == "1 POST / {\"a\":1}")
        }
        #expect(cached.count == 1 && cached.received[0]["Expect"] == nil)
    }

    @Test func `a client that waits for 100 gets it before a body that is then passed on`() throws {
        let cached = try CachedOrigin("body_max=10")
        let client = try cached.edge.connect(.plain)
        try client.send(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
        #expect(try client.readHead().status == 100)
        try client.send("{\"a\":\"012345678912\"}")
        let answer = try client.readResponse(to: "POST")
        #expect(answer.text == "1 POST / {\"a\":\"012345678912\"}" && answer.interim.isEmpty)
        #expect(try client.get("/").status == 200)
    }

    @Test(arguments: Transport.allCases) func `a body in chunks is the same as one with a length`(_ transport: Transport) throws {
        let cached = try CachedOrigin()
        let client = try cached.edge.connect(transport)
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        try client.send(head + "3\r\n{\"a\r\n1;x=y\r\n\"\r\n3\r\n:1}\r\n0\r\nX-Trailer: a\r\n\r\n")
        #expect(try client.readResponse(to: "POST").text == "1 POST / {\"a\":1}")
        #expect(cached.received[0].text == "{\"a\":1}")
        try client.send(Self.post("/", "{\"a\": 1}"))
        #expect(try client.readResponse(to: "POST").text == "1 POST / {\"a\":1}")
        for byte in Array((head + "8\r\n{\"a\" :1}\r\n0\r\n\r\n").utf8) { try client.send([byte]) }
        #expect(try client.readResponse(to: "POST").text == "1 POST / {\"a\":1}")
        try client.send(head + "7\r\n{\"a\":2}\r\n0\r\n\r\n")
        #expect(try client.readResponse(to: "POST").text == "2 POST / {\"a\":2}")
        #expect(cached.count == 2)
    }

    @Test func `chunks that are none are refused, and the zone stays empty`() throws {
        let cached = try CachedOrigin()
        let client = try cached.edge.connect(.plain)
        try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nx\r\n")
        #expect(try client.readResponse(to: "POST").status == 400)
        #expect(cached.count == 0)
        try cached.expect("gateway_cache_entries", 0)
    }

    @Test func `a body beyond client_max_body_size is 413 also where the cache reads it`() throws {
        let cached = try CachedOrigin(location: "client_max_body_size 1k;")
        let body = "{\"a\":\"" + String(repeating: "x", count: 2000) + "\"}"
        #expect(try cached.post(body).status == 413)
        #expect(try cached.post(body, "/", [], .http2).status == 413)
        let client = try cached.edge.connect(.plain)
        try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "7d0\r\n\(body.prefix(2000))\r\n"
        )
        #expect(try client.readResponse(to: "POST").status == 413)
        #expect(cached.count == 0)
    }

    // MARK: Versions and connections

    @Test func `clients of HTTP 1.0 are given what is stored, and it what they asked for`() throws {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\(number) \r\n6\r\nchunks\r\n0\r\n\r\n")
        }
        let old = try cached.edge.connect(.plain)
        try old.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
        let first = try old.readResponse()
        // What is stored has a length: unlike the first, its connection stays.
        #expect(first.text == "1 chunks" && first["Transfer-Encoding"] == nil && first["Connection"] == "close")
        let client = try cached.edge.connect(.plain)
        for _ in 0..<2 {
            try client.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
            let hit = try client.readResponse()
            #expect(hit.text == "1 chunks" && hit["Content-Length"] == "8" && hit["Connection"] == "keep-alive")
        }
        let new = try client.get("/")
        #expect(new.text == "1 chunks" && new["Content-Length"] == "8" && new["Transfer-Encoding"] == nil)
        #expect(cached.count == 1)
    }

    @Test(arguments: Transport.allCases) func `a connection goes on behind hits, misses, 304 and what passes by`(_ transport: Transport)
        throws
    {
        let cached = try CachedOrigin(fields: "ETag: \"e\"\r\n")
        let client = try cached.edge.connect(transport)
        for number in 1...3 {
            #expect(try client.get("/\(number)").text.hasSuffix(" GET /\(number) "))
            #expect(try client.get("/\(number)").text.hasSuffix(" GET /\(number) "))
            #expect(try client.get("/\(number)", fields: ["If-None-Match: \"e\""]).status == 304)
            #expect(try client.request("HEAD", "/\(number)").status == 200)
            #expect(try client.get("/\(number)", fields: ["Range: bytes=0-1"]).status == 200)
            #expect(try client.get("/none", fields: ["Cache-Control: only-if-cached"]).status == 504)
        }
        #expect(cached.count == 6)
        #expect(try cached.gateway.metrics().sum("gateway_connections_accepted_total") == 1)
    }

    @Test(arguments: Transport.allCases) func `pipelined requests are answered in their order, hits behind misses`(_ transport: Transport)
        throws
    {
        let cached = try CachedOrigin()
        let client = try cached.edge.connect(transport)
        let targets = (0..<40).map { "/\($0 % 7)" }
        let requests = targets.enumerated().map { index, target in
            index % 2 == 0 ? "GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n" : Self.post(target, "{\"a\":1}")
        }
        try client.send(requests.joined())
        for (index, target) in targets.enumerated() {
            let answer = try client.readResponse()
            #expect(answer.text.hasSuffix(index % 2 == 0 ? " GET \(target) " : " POST \(target) {\"a\":1}"), "\(index)")
        }
        #expect(cached.count == 14)
    }

    @Test func `streams of one connection of HTTP 2 get each their own answer`() throws {
        let cached = try CachedOrigin()
        let session = try cached.edge.http2()
        for round in 0..<2 {
            let streams = try (0..<20).map { try session.request(.request("GET", "/\($0 % 10)")) }
            for (index, stream) in streams.enumerated() {
                #expect(try session.response(on: stream).text.hasSuffix(" GET /\(index % 10) "), "\(round)")
            }
        }
        #expect(cached.count == 10)
    }

    // MARK: What clients accept

    @Test(arguments: Way.allCases) func `one stored answer serves who takes gzip and who doesn't`(_ way: Way) throws {
        let text = String(repeating: "0123456789", count: 500)
        let cached = try CachedOrigin("", location: "gzip on; gzip_types application/json; gzip_min_length 100;") {
            _, request, connection in
            #expect(request["Accept-Encoding"] == nil)
            try connection.send(ScriptedOrigin.message(text, fields: "Content-Type: application/json\r\nETag: \"1\"\r\n"))
        }
        let client = try cached.client(way)
        for round in 0..<3 {
            let packed = try client.ask("/", ["Accept-Encoding: gzip, br"])
            #expect(packed["Content-Encoding"] == "gzip" && packed["Vary"] == "Accept-Encoding" && packed["ETag"] == "W/\"1\"")
            #expect(try Gunzip().decode(packed.body) == Array(text.utf8))
            #expect(round == 0 || packed.isHit)
            let plain = try client.ask("/")
            #expect(plain.isHit && plain.text == text && plain["Content-Encoding"] == nil && plain["Vary"] == "Accept-Encoding")
        }
        #expect(cached.count == 1)
    }

    @Test(arguments: [Way.http1, .http2OverTLS]) func `who has the answer already is told so, from what is stored and on a miss`(_ way: Way)
        throws
    {
        let cached = try CachedOrigin(fields: "ETag: \"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        let client = try cached.client(way)
        let missed = try client.ask("/", ["If-None-Match: \"1\""])
        #expect(missed.status == 304 && missed["ETag"] == "\"1\"" && missed.body.isEmpty)
        // The origin wasn't asked whether, so that there is something to store.
        #expect(cached.received[0]["If-None-Match"] == nil)
        for field in [
            "If-None-Match: \"1\"", "If-None-Match: \"0\", W/\"1\"", "If-None-Match: *", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            let same = try client.ask("/", [field])
            #expect(same.status == 304 && same.isHit && same["ETag"] == "\"1\"" && same.body.isEmpty, "\(field)")
        }
        for field in ["If-None-Match: \"2\"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", "If-Modified-Since: never"] {
            #expect(try client.ask("/", [field]).text == "1 GET / ", "\(field)")
        }
        // If-None-Match goes before (RFC 9110 § 13.1.3).
        let both = ["If-None-Match: \"2\"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"]
        #expect(try client.ask("/", both).text == "1 GET / ")
        #expect(cached.count == 1)
    }

    @Test func `a long answer that the client has already is stored all the same`() throws {
        let text = String(repeating: "0123456789", count: 60_000)
        let cached = try CachedOrigin("") { _, _, connection in
            try connection.send("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: \(text.utf8.count)\r\n\r\n")
            try connection.send(text)
        }
        #expect(try cached.ask("/", ["If-None-Match: \"1\""]).status == 304)
        try cached.expect("gateway_cache_stored_total", 1)
        #expect(try cached.ask().text == text)
        #expect(cached.count == 1)
    }

    @Test func `POST knows no conditions`() throws {
        let cached = try CachedOrigin(fields: "ETag: \"1\"\r\n")
        for _ in 0..<2 { #expect(try cached.post("{}", "/", ["If-None-Match: \"1\""]).text == "1 POST / {}") }
    }

    @Test func `who asks for a part passes by, with the field`() throws {
        let cached = try CachedOrigin()
        #expect(try cached.ask().isMiss)
        for number in 2...3 {
            let part = try cached.ask("/", ["Range: bytes=0-1", "Accept-Encoding: br", "If-Range: \"1\""])
            #expect(part.cacheStatus == "fwd=bypass; detail=range" && part.text == "\(number) GET / ")
        }
        #expect(cached.received[1]["Range"] == "bytes=0-1" && cached.received[1]["If-Range"] == "\"1\"")
        #expect(cached.received[1]["Accept-Encoding"] == "br")
        #expect(try cached.ask().isHit)
        try cached.expectBypass("range", 2)
    }

    @Test func `a hit takes no connection to the origin, and gives what policies of the location add`() throws {
        let cached = try CachedOrigin(
            fields: "X-Secret: a\r\nX-A: b\r\n", location: "proxy_hide_header X-Secret; add_header X-Served-By gateway;")
        let ids = try (0..<3).map { _ in
            let answer = try cached.ask()
            #expect(answer["X-Secret"] == nil && answer["X-A"] == "b" && answer.values("X-Served-By") == ["gateway"])
            return answer["X-Request-ID"] ?? ""
        }
        #expect(ids.allSatisfy { $0.isEmpty } || Set(ids).count == 3)
        #expect(cached.count == 1)
        let lines = try cached.gateway.accessLog(waitingFor: 3)
        #expect(lines.map { $0["cache"] } == ["miss", "hit", "hit"])
    }
}
