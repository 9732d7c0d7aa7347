import TestSupport
import Testing

/// Origins that fall silent on a connection that many share.
@Suite struct HTTP2OriginSilenceTests {
    private func proxied(_ origin: ScriptedOrigin, _ upstream: String = "") throws -> ProxiedOrigin {
        try ProxiedOrigin(origin, main: "client_max_body_size 0;", upstream: "protocol h2; \(upstream)")
    }

    /// The origin's pause is longer than what the upload leaves of the time that runs from its beginning. Each pause is a quarter of that
    /// time or less: a stall of the machine is not taken for a silence.
    @Test func `read_timeout runs from the end of the request`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                try? connection.wait("nothing", timeout: 2.5) { _ in false }
                try connection.respond(to: request.stream, text: "\(request.body.count)")
            }
        }
        let gateway = try proxied(origin, "read_timeout 10s; send_timeout 10s;").gateway
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        for piece in 0..<10 {
            if piece > 0 { #expect(throws: TestError.self) { try client.receive(1, timeout: 1) } }
            try client.send("x")
        }
        #expect(try client.readResponse().text == "10")
    }

    @Test func `a connection that is asked whether it lives takes no requests, and without an answer its own fail`() throws {
        let pings = Monitor(0)
        let origin = try ScriptedOrigin.overHTTP2({ $0.answersPings = false }) { connection, index in
            if index == 0 {
                guard let request = try connection.nextRequest() else { return }
                try connection.sendHead([":status": "200"], on: request.stream)
                try connection.sendData(Array("half".utf8), on: request.stream)
                try connection.wait("PING", timeout: 60) { $0.pings == 1 }
                pings.update { $0 = connection.pings }
                if let other = try connection.nextRequest() { throw TestError.invalid("a request on a dead connection: \(other)") }
                return
            }
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "on \(index)") }
        }
        let gateway = try proxied(origin).gateway
        let silent = try gateway.connect()
        try silent.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try silent.readHead().status == 200)
        try eventually("a PING", timeout: 60) { pings.value == 1 }
        #expect(try gateway.connect().request("POST", "/", body: [1]).text == "on 1")
        #expect(try silent.readChunk(timeout: 5) == Array("half".utf8))
        #expect(throws: TestError.self) { try silent.readChunk(timeout: 60) }
        try origin.waitForEndedConnections(1)
        #expect(origin.errors.isEmpty)
    }

    @Test func `a connection whose origin reads nothing is left when it carries nothing, and ends at send_timeout`() throws {
        let mayEnd = Signal()
        let settings = [(id: HTTP2Setting.initialWindowSize, value: UInt32(64 << 20))]
        let origin = try ScriptedOrigin.overHTTP2({ $0.settings = settings }) { connection, index in
            if index == 0 {
                try connection.send(.windowUpdate(0, 64 << 20))
                _ = try connection.nextHead()
                return try mayEnd.wait(timeout: 120)
            }
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "on \(index)") }
        }
        let gateway = try proxied(origin, "send_timeout 5s; keepalive_timeout 60s;").gateway
        func connections(_ state: String) throws -> Double { try gateway.metrics().sum("gateway_upstream_connections", ["state": state]) }
        // The kernel may take what waited after all, and then the connection is idle: the next time it has less room.
        for _ in 0..<10 where try connections("active") == 0 {
            let client = try gateway.connect()
            try client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
            _ = try client.sendUntilBlocked([UInt8](repeating: 0x62, count: 65_536), bytesMax: 50_000_000)
            client.reset()
            try gateway.waitForMetrics("the client's end") { $0.sum("gateway_connections") == 0 }
        }
        #expect(try connections("active") == 1)
        #expect(try gateway.get("/").text == "on 1")
        try gateway.waitForMetrics("the end of the first connection") {
            $0.sum("gateway_upstream_connections", ["state": "active"]) == 0
        }
        mayEnd.send()
    }
}
