import TestSupport
import Testing

/// Between an origin that speaks HTTP/2 and a client that reads slowly, one window of a stream is all that waits.
@Suite struct HTTP2OriginSlowReaderTests {
    private static let window = 65_535

    /// Sends 1 MB to each request, as the stream's window allows; `sent` says how much it has.
    private func pouring(_ sent: Monitor<Int>) throws -> ScriptedOrigin {
        try .overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                try connection.sendHead([":status": "200"], on: request.stream)
                let bytes = Pattern.bytes(1 << 20)
                for start in stride(from: 0, to: bytes.count, by: 4096) {
                    try connection.sendData(Array(bytes[start..<(start + 4096)]), on: request.stream)
                    sent.update { $0 += 4096 }
                }
                try connection.send(.data(request.stream, [], .endStream))
            }
        }
    }

    private func edge(_ origin: ScriptedOrigin) throws -> Edge {
        try Edge(
            origin, main: "upstream h2 { server 127.0.0.1:\(origin.port); protocol h2; read_timeout 300ms; }",
            server: "location /h2 { proxy_pass http://h2; }")
    }

    @Test(arguments: Transport.allCases)
    func `an origin sends no more than a window to a client with none, has no read_timeout, and then the rest`(_ transport: Transport)
        throws
    {
        let sent = Monitor(0)
        let edge = try edge(pouring(sent))
        let client = try edge.http2(transport) {
            $0.replenishes = false
            $0.settings = [(HTTP2Setting.initialWindowSize, 0)]
        }
        try client.sendHead(.request("GET", "/h2"), on: 1)
        try client.wait("the head") { $0.response(1).status == 200 }
        _ = sent.wait(until: Deadline()) { $0 >= Self.window / 4096 * 4096 ? true : nil }
        // Longer than read_timeout: the client is slow, not the origin.
        #expect(sent.wait(until: Deadline(seconds: 1)) { $0 > Self.window ? true : nil } == nil)
        #expect(client.response(1).body.isEmpty && !client.response(1).isOver)
        // A window that opens by little lets the rest go on all the same.
        try client.send(.windowUpdate(0, 2 << 20))
        var opened = 0
        for piece in [1, 1000, 30_000, 20_000, 40_000] {
            try client.send(.windowUpdate(1, UInt32(piece)))
            opened += piece
            try client.content(opened, on: 1)
        }
        try client.send(.windowUpdate(1, 2 << 20))
        let response = try client.response(on: 1, timeout: 60)
        #expect(response.body.count == 1 << 20 && Pattern.matches(response.body))
    }
}
