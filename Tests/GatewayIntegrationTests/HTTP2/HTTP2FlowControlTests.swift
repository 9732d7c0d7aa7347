import TestSupport
import Testing

/// Windows tie each side to the other: what a slow one has not taken, nobody reads, and the gateway holds little of it.
@Suite struct HTTP2FlowControlTests {
    private static let streamWindow = 65_535
    private static let connectionWindow = 1 << 20

    /// Waits until `progress` stands still, and returns where.
    private func standstill(of progress: Monitor<Int>) -> Int {
        var last = progress.value
        while progress.wait(until: Deadline(seconds: 1), for: { $0 > last ? true : nil }) != nil { last = progress.value }
        return last
    }

    @Test(arguments: Transport.allCases) func `the windows are 64 KB for a stream and 1 MB for the connection`(_ transport: Transport)
        throws
    {
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        let client = try edge.http2(transport)
        try client.ping()
        #expect(client.flow.sendWindow(of: 1) == Self.streamWindow && client.flow.send == Self.connectionWindow)
        let settings = client.serverSettings ?? [:]
        #expect(settings[HTTP2Setting.maxConcurrentStreams] == 100 && settings[HTTP2Setting.enableConnectProtocol] == 1)
        #expect(settings[HTTP2Setting.maxHeaderListSize] ?? 0 >= 32_768 && settings[HTTP2Setting.noRFC7540Priorities] == 1)
        #expect(settings[HTTP2Setting.enablePush] ?? 0 == 0)
    }

    @Test(arguments: Transport.allCases) func `content larger than all windows passes whole, both ways`(_ transport: Transport) throws {
        let bytes = 12 << 20
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
            let head = try connection.readHead()
            try connection.receivePattern(Int(head["Content-Length"] ?? "") ?? 0)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes)\r\n\r\n")
            try connection.sendPattern(bytes)
            _ = connection.isEndedByPeer(timeout: 60)
        }
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        try client.sendHead(.request("POST", "/", ["content-length": "\(bytes)"]), on: 1, endsStream: false)
        try client.sendPattern(bytes, on: 1, endsStream: true)
        let response = try client.response(on: 1, timeout: 60)
        #expect(response.body.count == bytes && Pattern.matches(response.body))
        #expect(response.dataLengths.allSatisfy { $0 <= 16_384 })
        #expect(origin.errors == [])
    }

    @Test(arguments: Transport.allCases) func `an origin is not read further than its client's window`(_ transport: Transport) throws {
        let (bytes, heldBytesMax) = (64 << 20, 16 << 20)
        let progress = Monitor(0)
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes)\r\n\r\n")
            try connection.sendPattern(bytes) { sent in progress.update { $0 = sent } }
        }
        let edge = try Edge(origin)
        let client = try edge.http2(transport) { $0.replenishes = false }
        let before = try edge.figures.residentBytesMax()
        try client.sendHead(.get, on: 1)
        try client.content(Self.streamWindow, on: 1)
        // Kernels hold the rest in their socket buffers.
        #expect(standstill(of: progress) < heldBytesMax)
        #expect(try edge.figures.residentBytesMax() - before < 2 << 20)
        try client.ping()
        #expect(client.response(1).body.count == Self.streamWindow)
        // Another stream of the connection is served as soon as the connection's window lets it.
        try client.send(.windowUpdate(0, 1 << 20), .windowUpdate(1, 1000))
        try client.content(Self.streamWindow + 1000, on: 1)
        try client.send(.resetStream(1))
        try origin.waitForEndedConnections(1)
    }

    @Test func `a stream whose window is full holds up no other`() throws {
        let edge = try Edge(ConformanceOrigin.make())
        let client = try edge.http2 { $0.replenishes = false }
        try client.send(.windowUpdate(0, 1 << 24))
        try client.sendHead(.request("GET", "/large"), on: 1)
        try client.content(Self.streamWindow, on: 1)
        for _ in 0..<50 { #expect(try client.get("/a").text == "GET /a 0") }
        #expect(client.response(1).body.count == Self.streamWindow)
        try client.send(.windowUpdate(1, 1 << 20))
        #expect(try Pattern.matches(client.response(on: 1).body))
    }

    @Test(arguments: Transport.allCases) func `100 streams with a window of 0 hold little memory, and are served when it opens`(
        _ transport: Transport
    ) throws {
        let edge = try Edge(ConformanceOrigin.make())
        let client = try edge.http2(transport) { $0.settings = [(HTTP2Setting.initialWindowSize, 0)] }
        let before = try edge.figures.residentBytesMax()
        let streams = try (0..<100).map { _ in try client.request(.request("GET", "/large")) }
        for stream in streams { _ = try client.head(on: stream) }
        try client.ping()
        #expect(client.responses.values.allSatisfy { $0.body.isEmpty })
        #expect(try edge.figures.residentBytesMax() - before < 9 << 20)
        let other = try edge.http2(transport)
        #expect(try other.get("/a").text == "GET /a 0")
        try client.send(.settings([HTTP2Setting.initialWindowSize: 65_535]))
        for stream in streams {
            let response = try client.response(on: stream, timeout: 60)
            #expect(response.body.count == ConformanceOrigin.largeBytes && Pattern.matches(response.body))
        }
    }

    @Test(arguments: Transport.allCases) func `a client is not let further than its origin reads`(_ transport: Transport) throws {
        let (bytes, heldBytesMax) = (64 << 20, 16 << 20)
        let mayRead = Signal()
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
            _ = try connection.readHead()
            try mayRead.wait(timeout: 60)
            try connection.receivePattern(bytes)
            try connection.send(ScriptedOrigin.message("ok"))
        }
        let edge = try Edge(origin)
        let progress = Monitor(0)
        let address = edge.address(transport)
        let before = try edge.figures.residentBytesMax()
        let upload = Background {
            let client = try HTTP2Client.open(address.connectHTTP2())
            try client.sendHead(.request("POST", "/", ["content-length": "\(bytes)"]), on: 1, endsStream: false)
            for start in stride(from: 0, to: bytes, by: 32 << 10) {
                try client.sendData(Pattern.bytes(32 << 10, at: start), on: 1, endsStream: false, timeout: 60)
                progress.update { $0 = start }
            }
            try client.send(.data(1, "", .endStream))
            return try client.response(on: 1, timeout: 60).text
        }
        _ = progress.wait(until: Deadline()) { $0 > 0 ? true : nil }
        #expect(standstill(of: progress) < heldBytesMax)
        #expect(try edge.figures.residentBytesMax() - before < 2 << 20)
        mayRead.send()
        #expect(try upload.value(timeout: 120) == "ok")
        #expect(origin.errors == [])
    }

    @Test func `an upload that waits for its origin holds up no other`() throws {
        let mayRead = Signal()
        let bytes = 16 << 20
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
            let head = try connection.readHead()
            if head.target == "/slow" {
                try mayRead.wait(timeout: 60)
                try connection.receivePattern(bytes)
            }
            try connection.send(ScriptedOrigin.message("ok"))
            _ = connection.isEndedByPeer(timeout: 60)
        }
        let edge = try Edge(origin)
        let client = try edge.http2()
        try client.sendHead(.request("POST", "/slow", ["content-length": "\(bytes)"]), on: 1, endsStream: false)
        var sent = 0
        // Until the stream's window stays shut.
        while sent < bytes {
            let count = min(client.flow.sendable(on: 1), 16_384, bytes - sent)
            if count > 0 {
                try client.send(.data(1, Pattern.bytes(count, at: sent)))
                sent += count
            } else {
                do { try client.wait("a window", timeout: 1) { $0.flow.sendable(on: 1) > 0 } } catch TestError.timedOut { break }
            }
        }
        #expect(sent < bytes && client.flow.send > 0)
        for _ in 0..<10 { #expect(try client.get("/quick").text == "ok") }
        mayRead.send()
        try client.sendPattern(bytes - sent, at: sent, on: 1, endsStream: true)
        #expect(try client.response(on: 1, timeout: 60).text == "ok")
    }

    /// RFC 9113 § 6.9: content counts for the connection's window even if the stream is gone.
    @Test func `content behind refused requests gives its window back`() throws {
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        let client = try edge.http2()
        for _ in 0..<60 {
            let stream = try client.request(.request("POST", "/", ["Bad": "1"]), body: [UInt8](repeating: 1, count: 60_000))
            #expect(try client.resetCode(of: stream) == HTTP2Code.protocolError.rawValue)
            try client.wait("the connection's window") { $0.flow.send > 100_000 }
        }
        #expect(try client.exchange(.request("POST", "/"), body: [UInt8](repeating: 1, count: 60_000)).status == 200)
    }

    @Test(arguments: ["/here", "/small", "/nobody"]) func `content that nobody wants gives its window back`(path: String) throws {
        let edge = try Edge(
            .answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            server: """
                location /here { return 200 here; }
                location /small { client_max_body_size 10; proxy_pass http://127.0.0.1:{ORIGIN}; }
                location /nobody { proxy_pass http://127.0.0.1:1; }
                """)
        let client = try edge.http2()
        let status = ["/here": 200, "/small": 413, "/nobody": 502][path]
        for _ in 0..<60 {
            let stream = try client.request(.request("POST", path), body: [UInt8](repeating: 1, count: 60_000))
            try client.wait("the answer") { $0.response(stream).isOver }
            #expect(client.response(stream).status == status)
            try client.wait("the connection's window") { $0.flow.send > 100_000 }
        }
        #expect(try client.exchange(.request("POST", "/"), body: [UInt8](repeating: 1, count: 60_000)).status == 200)
    }

    @Test func `content that waited for an origin to be connected to gives its window back`() throws {
        let deaf = try DeafListener()
        let edge = try Edge(ConformanceOrigin.make(), server: "location /deaf { proxy_pass http://127.0.0.1:\(deaf.port); }")
        let client = try edge.http2()
        for _ in 0..<40 {
            let stream = try client.request(.request("POST", "/deaf"), body: [UInt8](repeating: 1, count: 60_000))
            try client.ping()
            try client.send(.resetStream(stream))
            try client.wait("the connection's window") { $0.flow.send > 100_000 }
        }
        #expect(try client.exchange(.request("POST", "/"), body: [UInt8](repeating: 1, count: 60_000)).status == 200)
    }

    @Test func `content behind the client's own resets gives its window back`() throws {
        let edge = try Edge(ConformanceOrigin.make())
        let client = try edge.http2()
        for _ in 0..<40 {
            let stream = client.nextStream
            try client.sendHead(.request("POST", "/"), on: stream, endsStream: false)
            try client.send(
                .data(stream, [UInt8](repeating: 1, count: 16_384)), .data(stream, [UInt8](repeating: 1, count: 16_384)),
                .resetStream(stream))
            try client.wait("the connection's window") { $0.flow.send > 100_000 }
        }
        #expect(try client.exchange(.request("POST", "/"), body: [UInt8](repeating: 1, count: 60_000)).status == 200)
    }
}
