import Foundation
import TestSupport
import Testing

/// What is bounded, and what is given back: connections, descriptors, memory.
@Suite struct ResourceTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    /// Hundreds of connections are made before the first of them says anything: on a slow machine that takes longer than the default of 10 s.
    private static let timeouts = "client_header_timeout 10m; keepalive_timeout 10m;"

    @Test(arguments: Transport.allCases) func `thousands of connections leave nothing behind`(_ transport: Transport) throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        let edge = try Edge(origin, server: Self.timeouts)
        func round(_ count: Int) throws {
            let clients = try (0..<count).map { _ in try edge.connect(transport) }
            for client in clients { try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            for client in clients { #expect(try client.readResponse().text == "ok") }
            for client in clients { client.close() }
            try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        }
        // What the gateway keeps for reuse is there after the first rounds.
        for _ in 0..<2 { try round(250) }
        let resident = try edge.figures.residentBytes()
        for _ in 0..<8 { try round(250) }
        #expect(try edge.figures.residentBytes() < resident + 8 << 20)
        try eventually("the files of the connections are closed") {
            let metrics = try edge.gateway.metrics()
            // Idle connections to the origin may stay for keepalive_timeout.
            let idle = Int(metrics.sum("gateway_upstream_connections"))
            return try edge.figures.openFiles() - idle < 30
        }
        #expect(try edge.gateway.metrics().sum("http_requests_total", ["status": "200"]) == 2_500)
    }

    @Test(SanitizerReports.memoryIsMeasured, arguments: Transport.allCases)
    func `idle connections take little memory`(_ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: Self.timeouts)
        func open(_ count: Int) throws -> [any ByteStream] {
            let clients = try (0..<count).map { _ in try edge.connect(transport) }
            for client in clients { #expect(try client.get("/").text == "ok") }
            return clients
        }
        let first = try open(20)
        let resident = try edge.figures.residentBytes()
        let clients = try open(500)
        let each = try (edge.figures.residentBytes() - resident) / clients.count
        // No buffers of 16 KB and more; what libssl keeps of a connection is most of it.
        #expect(each < (transport == .plain ? 8 << 10 : 48 << 10), "\(each) bytes")
        for client in first + clients { #expect(try client.get("/").text == "ok") }
    }

    @Test(SanitizerReports.memoryIsMeasured) func `heads that come in drops take little memory`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), server: Self.timeouts)
        func begin(_ count: Int, of all: Int) throws -> [TCPClient] {
            let clients = try (0..<count).map { _ in try edge.gateway.connect() }
            for piece in ["GET / HTTP/1.1\r\nHo", "st: localhost\r\nX: "] {
                for client in clients { try client.send(piece) }
                try edge.gateway.waitForMetrics("heads that have begun") {
                    $0.sum("gateway_connections", ["state": "active"]) == Double(all)
                }
            }
            return clients
        }
        let first = try begin(20, of: 20)
        let resident = try edge.figures.residentBytes()
        let clients = try begin(500, of: 520)
        // Not the buffer that the next bytes are read into.
        let each = try (edge.figures.residentBytes() - resident) / clients.count
        #expect(each < 5 << 10, "\(each) bytes")
        for client in first + clients {
            try client.send("x\r\n\r\n")
            #expect(try client.readResponse().text == "ok")
        }
    }

    @Test func `connections that say nothing leave nothing behind`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let before = try edge.figures.openFiles()
        for _ in 0..<10 {
            let clients = try (0..<200).map { index in try edge.gateway.connect(index % 2) }
            for (index, client) in clients.enumerated() { if index % 3 == 0 { client.reset() } else { client.close() } }
        }
        try edge.gateway.waitForMetrics("all ended") {
            $0["gateway_connections_accepted_total"] ?? 0 >= 1_000 && $0.sum("gateway_connections") == 0
        }
        try eventually("as many files as before") { try edge.figures.openFiles() <= before + 1 }
        #expect(try edge.gateway.get("/").text == "ok")
    }
}
