import Glibc
import TestSupport
import Testing

/// The end of an exchange and the end of its body's time in the same round of events.
@Suite struct LateBodyTests {
    @Test func `an answer that comes as client_body_timeout fires is no accident`() throws {
        let mayAnswer = Monitor(false)
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            _ = mayAnswer.wait(until: Deadline(seconds: 60)) { $0 ? true : nil }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
            while !(try connection.receiveSome(until: Deadline(seconds: 30)).isEmpty) {}
        }
        let edge = try Edge(origin, server: "client_body_timeout 1s;")
        let clients = try (0..<40).map { _ in try edge.gateway.connect() }
        for client in clients { try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc") }
        for index in 0..<40 { try origin.waitForReceived("abc", on: index) }
        let quiet = try edge.gateway.connect()
        // Stopped, the gateway finds the answers and the end of the time together.
        try edge.gateway.program.suspend()
        mayAnswer.update { $0 = true }
        #expect(throws: TestError.self) { try quiet.receiveSome(until: Deadline(seconds: 1.3)) }
        edge.gateway.program.send(SIGCONT)
        quiet.close()
        for client in clients {
            let answer = try client.readResponse(to: "POST")
            #expect(answer.status == 200 || answer.status == 408)
            #expect(client.isEndedByPeer())
        }
        #expect(edge.gateway.program.isRunning)
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        #expect(try edge.gateway.metrics().sum("http_requests_total") == 40)
    }

    /// Without a hand that stops it: the answers come spread around the moment.
    @Test func `answers around client_body_timeout are answers or 408`() throws {
        let began = Deadline(seconds: 60)
        let origin = try ScriptedOrigin { connection, index in
            _ = try connection.readHead()
            // From 450 ms to 550 ms behind the head.
            let isOver = connection.isEndedByPeer(timeout: 0.45 + Double(index % 50) * 0.002)
            if isOver { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
            while !(try connection.receiveSome(until: Deadline(seconds: 30)).isEmpty) {}
        }
        let edge = try Edge(origin, server: "client_body_timeout 500ms;")
        for _ in 0..<3 {
            let clients = try (0..<100).map { _ in try edge.gateway.connect() }
            for client in clients { try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n") }
            for client in clients {
                let answer = try client.readResponse(to: "POST")
                #expect(answer.status == 200 || answer.status == 408)
            }
        }
        #expect(!began.hasPassed && edge.gateway.program.isRunning)
        #expect(try edge.gateway.connect().get("/").status == 200)
    }
}
