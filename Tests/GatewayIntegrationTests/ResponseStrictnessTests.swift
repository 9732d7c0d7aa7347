import TestSupport
import Testing

/// Bodies that break off, and bytes behind responses, where time or the client's version matters.
@Suite struct ResponseStrictnessTests {
    // MARK: Bodies that break off

    struct Truncation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: String
        var isReset = false
    }

    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let truncations = [
        Truncation(testDescription: "fewer bytes than the length", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
        Truncation(
            testDescription: "a reset before the length", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", isReset: true),
        Truncation(testDescription: "no body at all", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        Truncation(testDescription: "an end behind a chunk", bytes: chunked + "5\r\nhello\r\n"),
        Truncation(testDescription: "an end within a chunk", bytes: chunked + "a\r\nhello"),
        Truncation(testDescription: "an end within a size", bytes: chunked + "5\r\nhello\r\n1"),
        Truncation(testDescription: "an end before the last line", bytes: chunked + "5\r\nhello\r\n0\r\n"),
        Truncation(testDescription: "an end within the trailers", bytes: chunked + "5\r\nhello\r\n0\r\nX-T: 1\r\n"),
        Truncation(testDescription: "a reset behind a chunk", bytes: chunked + "5\r\nhello\r\n", isReset: true),
        Truncation(testDescription: "a size that is none", bytes: chunked + "5\r\nhello\r\nzz\r\n"),
        Truncation(testDescription: "a chunk longer than its size", bytes: chunked + "5\r\nhelloo\r\n0\r\n\r\n"),
        Truncation(testDescription: "a bad trailer", bytes: chunked + "5\r\nhello\r\n0\r\nX : 1\r\n\r\n"),
        Truncation(testDescription: "a reset of a body without a length", bytes: "HTTP/1.1 200 OK\r\n\r\nhello", isReset: true),
    ]

    private func broken(_ truncation: Truncation) throws -> ProxiedOrigin {
        try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                let request = try connection.readNextRequest()
                try connection.send(truncation.bytes)
                // Not before the client has what there is: a reset overtakes bytes.
                if request?.method == "POST" { _ = try connection.receive(through: "go") }
                if truncation.isReset { connection.reset() }
            })
    }

    @Test(arguments: truncations) func `a body that breaks off is broken for the client too`(truncation: Truncation) throws {
        let proxied = try broken(truncation)
        let client = try proxied.gateway.connect()
        let answer = Result { try client.get("/") }
        // With a reset the head may be lost with the bytes behind it.
        if case .success(let answer) = answer, !truncation.isReset || answer.status == 200 {
            #expect(answer.status == 200 && answer.isTruncated)
            #expect(answer.trailers.isEmpty)
        } else if case .success(let answer) = answer {
            #expect(answer.status == 502)
            return
        } else {
            _ = try answer.get()
        }
        #expect(client.isEndedByPeer())
        let entry = try proxied.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry["error_type"] == "upstream_truncated" && entry.number("status") == 200)
        #expect(try proxied.gateway.metrics().sum("gateway_refusals_total", ["error_type": "upstream_truncated"]) == 1)
    }

    @Test(arguments: truncations.filter { !$0.bytes.contains("Content-Length") })
    func `a body that breaks off is reset for a client that knows no chunks`(truncation: Truncation) throws {
        let proxied = try broken(truncation)
        let client = try proxied.gateway.connect()
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(throws: TestError.self) {
            let bytes = try client.receiveToEnd()
            // A reset that came before the head is a 502 instead, which is whole.
            if truncation.isReset && String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 502") { throw TestError.reset }
        }
    }

    // MARK: Bytes behind a response

    private static let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    @Test(arguments: [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
    ])
    func `bytes behind the end of a response never answer the next request`(method: String, response: String) throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                while try connection.readNextRequest() != nil { try connection.send(response + Self.evil) }
            })
        let client = try proxied.gateway.connect()
        for _ in 1...3 {
            let answer = try client.request(method, "/")
            #expect(answer.text != "evil" && answer.surplus.isEmpty)
        }
        #expect(proxied.origin.connectionCount == 3)
        try proxied.origin.waitForEndedConnections(3)
    }

    @Test func `bytes that come on an idle connection end it`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
                // The answer is through when its connection is idle: later than the client has it.
                try connection.send(Self.evil)
                _ = try connection.receiveToEnd()
            })
        let client = try proxied.gateway.connect()
        for number in 1...3 {
            #expect(try client.get("/").text == "hi")
            try proxied.origin.waitForEndedConnections(number)
        }
        #expect(proxied.origin.connectionCount == 3)
    }

    @Test func `the origin's wish to close is granted`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
                _ = try connection.receiveToEnd()
            })
        let client = try proxied.gateway.connect()
        for number in 1...2 {
            #expect(try client.get("/").text == "hi")
            try proxied.origin.waitForEndedConnections(number)
        }
    }
}
