import Glibc
import TestSupport
import Testing

/// A request behind a response that had not announced the end of its connection is answered too, as the last.
@Suite struct PipelinedDrainTests {
    private func waitForRefusedConnects(_ gateway: Gateway, _ listener: Int) throws {
        try eventually("a refused connection") {
            do { _ = try gateway.connect(listener) } catch TestError.system { return true }
            return false
        }
    }

    private func expectLast(_ client: any ByteStream, _ text: String) throws {
        let answer = try client.readResponse()
        #expect(answer.status == 200 && answer.text == text && answer["Connection"] == "close")
        #expect(client.isEndedByPeer())
    }

    private func conf(_ held: HeldOrigin, second: Bool = true) -> String {
        let server = "location / { proxy_pass http://\(held.address); }"
        return """
            workers 1;
            access_log {DIR}/access.log json;
            admin 127.0.0.1:0 { }
            server { listen 127.0.0.1:0; \(server) }
            \(second ? "server { listen 127.0.0.2:0; \(server) }" : "")
            """
    }

    @Test func `SIGTERM in the first of two pipelined requests: the second is answered`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held))
        let stream = try RunningStream(gateway.connect())
        #expect(stream.head["Connection"] != "close")
        try stream.client.send("GET /second HTTP/1.1\r\nHost: localhost\r\n\r\nGET /third HTTP/1.1\r\nHost: localhost\r\n\r\n")
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway, 0)
        held.release()
        try stream.finish()
        try expectLast(stream.client, "/second")
        #expect(try gateway.program.waitForExit() == .exited(0))
        #expect(try gateway.accessLogLines().count == 2)
    }

    @Test func `SIGTERM in a response: a request that is sent at its end is answered`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held))
        let streams = try (0..<10).map { _ in try RunningStream(gateway.connect()) }
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway, 0)
        for stream in streams { try stream.client.send("GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        held.release()
        for stream in streams {
            try stream.finish()
            try expectLast(stream.client, "/second")
        }
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `SIGTERM in a response behind which nothing comes: the connection ends`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held))
        let stream = try RunningStream(gateway.connect())
        gateway.program.send(SIGTERM)
        try waitForRefusedConnects(gateway, 0)
        held.release()
        try stream.finish()
        #expect(stream.client.isEndedByPeer())
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test(arguments: [true, false])
    func `a listener removed in the first of two pipelined requests: the second is answered`(isSentBefore: Bool) throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held))
        let stream = try RunningStream(gateway.connect(1))
        let second = "GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
        if isSentBefore { try stream.client.send(second) }
        #expect(try gateway.reload(conf: conf(held, second: false)).contains("reloaded"))
        try waitForRefusedConnects(gateway, 1)
        if !isSentBefore { try stream.client.send(second) }
        held.release()
        try stream.finish()
        try expectLast(stream.client, "/second")
        #expect(try gateway.get("/here").text == "/here")
        try gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }
}
