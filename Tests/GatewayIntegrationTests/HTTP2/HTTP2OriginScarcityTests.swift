import TestSupport
import Testing

/// When there is no room for one more stream to an origin, or no time left to wait for its connection.
@Suite struct HTTP2OriginScarcityTests {
    /// Holds requests for /held until `mayEnd`.
    private func holding(_ arrived: Monitor<Int>, _ mayEnd: Monitor<Bool>) throws -> ScriptedOrigin {
        try .overHTTP2 { connection, _ in
            var held: [UInt32] = []
            while !connection.hasEnded {
                var request: HTTP2ServerConnection.Request?
                do { request = try connection.nextRequest(timeout: 0.1) } catch TestError.timedOut {}
                if let request, request.path == "/held" {
                    held.append(request.stream)
                    arrived.update { $0 += 1 }
                } else if let request {
                    try connection.respond(to: request.stream, text: "ok")
                }
                if !mayEnd.value { continue }
                for stream in held { try connection.respond(to: stream, text: "held") }
                held = []
            }
        }
    }

    private static let clientStreams = 100
    /// With theirs: as many as the first piece of the table has.
    private static let tablePiece = 256
    private static let heldCount = tablePiece - clientStreams
    /// Less than the next piece of the table takes, and enough for what else a request needs; but not for the buffer of a log, without
    /// which the process ends, as it does wherever Swift finds no memory: nothing is logged.
    private static let slackBytes = 96 * 1024

    @Test(.disabled(if: SanitizerReports.areWanted, "a sanitizer's own memory is more than any limit"))
    func `a request without memory for its stream to the origin is 503, and the next is served`() throws {
        let (arrived, mayEnd) = (Monitor(0), Monitor(false))
        let origin = try holding(arrived, mayEnd)
        let gateway = try ProxiedOrigin(origin, upstream: "protocol h2;", accessLog: "off").gateway
        let figures = ProcessFigures(gateway.program)
        let late = try gateway.connect()
        #expect(try late.get("/").text == "ok")
        let client = try HTTP2Client.open(gateway.connect())
        let streams = try (0..<Self.clientStreams).map { _ in try client.request(.request("GET", "/held")) }
        let others = try (Self.clientStreams..<Self.heldCount).map { _ in try gateway.connect() }
        for other in others { try other.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n") }
        try eventually("all at the origin") { arrived.value == Self.heldCount }
        try figures.limitData(addingBytes: Self.slackBytes)
        let refused = try late.get("/")
        #expect(refused.status == 503 && refused.text.contains("connections_exhausted"), "\(refused.text)")
        // A client's own stream finds none either, and may be sent again.
        let second = try HTTP2Client.open(gateway.connect())
        let stream = try second.request(.request("GET", "/"))
        #expect(try second.resetCode(of: stream) == HTTP2Code.refusedStream.rawValue)
        try figures.limitData(addingBytes: nil)
        mayEnd.update { $0 = true }
        for stream in streams { #expect(try client.response(on: stream).text == "held") }
        for other in others { #expect(try other.readResponse().text == "held") }
        #expect(try late.get("/").text == "ok" && second.get("/").text == "ok")
        #expect(origin.errors.isEmpty)
    }

    @Test(.disabled(if: SanitizerReports.areWanted, "a sanitizer's own memory is more than any limit"))
    func `a client that was let in has room for its request, however many streams of others there were before`() throws {
        let (arrived, mayEnd) = (Monitor(0), Monitor(false))
        let origin = try holding(arrived, mayEnd)
        let gateway = try ProxiedOrigin(origin, upstream: "protocol h2;", accessLog: "off").gateway
        let figures = ProcessFigures(gateway.program)
        let client = try HTTP2Client.open(gateway.connect())
        let streams = try (0..<Self.clientStreams).map { _ in try client.request(.request("GET", "/held")) }
        try eventually("all at the origin") { arrived.value == Self.clientStreams }
        // Together they are one more than the first piece of the table has.
        let others = try (Self.clientStreams...Self.tablePiece).map { _ in try gateway.connect() }
        try gateway.waitForMetrics("all are let in") { $0.sum("gateway_connections") == Double(others.count + 1) }
        try figures.limitData(addingBytes: Self.slackBytes)
        for other in others { try other.send("GET /a HTTP/1.1\r\nHo") }
        // The gateway is not asked: it may have no memory for an answer.
        let (port, clientPorts) = (gateway.addresses[0].port, Set(others.map(\.localPort)))
        try eventually("all is read, and dealt with") {
            try SocketQueues.unread(by: port, from: clientPorts) == 0 && figures.isAsleep()
                && SocketQueues.unread(by: port, from: clientPorts) == 0
        }
        try figures.limitData(addingBytes: nil)
        try gateway.waitForMetrics("all have begun") { $0.sum("gateway_connections", ["state": "active"]) == Double(others.count + 1) }
        for other in others { try other.send("st: a\r\n\r\n") }
        for other in others { #expect(try other.readResponse().text == "ok") }
        mayEnd.update { $0 = true }
        for stream in streams { #expect(try client.response(on: stream).text == "held") }
        #expect(origin.errors.isEmpty)
    }

    @Test func `a request that comes late waits for no connection that is being made for too long, and opens another`() throws {
        let hasEnded = Monitor(false)
        let wasFirstThere = Monitor<Bool?>(nil)
        let origin = try ScriptedOrigin { socket, index in
            if index == 0 {
                // No SETTINGS.
                _ = try socket.receiveToEnd(timeout: 60)
                hasEnded.update { $0 = true }
                return
            }
            wasFirstThere.update { $0 = $0 ?? !hasEnded.value }
            let connection = try HTTP2ServerConnection(socket)
            while let request = try connection.nextRequest() { try connection.respond(to: request.stream, text: "on \(index)") }
        }
        let gateway = try HTTP2OriginTests.proxied(origin, "connect_timeout 24s; retry attempts=1;").gateway
        // Those of the first half wait together, and fail together. The first of the second half has another connection.
        var clients: [TCPClient] = []
        while origin.connectionCount < 2 && clients.count < 99 {
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            clients.append(client)
            do { try eventually("another connection", timeout: 0.2) { origin.connectionCount == 2 } } catch TestError.timedOut {}
        }
        let answer = try #require(clients.last).readResponse()
        #expect(answer.status == 200 && answer.text == "on 1")
        #expect(wasFirstThere.value == true && clients.count > 1)
    }
}
