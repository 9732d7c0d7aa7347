import TestSupport
import Testing

/// What clients can make the cache hold, and whom they can make it hold up.
@Suite struct CacheBoundTests {
    @Test func `bodies that wait for their answers are bounded in sum, and who comes beyond passes by`() throws {
        let released = Signal()
        let cached = try CachedOrigin("body_max=16m", location: "client_max_body_size 16m;") { number, request, connection in
            if number == 1 { try released.wait() }
            try connection.send(ScriptedOrigin.message("\(number) \(request.body.count)"))
        }
        // Four of these and what one of them has not yet read are within 64 MB, five are not.
        let text = "{\"a\":\"" + String(repeating: "x", count: 15 << 20) + "\"}"
        let request = Array(
            ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n" + text)
                .utf8)
        let clients = try (0..<5).map { _ in try cached.edge.connect(.plain) }
        try clients[0].send(request)
        try eventually("the origin has the first") { cached.count == 1 }
        for client in clients[1...] { try client.send(request) }
        // It is asked by the one that does not wait.
        try eventually("one has passed by") { cached.count == 2 }
        try cached.expectBypass("exhausted", 1)
        // Who wants what is stored or nothing does not ask it, however much more of its body would come.
        let last = try cached.edge.connect(.plain)
        try last.send(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nCache-Control: only-if-cached\r\n"
                + "Content-Length: \(text.utf8.count)\r\n\r\n\(text.prefix((4 << 20) + (64 << 10)))")
        #expect(try last.readResponse(to: "POST").status == 504)
        #expect(cached.count == 2)
        released.send()
        let answers = try clients.map { try $0.readResponse(to: "POST") }
        let bypassed = answers.filter { $0["Cache-Status"] == "gateway; fwd=bypass; detail=exhausted" }
        #expect(bypassed.map(\.text) == ["2 \(text.utf8.count)"])
        #expect(answers.filter { $0.text == "1 \(text.utf8.count)" }.count == 4)
        // All have been given back: the next one waits again, and is stored.
        let next = try cached.edge.connect(.plain)
        try next.send(Array("POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".utf8))
        #expect(try next.readResponse(to: "POST")["Cache-Status"] == "gateway; fwd=miss; stored")
    }

    @Test func `who waits for an answer whose length is beyond entry_max gets one of its own, whoever stalls`() throws {
        let released = Signal()
        let text = String(repeating: "x", count: 8 << 20)
        let cached = try CachedOrigin { number, _, connection in
            if number == 1 { try released.wait() }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
        }
        let request = Array("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        let stalled = try (0..<3).map { _ in try cached.edge.connect(.plain, receiveBufferBytes: 4096) }
        try stalled[0].send(request)
        try eventually("the origin has the first") { cached.count == 1 }
        let reader = try cached.edge.connect(.plain)
        for client in stalled[1...] + [reader] { try client.send(request) }
        try cached.gateway.waitForMetrics("all wait") { $0.sum("gateway_connections", ["state": "active"]) == 4 }
        #expect(cached.count == 1)
        released.send()
        let answer = try reader.readResponse()
        #expect(answer.body.count == text.utf8.count && answer["Cache-Status"] == "gateway; fwd=bypass; detail=not_shared")
        // And who comes while it is still on its way to others does not wait for it.
        let next = try cached.edge.connect(.plain)
        try next.send(request)
        let late = try next.readResponse()
        #expect(late.body.count == text.utf8.count && late["Cache-Status"] == "gateway; fwd=miss")
        #expect(cached.count == 5)
        for client in stalled { #expect(try client.readResponse(timeout: 120).body.count == text.utf8.count) }
        try cached.expect("gateway_refusals_total", ["error_type": "send_timeout"], 0)
    }

    @Test func `who asks for what has grown beyond entry_max on its way gets one of its own`() throws {
        let released = Signal()
        let size = 4 << 20
        let piece = String(repeating: "x", count: size / 2)
        let cached = try CachedOrigin { number, _, connection in
            let chunk = "\(String(size / 2, radix: 16))\r\n\(piece)\r\n"
            if number > 1 { try released.wait(2) }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)")
            if number == 1 { try released.wait() }
            try connection.send("\(chunk)0\r\n\r\n")
        }
        let clients = try (0..<3).map { _ in try cached.edge.connect(.plain) }
        let request = "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try clients[0].send(request)
        #expect(try clients[0].readHead()["Cache-Status"] == "gateway; fwd=miss; stored")
        // More than a piece of it has come, and the end has not.
        func read(_ count: Int) throws {
            let first = clients[0]
            while first.unread.count < count { first.unread += try first.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds)) }
        }
        try read(size / 2)
        for client in clients[1...] { try client.send(request) }
        try eventually("none waits for another") { cached.count == 3 }
        released.send()
        try read(size)
        released.send()
        for client in clients[1...] {
            let answer = try client.readResponse()
            #expect(answer["Cache-Status"] == "gateway; fwd=miss; stored" && answer.body.count == size)
        }
        try cached.expectNotStored("too_large", 3)
    }

    @Test func `bodies that do not come give way when there is no room for others`() throws {
        let cached = try CachedOrigin("body_max=16m", location: "client_max_body_size 16m;")
        let head = "POST /stalled HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        let part = Array("\(head)Content-Length: \(16 << 20)\r\n\r\n{\"a\":\"\(String(repeating: "x", count: (15 << 20) + (1 << 19)))".utf8)
        let stalled = try (0..<4).map { _ in try cached.edge.connect(.plain) }
        for client in stalled { try client.send(part) }
        // The four have 62 MB of 64.
        let text = String(repeating: "y", count: 4 << 20)
        try eventually("the others have room") {
            let status = try cached.post("{\"a\":\"\(text)\"}", "/\(cached.count)").cacheStatus
            #expect(status == "fwd=miss; stored" || status == "fwd=bypass; detail=exhausted" || status == "fwd=miss")
            return status != "fwd=bypass; detail=exhausted"
        }
        let metrics = try cached.gateway.metrics()
        #expect(metrics.sum("gateway_cache_bypasses_total", ["reason": "exhausted"]) >= 4)
        #expect(metrics.sum("gateway_cache_bypasses_total") == metrics.sum("gateway_cache_bypasses_total", ["reason": "exhausted"]))
        #expect(metrics.sum("gateway_refusals_total", ["error_type": "body_timeout"]) == 0)
        withExtendedLifetime(stalled) {}
    }

    @Test(arguments: AnswerReader.Way.allCases)
    func `who stops reading an answer larger than entry_max is left behind, and the others have all of it`(_ way: AnswerReader.Way) throws {
        let released = Signal()
        let byteCount = 16 << 20
        let (first, last) = ("data: first\n\n", "\n\n" + EventOrigin.done)
        let origin = try EventOrigin { connection, _ in
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\(first)")
            try released.wait()
            try connection.sendPattern(byteCount)
            try connection.send(last)
            throw TestError.ended("as it says")
        }
        // Clients may take their time: it is not their own timeout that ends the wait.
        let edge = try origin.edge(zone: "memory=8m entry_max=64k", workers: 1)
        let stalled = try AnswerReader(edge, way, receiveBufferBytes: 4096)
        let reader = try AnswerReader(edge)
        for reader in [stalled, reader] { #expect(try reader.event() == first) }
        released.send()
        #expect(try reader.readToEnd() == .whole)
        #expect(reader.body.count == first.utf8.count + byteCount + last.utf8.count)
        #expect(Pattern.matches(Array(reader.body.dropFirst(first.utf8.count).dropLast(last.utf8.count))))
        #expect(origin.requestCount == 1)
        if way == .http1 {
            #expect(try stalled.readToEnd() == .broken)
            try edge.gateway.waitForMetrics("it is counted") { $0.sum("gateway_refusals_total", ["error_type": "send_timeout"]) == 1 }
        }
    }

    @Test func `who is left behind before it has begun to read has all of its answer when it reads again`() throws {
        let released = Signal()
        let text = String(repeating: "x", count: 4 << 20)
        let cached = try CachedOrigin { number, _, connection in
            if number == 1 { try released.wait(timeout: 120) }
            // Without a length, which would tell at once that it is for nobody else.
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(text.utf8.count, radix: 16))\r\n")
            try connection.send("\(text)\r\n0\r\n\r\n")
        }
        let leader = try cached.edge.connect(.plain)
        try leader.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try eventually("the origin has it") { cached.count == 1 }
        // Before theirs each has so many other answers to read that some of them are more than the kernel takes, and less than what keeps
        // the gateway from reading requests.
        let small = "GET /small HTTP/1.1\r\nHost: localhost\r\nCache-Control: only-if-cached\r\n\r\n"
        let other = try cached.edge.connect(.plain)
        try other.send(small)
        let refusal = try other.readResponse()
        let length = refusal.rawHead.utf8.count + refusal.body.count
        let counts = stride(from: 260, through: 380, by: 20).map { $0 * 1024 / length }
        let clients = try counts.map { count in
            let client = try cached.edge.connect(.plain, receiveBufferBytes: 4096)
            try client.send(String(repeating: small, count: count) + "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return client
        }
        // A client besides them is answered, and none of them: all that can be done for them is done, and some have joined.
        var refused = 0.0
        try eventually("nothing is left to be done for them") {
            try other.send(small)
            #expect(try other.readResponse().status == 504)
            let before = refused
            refused = try cached.gateway.metrics().sum("gateway_refusals_total", ["error_type": "not_cached"])
            return refused > Double(counts[0] * counts.count) && refused <= before + 1
        }
        released.send()
        #expect(try leader.readResponse(timeout: 120).body.count == text.utf8.count)
        var (alone, cutOff) = (0, 0)
        for (client, count) in zip(clients, counts) {
            do {
                for _ in 0..<count { #expect(try client.readResponse().status == 504) }
                let answer = try client.readResponse()
                if answer.isTruncated { throw TestError.reset }
                #expect(answer.status == 200 && answer.body.count == text.utf8.count)
                if answer["Cache-Status"] == "gateway; fwd=bypass; detail=not_shared" { alone += 1 }
            } catch {
                // It had begun to read.
                cutOff += 1
            }
        }
        #expect(alone > 0)
        try cached.expect("gateway_refusals_total", ["error_type": "send_timeout"], Double(cutOff))
    }

    @Test(arguments: [Way.http1, .http2]) func `readers that stall leave room in a zone for others' answers`(_ way: Way) throws {
        let length = 900_000
        let cached = try CachedOrigin { number, request, connection in
            let text = "\(number) " + String(repeating: "x", count: length)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
        }
        let client = try cached.client(way)
        // More than there is room for, each with a reader that stops.
        let stalled = try (0..<24).map { number in
            let stored = try client.ask("/\(number)")
            #expect(stored.isMiss && stored.body.count > length)
            let reader = try cached.edge.connect(.plain, receiveBufferBytes: 4096)
            try reader.send(Array("GET /\(number) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            let head = try reader.readHead()
            #expect(head["Cache-Status"]?.hasPrefix("gateway; hit") == true)
            return (reader, number)
        }
        for number in 100..<108 {
            #expect(try client.ask("/\(number)").isMiss)
            #expect(try client.ask("/\(number)").isHit)
        }
        try cached.expect("gateway_cache_not_stored_total", 0)
        // What they have begun to read is theirs to its end, wherever it is by now.
        for (reader, number) in stalled {
            var body: [UInt8] = reader.unread
            reader.unread = []
            let text = "\(number + 1) "
            while body.count < text.utf8.count + length {
                let piece = try reader.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds))
                if piece.isEmpty { break }
                body += piece
            }
            #expect(body.count == text.utf8.count + length && body.starts(with: Array(text.utf8)))
        }
    }
}
