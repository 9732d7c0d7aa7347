import TestSupport
import Testing

/// WebSocket over HTTP/2 (RFC 8441) to an origin that knows the Upgrade of HTTP/1.1.
@Suite struct HTTP2WebSocketTests {
    private static let connect =
        HTTP2Fields.request("CONNECT", "/socket") + [":protocol": "websocket"]
        + ["sec-websocket-version": "13", "sec-websocket-protocol": "chat", "origin": "http://localhost"]

    /// Pseudo-header fields first.
    private static var head: HTTP2Fields {
        let fields = connect.fields
        return HTTP2Fields(fields.filter { $0.name.hasPrefix(":") } + fields.filter { !$0.name.hasPrefix(":") })
    }

    /// Takes the handshake with whatever key comes, then echoes each frame, and ends behind a close.
    private static func origin(accept: @escaping @Sendable (String) -> String = webSocketAccept) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            let head = try connection.readHead()
            guard head.startLine == "GET /socket HTTP/1.1", head["Upgrade"] == "websocket", head["Connection"]?.lowercased() == "upgrade",
                head["Sec-WebSocket-Version"] == "13", let key = head["Sec-WebSocket-Key"]
            else {
                try connection.send(ScriptedOrigin.message("no WebSocket: \(head.rawHead)"))
                return
            }
            try connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(accept(key))\r\n"
                    + "Sec-WebSocket-Protocol: chat\r\n\r\n")
            while true {
                var frame: WebSocketFrame?
                _ = try connection.receive("a frame", until: Deadline(seconds: 60)) { bytes in
                    guard let (found, length) = try WebSocketFrame.parse(bytes, isMasked: true) else { return nil }
                    frame = found
                    return length
                }
                guard let frame else { return }
                try connection.send(frame.bytes(mask: nil))
                if frame.kind == .close { return }
            }
        }
    }

    private func open(_ client: HTTP2Client) throws -> UInt32 {
        let stream = client.nextStream
        try client.sendHead(Self.head, on: stream, endsStream: false)
        let head = try client.head(on: stream)
        guard head[":status"] == "200" else { throw TestError.invalid("\(head), \(client.response(stream).text)") }
        return stream
    }

    private func send(_ frame: WebSocketFrame, _ client: HTTP2Client, _ stream: UInt32) throws {
        try client.sendData(frame.bytes(mask: 0x0102_0304), on: stream, endsStream: false)
    }

    @Test(arguments: Transport.allCases) func `a socket opens, echoes and closes`(_ transport: Transport) throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        let stream = try open(client)
        let head = client.response(stream).head
        #expect(head?["sec-websocket-protocol"] == "chat" && head?["sec-websocket-accept"] == nil && head?["content-length"] == nil)
        var expected: [UInt8] = []
        for count in [0, 1, 125, 126, 65_536, 300_000] {
            let frame = WebSocketFrame(.binary, Pattern.bytes(count))
            try send(frame, client, stream)
            expected += frame.bytes(mask: nil)
            try client.content(expected.count, on: stream)
        }
        try send(WebSocketFrame(.close, [0x03, 0xe8]), client, stream)
        expected += WebSocketFrame(.close, [0x03, 0xe8]).bytes(mask: nil)
        // The origin has closed: that is END_STREAM.
        let response = try client.response(on: stream)
        #expect(response.body == expected && response.hasEnded && response.resetCode == nil)
        try client.send(.data(stream, "", .endStream))
        try client.ping()
        #expect(client.goAways.isEmpty)
        let request = try ReceivedHead(origin.received())
        #expect(request["Origin"] == "http://localhost" && request.values("Sec-WebSocket-Key").count == 1 && request["Host"] == "localhost")
        #expect(request.fields.allSatisfy { !$0.lowercased().contains("protocol:websocket") && !$0.hasPrefix(":") })
    }

    @Test func `sockets and requests share a connection`() throws {
        let edge = try Edge(Self.origin())
        let client = try edge.http2(.tls)
        let streams = try (0..<10).map { _ in try open(client) }
        for round in 1...5 {
            for (index, stream) in streams.enumerated() { try send(WebSocketFrame(.text, Array("socket \(index)".utf8)), client, stream) }
            for (index, stream) in streams.enumerated() {
                let one = WebSocketFrame(.text, Array("socket \(index)".utf8)).bytes(mask: nil)
                try client.content(round * one.count, on: stream)
                guard client.response(stream).body == Array((0..<round).map({ _ in one }).joined()) else {
                    throw TestError.invalid("on stream \(stream): \(client.response(stream).text)")
                }
            }
            #expect(try client.get("/plain").text.hasPrefix("no WebSocket"))
        }
    }

    @Test func `RST_STREAM ends the origin's connection`() throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        let client = try edge.http2()
        let stream = try open(client)
        try client.send(.resetStream(stream, .cancel))
        try origin.waitForEndedConnections(1, timeout: 5)
        #expect(try client.get("/plain").status == 200)
    }

    @Test func `END_STREAM is the client's end of the socket`() throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        let client = try edge.http2()
        let stream = try open(client)
        try client.send(.data(stream, "", .endStream))
        // The origin sees the end between two frames, and ends as well.
        try origin.waitForEndedConnections(1)
        #expect(try client.response(on: stream).isOver)
    }

    @Test func `an origin that refuses the socket is heard`() throws {
        let edge = try Edge(.answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
        let client = try edge.http2()
        try client.sendHead(Self.head, on: 1, endsStream: false)
        try client.wait("the answer") { $0.response(1).isOver }
        #expect(client.response(1).status == 403 && client.response(1).text == "no")
        #expect(try client.get().status == 403)
    }

    /// Any 2xx would open the socket (RFC 8441 § 5).
    @Test(arguments: ["/socket", "/here"]) func `an answer that switches nothing opens no socket`(_ path: String) throws {
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml"), server: "location = /here { return 200 here; }")
        let client = try edge.http2()
        let fields = Self.head.fields.map { $0.name == ":path" ? HTTPMessage.Field(name: ":path", value: path) : $0 }
        try client.sendHead(HTTP2Fields(fields), on: 1, endsStream: false)
        try client.wait("the answer") { $0.response(1).isOver }
        #expect(client.response(1).status == 502, "\(client.response(1))")
        #expect(try client.get().text == "html")
    }

    /// RFC 6455 § 4.1: who gets a wrong answer to its key has not reached a WebSocket.
    @Test func `an origin that answers another key is no WebSocket`() throws {
        let edge = try Edge(Self.origin(accept: { _ in webSocketAccept("another") }))
        let client = try edge.http2()
        try client.sendHead(Self.head, on: 1, endsStream: false)
        try client.wait("the answer") { $0.response(1).isOver }
        #expect(client.response(1).status == 502)
    }

    @Test func `a socket's key of the client's own goes no further`() throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        let client = try edge.http2()
        try client.sendHead(Self.head + ["sec-websocket-key": WebSocket.key], on: 1, endsStream: false)
        #expect(try client.head(on: 1)[":status"] == "200")
        #expect(try ReceivedHead(origin.received()).values("Sec-WebSocket-Key").count == 1)
    }
}
