import TestSupport
import Testing

/// What is given of a stored answer's head: the origin's fields as they came, and what the gateway says besides.
@Suite struct CacheStoredHeadTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    /// With a Date, so that there is nothing that the gateway would have to add.
    private static let fields = "Date: \(date)\r\nETag: \"1\"\r\nX-A: b\r\nx-a:   c \r\nContent-Type: text/plain\r\n"

    private func expectWhole(_ answer: Answer, _ text: String) {
        #expect(answer.status == 200 && answer.isHit && answer.text == text)
        #expect(answer.values("Date") == [Self.date] && answer.values("ETag") == ["\"1\""] && answer.values("X-A") == ["b", "c"])
        #expect(answer.values("Content-Type") == ["text/plain"] && answer.values("Content-Length") == ["\(text.utf8.count)"])
        #expect(answer.values("Transfer-Encoding") == [] && answer.values("Age").count == 1 && answer.values("Cache-Status").count == 1)
    }

    @Test(arguments: Way.allCases) func `every field of the origin's is there, once, with one length and one age`(_ way: Way) throws {
        let cached = try CachedOrigin(fields: Self.fields)
        let client = try cached.client(way)
        #expect(try client.post("{}").isMiss)
        for _ in 0..<3 { expectWhole(try client.post("{}"), "1 POST / {}") }
        #expect(try client.ask("/a").isMiss)
        for _ in 0..<3 { expectWhole(try client.ask("/a"), "2 GET /a ") }
    }

    @Test(arguments: Way.allCases) func `what came in chunks is given with its length`(_ way: Way) throws {
        let cached = try CachedOrigin { number, _, connection in
            try connection.send("HTTP/1.1 200 OK\r\n\(Self.fields)Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
        }
        let client = try cached.client(way)
        #expect(try client.post("{}").text == "hello!")
        for _ in 0..<3 { expectWhole(try client.post("{}"), "hello!") }
    }

    @Test func `an age that the origin has told, and a tag that the client has, are looked at`() throws {
        let cached = try CachedOrigin(fields: Self.fields + "Age: 7\r\nCache-Control: max-age=100\r\n")
        let client = try cached.client()
        #expect(try client.ask("/").isMiss)
        for _ in 0..<2 {
            let answer = try client.ask("/")
            #expect(answer.isHit && answer.values("Age").count == 1 && answer.age ?? 0 >= 7)
        }
        let young = try CachedOrigin(fields: Self.fields)
        let other = try young.client()
        #expect(try other.ask("/").isMiss)
        for _ in 0..<2 {
            let unchanged = try other.ask("/", "GET", ["If-None-Match: \"1\""])
            #expect(unchanged.status == 304 && unchanged.body.isEmpty && unchanged.values("ETag") == ["\"1\""])
            #expect(try other.ask("/", "GET", ["If-None-Match: \"2\""]).status == 200)
            let head = try other.ask("/", "HEAD")
            #expect(head.status == 200 && head.body.isEmpty && head.values("Content-Length") == ["8"])
        }
    }

    @Test(arguments: Way.allCases) func `add_header, hidden fields, CORS and the connection's end are as on any other answer`(_ way: Way)
        throws
    {
        for (location, hidden) in [
            ("", false), ("add_header X-B c; ", false), ("add_header X-B c; proxy_hide_header X-A;", true),
            ("add_header X-B c; cors { origins https://app.example.com; }", false),
        ] {
            let cached = try CachedOrigin(fields: Self.fields, location: location)
            let client = try cached.client(way)
            let origin = ["Content-Type: application/json", "Origin: https://app.example.com"]
            let first = try client.ask("/", "POST", origin, body: "{}")
            #expect(first.isMiss)
            for _ in 0..<2 {
                let answer = try client.ask("/", "POST", origin, body: "{}")
                #expect(answer.isHit && answer.text == first.text)
                #expect(answer.values("X-A") == (hidden ? [] : ["b", "c"]) && answer.values("X-B") == (location.isEmpty ? [] : ["c"]))
                for name in ["Date", "Vary", "Access-Control-Allow-Origin", "Content-Length", "Content-Type"] {
                    #expect(answer.values(name) == first.values(name), "\(name)")
                }
            }
        }
    }

    @Test func `an HTTP 1.0 client is told whether its connection stays`() throws {
        let cached = try CachedOrigin(fields: Self.fields)
        #expect(try cached.ask("/").isMiss)
        for (field, stays) in [("Connection: keep-alive\r\n", true), ("", false)] {
            let client = try cached.edge.connect(.plain)
            try client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\(field)\r\n")
            let answer = try client.readResponse(to: "GET")
            #expect(answer.text == "1 GET / " && answer["Connection"] == (stays ? "keep-alive" : "close"))
        }
    }
}
