import TestSupport
import Testing

/// One upstream call for many, where the origin speaks HTTP/2: a stream in the place of a connection.
@Suite struct SharedStreamTests {
    private static let eventCount = 8

    private let released = Signal()
    private let requests = Monitor(0)
    private let resets = Monitor(0)

    /// Each request gets the same events, one whenever `released` has been sent once more.
    private func edge(awaitsReset: Bool = false) throws -> Edge {
        let (released, requests, resets) = (released, requests, resets)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                requests.update { $0 += 1 }
                try connection.sendHead([":status": "200", "content-type": "text/event-stream"], on: request.stream)
                for number in 0...Self.eventCount {
                    try released.wait(number + 1)
                    if awaitsReset && number == 2 {
                        try connection.wait("a reset") { $0.request(request.stream).resetCode != nil }
                        resets.update { $0 += 1 }
                        break
                    }
                    let isLast = number == Self.eventCount
                    let event = isLast ? EventOrigin.done : EventOrigin.event(number)
                    try connection.sendData(Array(event.utf8), on: request.stream, endsStream: isLast)
                }
            }
        }
        return try Edge(
            origin,
            main: "cache_zone answers memory=16m; upstream model { server 127.0.0.1:\(origin.port); protocol h2; }",
            server: "location /v1/ { proxy_pass http://model; api openai; cache answers scope=shared; }", workers: 2)
    }

    @Test func `forty clients that ask the same while the origin streams cost one stream`() throws {
        let edge = try edge()
        let first = try AnswerReader(edge)
        released.send()
        #expect(try first.event() == EventOrigin.event(0))
        let readers = [first] + (try edge.readers(39))
        for _ in 0..<Self.eventCount { released.send() }
        for reader in readers {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(requests.value == 1)
        try eventually("it is stored") { try edge.stored() == 1 }
        #expect(try edge.cacheRequests("collapsed") == 39)
        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.text == EventOrigin.text(Self.eventCount) && late.cacheStatus.hasPrefix("gateway; hit"))
    }

    @Test func `the answer goes on when the first client has gone, and its stream is reset when all have`() throws {
        let edge = try edge(awaitsReset: true)
        let readers = try (0..<4).map { _ in try AnswerReader(edge) }
        released.send()
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        readers[0].leave()
        try edge.waitForEnd("client_closed")
        released.send()
        for reader in readers[1...] { #expect(try reader.event() == EventOrigin.event(1)) }
        for reader in readers[1...] { reader.leave() }
        try edge.gateway.waitForMetrics("all have gone") { $0.sum("gateway_refusals_total", ["error_type": "client_closed"]) == 4 }
        for _ in 0..<Self.eventCount { released.send() }
        try eventually("the origin hears of it") { resets.value == 1 }
        #expect(try edge.stored() == 0 && requests.value == 1)
    }

    @Test func `an answer that breaks off is broken for all who read it, and not kept`() throws {
        let requests = Monitor(0)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                requests.update { $0 += 1 }
                try connection.sendHead([":status": "200", "content-type": "text/event-stream"], on: request.stream)
                try connection.sendData(Array(EventOrigin.event(0).utf8), on: request.stream)
                try released.wait()
                try connection.send(.resetStream(request.stream, UInt32(2)))
            }
        }
        let edge = try Edge(
            origin, main: "cache_zone answers memory=16m; upstream model { server 127.0.0.1:\(origin.port); protocol h2; }",
            server: "location /v1/ { proxy_pass http://model; api openai; cache answers scope=shared; }", workers: 2)
        let readers = try (0..<5).map { _ in try AnswerReader(edge) }
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        released.send()
        for reader in readers { #expect(try reader.readToEnd() == .broken) }
        #expect(requests.value == 1)
        #expect(try edge.stored() == 0)
    }
}
