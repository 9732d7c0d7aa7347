import Foundation
import TestSupport
import Testing

/// WebSocket (RFC 6455) through the gateway, which does not know its frames and must not harm them.
@Suite struct WebSocketTests {
    private static let isLong = ProcessInfo.processInfo.environment["GATEWAY_LONG_TESTS"] == "1"

    @Test(arguments: Transport.allCases)
    func `frames of every kind and size come back whole`(transport: Transport) throws {
        let edge = try Edge(WebSocket.echoOrigin())
        let socket = try WebSocket(edge.connect(transport))
        for byteCount in [0, 1, 125, 126, 127, 65535, 65536, 300_000] {
            let payload = Pattern.bytes(byteCount)
            try socket.send(.binary, payload)
            #expect(try socket.receive() == WebSocketFrame(.binary, payload))
        }
        try socket.send(.text, Array("grüße".utf8))
        #expect(try socket.receive() == WebSocketFrame(.text, Array("grüße".utf8)))
        try socket.close()
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 101 && entry["error_type"] == nil)
        #expect(edge.origin.errors.isEmpty)
    }

    @Test(arguments: Transport.allCases)
    func `a fragmented message keeps its frames, with a ping between them`(transport: Transport) throws {
        let edge = try Edge(WebSocket.echoOrigin())
        let socket = try WebSocket(edge.connect(transport))
        try socket.send(.text, Array("one ".utf8), isFinal: false)
        try socket.send(.ping, Array("are you there".utf8))
        try socket.send(.continuation, Array("two ".utf8), isFinal: false)
        try socket.send(.continuation, Array("three".utf8))
        #expect(try socket.receive() == WebSocketFrame(.text, Array("one ".utf8), isFinal: false))
        #expect(try socket.receive() == WebSocketFrame(.pong, Array("are you there".utf8)))
        #expect(try socket.receive() == WebSocketFrame(.continuation, Array("two ".utf8), isFinal: false))
        #expect(try socket.receive() == WebSocketFrame(.continuation, Array("three".utf8)))
        try socket.close()
    }

    @Test func `the fields of the handshake pass unchanged`() throws {
        let edge = try Edge(WebSocket.echoOrigin())
        let socket = try WebSocket(edge.connect(.plain))
        #expect(socket.head["Sec-WebSocket-Accept"] == WebSocket.accept && socket.head["Sec-WebSocket-Protocol"] == "chat")
        let request = try ReceivedHead(edge.origin.received())
        #expect(request["Sec-WebSocket-Key"] == WebSocket.key && request["Sec-WebSocket-Version"] == "13")
        #expect(request["Connection"] == "Upgrade" && request["Upgrade"] == "websocket")
        try socket.close()
    }

    @Test(arguments: Transport.allCases)
    func `frames that come byte by byte are frames`(transport: Transport) throws {
        let edge = try Edge(WebSocket.echoOrigin())
        let socket = try WebSocket(edge.connect(transport))
        try socket.stream.sendBytewise(WebSocketFrame(.text, Array("slowly".utf8)).bytes(mask: 0x0102_0304))
        #expect(try socket.receive() == WebSocketFrame(.text, Array("slowly".utf8)))
        try socket.close()
    }

    @Test func `a close that the server begins is answered, and both ends see the end`() throws {
        let edge = try Edge(
            WebSocket.origin { socket in
                try socket.send(.close, [0x03, 0xe8])
                guard try socket.receive().kind == .close, try socket.stream.receiveToEnd().isEmpty else {
                    throw TestError.invalid("not a close")
                }
            })
        let socket = try WebSocket(edge.connect(.plain))
        #expect(try socket.receive() == WebSocketFrame(.close, [0x03, 0xe8]))
        try socket.send(.close, [0x03, 0xe8])
        try socket.stream.halfClose()
        #expect(try socket.stream.receiveToEnd().isEmpty)
        try edge.origin.waitForEndedConnections(1)
        #expect(edge.origin.errors.isEmpty)
    }

    /// GATEWAY_LONG_TESTS=1 sends what the promise says: 10,000 messages over each of 1,000 connections.
    @Test func `1,000 connections lose nothing and reorder nothing`() throws {
        let connectionCount = 1000
        let messageCount = Self.isLong ? 10_000 : 10
        let edge = try Edge(WebSocket.echoOrigin(keepsReceived: false), main: "worker_connections 8192;", workers: 2)
        let addresses = [edge.address(.plain), edge.address(.tls)]
        let opened = Signal()
        let threads = (0..<4).map { thread in
            Background {
                // Every tenth is over TLS.
                let sockets = try (0..<connectionCount / 4).map { try WebSocket(addresses[$0 % 10 == 0 ? 1 : 0].connect()) }
                opened.send()
                try opened.wait(4, timeout: 120)
                for index in 0..<messageCount {
                    for (number, socket) in sockets.enumerated() { try socket.sendMessage(index, of: thread * 1000 + number) }
                    for (number, socket) in sockets.enumerated() { try socket.receiveMessage(index, of: thread * 1000 + number) }
                }
                for socket in sockets { try socket.close() }
            }
        }
        for thread in threads { try thread.value(timeout: Self.isLong ? 3600 : 180) }
        try edge.gateway.waitForMetrics("the end of 1,000 tunnels") {
            $0.sum("http_requests_total", ["status": "101"]) == Double(connectionCount)
                && $0.sum("gateway_upstream_connections") == 0
        }
        try edge.origin.waitForEndedConnections(connectionCount, timeout: 30)
        #expect(edge.origin.errors.isEmpty)
        let entries = try edge.gateway.accessLog(waitingFor: connectionCount)
        #expect(entries.allSatisfy { $0.number("status") == 101 && $0["error_type"] == nil })
        // A client's frames are longer than the server's by the mask, and nothing else.
        let frameCount = connectionCount * ((0..<messageCount).reduce(1) { $0 + ($1 % 3 == 2 ? 3 : 2) })
        let received = entries.reduce(0) { $0 + ($1.number("bytes_received") ?? 0) }
        let sent = entries.reduce(0) { $0 + ($1.number("bytes_sent") ?? 0) }
        #expect(received - sent == Double(4 * frameCount))
    }
}
