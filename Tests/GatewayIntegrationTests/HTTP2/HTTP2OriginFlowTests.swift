import TestSupport
import Testing

/// Slow clients, slow origins, and the time they have, where many share a connection.
@Suite struct HTTP2OriginFlowTests {
    private func proxied(_ origin: ScriptedOrigin, _ upstream: String = "") throws -> ProxiedOrigin {
        try ProxiedOrigin(origin, main: "client_max_body_size 0;", upstream: "protocol h2; \(upstream)")
    }

    @Test func `clients that read nothing hold up their own streams, and no others`() throws {
        // More of them than the connection's window of 1 MB would hold, if each held its stream's 64 KB of it.
        let slowCount = 30
        let sent = Monitor<[UInt32: Int]>([:])
        let areStopped = Signal()
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            var streams: [UInt32] = []
            for _ in 0..<slowCount {
                guard let request = try connection.nextRequest() else { return }
                try connection.sendHead([":status": "200"], on: request.stream)
                streams.append(request.stream)
            }
            let piece = [UInt8](repeating: 0x61, count: 8192)
            // Until every one is stopped by its own window: the quick one is answered meanwhile.
            while true {
                var quick: HTTP2ServerConnection.Request?
                if streams.allSatisfy({ connection.flow.sendWindow(of: $0) < piece.count }) { areStopped.send() }
                for stream in streams where connection.flow.sendWindow(of: stream) >= piece.count {
                    try connection.wait("the connection's window") { $0.flow.send >= piece.count }
                    try connection.send(.data(stream, piece))
                    sent.update { $0[stream, default: 0] += piece.count }
                }
                do { quick = try connection.nextRequest(timeout: 0.2) } catch TestError.timedOut {}
                if connection.hasEnded { return }
                if let quick { try connection.respond(to: quick.stream, body: Pattern.bytes(200_000)) }
            }
        }
        let gateway = try proxied(origin).gateway
        let slow = try (0..<slowCount).map { _ in try TCPClient(port: gateway.port, receiveBufferBytes: 4096) }
        for client in slow { try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n") }
        try areStopped.wait(timeout: 60)
        #expect(try gateway.connect().request("GET", "/quick", timeout: 30).body == Pattern.bytes(200_000))
        #expect(sent.value.values.allSatisfy { $0 < 2_000_000 })
        #expect(origin.connectionCount == 1 && origin.errors.isEmpty)
    }

    @Test(arguments: [65_535, 1 << 20, 16 << 20]) func `uploads of any size pass, whatever the origin's windows`(window: Int) throws {
        let arrived = Monitor(0)
        let settings = [(id: HTTP2Setting.initialWindowSize, value: UInt32(window))]
        let origin = try ScriptedOrigin.overHTTP2({ $0.settings = settings }) { connection, _ in
            try connection.send(.windowUpdate(0, 16 << 20))
            while let request = try connection.nextHead() {
                arrived.update { $0 += 1 }
                try connection.wait("the content", timeout: 30) { $0.request(request.stream).isOver || $0.hasEnded }
                try connection.respond(to: request.stream, text: "\(connection.request(request.stream).body.count)")
            }
        }
        let proxied = try proxied(origin)
        for (index, count) in [65_535, 65_536, 65_537, 70_000, 140_000, 5_000_000].enumerated() {
            let client = try proxied.gateway.connect()
            // The head goes alone, so that the content comes in whole reads behind it.
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
            try eventually("the head at the origin") { arrived.value == index + 1 }
            try client.send([UInt8](repeating: 0x61, count: count))
            #expect(try client.readResponse().text == "\(count)")
        }
        #expect(origin.errors.isEmpty)
    }

    @Test func `an origin that takes no content holds up its client, until send_timeout`() throws {
        let origin = try ScriptedOrigin.overHTTP2({ $0.replenishes = false }) { connection, _ in
            while let request = try connection.nextHead() {
                if request.path == "/quick" { try connection.respond(to: request.stream, text: "quick") }
            }
        }
        let proxied = try proxied(origin, "send_timeout \(Deadline.sendTimeoutMs)ms; retry attempts=1;")
        let client = try proxied.gateway.connect()
        let head = "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
        try client.send(head)
        let sent = try client.sendUntilBlocked([UInt8](repeating: 0x62, count: 65_536), bytesMax: 50_000_000)
        #expect(sent < 20_000_000)
        #expect(try proxied.gateway.get("/quick").text == "quick")
        let answer = try client.readResponse()
        #expect(answer.status == 504 && answer.text.contains("send_timeout"))
        #expect(origin.connectionCount == 1)
    }

    @Test func `read_timeout is each stream's own`() throws {
        let code = Monitor<UInt32?>(nil)
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            guard let silent = try connection.nextRequest() else { return }
            try connection.wait("RST_STREAM") { $0.request(silent.stream).resetCode != nil }
            code.update { $0 = connection.request(silent.stream).resetCode }
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "ok") }
        }
        let gateway = try proxied(origin, "read_timeout 300ms; retry attempts=1;").gateway
        let answer = try gateway.get("/silent")
        #expect(answer.status == 504 && answer.text.contains("upstream_read_timeout"))
        #expect(try gateway.get("/").text == "ok")
        #expect(code.value == HTTP2Code.cancel.rawValue && origin.connectionCount == 1)
    }

    @Test func `an answer that comes piece by piece has read_timeout for each, whatever send_timeout says`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                try connection.sendHead([":status": "200"], on: request.stream)
                for _ in 0..<8 {
                    // Longer in all than either timeout.
                    try? connection.wait("nothing", timeout: 0.3) { _ in false }
                    try connection.sendData(Array("x".utf8), on: request.stream)
                }
                try connection.sendData([], on: request.stream, endsStream: true)
            }
        }
        let gateway = try proxied(origin, "read_timeout 2s; send_timeout 500ms;").gateway
        #expect(try gateway.connect().request("POST", "/", body: [1, 2, 3]).text == "xxxxxxxx")
    }

    @Test func `content goes both ways at the same time`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            guard let request = try connection.nextHead() else { return }
            try connection.sendHead([":status": "200"], on: request.stream)
            for round in 1...3 {
                try connection.wait("piece \(round)") { $0.request(request.stream).body.count >= round }
                try connection.sendData(Array("\(round)".utf8), on: request.stream)
            }
            try connection.wait("the end") { $0.request(request.stream).hasEnded }
            try connection.sendData([], on: request.stream, endsStream: true)
            try connection.waitForEnd()
        }
        let gateway = try proxied(origin).gateway
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try client.readHead().status == 200)
        for round in 1...3 {
            try client.send("1\r\nx\r\n")
            #expect(try client.readChunk() == Array("\(round)".utf8))
        }
        try client.send("0\r\n\r\n")
        #expect(try client.readChunk() == nil)
    }
}
