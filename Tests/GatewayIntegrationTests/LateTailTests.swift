import TestSupport
import Testing

/// Responses whose end waits for a slow reader: what comes behind them has its deadlines as ever.
@Suite struct LateTailTests {
    private static let receiveBufferBytes: Int32 = 8 * 1024
    private static let bodyStep = 50_000
    private static let rowCount = 100

    /// Answers with as many bytes of the pattern as the target says.
    private static func origin() throws -> ScriptedOrigin {
        try ScriptedOrigin(keepsReceived: false) { connection, _ in
            while let request = try connection.readNextRequest() {
                let count = Int(request.target.drop { !$0.isNumber }) ?? 0
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
                try connection.sendPattern(count)
            }
        }
    }

    /// Clients with small buffers, each with a larger response than the one before, of which none reads. What the kernel takes is its
    /// own affair: somewhere in the row is the response that is over for its exchange and whose tail still waits in the gateway.
    private func row(_ edge: Edge, _ goOn: (TCPClient) throws -> Void = { _ in }) throws -> [(client: TCPClient, bytes: Int)] {
        let address = edge.gateway.addresses[0]
        let row = try (1...Self.rowCount).map { index in
            let client = try TCPClient(port: address.port, host: address.host, receiveBufferBytes: Self.receiveBufferBytes)
            let bytes = index * Self.bodyStep
            try client.send("GET /\(bytes) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try goOn(client)
            return (client, bytes)
        }
        let count = try finished(edge)
        #expect(count > 0 && count < Self.rowCount, "the row does not span the moment: \(count)")
        return row
    }

    private func readBody(_ client: TCPClient, _ bytes: Int) throws {
        #expect(try client.readHead().status == 200)
        try client.receivePattern(bytes)
    }

    /// How many exchanges are over although nobody reads, once that stands still.
    private func finished(_ edge: Edge) throws -> Int {
        var last = -1.0
        var same = 0
        try eventually("the gateway stands still", timeout: 30) {
            let count = try edge.gateway.metrics().sum("http_requests_total", ["status": "200"])
            same = count == last ? same + 1 : 0
            last = count
            return same == 40
        }
        return Int(last)
    }

    @Test func `behind a tail that had to wait keepalive_timeout holds`() throws {
        let edge = try Edge(Self.origin(), server: "keepalive_timeout 300ms; client_header_timeout 60s; send_timeout 60s;")
        let clients = try row(edge)
        for (client, bytes) in clients { try readBody(client, bytes) }
        for (client, bytes) in clients { #expect(client.isEndedByPeer(timeout: 5), "\(bytes) bytes") }
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    /// The next head begins while the tail waits, or behind it.
    @Test(arguments: [true, false]) func `behind a tail that had to wait client_header_timeout holds`(isEarly: Bool) throws {
        let edge = try Edge(Self.origin(), server: "keepalive_timeout 60s; client_header_timeout 300ms; send_timeout 60s;")
        let clients = try row(edge) { if isEarly { try $0.send("GET / HT") } }
        for (client, bytes) in clients {
            try readBody(client, bytes)
            if !isEarly { try client.send("GET / HT") }
        }
        for (client, bytes) in clients {
            #expect(try client.readResponse(timeout: 5).status == 408, "\(bytes) bytes")
        }
    }

    // MARK: Half-close

    private static let large = 16 << 20

    @Test(arguments: Transport.allCases)
    func `a client that half-closes right behind its request gets a large response whole`(_ transport: Transport) throws {
        let edge = try Edge(Self.origin())
        let client = try edge.connect(transport, receiveBufferBytes: Self.receiveBufferBytes)
        try client.send("GET /\(Self.large) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try client.halfClose()
        _ = try finished(edge)
        #expect(try client.readHead().status == 200)
        try client.receivePattern(Self.large)
        #expect(client.isEndedByPeer())
    }

    /// On a busy machine the half-close may come too late to be taken for one; once in ten it comes in time.
    @Test func `a half-close that is seen while the response waits for its reader leaves it whole`() throws {
        let isBlocked = Signal()
        let piece = [UInt8](repeating: 0x78, count: 64 << 10)
        let edge = try Edge(
            ScriptedOrigin(keepsReceived: false) { connection, _ in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.large)\r\n\r\n")
                var sent = try connection.sendUntilBlocked(piece, quietSeconds: 0.02, bytesMax: Self.large)
                isBlocked.send()
                while sent < Self.large {
                    let next = piece.prefix(Self.large - sent)
                    try connection.send(Array(next))
                    sent += next.count
                }
            })
        var isWhole = false
        for attempt in 1...10 where !isWhole {
            let address = edge.gateway.addresses[0]
            let client = try TCPClient(port: address.port, host: address.host, receiveBufferBytes: Self.receiveBufferBytes)
            try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try isBlocked.wait(attempt)
            try client.halfClose()
            _ = try finished(edge)
            isWhole = (try? client.readResponse().body.count) == Self.large
        }
        #expect(isWhole)
    }
}
