import TestSupport
import Testing

/// What is malformed or ambiguous is refused, never repaired and forwarded (RFC 9112 § 11.2).
@Suite struct RequestStrictnessTests {
    private static let behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `what is malformed is refused with its reason, and nothing of it reaches the origin`() throws {
        #expect(MalformedRequest.all.count >= 60)
        let proxied = try ProxiedOrigin(.telling())
        var ids: [String] = []
        for request in MalformedRequest.all {
            let client = try proxied.gateway.connect()
            try client.send(request.bytes + Self.behind)
            ids.append(try expectRefusal(of: request, on: client))
        }
        #expect(proxied.received == "")
        try expectAccounts(of: MalformedRequest.all, ids, in: proxied.gateway)
    }

    @Test func `the verdict does not depend on how the bytes were cut`() throws {
        let some = MalformedRequest.all.enumerated().filter { $0.offset % 6 == 0 && $0.element.bytes.utf8.count < 300 }.map(\.element)
        #expect(some.count >= 12)
        let proxied = try ProxiedOrigin(.telling())
        var ids: [String] = []
        for request in some {
            let client = try proxied.gateway.connect()
            try client.sendBytewise(Array((request.bytes + Self.behind).utf8))
            ids.append(try expectRefusal(of: request, on: client))
        }
        // Of a body the origin may have seen a part by then, but no end.
        #expect(!proxied.received.contains("0\r\n\r\n"))
        #expect(!proxied.received.contains("smuggled"))
        try expectAccounts(of: some, ids, in: proxied.gateway)
    }

    /// Exactly one response, then the end. Returns the request's id.
    private func expectRefusal(of request: MalformedRequest, on client: TCPClient) throws -> String {
        let name = Comment(rawValue: request.name)
        let answer = try client.readResponse()
        #expect(answer.status == request.status, name)
        #expect(answer["Content-Type"] == "application/problem+json", name)
        #expect(answer["Connection"] == "close", name)
        let problem = try answer.json()
        #expect(problem["error_type"] as? String == request.errorType, name)
        #expect(problem["status"] as? Int == request.status, name)
        #expect(problem["detail"] as? String != nil, name)
        #expect(try client.receiveToEnd().isEmpty, name)
        return try #require(problem["request_id"] as? String)
    }

    /// The access log and the counter tell the same as the clients were told.
    private func expectAccounts(of requests: [MalformedRequest], _ ids: [String], in gateway: Gateway) throws {
        let entries = try gateway.accessLog(waitingFor: requests.count)
        #expect(entries.count == requests.count)
        for (index, request) in requests.enumerated() {
            #expect(entries[index]["error_type"] == request.errorType, Comment(rawValue: request.name))
            #expect(entries[index].number("status") == Double(request.status), Comment(rawValue: request.name))
            #expect(entries[index]["request_id"] == ids[index], Comment(rawValue: request.name))
        }
        #expect(Set(ids).count == ids.count)
        let metrics = try gateway.metrics()
        for (errorType, requests) in Dictionary(grouping: requests, by: \.errorType) {
            #expect(metrics.sum("gateway_refusals_total", ["error_type": errorType]) == Double(requests.count), "\(errorType)")
        }
        #expect(metrics.sum("gateway_refusals_total") == Double(requests.count))
    }

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
