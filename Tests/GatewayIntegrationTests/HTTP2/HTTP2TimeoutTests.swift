import TestSupport
import Testing

/// A client or an origin that lets the gateway wait: what ends is the stream, unless nothing but the connection is there to end.
@Suite struct HTTP2TimeoutTests {
    private static let quick = "300ms"

    @Test(arguments: Transport.allCases) func `an idle connection ends with GOAWAY after keepalive_timeout`(_ transport: Transport) throws {
        let edge = try Edge(QuickOrigin("a").origin, server: "keepalive_timeout \(Self.quick);")
        let client = try edge.http2(transport)
        #expect(try client.get().status == 200)
        try client.waitForEnd()
        #expect(client.ending == .closed && client.goAways.last?.code == 0 && client.goAways.last?.last == 1)
    }

    @Test func `a connection on which no request ever came ends, too`() throws {
        let edge = try Edge(QuickOrigin("a").origin, server: "keepalive_timeout \(Self.quick); client_header_timeout \(Self.quick);")
        let client = try edge.http2()
        try client.waitForEnd()
        #expect(client.goAways.allSatisfy { $0.code == 0 })
    }

    @Test func `a connection whose request waits for its origin is not idle`() throws {
        let held = try HeldOrigin()
        let edge = try Edge(held.origin, server: "keepalive_timeout \(Self.quick); client_header_timeout \(Self.quick);")
        let client = try edge.http2()
        let stream = try client.request(.request("GET", "/late"))
        let idle = try edge.http2()
        // By the end of the idle one the time of the other would have come as well.
        try idle.waitForEnd()
        try client.ping()
        held.release()
        #expect(try client.response(on: stream).text == "late")
    }

    @Test(arguments: Transport.allCases) func `a head that does not end is not waited for`(_ transport: Transport) throws {
        let edge = try Edge(QuickOrigin("a").origin, server: "client_header_timeout \(Self.quick);")
        let client = try edge.http2(transport)
        #expect(try client.get().status == 200)
        try client.send(client.headInPieces(on: 3, 2)[0])
        try client.waitForEnd()
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    @Test func `a preface that does not end is not waited for`() throws {
        let edge = try Edge(QuickOrigin("a").origin, server: "client_header_timeout \(Self.quick);")
        for bytes in [HTTP2Client.preface.prefix(5), HTTP2Client.preface.prefix(20), HTTP2Client.preface[...]] {
            let client = try edge.connect(.plain)
            try client.send(Array(bytes))
            // Of an unfinished preface nobody knows what it was to be.
            do { _ = try client.receiveToEnd() } catch TestError.reset {}
        }
    }

    @Test func `content that does not come ends its request alone`() throws {
        let edge = try Edge(ScriptedOrigin.telling(), server: "client_body_timeout \(Self.quick);")
        let client = try edge.http2()
        try client.sendHead(.request("POST", "/", ["content-length": "10"]), on: 1, endsStream: false)
        try client.send(.data(1, "half"))
        try client.wait("the stream's end") { $0.response(1).isOver }
        #expect(client.response(1).status == 408 || client.response(1).resetCode != nil)
        #expect(try client.exchange(.request("POST", "/a"), body: [97]).text == "POST /a a")
        #expect(try edge.waitForEnd("body_timeout")["error_type"] == "body_timeout")
    }

    @Test func `an origin that does not answer is a 504 on its stream`() throws {
        let proxied = try ProxiedOrigin(ConformanceOrigin.make(), upstream: "read_timeout \(Self.quick);")
        let client = try HTTP2Client.open(proxied.gateway.connect())
        let slow = try client.request(.request("GET", "/held"))
        #expect(try client.get("/a").status == 200)
        #expect(try client.response(on: slow).status == 504)
        #expect(try client.get("/b").status == 200)
    }

    @Test(arguments: Transport.allCases) func `a stream whose client does not read ends alone`(_ transport: Transport) throws {
        let edge = try Edge(ConformanceOrigin.make(), server: "send_timeout \(Self.quick);")
        let client = try edge.http2(transport) { $0.replenishes = false }
        try client.send(.windowUpdate(0, 1 << 20))
        let stream = try client.request(.request("GET", "/large"))
        _ = try client.resetCode(of: stream)
        #expect(!client.response(stream).hasEnded && client.response(stream).body.count == HTTP2FlowControl.initial)
        #expect(try client.get("/a").text == "GET /a 0")
        #expect(try edge.waitForEnd("send_timeout")["error_type"] == "send_timeout")
    }
}
