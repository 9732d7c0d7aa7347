import TestSupport
import Testing

/// What streams of one connection wait for, each by itself: one wait must not hide another, nor lengthen it.
@Suite struct HTTP2WaitTests {
    /// Its answer's end comes when the test says so, the content before it at once.
    private func late(_ content: String, end: String, _ mayEnd: Signal) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while try connection.readNextRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(content)")
                try mayEnd.wait(timeout: 60)
                try connection.send(end)
            }
        }
    }

    @Test(arguments: ["0\r\n\r\n", "0\r\nX-Sum: 7\r\n\r\n"])
    func `an end that waits for a window is not waited for beyond send_timeout`(end: String) throws {
        let mayEnd = Signal()
        let edge = try Edge(late("5\r\nhello\r\n", end: end, mayEnd), server: "send_timeout 300ms;")
        let client = try edge.http2 {
            $0.settings = [(HTTP2Setting.initialWindowSize, 5)]
            $0.replenishes = false
        }
        let stream = try client.request()
        try client.content(5, on: stream)
        mayEnd.send()
        try client.waitForEnd()
        #expect(!client.response(stream).hasEnded)
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    @Test func `client_body_timeout runs again when the answer that had filled the stream was read`() throws {
        let bytes = 200_000
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(bytes, radix: 16))\r\n")
            try connection.sendPattern(bytes)
            try connection.send("\r\n")
            _ = connection.isEndedByPeer(timeout: 60)
        }
        let edge = try Edge(origin, server: "client_body_timeout 2s; send_timeout 5s;")
        let client = try edge.http2 { $0.replenishes = false }
        try client.sendHead(.request("POST", "/", ["content-length": "10"]), on: 1, endsStream: false)
        try client.content(HTTP2FlowControl.initial, on: 1)
        try client.ping()
        try client.send(.windowUpdate(0, 1 << 20), .windowUpdate(1, 1 << 20))
        try client.content(bytes, on: 1)
        try client.wait("the stream's end") { $0.response(1).resetCode != nil }
        #expect(try edge.waitForEnd("body_timeout")["error_type"] == "body_timeout")
        #expect(client.goAways.isEmpty)
    }

    @Test func `each head has its own time, also where one begins as another ends`() throws {
        let edge = try Edge(QuickOrigin("a").origin, server: "client_header_timeout 6s;")
        // A WINDOW_UPDATE of the client's must not stand within a head.
        let client = try edge.http2 { $0.replenishes = false }
        let block = HPACKBlock(.request("GET", "/")).bytes(scheme: "http")
        let cut = block.count / 2
        // All heads together take longer than one may, each a twelfth of that.
        try client.send(.headers(1, Array(block[..<cut]), .endStream))
        for stream in stride(from: UInt32(1), through: 29, by: 2) {
            #expect(throws: TestError.self) { try client.wait("nothing", timeout: 0.5) { $0.ending != nil } }
            let next = HTTP2Frame.headers(stream + 2, Array(block[..<cut]), .endStream)
            try client.send([.continuation(stream, Array(block[cut...])), next])
        }
        try client.wait("the answers") { client in (0..<15).allSatisfy { client.response(UInt32(2 * $0 + 1)).hasEnded } }
        #expect(client.goAways.isEmpty)
        // The last is never ended.
        try client.waitForEnd()
    }

    @Test func `a stream has the times of its own server, whatever others are asked on the connection`() throws {
        let origin = try ScriptedOrigin.telling()
        let gateway = try Gateway(
            conf: """
                workers 1;
                access_log {DIR}/access.log json;
                admin 127.0.0.1:0 { }
                server {
                    listen 127.0.0.1:0; server_name quick;
                    client_body_timeout 1s;
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                }
                server { listen 127.0.0.1:0; server_name slow; client_body_timeout 600s; location / { return 200 slow; } }
                """, values: ["ORIGIN": "\(origin.port)"])
        let client = try HTTP2Client.open(gateway.connect())
        try client.sendHead(.request("POST", "/", authority: "quick", ["content-length": "10"]), on: 1, endsStream: false)
        #expect(try client.exchange(.request("GET", "/", authority: "slow")).text == "slow")
        try client.send(.data(1, "half"))
        try client.wait("the stream's end") { $0.response(1).isOver }
        #expect(try gateway.accessLog(waitingFor: 2).contains { $0["error_type"] == "body_timeout" })
    }

    @Test func `content behind an answer that waits to be read gives its window back`() throws {
        let edge = try Edge(QuickOrigin("a").origin, server: "location /here { return 200 here; }")
        let client = try edge.http2 { $0.settings = [(HTTP2Setting.initialWindowSize, 0)] }
        for _ in 0..<40 {
            let stream = client.nextStream
            try client.sendHead(.request("POST", "/here"), on: stream, endsStream: false)
            #expect(try client.head(on: stream)[":status"] == "200")
            for _ in 0..<3 { try client.send(.data(stream, [UInt8](repeating: 1, count: 16_384))) }
            try client.wait("the connection's window") { $0.flow.send > 100_000 }
        }
        #expect(client.goAways.isEmpty)
    }
}
