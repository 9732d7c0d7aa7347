import Glibc
import TestSupport
import Testing

/// Streams and connections that end before their time: by the client, by the origin, by the operator.
@Suite struct HTTP2EndTests {
    /// "/held" begins an answer and waits for the client's end, which it tells.
    private static func heldOrigin(_ reached: Signal, answersFirst: Bool) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            let head = try connection.readHead()
            if head.target != "/held" {
                try connection.send(ScriptedOrigin.message("ok"))
                _ = connection.isEndedByPeer(timeout: 60)
                return
            }
            if answersFirst { try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n") }
            reached.send()
            if !connection.isEndedByPeer(timeout: 30) { throw TestError.invalid("the call goes on without its client") }
        }
    }

    // MARK: By the client

    @Test(arguments: Transport.allCases, [false, true]) func `RST_STREAM ends the origin's call at once, and no other`(
        _ transport: Transport, answersFirst: Bool
    ) throws {
        let reached = Signal()
        let origin = try Self.heldOrigin(reached, answersFirst: answersFirst)
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        #expect(try client.get("/a").text == "ok")
        let stream = try client.request(.request("GET", "/held"))
        try reached.wait()
        if answersFirst { try client.content(5, on: stream) }
        try client.send(.resetStream(stream, .cancel))
        try origin.waitForEndedConnections(1, timeout: 5)
        #expect(try client.get("/b").text == "ok")
        #expect(client.response(stream).resetCode == nil && client.goAways.isEmpty && origin.errors == [])
        let entry = try edge.gateway.accessLog(waitingFor: 3).first { $0["error_type"] != nil }
        #expect(entry?["error_type"] == "client_closed")
    }

    @Test func `a request that is taken back with its head reaches no origin`() throws {
        let edge = try Edge(ScriptedOrigin.telling())
        let client = try edge.http2()
        #expect(try client.get("/first").status == 200)
        let head = HPACKBlock(.request("GET", "/taken-back")).bytes(scheme: "http")
        let numbers = (0..<50).map { 3 + 2 * UInt32($0) }
        try client.send(numbers.flatMap { [.headers($0, head, [.endHeaders, .endStream]), .resetStream($0, .cancel)] })
        #expect(try client.get("/last").status == 200)
        let taken = try edge.gateway.accessLog(waitingFor: 52).filter { $0["error_type"] == "client_closed" }
        #expect(taken.count == 50 && taken.allSatisfy { $0.number("status") == 499 })
        #expect(edge.origin.connectionCount == 1 && !edge.origin.received().contains("taken-back"))
        #expect(client.goAways.isEmpty)
    }

    @Test func `RST_STREAM within an upload ends the origin's call`() throws {
        let reached = Signal()
        let origin = try Self.heldOrigin(reached, answersFirst: false)
        let edge = try Edge(origin)
        let client = try edge.http2()
        try client.sendHead(.request("POST", "/held", ["content-length": "100"]), on: 1, endsStream: false)
        try reached.wait()
        try client.send(.data(1, "abc"), .resetStream(1, .cancel))
        try origin.waitForEndedConnections(1, timeout: 5)
        #expect(try client.get("/b").text == "ok")
    }

    @Test(arguments: Transport.allCases) func `a connection that breaks off ends all its calls`(_ transport: Transport) throws {
        let reached = Signal()
        let origin = try Self.heldOrigin(reached, answersFirst: true)
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        for _ in 0..<20 { _ = try client.request(.request("GET", "/held")) }
        try reached.wait(20)
        client.connection.breakOff()
        try origin.waitForEndedConnections(20)
        #expect(origin.errors == [])
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    // MARK: By the origin

    @Test(arguments: Transport.allCases) func `an answer that breaks off resets its stream, and no other`(_ transport: Transport) throws {
        let isRead = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            let head = try connection.readHead()
            if head.target == "/broken" {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much")
                try isRead.wait()
            } else {
                try connection.send(ScriptedOrigin.message("ok"))
                _ = connection.isEndedByPeer(timeout: 60)
            }
        }
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        let stream = try client.request(.request("GET", "/broken"))
        try client.content(12, on: stream)
        isRead.send()
        let broken = try client.response(on: stream)
        #expect(broken.status == 200 && !broken.hasEnded && broken.resetCode == HTTP2Code.internalError.rawValue, "\(broken)")
        #expect(try client.get("/a").text == "ok")
        #expect(client.goAways.isEmpty)
    }

    @Test func `an origin that nobody answers for is a 502 on its stream`() throws {
        let edge = try Edge(ScriptedOrigin { connection, _ in connection.reset() })
        let client = try edge.http2()
        for _ in 0..<3 {
            let response = try client.exchange(.request("POST", "/"), body: [1, 2, 3])
            #expect(response.status == 502 && response["content-type"] == "application/problem+json" && response.hasEnded)
        }
        #expect(client.goAways.isEmpty)
    }

    // MARK: By the operator

    private func conf(_ origin: String, extra: String = "") -> String {
        """
        workers 1;
        shutdown_timeout 30s;
        access_log off;
        admin 127.0.0.1:0 { }
        server { listen 127.0.0.1:0; location / { proxy_pass http://\(origin); } }
        \(extra)
        """
    }

    /// First that no new streams are wanted, then which was the last (RFC 9113 § 6.8).
    private func expectGentleEnd(of client: HTTP2Client, _ stream: UInt32, release: () -> Void) throws {
        try client.wait("GOAWAY") { !$0.goAways.isEmpty }
        #expect(client.goAways.first?.last == 0x7fff_ffff && client.goAways.first?.code == 0)
        #expect(client.ending == nil && client.response(stream).isOver == false)
        release()
        #expect(try client.response(on: stream).text.isEmpty == false)
        try client.waitForEnd()
        #expect(client.goAways.count == 2 && client.goAways.last?.code == 0, "\(client.summary)")
        #expect(client.goAways.last?.last == client.lastStream)
    }

    @Test func `SIGTERM says goodbye in two steps, and finishes what has begun`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let client = try HTTP2Client.open(gateway.connect())
        let stream = try client.request(.request("GET", "/late"))
        try held.origin.waitForConnections(1)
        gateway.program.send(SIGTERM)
        try expectGentleEnd(of: client, stream) { held.release() }
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `a request that was on its way when SIGTERM came is answered`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let client = try HTTP2Client.open(gateway.connect())
        let stream = try client.request(.request("GET", "/late"))
        try held.origin.waitForConnections(1)
        gateway.program.send(SIGTERM)
        // The client sends before it has read the first GOAWAY.
        let crossing = try client.request(.request("GET", "/crossing"))
        try client.wait("GOAWAY") { !$0.goAways.isEmpty }
        let response = try client.response(on: crossing)
        #expect(response.text == "/crossing")
        held.release()
        #expect(try client.response(on: stream).text == "late")
        try client.waitForEnd()
        #expect(client.goAways.last?.last == crossing)
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `a connection that begins after SIGTERM is told of its end`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let first = try HTTP2Client.open(gateway.connect())
        _ = try first.request(.request("GET", "/late"))
        let late = try gateway.connect()
        try gateway.waitForMetrics("two clients") { $0.sum("gateway_connections") == 2 }
        gateway.program.send(SIGTERM)
        try first.wait("GOAWAY") { !$0.goAways.isEmpty }
        let client = try HTTP2Client.open(late)
        let stream = try client.request(.request("GET", "/late"))
        try client.wait("the final GOAWAY") { $0.goAways.count == 2 }
        #expect(client.goAways.last?.last == stream)
        held.release()
        #expect(try client.response(on: stream).text == "late")
        try client.waitForEnd()
    }

    @Test func `an idle connection ends at once on SIGTERM, with GOAWAY`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let client = try HTTP2Client.open(gateway.connect())
        #expect(try client.get("/x").text == "/x")
        gateway.program.send(SIGTERM)
        try client.waitForEnd()
        #expect(client.goAways.last?.code == 0 && client.goAways.last?.last == 1)
        #expect(try gateway.program.waitForExit() == .exited(0))
    }

    @Test func `a reload that removes the listener says goodbye in two steps`() throws {
        let held = try HeldOrigin()
        let removed = "server { listen 127.0.0.2:0; location / { proxy_pass http://\(held.address); } }"
        let gateway = try Gateway(conf: conf(held.address, extra: removed))
        let client = try HTTP2Client.open(gateway.connect(1))
        let stays = try HTTP2Client.open(gateway.connect(0))
        let stream = try client.request(.request("GET", "/late"))
        try held.origin.waitForConnections(1)
        try gateway.reload(conf: conf(held.address))
        try expectGentleEnd(of: client, stream) { held.release() }
        #expect(try stays.get("/x").text == "/x")
        #expect(stays.goAways.isEmpty)
    }

    @Test func `a reload that changes routes keeps connections, and their next requests take the new ones`() throws {
        let gateway = try Gateway(conf: "workers 1; server { listen 127.0.0.1:0; return 200 old; }")
        let client = try HTTP2Client.open(gateway.connect())
        #expect(try client.get().text == "old")
        try gateway.reload(conf: "workers 1; server { listen 127.0.0.1:0; return 200 new; }")
        try eventually("the new answer") { try client.get().text == "new" }
        #expect(client.goAways.isEmpty)
    }
}
