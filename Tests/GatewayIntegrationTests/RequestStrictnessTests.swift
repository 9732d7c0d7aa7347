import TestSupport
import Testing

/// Refusals that need more than one write: what never ends, and what is refused while it is still being sent.
@Suite struct RequestStrictnessTests {
    private static let behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    // MARK: Limits, before the end of a line or a head has come

    @Test(arguments: [
        ("GET /", "a", 414, "request_line_too_long"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "a", 431, "head_too_large"),
        ("GET / HTTP/1.1\r\nHost: a\r\n", "X: a\r\n", 431, "fields_too_many"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;", "a", 400, "chunk_invalid"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "a", 400, "chunk_invalid"),
    ])
    func `what never ends is refused when it is too large`(start: String, part: String, status: Int, errorType: String) throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        try client.send(start + String(repeating: part, count: 40_000 / part.utf8.count))
        let answer = try client.readResponse()
        #expect(answer.status == status)
        #expect(try answer.json()["error_type"] as? String == errorType)
        #expect(client.isEndedByPeer())
    }

    @Test func `what is just within the limits passes`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 204 No Content\r\n\r\n")
        let line = "GET /" + String(repeating: "a", count: 8 * 1024 - 14) + " HTTP/1.1"
        #expect(line.utf8.count == 8 * 1024)
        #expect(try proxied.exchange(line + "\r\nHost: a\r\n\r\n").status == 204)
        let fields = (1...99).map { "X-\($0): a\r\n" }.joined()
        #expect(try proxied.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").status == 204)
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let value = String(repeating: "a", count: 32 * 1024 - start.utf8.count - 4)
        #expect(try proxied.exchange("\(start)\(value)\r\n\r\n").status == 204)
    }

    // MARK: Refusals that come early

    @Test func `413 reaches a client that sends its whole body before it reads`() throws {
        let proxied = try ProxiedOrigin(.telling(), server: "client_max_body_size 1k;")
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
        try client.send([UInt8](repeating: 0x61, count: 400_000))
        let answer = try client.readResponse()
        #expect(answer.status == 413)
        #expect(try answer.json()["error_type"] as? String == "body_too_large")
        #expect(try client.receiveToEnd().isEmpty)
        #expect(proxied.origin.connectionCount == 0)
    }

    @Test func `413 reaches a client whose chunks grow too many`() throws {
        let proxied = try ProxiedOrigin(.telling(), server: "client_max_body_size 100k;")
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = Array("1000\r\n".utf8) + [UInt8](repeating: 0x61, count: 4096) + [13, 10]
        for _ in 1...80 { try client.send(chunk) }
        #expect(try client.readResponse().status == 413)
        #expect(try client.receiveToEnd().isEmpty)
        #expect(!proxied.received.contains("0\r\n\r\n"))
    }

    @Test func `400 reaches a client that is still sending a large body`() throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\nContent-Length: 200000\r\n\r\n")
        try client.send([UInt8](repeating: 0x61, count: 200_000))
        let answer = try client.readResponse()
        #expect(answer.status == 400)
        #expect(try client.receiveToEnd().isEmpty)
    }

    @Test func `a refusal reaches a client that pipelines on after it`() throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        try client.send("GET /.. HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 400)
        #expect(try client.receiveToEnd().isEmpty)
        // Read and dropped: a connection that was closed would be reset by them.
        for _ in 1...10 { try client.send(Self.behind) }
        #expect(client.isEndedByPeer())
        #expect(proxied.received == "")
    }

    @Test func `a client that sends on without an end is cut off in the end`() throws {
        let proxied = try ProxiedOrigin(.telling(), server: "client_max_body_size 1k;")
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        #expect(try client.readResponse().status == 413)
        let piece = [UInt8](repeating: 0x61, count: 65_536)
        #expect(throws: TestError.self) { for _ in 0..<1500 { try client.send(piece) } }
    }

    @Test func `a body of exactly client_max_body_size passes, and 0 is no limit`() throws {
        for (size, body) in [("1k", 1024), ("0", 3_000_000)] {
            let proxied = try ProxiedOrigin(.mirroring(), server: "client_max_body_size \(size);")
            #expect(try proxied.gateway.connect().request("POST", "/", body: [UInt8](repeating: 0x61, count: body)).body.count == body)
        }
    }
}
