import TestSupport
import Testing

/// Clients that stop reading: what they hold of a zone is little, and for nobody else to miss.
@Suite struct CacheStalledReaderTests {
    private static let length = 900_000

    private static func text(_ number: Int) -> String { "\(number) " + String(repeating: "x", count: length) }

    private static func answer(_ number: Int, fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(text(number).utf8.count)\r\n\r\n\(text(number))"
    }

    /// Asks, and reads no further than the head.
    private func stalled(_ cached: CachedOrigin, _ target: String) throws -> (client: any ByteStream, head: HTTPResponse) {
        let client = try cached.edge.connect(.plain, receiveBufferBytes: 4096)
        try client.send(Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        return (client, try client.readHead())
    }

    private func expectWhole(_ client: any ByteStream, _ number: Int) throws {
        let text = Array(Self.text(number).utf8)
        var body: [UInt8] = client.unread
        client.unread = []
        while body.count < text.count {
            let piece = try client.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds))
            if piece.isEmpty { break }
            body += piece
        }
        #expect(body == text)
    }

    private func expectRoom(_ cached: CachedOrigin, _ way: Way = .http1) throws {
        let client = try cached.client(way)
        for number in 100..<104 {
            #expect(try client.ask("/\(number)").isMiss)
            #expect(try client.ask("/\(number)").isHit)
        }
    }

    @Test(arguments: [Way.http1, .http2]) func `who stalls in what was fetched for it leaves room in the zone`(_ way: Way) throws {
        let cached = try CachedOrigin { number, _, connection in try connection.send(Self.answer(number)) }
        let readers = try (0..<24).map { number in
            let reader = try stalled(cached, "/\(number)")
            #expect(reader.head["Cache-Status"] == "gateway; fwd=miss; stored")
            try cached.expect("gateway_cache_stored_total", Double(number + 1))
            return reader.client
        }
        try expectRoom(cached, way)
        try cached.expect("gateway_cache_not_stored_total", 0)
        for (number, reader) in readers.enumerated() { try expectWhole(reader, number + 1) }
    }

    @Test func `who stalls in what turned out to be for nobody else leaves room in the zone`() throws {
        // A stream of events whose end is none.
        let cached = try CachedOrigin(location: "api openai;") { number, request, connection in
            let isStream = request.target.hasPrefix("/s")
            try connection.send(Self.answer(number, fields: isStream ? "Content-Type: text/event-stream\r\n" : ""))
        }
        let readers = try (0..<14).map { number in
            let reader = try stalled(cached, "/s\(number)")
            try cached.expectNotStored("event_stream", Double(number + 1))
            return reader.client
        }
        try expectRoom(cached)
        for (number, reader) in readers.enumerated() { try expectWhole(reader, number + 1) }
    }

    @Test func `what is not stored as too much is under way is counted as that, and not promised`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, _, connection in
            let answer = Self.answer(number)
            try connection.send(String(answer.dropLast()))
            try released.wait(timeout: 120)
            try connection.send("x")
        }
        let clients = try (0..<12).map { number in
            let client = try cached.edge.connect(.plain)
            try client.send("GET /\(number) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let head = try client.readHead()
            // All but its end is there.
            while client.unread.count < Self.text(number + 1).utf8.count - 1 {
                client.unread += try client.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds))
            }
            return (client, head)
        }
        let promised = clients.filter { $0.1["Cache-Status"] == "gateway; fwd=miss; stored" }.count
        #expect(clients.filter { $0.1["Cache-Status"] == "gateway; fwd=miss" }.count == 12 - promised)
        #expect((1..<12).contains(promised))
        released.send()
        try cached.expect("gateway_cache_stored_total", Double(promised))
        try cached.expectNotStored("crowded", Double(12 - promised))
    }

    @Test func `who reads what has come in the place of an older answer does not hold that`() throws {
        let cached = try CachedOrigin { number, _, connection in
            let fields = number == 1 ? "Cache-Control: max-age=0\r\nETag: \"1\"\r\n" : "Cache-Control: max-age=60\r\nETag: \"2\"\r\n"
            try connection.send(Self.answer(number, fields: fields))
        }
        #expect(try cached.ask("/").isMiss)
        let bytes = try cached.gateway.metrics().sum("gateway_cache_bytes")
        #expect(bytes > Double(Self.length))
        let reader = try stalled(cached, "/")
        #expect(reader.head["Cache-Status"] == "gateway; fwd=stale; stored" && reader.head["ETag"] == "\"2\"")
        try cached.expect("gateway_cache_stored_total", 2)
        try cached.gateway.waitForMetrics("one of them is held") { $0.sum("gateway_cache_bytes") < bytes + 10_000 }
        try expectWhole(reader.client, 2)
    }

    @Test func `who pauses now and then is not cut off beside clients that stall one after another`() throws {
        let (released, ended) = (Signal(), Signal())
        let megabyte = 1 << 20
        let (size, stallCount) = (16 * megabyte, 6)
        let cached = try CachedOrigin { _, _, connection in
            try released.wait()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "\(String(megabyte, radix: 16))\r\n\(String(repeating: "x", count: megabyte))\r\n"
            for _ in 0..<size / megabyte { try connection.send(chunk) }
            try connection.send("0\r\n\r\n")
        }
        let address = cached.edge.address(.plain)
        /// Reads `count` bytes and then no more; pauses as often as `pauseEvery` have come. How long the body was, of who reads all of it.
        let clients = (0..<2 + stallCount).map { index in
            let (count, pauseEvery) = (index < 2 ? .max : index * megabyte, index == 1 ? 200_000 : .max)
            return Background {
                let client = try address.connect(receiveBufferBytes: index < 2 ? 65536 : 4096)
                try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                var pauseAt = pauseEvery
                while client.unread.count < count && !client.unread.suffix(5).elementsEqual("0\r\n\r\n".utf8) {
                    let piece = try client.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds))
                    if piece.isEmpty { break }
                    client.unread += piece
                    if client.unread.count < pauseAt { continue }
                    // Such is its pace: nothing comes of the waiting.
                    try? ended.wait(timeout: 0.1)
                    pauseAt += pauseEvery
                }
                if index < 2 { return try client.readResponse(to: "GET").body.count }
                try ended.wait(timeout: 4 * Deadline.defaultSeconds)
                // It is told of its end when it reads again.
                while (try? client.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds)).isEmpty) == false {}
                return 0
            }
        }
        try cached.gateway.waitForMetrics("all wait") { $0.sum("gateway_connections", ["state": "active"]) == Double(2 + stallCount) }
        released.send()
        for client in clients[..<2] { #expect(try client.value(timeout: 4 * Deadline.defaultSeconds) == size) }
        ended.send()
        let cutOff = ["error_type": "send_timeout"]
        try cached.gateway.waitForMetrics("who stalls is cut off") { $0.sum("gateway_refusals_total", cutOff) == Double(stallCount) }
    }
}
