import TestSupport
import Testing

/// Server-sent events pass one by one: the next is made only after the one before has been read.
@Suite struct EventStreamTests {
    private static let eventCount = 20

    private static func event(_ number: Int) -> String { "id: \(number)\ndata: {\"token\":\"word\(number)\"}\n\n" }

    /// Sends each event when the test has asked for it.
    private static func origin(isChunked: Bool, _ wanted: Signal) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            let framing = isChunked ? "Transfer-Encoding: chunked" : "Connection: close"
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\(framing)\r\n\r\n")
            for number in 0..<eventCount {
                try wanted.wait(number + 1)
                let text = event(number)
                try connection.send(isChunked ? "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" : text)
            }
            if isChunked { try connection.send("0\r\n\r\n") }
        }
    }

    @Test(arguments: Transport.allCases, [true, false])
    func `each event reaches the client before the next is made`(_ transport: Transport, _ isChunked: Bool) throws {
        let wanted = Signal()
        let origin = try Self.origin(isChunked: isChunked, wanted)
        let edge = try Edge(origin)
        let client = try edge.connect(transport)
        try client.send("POST /v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        let head = try client.readHead()
        #expect(head.status == 200)
        #expect(head["Content-Type"] == "text/event-stream")
        #expect(head["Transfer-Encoding"] == "chunked")
        for number in 0..<Self.eventCount {
            wanted.send()
            #expect(try client.readChunk() == Array(Self.event(number).utf8))
        }
        #expect(try client.readChunk() == nil)
        #expect(try client.readTrailers() == [])
        #expect(origin.errors == [])
    }

    @Test(arguments: Transport.allCases, [true, false])
    func `each event reaches an HTTP/1.0 client before the next is made`(_ transport: Transport, _ isChunked: Bool) throws {
        let wanted = Signal()
        let origin = try Self.origin(isChunked: isChunked, wanted)
        let edge = try Edge(origin)
        let client = try edge.connect(transport)
        try client.send("GET /v1/chat HTTP/1.0\r\nHost: localhost\r\n\r\n")
        let head = try client.readHead()
        #expect(head.status == 200)
        #expect(head["Transfer-Encoding"] == nil)
        #expect(head["Content-Length"] == nil)
        for number in 0..<Self.eventCount {
            wanted.send()
            #expect(try client.receive(through: "\n\n") == Self.event(number))
        }
        #expect(try client.receiveToEnd() == [])
        #expect(origin.errors == [])
    }
}
