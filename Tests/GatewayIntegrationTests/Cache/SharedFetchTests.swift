import TestSupport
import Testing

/// One upstream call for many: who asks while the answer is under way reads it along, on whichever worker, over whichever protocol.
@Suite struct SharedFetchTests {
    private static let eventCount = 12

    @Test(arguments: Transport.allCases)
    func `two hundred clients that ask the same while the origin streams cost one upstream request`(_ transport: Transport) throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let first = try AnswerReader(edge, over: transport)
        released.send()
        #expect(try first.event() == EventOrigin.event(0))
        let readers = [first] + (try edge.readers(199, over: transport))
        // What has come before they asked is there for all; and what comes, before there is more.
        for number in 0..<Self.eventCount {
            for reader in readers where number > 0 || reader !== first { #expect(try reader.event() == EventOrigin.event(number)) }
            released.send()
        }
        for reader in readers {
            #expect(try reader.event() == EventOrigin.done)
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(origin.requestCount == 1)
        #expect(origin.origin.errors == [])
        #expect(first.cacheStatus == "gateway; fwd=miss; stored")
        #expect(readers.dropFirst().allSatisfy { $0.cacheStatus == "gateway; fwd=miss; collapsed" })
        try eventually("all are counted") { try edge.cacheRequests("collapsed") == 199 }
        #expect(try edge.cacheRequests("miss") == 1)
        #expect(try edge.stored() == 1)

        let late = try AnswerReader(edge, over: transport)
        #expect(try late.readToEnd() == .whole)
        #expect(late.text == EventOrigin.text(Self.eventCount))
        #expect(late.cacheStatus.hasPrefix("gateway; hit; ttl="))
        #expect(origin.requestCount == 1)
    }

    @Test(arguments: AnswerReader.Way.allCases)
    func `a reader that does not read holds nobody up, and finds all of it later`(_ way: AnswerReader.Way) throws {
        // More than the sockets and windows between the gateway and this one take.
        let (pieceCount, piece) = (200, String(repeating: "x", count: 16_000))
        let origin = try EventOrigin { connection, _ in
            try connection.send(EventOrigin.head)
            for number in 0..<pieceCount { try connection.send(EventOrigin.chunk("data: \(number) \(piece)\n\n")) }
            try connection.send(EventOrigin.chunk(EventOrigin.done) + "0\r\n\r\n")
        }
        let edge = try origin.edge(zone: "memory=64m entry_max=8m")
        let slow = try AnswerReader(edge, way, receiveBufferBytes: 4096)
        try slow.readHead()
        let readers = try edge.readers(12)
        for reader in readers { #expect(try reader.readToEnd() == .whole) }
        #expect(Set(readers.map(\.text)).count == 1)
        #expect(origin.requestCount == 1)
        try eventually("it is stored") { try edge.stored() == 1 }
        if way != .http2 {
            #expect(try slow.readToEnd() == .whole)
            #expect(slow.body == readers[0].body)
        }
    }

    @Test func `the answer goes on when the first client has gone after one event`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let first = try AnswerReader(edge)
        released.send()
        #expect(try first.event() == EventOrigin.event(0))
        let readers = try edge.readers(40)
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        first.leave()
        try edge.waitForEnd("client_closed")
        for _ in 0..<Self.eventCount { released.send() }
        for reader in readers {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(origin.requestCount == 1)
        try eventually("it is stored") { try edge.stored() == 1 }
    }

    @Test func `the origin's connection is closed when all clients have gone`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let first = try AnswerReader(edge)
        released.send()
        #expect(try first.event() == EventOrigin.event(0))
        let readers = [first] + AnswerReader.Way.allCases.flatMap { way in (0..<6).compactMap { _ in try? AnswerReader(edge, way) } }
        #expect(readers.count == 13)
        for reader in readers.dropFirst() { #expect(try reader.event() == EventOrigin.event(0)) }
        for reader in readers { reader.leave() }
        try edge.gateway.waitForMetrics("no connection to the origin") { $0.sum("gateway_upstream_connections") == 0 }
        // The script goes on only now, and meets a connection that is closed.
        for _ in 0..<Self.eventCount { released.send() }
        try origin.origin.waitForEndedConnections(1)
        #expect(try edge.stored() == 0)

        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.cacheStatus == "gateway; fwd=miss; stored")
        #expect(origin.requestCount == 2)
    }

    @Test func `with finish_abandoned it is fetched to its end and stored though all clients have gone`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge("finish_abandoned")
        let readers = try AnswerReader.Way.allCases.map { try AnswerReader(edge, $0) }
        released.send()
        for reader in readers {
            #expect(try reader.event() == EventOrigin.event(0))
            reader.leave()
        }
        try edge.gateway.waitForMetrics("all have gone") { $0.sum("gateway_refusals_total", ["error_type": "client_closed"]) == 2 }
        for _ in 0..<Self.eventCount { released.send() }
        try eventually("it is stored") { try edge.stored() == 1 }
        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.text == EventOrigin.text(Self.eventCount))
        #expect(late.cacheStatus.hasPrefix("gateway; hit"))
        #expect(origin.requestCount == 1)
    }

    @Test func `an answer larger than entry_max reaches the fast and the slow reader, and is held in bounded memory`() throws {
        let released = Signal()
        let byteCount = 24 << 20
        let (first, last) = ("data: first\n\n", "\n\n" + EventOrigin.done)
        let origin = try EventOrigin { connection, _ in
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\(first)")
            try released.wait()
            try connection.sendPattern(byteCount)
            try connection.send(last)
            throw TestError.ended("as it says")
        }
        let edge = try origin.edge(zone: "memory=8m entry_max=64k")
        let before = try edge.figures.residentBytes()
        let (slow, fast) = try (AnswerReader(edge, receiveBufferBytes: 4096), AnswerReader(edge))
        for reader in [slow, fast] { #expect(try reader.event() == first) }
        released.send()
        // Each in its turn, so that neither is far ahead.
        for end in stride(from: 64 << 10, through: byteCount, by: 64 << 10) {
            try slow.read(end - (48 << 10))
            try fast.read(end)
        }
        for reader in [slow, fast] {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.body.count == first.utf8.count + byteCount + last.utf8.count)
            #expect(Pattern.matches(Array(reader.body.dropFirst(first.utf8.count).dropLast(last.utf8.count))))
        }
        #expect(try edge.figures.residentBytesMax() - before < 8 << 20)
        #expect(origin.requestCount == 1)
        try eventually("it is counted") { try edge.notStored("too_large") == 1 }
        #expect(try edge.stored() == 0)
    }
}
