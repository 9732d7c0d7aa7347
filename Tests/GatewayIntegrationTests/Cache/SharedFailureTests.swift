import TestSupport
import Testing

/// One upstream call for many, which fails: everybody sees it, and before its head one of those who wait tries again.
@Suite struct SharedFailureTests {
    private static let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy"

    enum Break: CaseIterable, Sendable {
        case reset, end, badChunk, errorEvent
    }

    @Test(arguments: Break.allCases)
    func `an answer that fails midway breaks off for all, and is not stored`(_ way: Break) throws {
        let (released, broken) = (Signal(), Signal())
        let origin = try EventOrigin { connection, number in
            if number > 0 { return try EventOrigin.stream(1, released, connection) }
            try connection.send(EventOrigin.head + EventOrigin.chunk(EventOrigin.event(0)))
            try broken.wait()
            switch way {
            case .reset: connection.reset()
            case .end: break
            case .badChunk: try connection.send("40\r\ntoo short\r\nzz\r\n")
            case .errorEvent:
                try connection.send(
                    EventOrigin.chunk("data: {\"error\":{\"message\":\"overloaded\"}}\n\n" + EventOrigin.done) + "0\r\n\r\n")
                return
            }
            throw TestError.reset
        }
        let edge = try origin.edge()
        let readers = [try AnswerReader(edge)] + (try edge.readers(30))
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        broken.send()
        for reader in readers {
            // The origin that says by an event what is wrong has ended its answer well, and still nobody else shall have it.
            #expect(try reader.readToEnd() == (way == .errorEvent ? .whole : .broken))
        }
        #expect(origin.requestCount == 1)
        let reason = way == .errorEvent ? "event_stream" : "unfinished"
        try eventually("it is counted") { try edge.notStored(reason) == 1 }
        #expect(try edge.stored() == 0)
        for _ in 0..<2 { released.send() }
        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.text == EventOrigin.text(1))
        #expect(origin.requestCount == 2)
    }

    /// The leader's request has reached the origin before the others ask; those have all joined when as many are read as were sent.
    private func readers(_ count: Int, _ edge: Edge, _ origin: EventOrigin) throws -> [AnswerReader] {
        let leader = try AnswerReader(edge)
        try origin.waitForRequests(1)
        let readers = [leader] + (try edge.readers(count - 1))
        try eventually("all ask") { try edge.gateway.metrics().sum("gateway_connections", ["state": "active"]) >= Double(count / 3) }
        return readers
    }

    @Test func `when the origin answers 503 one of the others tries again, and its success is everybody's`() throws {
        let (failed, released) = (Signal(), Signal())
        let origin = try EventOrigin { connection, number in
            if number > 0 { return try EventOrigin.stream(3, released, connection) }
            try failed.wait()
            try connection.send(Self.unavailable)
        }
        let edge = try origin.edge()
        let readers = try readers(60, edge, origin)
        failed.send()
        try origin.waitForRequests(2)
        for _ in 0..<4 { released.send() }
        #expect(try readers[0].readHead() == 503)
        #expect(try readers[0].readToEnd() == .whole)
        #expect(readers[0].text == "busy")
        for reader in readers.dropFirst() {
            #expect(try reader.readHead() == 200)
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(3))
        }
        #expect(origin.requestCount == 2)
        try eventually("it is stored") { try edge.stored() == 1 }
    }

    @Test func `when both attempts are answered 503 everybody has that, after two upstream requests`() throws {
        let failed = Signal()
        let origin = try EventOrigin { connection, number in
            try failed.wait(number + 1)
            try connection.send(Self.unavailable)
        }
        let edge = try origin.edge()
        let readers = try readers(60, edge, origin)
        failed.send()
        try origin.waitForRequests(2)
        failed.send()
        for reader in readers {
            #expect(try reader.readHead() == 503)
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == "busy")
        }
        #expect(origin.requestCount == 2)
        #expect(try edge.stored() == 0)
    }

    @Test func `when the origin ends both attempts without a head everybody has 502, after two upstream requests`() throws {
        let failed = Signal()
        let origin = try EventOrigin { _, number in
            try failed.wait(number + 1)
            throw TestError.reset
        }
        let edge = try origin.edge()
        let readers = try readers(60, edge, origin)
        failed.send()
        try origin.waitForRequests(2)
        failed.send()
        for reader in readers {
            #expect(try reader.readHead() == 502)
            #expect(try reader.readToEnd() == .whole)
        }
        #expect(origin.requestCount == 2)
        #expect(try edge.stored() == 0)
    }

    @Test func `an origin that refuses connections gives everybody 502`() throws {
        let origin = try EventOrigin { _, _ in }
        let refusing = try ScriptedOrigin { _, _ in }.port
        let edge = try origin.edge(upstream: "server 127.0.0.1:\(refusing);")
        let readers = try edge.readers(60)
        for reader in readers {
            #expect(try reader.readHead() == 502)
            #expect(try reader.readToEnd() == .whole)
        }
        #expect(try edge.stored() == 0)
    }

    // MARK: Timeouts

    /// Reads requests, and never answers.
    private static func silent() throws -> EventOrigin {
        try EventOrigin { connection, _ in _ = try connection.receiveSome(until: Deadline(seconds: 600)) }
    }

    @Test func `read_timeout ends the waiting of all, after two upstream requests`() throws {
        let origin = try Self.silent()
        let edge = try origin.edge(upstream: "server 127.0.0.1:\(origin.origin.port); read_timeout 1500ms;")
        let readers = try readers(24, edge, origin)
        for reader in readers { #expect(try reader.readHead() == 504) }
        #expect(origin.requestCount == 2)
    }

    @Test func `request_timeout ends the waiting of each`() throws {
        let origin = try Self.silent()
        let edge = try origin.edge(location: "request_timeout 1500ms;")
        let readers = try readers(24, edge, origin)
        for reader in readers { #expect(try reader.readHead() == 504) }
        #expect(origin.requestCount <= 2)
        try edge.gateway.waitForMetrics("no connection to the origin") { $0.sum("gateway_upstream_connections") == 0 }
    }

    // MARK: What comes before and behind the cache

    @Test func `max_conns and retries hold for a fetch as for a request`() throws {
        let released = Signal()
        let healthy = try EventOrigin.streaming(1, released)
        let refusing = try ScriptedOrigin { _, _ in }.port
        let edge = try healthy.edge(
            upstream: """
                server 127.0.0.1:\(refusing); server 127.0.0.1:\(healthy.origin.port) max_conns=1;
                retry attempts=2 on=connect,idle non_idempotent;
                """)
        let readers = try edge.readers(24)
        released.send()
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        #expect(healthy.requestCount == 1)
        // Another question has no place at the origin while the first is answered.
        let other = try AnswerReader(edge, path: "/v1/other")
        #expect(try other.readHead() >= 500)
        released.send()
        for reader in readers { #expect(try reader.readToEnd() == .whole) }
        #expect(healthy.requestCount == 1)
        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.cacheStatus.hasPrefix("gateway; hit"))
    }

    @Test func `limits are applied to hits and to those that read along, too`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(1, released)
        let edge = try origin.edge(main: "rate_limit each key=ip rate=1r/h burst=4;", location: "limit each;")
        let readers = try (0..<8).map { _ in try AnswerReader(edge) }
        for _ in 0..<2 { released.send() }
        let statuses = try readers.map { try $0.readHead() }
        #expect(statuses.filter { $0 == 429 }.count == 4)
        for reader in readers where try reader.readHead() == 200 { #expect(try reader.readToEnd() == .whole) }
        #expect(try AnswerReader(edge).readHead() == 429)
        #expect(origin.requestCount == 1)
    }
}
