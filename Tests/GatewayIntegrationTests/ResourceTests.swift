import Foundation
import TestSupport
import Testing

/// What is bounded, and what is given back: connections, descriptors, memory.
@Suite struct ResourceTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test func `at worker_connections those that are open go on, and the next waits for a place`() throws {
        let gateway = try Gateway(
            conf: """
                workers 1;
                worker_connections 4;
                access_log off;
                admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                server { listen 127.0.0.1:0; return 200 ok; }
                """)
        let clients = try (0..<4).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.get("/").text == "ok") }
        let waiting = try gateway.connect()
        try waiting.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for client in clients { #expect(try client.get("/").text == "ok") }
        #expect(throws: TestError.self) { try waiting.receiveSome(until: Deadline(seconds: 0.3)) }
        #expect(try gateway.metrics()["gateway_connections_accepted_total"] == 4)
        let cpu = try ProcessFigures(gateway.program).cpuSeconds()
        #expect(throws: TestError.self) { try waiting.receiveSome(until: Deadline(seconds: 1)) }
        #expect(try ProcessFigures(gateway.program).cpuSeconds() - cpu < 0.3)
        clients[0].close()
        #expect(try waiting.readResponse().text == "ok")
        for client in clients.dropFirst() { #expect(try client.get("/").text == "ok") }
    }

    /// A gateway that may open 64 files, started by a shell that says so.
    private struct Confined {
        let directory: TemporaryDirectory
        let program: Program
        let port: UInt16

        init() throws {
            directory = try TemporaryDirectory()
            let conf = "workers 1; error_log stderr info; access_log off; server { listen 127.0.0.1:0; return 200 ok; }"
            let file = try directory.write(conf, to: "gateway.conf")
            program = try Program("/bin/sh", ["-c", "ulimit -n 64; exec \"$0\" -c \"$1\"", try Program.find("gateway"), file])
            let line = try program.stderr.waitForLine(containing: "listening address=127.0.0.1:", timeout: 20)
            let digits = line.components(separatedBy: "address=127.0.0.1:").last?.prefix(while: \.isNumber)
            guard let port = UInt16(digits ?? "") else { throw TestError.invalid("no port in: \(line)") }
            self.port = port
        }
    }

    @Test func `without free descriptors the gateway waits, does not spin, and recovers`() throws {
        let confined = try Confined()
        let clients = try (0..<100).map { _ in try TCPClient(port: confined.port) }
        try confined.program.stderr.waitForLine(containing: "cannot accept connections")
        let figures = ProcessFigures(confined.program)
        let cpu = try figures.cpuSeconds()
        let last = clients[99]
        try last.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(throws: TestError.self) { try last.receiveSome(until: Deadline(seconds: 2)) }
        #expect(try figures.cpuSeconds() - cpu < 0.6)
        #expect(try clients[0].get("/").text == "ok")
        for client in clients.dropLast() { client.close() }
        #expect(try last.readResponse().text == "ok")
        #expect(try TCPClient(port: confined.port).get("/").text == "ok")
    }

    @Test(arguments: Transport.allCases) func `thousands of connections leave nothing behind`(_ transport: Transport) throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        let edge = try Edge(origin)
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

    @Test(arguments: Transport.allCases) func `idle connections take little memory`(_ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
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
