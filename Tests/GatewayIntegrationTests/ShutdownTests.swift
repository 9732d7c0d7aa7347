import Glibc
import TestSupport
import Testing

/// SIGTERM and SIGQUIT: what has arrived is answered, nothing new is taken, and the end comes in time.
@Suite struct ShutdownTests {
    private func conf(_ origin: String, timeout: String = "30s", workers: Int = 1) -> String {
        """
        workers \(workers);
        shutdown_timeout \(timeout);
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        server { listen 127.0.0.1:0; location / { proxy_pass http://\(origin); } location /local { return 200 local; } }
        """
    }

    private func waitForRefusedConnects(_ gateway: Gateway) throws {
        try eventually("a refused connection") {
            do { _ = try gateway.connect() } catch TestError.system { return true }
            return false
        }
    }

    @Test(arguments: [SIGTERM, SIGQUIT, SIGINT])
    func `an idle gateway ends at once, with status 0`(signal: Int32) throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        #expect(try gateway.get("/x").status == 200)
        #expect(try gateway.stop(signal) == .exited(0))
        try gateway.program.stderr.waitForLine(containing: "ended")
        #expect(try gateway.accessLogLines().count == 1)
    }

    @Test func `running requests are answered to their end, with a word that it is the last`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let stream = try RunningStream(gateway.connect())
        let late = try gateway.connect()
        try late.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        try held.origin.waitForReceived("GET /late", on: 1)
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway)
        #expect(gateway.program.isRunning)
        held.release()
        try stream.finish()
        #expect(stream.client.isEndedByPeer())
        let answer = try late.readResponse()
        #expect(answer.text == "late" && answer["Connection"] == "close")
        #expect(late.isEndedByPeer())
        #expect(try gateway.program.waitForExit() == .exited(0))
        let entries = try gateway.accessLog(waitingFor: 2)
        #expect(entries.count == 2 && entries.allSatisfy { $0.number("status") == 200 && $0["error_type"] == nil })
    }

    @Test func `while it drains the admin listener says so`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        #expect(try gateway.admin("/readyz").status == 200)
        let stream = try RunningStream(gateway.connect())
        gateway.program.send(SIGTERM)
        try eventually("/readyz to be 503") { try gateway.admin("/readyz").status == 503 }
        #expect(try gateway.admin("/healthz").status == 200)
        #expect(try gateway.metrics().sum("gateway_connections", ["state": "active"]) == 1)
        held.release()
        try stream.finish()
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `a request is ended after shutdown_timeout, visibly`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, timeout: "300ms"))
        let stream = try RunningStream(gateway.connect())
        #expect(try gateway.stop() == .exited(0))
        #expect(throws: TestError.self) { try stream.client.readChunk() }
        let entry = try gateway.accessLog(waitingFor: 1)[0]
        #expect(entry["error_type"] == "shutting_down" && entry.number("bytes_sent") == 1)
        held.release()
    }

    @Test func `a second signal ends it at once`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, timeout: "1h"))
        let stream = try RunningStream(gateway.connect())
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway)
        #expect(try gateway.stop(SIGTERM) == .exited(0))
        #expect(throws: TestError.self) { try stream.client.readChunk() }
        held.release()
    }

    @Test func `idle connections are closed after a short grace`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let stream = try RunningStream(gateway.connect())
        let used = try gateway.connect()
        #expect(try used.get("/x").status == 200)
        let fresh = try gateway.connect()
        gateway.program.send(SIGTERM)
        #expect(used.isEndedByPeer() && fresh.isEndedByPeer())
        #expect(gateway.program.isRunning)
        held.release()
        try stream.finish()
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `a head that has begun is read to its end and answered`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let client = try gateway.connect()
        try client.send("GET /x HTTP/1.1\r\n")
        try gateway.waitForMetrics("a head that has begun") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway)
        try client.send("Host: a\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 200 && answer["Connection"] == "close")
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test(arguments: [1, 2])
    func `whoever waits in the queue with a request is accepted and answered`(workers: Int) throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, workers: workers))
        #expect(try gateway.get("/local").status == 200)
        // Nobody accepts while all these connect and send; the signal is there before the first is accepted.
        try gateway.program.suspend()
        let clients = try (0..<300).map { _ in
            let client = try gateway.connect()
            try client.send("GET /local HTTP/1.1\r\nHost: a\r\n\r\n")
            return client
        }
        gateway.program.send(SIGTERM)
        gateway.program.send(SIGCONT)
        for client in clients {
            #expect(try client.readResponse().status == 200)
            #expect(client.isEndedByPeer())
        }
        #expect(try gateway.program.waitForExit() == .exited(0))
        #expect(try gateway.accessLogLines().count == 301)
    }

    @Test func `requests that wait in sockets are answered`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let clients = try (0..<50).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.get("/local").status == 200) }
        try gateway.program.suspend()
        for client in clients { try client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n") }
        gateway.program.send(SIGTERM)
        gateway.program.send(SIGCONT)
        // Which of them are answered before the worker hears of the end is its own affair.
        for client in clients {
            #expect(try client.readResponse().status == 200)
            #expect(client.isEndedByPeer())
        }
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `what is pipelined behind the last answer is not begun`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let client = try gateway.connect()
        try client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        try held.origin.waitForReceived("GET /late")
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway)
        held.release()
        #expect(try client.readResponse()["Connection"] == "close")
        #expect(client.isEndedByPeer())
        #expect(!held.origin.received().contains("GET /x"))
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `a reload while it drains changes nothing`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let stream = try RunningStream(gateway.connect())
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway)
        gateway.program.send(SIGHUP)
        gateway.program.send(SIGUSR1)
        #expect(try gateway.admin("/readyz").status == 503)
        held.release()
        try stream.finish()
        #expect(try gateway.program.waitForExit() == .exited(0))
        #expect(!gateway.program.stderr.text.contains("reload"))
    }

    @Test func `workers that a reload took away are part of the end`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, workers: 4))
        let streams = try (0..<12).map { _ in try RunningStream(gateway.connect()) }
        try gateway.reload(conf: conf(held.address, workers: 1))
        #expect(try gateway.get("/x").status == 200)
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway)
        #expect(gateway.program.isRunning)
        held.release()
        for stream in streams {
            try stream.finish()
            #expect(stream.client.isEndedByPeer())
        }
        #expect(try gateway.program.waitForExit() == .exited(0))
        #expect(try gateway.accessLogLines().count == 13)
    }
}
