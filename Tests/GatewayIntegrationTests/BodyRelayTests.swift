import TestSupport
import Testing

/// Bodies both ways, however they are framed (RFC 9112 § 6 and § 7).
@Suite struct BodyRelayTests {
    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
    }

    // MARK: Requests

    @Test func `a body with a length reaches the origin byte for byte`() throws {
        let proxied = try ProxiedOrigin(.mirroring())
        let body = pattern(300_000)
        let answer = try proxied.gateway.connect().request("POST", "/", body: body)
        #expect(answer.body == body)
        #expect(try proxied.lastRequest().values("Content-Length") == ["300000"])
        #expect(try proxied.lastRequest()["Transfer-Encoding"] == nil)
    }

    @Test func `a chunked body reaches the origin chunked, without its extensions`() throws {
        let proxied = try ProxiedOrigin(.mirroring())
        let body = pattern(100_000)
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in stride(from: 0, to: body.count, by: 9_999) {
            let chunk = body[start..<min(start + 9_999, body.count)]
            try client.send(Array("\(String(chunk.count, radix: 16)) ; secret = \"q\\\"\"\r\n".utf8) + chunk + [13, 10])
        }
        try client.send("0\r\n\r\n")
        #expect(try client.readResponse().body == body)
        #expect(try proxied.lastRequest().values("Transfer-Encoding") == ["chunked"])
        #expect(try proxied.lastRequest()["Content-Length"] == nil)
        #expect(!proxied.received.contains("secret"))
    }

    @Test func `a request without a body stays without, and one of length 0 stays one`() throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        _ = try client.request("POST", "/none")
        #expect(try proxied.lastRequest()["Content-Length"] == nil)
        _ = try client.request("POST", "/empty", body: [])
        #expect(try proxied.lastRequest()["Content-Length"] == "0")
    }

    @Test func `a request's trailers follow its body, but for those that may not stand there`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                guard let request = try connection.readNextRequest() else { return }
                let trailers = request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                try connection.send(ScriptedOrigin.message("\(request.text) \(trailers)"))
            })
        let answer = try proxied.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                + "2\r\nhi\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nHost: evil\r\nTransfer-Encoding: x\r\nAuthorization: y\r\nx-other:\t2 \r\n\r\n"
        )
        #expect(answer.text == "hi X-Sum=1 x-other=2")
        #expect(try proxied.lastRequest()["Trailer"] == "X-Sum")
    }

    @Test func `what proxy_set_header sets or takes away does not come back as a trailer`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                guard let request = try connection.readNextRequest() else { return }
                let trailers = request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                try connection.send(ScriptedOrigin.message("\(request["X-Subject"] ?? "") \(trailers)"))
            }, location: "proxy_set_header X-Subject $remote_addr; proxy_set_header X-Role \"\";")
        let answer = try proxied.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\nhi\r\n0\r\nX-Sum: 1\r\nx-subject: root\r\nX-Role: admin\r\n\r\n")
        #expect(answer.text == "127.0.0.1 X-Sum=1")
    }

    // MARK: Responses

    @Test func `a response with a length keeps it`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        let answer = try proxied.gateway.get("/")
        #expect(answer.text == "hello" && answer.values("Content-Length") == ["5"] && answer["Transfer-Encoding"] == nil)
    }

    @Test func `a chunked response stays chunked, without its extensions and with its trailers`() throws {
        let proxied = try ProxiedOrigin(
            answering: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n"
                + "5;secret\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: a\r\nTransfer-Encoding: x\r\nx-other: 2\r\n\r\n"
        )
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            let answer = try client.get("/")
            #expect(answer.text == "hello world")
            #expect(answer.values("Transfer-Encoding") == ["chunked"] && answer["Content-Length"] == nil)
            #expect(answer["Trailer"] == "X-Sum")
            #expect(answer.trailers == [.init(name: "X-Sum", value: "1"), .init(name: "x-other", value: "2")])
        }
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test func `a response that lasts until its connection ends is chunked for the client, whose connection stays`() throws {
        let body = String(repeating: "0123456789", count: 20_000)
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send("HTTP/1.1 200 OK\r\n\r\n" + body)
            })
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            let answer = try client.get("/")
            #expect(answer.text == body && !answer.isTruncated)
            #expect(answer["Transfer-Encoding"] == "chunked" && answer["Connection"] == nil)
        }
        #expect(proxied.origin.connectionCount == 2)
    }

    @Test func `an HTTP/1.0 origin's response is passed on as HTTP/1.1`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send("HTTP/1.0 200 Fine\r\nX-A: b\r\n\r\nold")
            })
        let answer = try proxied.gateway.get("/")
        #expect(answer.startLine == "HTTP/1.1 200 Fine" && answer["X-A"] == "b" && answer.text == "old")
    }

    @Test(arguments: ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""])
    func `HEAD has no body, however the origin would frame it, and the connections stay`(framing: String) throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 200 OK\r\n\(framing)X-A: b\r\n\r\n")
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            let answer = try client.request("HEAD", "/")
            #expect(answer.status == 200 && answer["X-A"] == "b" && answer.surplus.isEmpty)
            #expect(answer["Content-Length"] == (framing.hasPrefix("Content") ? "5" : nil))
        }
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test(arguments: [204, 304]) func `204 and 304 have no body, and the connections stay`(status: Int) throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 \(status) Nothing\r\nETag: \"x\"\r\n\r\n")
        let client = try proxied.gateway.connect()
        for _ in 1...3 {
            let answer = try client.get("/")
            #expect(answer.status == status && answer["ETag"] == "\"x\"" && answer.surplus.isEmpty)
            #expect(answer["Transfer-Encoding"] == nil && answer["Content-Length"] == nil)
        }
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test func `304 may say how long the body would have been`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n")
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            let answer = try client.get("/")
            #expect(answer.status == 304 && answer["Content-Length"] == "1234" && answer.surplus.isEmpty)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nhel\r\n2\r\nlo\r\n0\r\nX-T: 1\r\n\r\n",
    ]) func `a response that comes byte by byte is the same response`(response: String) throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                while try connection.readNextRequest() != nil { try connection.sendBytewise(Array(response.utf8)) }
            })
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            let answer = try client.get("/")
            #expect(answer.text == "hello" && answer["X-A"] == "b")
            #expect(answer.trailers.count == (response.contains("X-T") ? 1 : 0))
        }
        #expect(proxied.origin.connectionCount == 1)
    }

    // MARK: Early answers

    @Test func `a final response while the body is still being sent reaches the client, and ends the connection`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
                _ = try connection.receiveToEnd()
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n12345")
        let answer = try client.readResponse()
        #expect(answer.status == 403 && answer.text == "no")
        #expect(answer["Connection"] == "close")
        try client.send([UInt8](repeating: 0x61, count: 50_000))
        #expect(client.isEndedByPeer())
        // Half a request on it: that connection is of no use any more.
        try proxied.origin.waitForEndedConnections(1)
        #expect(proxied.origin.errors.isEmpty)
    }

    @Test func `an origin that answers and closes before it has read the body is heard`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
                try connection.halfClose()
                _ = try connection.receiveToEnd()
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
        try client.send([UInt8](repeating: 0x61, count: 200_000))
        #expect(try client.readResponse().text == "no")
    }

    @Test func `a body that turns malformed behind the response's beginning breaks it off, for both sides`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
                _ = try connection.receiveToEnd()
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        #expect(try client.readHead().status == 200)
        #expect(try client.readChunk() == Array("hi".utf8))
        try client.send("zz\r\n")
        #expect(client.isEndedByPeer())
        try proxied.origin.waitForEndedConnections(1)
        #expect(!proxied.received.contains("0\r\n\r\n"))
        let entry = try proxied.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry["error_type"] == "chunk_invalid" && entry.number("status") == 200)
    }

    @Test func `a client that goes within its body ends the call`() throws {
        let proxied = try ProxiedOrigin(ScriptedOrigin { connection, _ in _ = try connection.receiveToEnd() })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
        try proxied.origin.waitForReceived("12345")
        client.close()
        try proxied.origin.waitForEndedConnections(1)
        #expect(try proxied.gateway.accessLog(waitingFor: 1)[0]["error_type"] == "client_closed")
    }

    @Test func `body and response run in both directions at once`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while let chunk = try connection.readChunk() {
                    try connection.send("\(String(chunk.count, radix: 16))\r\n\(String(decoding: chunk, as: UTF8.self))\r\n")
                }
                try connection.send("0\r\n\r\n")
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try client.readHead().status == 200)
        for word in ["one", "two", "three"] {
            try client.send("\(word.count)\r\n\(word)\r\n")
            #expect(try client.readChunk() == Array(word.utf8))
        }
        try client.send("0\r\n\r\n")
        #expect(try client.readChunk() == nil)
    }
}

extension ScriptedOrigin {
    /// Answers each request with its body.
    static func mirroring() throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send(Array("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n".utf8) + request.body)
            }
        }
    }
}
