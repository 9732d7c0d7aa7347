import Glibc
import TestSupport
import Testing

/// RFC 9110 § 7.8: after a 101 the connection belongs to another protocol, and the gateway passes its bytes; without one, to HTTP.
@Suite struct UpgradeTests {
    private static let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    private static let asking = "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n"

    /// An origin that switches to what it is asked for, and then does as `script` says. A request without Upgrade is answered.
    private func switchingOrigin(
        _ head: String = switching, _ script: @escaping @Sendable (TCPConnection) throws -> Void
    ) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                if request["Upgrade"] == nil {
                    try connection.send(ScriptedOrigin.message("\(request.method) \(request.target) \(request.text)"))
                    continue
                }
                try connection.send(head)
                return try script(connection)
            }
        }
    }

    private static func echo(_ connection: TCPConnection) throws {
        var bytes = connection.unread
        connection.unread = []
        while true {
            try connection.send(bytes)
            bytes = try connection.receiveSome(until: Deadline(seconds: 60))
            if bytes.isEmpty { return }
        }
    }

    private func beginTunnel(_ edge: Edge, _ transport: Transport = .plain, receiveBufferBytes: Int32? = nil) throws -> any ByteStream {
        let client = try edge.connect(transport, receiveBufferBytes: receiveBufferBytes)
        try client.send(Self.asking)
        #expect(try client.readHead().status == 101)
        return client
    }

    private func timedEdge(_ timeouts: String, _ origin: ScriptedOrigin) throws -> Edge {
        try Edge(
            origin, main: "upstream timed { server 127.0.0.1:{ORIGIN}; \(timeouts) }", server: "location /t { proxy_pass http://timed; }")
    }

    // MARK: Heads

    @Test(arguments: Transport.allCases)
    func `after a 101 bytes go both ways, and the end of either side is passed on`(transport: Transport) throws {
        let edge = try Edge(switchingOrigin(Self.switching, Self.echo))
        let client = try edge.connect(transport)
        try client.send(Self.asking)
        let head = try client.readHead()
        #expect(head.status == 101 && head["Upgrade"] == "echo" && head["Connection"] == "Upgrade" && head["Content-Length"] == nil)
        let request = try ReceivedHead(edge.origin.received())
        #expect(request["Connection"] == "Upgrade" && request["Upgrade"] == "echo")
        try client.send("one")
        #expect(try client.receive(3) == Array("one".utf8))
        try client.send("two")
        try client.halfClose()
        #expect(try client.receiveToEnd() == Array("two".utf8))
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry.number("upstream_status") == 101 && entry["error_type"] == nil)
        #expect(entry.number("bytes_received") == 6 && entry.number("bytes_sent") == 6)
        try edge.gateway.waitForMetrics("the end of everything") {
            $0.sum("http_requests_total", ["status": "101"]) == 1 && $0.sum("gateway_upstream_requests_total", ["status": "101"]) == 1
                && $0.sum("gateway_connections", ["state": "active"]) == 0 && $0.sum("gateway_upstream_connections") == 0
        }
        try edge.origin.waitForEndedConnections(1)
    }

    @Test func `bytes behind the request are the tunnel's after a 101, whenever they come`() throws {
        let edge = try Edge(switchingOrigin(Self.switching, Self.echo))
        let client = try edge.connect(.plain)
        try client.send(Self.asking + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readHead().status == 101)
        #expect(try client.receive(through: "\r\n\r\n") == "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        client.close()
        #expect(try edge.gateway.accessLog(waitingFor: 1).count == 1)
    }

    @Test func `bytes behind the 101 belong to the tunnel, and the origin gets none before it has agreed`() throws {
        let mayAnswer = Signal()
        let edge = try Edge(
            ScriptedOrigin { connection, _ in
                let request = try connection.readRequest()
                try mayAnswer.wait()
                guard request.surplus.isEmpty, connection.unread.isEmpty else { throw TestError.invalid("too early") }
                try connection.send(Self.switching + "first")
                try Self.echo(connection)
            })
        let client = try edge.connect(.plain)
        try client.send(Self.asking + "early")
        try edge.origin.waitForReceived("\r\n\r\n")
        #expect(edge.origin.received().hasSuffix("\r\n\r\n"))
        mayAnswer.send()
        #expect(try client.readHead().status == 101)
        #expect(try client.receive(10) == Array("firstearly".utf8))
        #expect(edge.origin.errors.isEmpty)
    }

    @Test func `without a 101 the connection stays with HTTP on both sides`() throws {
        let edge = try Edge(.telling())
        let client = try edge.connect(.plain)
        try client.send(Self.asking + "GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.readResponse().text == "GET /t ")
        #expect(try client.readResponse().text == "GET /next ")
        #expect(edge.origin.connectionCount == 1)
    }

    @Test(arguments: [
        // Upgrade is for one hop, and Connection has to say so.
        "GET /t HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nUpgrade: echo\r\n\r\n",
        // Nothing to upgrade to.
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ,\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: \r\n\r\n",
        // A 101 is not for HTTP/1.0.
        "GET /t HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        // With a body the client may switch after it only: treated as a plain request.
        "POST /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 3\r\n\r\nabc",
        "POST /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        // HTTP by another name would go past the gateway.
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, H2C\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c/1\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: \"h2c\"\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket h2c\r\n\r\n",
    ])
    func `an Upgrade that cannot be used is dropped, and the request is a plain one`(request: String) throws {
        let edge = try Edge(.telling())
        let client = try edge.connect(.plain)
        try client.send(request)
        #expect(try client.readResponse().status == 200)
        let received = try ReceivedHead(edge.origin.received())
        #expect(received["Upgrade"] == nil && received["Connection"] == nil && received["HTTP2-Settings"] == nil)
    }

    @Test func `a request with a body and an Upgrade is framed as any other, so that the next request is the next one`() throws {
        let edge = try Edge(.telling())
        let client = try edge.connect(.plain)
        try client.send(
            "POST /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 3\r\n\r\nabc"
                + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "POST /t abc")
        #expect(try client.readResponse().text == "GET /next ")
    }

    @Test(arguments: [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: \r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo, h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ech\r\n\r\n",
    ])
    func `a 101 for what the client did not offer is 502`(head: String) throws {
        let edge = try Edge(switchingOrigin(head) { _ in })
        let client = try edge.connect(.plain)
        // What the client has sent too early is its next request.
        try client.send(Self.asking + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().status == 502)
        #expect(try client.readResponse().text == "GET /next ")
        #expect(try edge.waitForEnd("upstream_invalid").number("status") == 502)
    }

    @Test(arguments: ["Connection: keep-alive\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n", "Upgrade: echo\r\n"])
    func `a 101 that nobody asked for is 502`(fields: String) throws {
        let edge = try Edge(.answering(Self.switching))
        let client = try edge.connect(.plain)
        try client.send("GET /t HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        #expect(try client.readResponse().status == 502)
    }

    @Test(arguments: ["ECHO", "other, Echo", "x/1.0, echo"])
    func `names of protocols are compared without case, in whatever place of the list`(offer: String) throws {
        let edge = try Edge(switchingOrigin(Self.switching, Self.echo))
        let client = try edge.connect(.plain)
        try client.send("GET /t HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: \(offer)\r\n\r\n")
        #expect(try client.readHead().status == 101)
        try client.send("x")
        #expect(try client.receive(1) == [0x78])
    }

    @Test func `interim responses before the 101 are passed on`() throws {
        let edge = try Edge(switchingOrigin("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Self.switching, Self.echo))
        let client = try edge.connect(.plain)
        try client.send(Self.asking)
        let head = try client.readResponse()
        #expect(head.status == 101 && head.interim.map(\.status) == [103])
    }

    // MARK: Ends

    @Test(arguments: Transport.allCases)
    func `a half-close from the client leaves the other direction open`(transport: Transport) throws {
        let edge = try Edge(
            switchingOrigin { connection in
                let bytes = try connection.receiveToEnd(timeout: 60)
                try connection.sendPattern(3 << 20)
                try connection.send("\(bytes.count)")
            })
        let client = try beginTunnel(edge, transport)
        try client.sendPattern(1 << 20)
        try client.halfClose()
        try client.receivePattern(3 << 20)
        #expect(try client.receiveToEnd() == Array("\(1 << 20)".utf8))
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("bytes_received") == Double(1 << 20) && entry.number("bytes_sent") == Double(3 << 20) + 7)
    }

    @Test(arguments: Transport.allCases)
    func `a half-close from the origin leaves the other direction open`(transport: Transport) throws {
        let total = Monitor(0)
        let edge = try Edge(
            switchingOrigin { connection in
                try connection.send("bye")
                try connection.halfClose()
                try connection.receivePattern(3 << 20)
                guard try connection.receiveToEnd(timeout: 60).isEmpty else { throw TestError.invalid("surplus") }
                total.update { $0 = 3 << 20 }
            })
        let client = try beginTunnel(edge, transport)
        #expect(try client.receiveToEnd() == Array("bye".utf8))
        try client.sendPattern(3 << 20)
        try client.halfClose()
        try edge.origin.waitForEndedConnections(1, timeout: 60)
        #expect(total.value == 3 << 20 && edge.origin.errors.isEmpty)
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry["error_type"] == nil && entry.number("bytes_received") == Double(3 << 20))
    }

    @Test func `what waits for a slow origin is delivered although both sides have ended`() throws {
        let mayRead = Signal()
        let edge = try Edge(
            switchingOrigin { connection in
                try connection.halfClose()
                try mayRead.wait(timeout: 60)
                try connection.receivePattern(8 << 20)
                guard try connection.receiveToEnd(timeout: 60).isEmpty else { throw TestError.invalid("surplus") }
            })
        let client = try #require(beginTunnel(edge) as? TCPClient)
        #expect(try client.receiveToEnd().isEmpty)
        let sender = Background {
            try client.sendPattern(8 << 20)
            try client.halfClose()
        }
        try edge.gateway.waitForMetrics("a tunnel") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 1 }
        mayRead.send()
        try sender.value(timeout: 60)
        try edge.origin.waitForEndedConnections(1, timeout: 60)
        #expect(edge.origin.errors.isEmpty)
    }

    @Test func `a client that half-closes right behind its request still has its tunnel, for longer than a moment`() throws {
        let maySend = Signal()
        let edge = try Edge(
            switchingOrigin { connection in
                try maySend.wait(timeout: 60)
                try connection.send("late")
            })
        let client = try edge.connect(.plain)
        try client.send(Self.asking)
        try client.halfClose()
        #expect(try client.readHead().status == 101)
        // Longer than the grace of a half-closed client that waits for a response.
        #expect(!client.isEndedByPeer(timeout: 1.6))
        maySend.send()
        #expect(try client.receiveToEnd() == Array("late".utf8))
    }

    @Test(arguments: Transport.allCases)
    func `a client's reset ends the tunnel, and the origin sees a reset`(transport: Transport) throws {
        let ending = Monitor("")
        let edge = try Edge(
            switchingOrigin { connection in
                do {
                    let bytes = try connection.receiveToEnd(timeout: 60)
                    ending.update { $0 = "end after \(bytes.count)" }
                } catch TestError.reset {
                    ending.update { $0 = "reset" }
                }
            })
        let client = try beginTunnel(edge, transport)
        try client.send("x")
        try edge.origin.waitForReceived("\r\n\r\nx")
        client.breakOff()
        try edge.origin.waitForEndedConnections(1)
        #expect(ending.value == "reset")
        #expect(try edge.waitForEnd("client_closed").number("status") == 499)
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_upstream_connections") == 0 }
    }

    @Test(arguments: Transport.allCases)
    func `an origin's reset ends the tunnel, and the client sees that it was cut off`(transport: Transport) throws {
        let edge = try Edge(
            switchingOrigin { connection in
                _ = try connection.receive(1)
                connection.reset()
            })
        let client = try beginTunnel(edge, transport)
        try client.send("x")
        #expect(throws: TestError.self) { try client.receiveToEnd() }
        let entry = try edge.waitForEnd("upstream_truncated")
        #expect(entry.number("status") == 101 && entry.number("upstream_status") == 502)
    }

    @Test func `a client that closes while the origin still sends has ended, not failed`() throws {
        let edge = try Edge(
            switchingOrigin { connection in
                while true { try connection.send(Pattern.bytes(4096)) }
            })
        let client = try beginTunnel(edge)
        _ = try client.receive(100_000)
        try client.halfClose()
        client.close()
        try edge.origin.waitForEndedConnections(1)
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_upstream_connections") == 0 }
    }

    @Test func `an origin that closes while the client still sends has ended, and its last words arrive`() throws {
        let edge = try Edge(
            switchingOrigin { connection in
                _ = try connection.receive(1)
                try connection.send("last words")
            })
        let client = try beginTunnel(edge)
        try client.send("x")
        #expect(try client.receiveToEnd() == Array("last words".utf8))
        // At first into sockets that still take it.
        do { for _ in 0..<1000 { try client.send(Pattern.bytes(4096)) } } catch TestError.reset {}
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry["error_type"] == nil)
    }

    @Test func `a TLS client that closes without close_notify after the origin's end has ended, not failed`() throws {
        let edge = try Edge(switchingOrigin { try $0.send("bye") })
        let client = try #require(beginTunnel(edge, .tls) as? TLSClient)
        #expect(try client.receiveToEnd() == Array("bye".utf8))
        client.tcp.close()
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry["error_type"] == nil)
    }

    // MARK: Time

    @Test(arguments: Transport.allCases)
    func `a tunnel that is silent for read_timeout is ended in an orderly way`(transport: Transport) throws {
        let edge = try timedEdge("read_timeout 300ms;", switchingOrigin(Self.switching, Self.echo))
        let client = try beginTunnel(edge, transport)
        try client.send("x")
        #expect(try client.receiveToEnd() == [0x78])
        try edge.origin.waitForEndedConnections(1)
        #expect(edge.origin.errors.isEmpty)
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry["error_type"] == nil && (entry.number("duration") ?? 0) >= 0.29)
    }

    @Test(arguments: [true, false])
    func `bytes in one direction keep a tunnel alive`(isFromClient: Bool) throws {
        let edge = try timedEdge(
            "read_timeout 600ms;",
            switchingOrigin { connection in
                let deadline = Deadline(seconds: 1.5)
                while !deadline.hasPassed {
                    if !isFromClient { try connection.send("x") }
                    do { _ = try connection.receiveSome(until: Deadline(seconds: 0.02)) } catch TestError.timedOut {}
                }
                try connection.send("end")
            })
        let client = try beginTunnel(edge)
        let deadline = Deadline(seconds: 1.5)
        // What has come behind the head.
        var received = client.unread
        client.unread = []
        while !deadline.hasPassed {
            if isFromClient { try client.send("x") }
            do { received += try client.receiveSome(until: Deadline(seconds: 0.02)) } catch TestError.timedOut {}
        }
        received += try client.receiveToEnd()
        #expect(String(decoding: received, as: UTF8.self).hasSuffix("end"))
    }

    @Test func `an origin that reads nothing is given up after send_timeout`() throws {
        let mayEnd = Signal()
        let edge = try timedEdge("send_timeout 400ms;", switchingOrigin { _ in try mayEnd.wait(timeout: 60) })
        let client = try beginTunnel(edge)
        #expect(throws: TestError.self) { try client.sendPattern(64 << 20, timeout: 20) }
        #expect(try edge.waitForEnd("upstream_truncated").number("upstream_status") == 504)
        mayEnd.send()
    }

    // MARK: Shutdown and reload

    @Test func `a tunnel goes on while the gateway drains, until shutdown_timeout`() throws {
        let edge = try Edge(switchingOrigin(Self.switching, Self.echo), main: "shutdown_timeout 2s;")
        let client = try beginTunnel(edge)
        edge.gateway.program.send(SIGTERM)
        try edge.gateway.program.stderr.waitForLine(containing: "ending")
        for index in 0..<50 {
            try client.send("message \(index).")
            #expect(try client.receive(through: ".") == "message \(index).")
        }
        #expect(throws: TestError.self) { try client.receiveToEnd() }
        #expect(try edge.gateway.program.waitForExit() == .exited(0))
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry["error_type"] == "shutting_down")
    }

    @Test func `a gateway that drains ends with its last tunnel`() throws {
        let edge = try Edge(switchingOrigin(Self.switching, Self.echo), main: "shutdown_timeout 60s;")
        let client = try beginTunnel(edge)
        edge.gateway.program.send(SIGTERM)
        try client.send("x")
        #expect(try client.receive(1) == [0x78])
        try client.halfClose()
        #expect(try client.receiveToEnd().isEmpty)
        #expect(try edge.gateway.program.waitForExit() == .exited(0))
        #expect(try edge.gateway.accessLog(waitingFor: 1)[0]["error_type"] == nil)
    }

    @Test func `a tunnel outlives a reload that takes its listener and its upstream away`() throws {
        let edge = try Edge(switchingOrigin(Self.switching, Self.echo))
        let client = try beginTunnel(edge)
        try edge.gateway.reload(conf: "workers 1; server { listen 127.0.0.3:0; location / { return 204; } }")
        try client.send("still here")
        #expect(try client.receive(10) == Array("still here".utf8))
        try client.halfClose()
        #expect(try client.receiveToEnd().isEmpty)
    }

    // MARK: Backpressure

    @Test(arguments: Transport.allCases)
    func `32 MB go each way at once, whole, through slow readers and little memory`(transport: Transport) throws {
        let byteCount = 32 << 20
        let edge = try Edge(
            switchingOrigin { connection in
                let reader = Background { try connection.receivePattern(byteCount) }
                // A second object for the same socket would have bytes of its own; sending needs none.
                try connection.sendPattern(byteCount)
                try reader.value(timeout: 120)
                try connection.halfClose()
            })
        let client = try beginTunnel(edge, transport, receiveBufferBytes: 32 * 1024)
        let before = try edge.figures.residentBytes()
        if let tcp = client as? TCPClient {
            let sender = Background { try tcp.sendPattern(byteCount) }
            try client.receivePattern(byteCount)
            try sender.value(timeout: 120)
        } else {
            // One thread may use a TLS connection at a time: by turns, so that each direction waits for the other again and again.
            try client.takeTurns(byteCount)
        }
        #expect(try client.receiveToEnd().isEmpty)
        try client.halfClose()
        try edge.origin.waitForEndedConnections(1, timeout: 60)
        #expect(edge.origin.errors.isEmpty)
        #expect(try edge.figures.residentBytesMax() - before < 16 << 20)
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("bytes_received") == Double(byteCount) && entry.number("bytes_sent") == Double(byteCount))
    }

    @Test func `who reads nothing stops the other side, and nobody else`() throws {
        let sent = Monitor(0)
        let edge = try Edge(
            switchingOrigin { connection in
                let count = try connection.sendUntilBlocked(Pattern.bytes(65536), quietSeconds: 0.5, bytesMax: 256 << 20)
                sent.update { $0 = count }
                try connection.halfClose()
                _ = try connection.receiveToEnd(timeout: 60)
            })
        let client = try beginTunnel(edge)
        try eventually("an origin that waits", timeout: 30) { sent.value > 0 }
        #expect(sent.value < 64 << 20)
        #expect(try edge.figures.residentBytes() < 100 << 20)
        let other = try beginTunnel(edge)
        _ = try other.receive(1000)
        #expect(try client.receiveToEnd(timeout: 60).count == sent.value)
    }
}

extension ByteStream {
    fileprivate func takeTurns(_ byteCount: Int) throws {
        let pieceBytes = 256 * 1024
        var moved = 0
        while moved < byteCount {
            try send(Pattern.bytes(pieceBytes, at: moved), timeout: 60)
            let bytes = try receive(pieceBytes, timeout: 60)
            guard Pattern.matches(bytes, at: moved) else { throw TestError.invalid("other bytes from \(moved) on") }
            moved += pieceBytes
        }
    }
}
