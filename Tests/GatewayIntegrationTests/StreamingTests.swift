import Foundation
import TestSupport
import Testing

/// Bodies pass through, both ways, as fast as the slower side and in bounded memory.
@Suite struct StreamingTests {
    /// GATEWAY_LONG_TESTS=1 sends what the promise says: 1 GB.
    private static let streamBytes = ProcessInfo.processInfo.environment["GATEWAY_LONG_TESTS"] == "1" ? 1 << 30 : 96 << 20
    private static let streamTimeout = 300.0
    private static let residentBytesMax = 64 << 20

    /// Reads an upload, answers with as many bytes, or with those that the path names.
    private static func origin() throws -> ScriptedOrigin {
        try ScriptedOrigin(keepsReceived: false) { connection, _ in
            let head = try connection.readHead()
            let upload = Int(head["Content-Length"] ?? "0") ?? 0
            try connection.receivePattern(upload)
            let download = Int(head.target.dropFirst()) ?? 0
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(download)\r\n\r\n")
            try connection.sendPattern(download)
            _ = connection.isEndedByPeer(timeout: 60)
        }
    }

    private static func transfer(_ address: EdgeAddress, upload: Int = 0, download: Int = 0) throws {
        let client = try address.connect()
        let length = upload > 0 ? "Content-Length: \(upload)\r\n" : ""
        try client.send("\(upload > 0 ? "POST" : "GET") /\(download) HTTP/1.1\r\nHost: localhost\r\n\(length)\r\n")
        try client.sendPattern(upload)
        let head = try client.readHead(timeout: 60)
        guard head.status == 200 else { throw TestError.invalid(head.rawHead) }
        try client.receivePattern(download)
    }

    private func expectBounded(_ edge: Edge, _ name: String) throws {
        let bytes = try edge.figures.residentBytesMax()
        #expect(bytes < Self.residentBytesMax)
        if Self.streamBytes == 1 << 30 { print("\(name): VmHWM \(bytes >> 10) kB, CPU \(try edge.figures.cpuSeconds()) s") }
    }

    @Test(arguments: Transport.allCases) func `a long upload passes in bounded memory`(_ transport: Transport) throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        try Self.transfer(edge.address(transport), upload: Self.streamBytes)
        try expectBounded(edge, "upload, \(transport)")
        #expect(origin.errors == [])
    }

    @Test(arguments: Transport.allCases) func `a long download passes in bounded memory`(_ transport: Transport) throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        try Self.transfer(edge.address(transport), download: Self.streamBytes)
        try expectBounded(edge, "download, \(transport)")
        #expect(origin.errors == [])
    }

    @Test func `uploads and downloads pass at the same time in bounded memory`() throws {
        let origin = try Self.origin()
        let edge = try Edge(origin)
        let bytes = Self.streamBytes / 2
        let transfers = Transport.allCases.flatMap { transport in
            let address = edge.address(transport)
            return [
                Background { try Self.transfer(address, upload: bytes) }, Background { try Self.transfer(address, download: bytes) },
            ]
        }
        for transfer in transfers { try transfer.value(timeout: Self.streamTimeout) }
        try expectBounded(edge, "all at once")
        #expect(origin.errors == [])
    }

    // MARK: Backpressure

    /// Waits until `progress` stands still, and returns where.
    private func standstill(of progress: Monitor<Int>) throws -> Int {
        var last = progress.value
        while progress.wait(until: Deadline(seconds: 1), for: { $0 > last ? true : nil }) != nil { last = progress.value }
        return last
    }

    /// What kernels hold in their socket buffers, four on the way, is most of it.
    private static let heldBytesMax = 32 << 20
    private static let blockedBytes = 64 << 20

    @Test(arguments: Transport.allCases) func `an origin is not read faster than its client reads`(_ transport: Transport) throws {
        let progress = Monitor(0)
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.blockedBytes)\r\n\r\n")
            try connection.sendPattern(Self.blockedBytes) { sent in progress.update { $0 = sent } }
        }
        let edge = try Edge(origin)
        let client = try edge.connect(transport, receiveBufferBytes: 64 * 1024)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = try client.readHead()
        #expect(head.status == 200)
        #expect(try standstill(of: progress) < Self.heldBytesMax)
        try client.receivePattern(Self.blockedBytes)
        #expect(try edge.figures.residentBytesMax() < Self.residentBytesMax)
        #expect(origin.errors == [])
    }

    @Test(arguments: Transport.allCases) func `a client is not read faster than its origin reads`(_ transport: Transport) throws {
        let mayRead = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try mayRead.wait(timeout: 60)
            try connection.receivePattern(Self.blockedBytes)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let edge = try Edge(origin)
        let progress = Monitor(0)
        let address = edge.address(transport)
        let upload = Background {
            let client = try address.connect()
            try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(Self.blockedBytes)\r\n\r\n")
            try client.sendPattern(Self.blockedBytes) { sent in progress.update { $0 = sent } }
            return try client.readResponse(to: "POST", timeout: 60).text
        }
        _ = progress.wait(until: Deadline()) { $0 > 0 ? true : nil }
        #expect(try standstill(of: progress) < Self.heldBytesMax)
        #expect(try edge.figures.residentBytesMax() < Self.residentBytesMax)
        mayRead.send()
        #expect(try upload.value(timeout: 60) == "ok")
        #expect(origin.errors == [])
    }

    // MARK: Boundaries

    /// Cuts `total` bytes of the pattern into chunks of all sizes, most of them small.
    private static func sendChunks(_ stream: any ByteStream, total: Int, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var sent = 0
        while sent < total {
            let most = [1, 7, 300, 5_000, 17_000, 100_000].randomElement(using: &random) ?? 1
            let count = min(Int.random(in: 1...most, using: &random), total - sent)
            try stream.send(Array("\(String(count, radix: 16))\r\n".utf8) + Pattern.bytes(count, at: sent) + [13, 10], timeout: 60)
            sent += count
        }
        try stream.send("0\r\n\r\n")
    }

    @Test(arguments: Transport.allCases, [1, 2, 3] as [UInt64])
    func `chunks of all sizes arrive byte for byte, both ways`(_ transport: Transport, _ seed: UInt64) throws {
        let total = 3 << 20
        let origin = try ScriptedOrigin { connection, _ in
            let request = try connection.readRequest(timeout: 60)
            let isWhole = request.body.count == total && Pattern.matches(request.body)
            try connection.send("HTTP/1.1 \(isWhole ? 200 : 500) X\r\nTransfer-Encoding: chunked\r\n\r\n")
            try Self.sendChunks(connection, total: total, seed: seed + 100)
        }
        let edge = try Edge(origin)
        let client = try edge.connect(transport)
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        try Self.sendChunks(client, total: total, seed: seed)
        let response = try client.readResponse(to: "POST", timeout: 60)
        #expect(response.status == 200)
        #expect(!response.isTruncated && response.body.count == total && Pattern.matches(response.body))
        #expect(origin.errors == [])
    }

    @Test(arguments: Transport.allCases) func `a body with a length arrives whole in pieces of all sizes`(_ transport: Transport) throws {
        let total = 2 << 20
        let origin = try Self.origin()
        let edge = try Edge(origin)
        let client = try edge.connect(transport)
        try client.send("PUT /\(total) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(total)\r\n\r\n")
        var random = SeededRandom(seed: 11)
        var sent = 0
        while sent < total {
            let count = min(Int.random(in: 1...9_000, using: &random), total - sent)
            try client.send(Pattern.bytes(count, at: sent))
            sent += count
        }
        #expect(try client.readHead().status == 200)
        try client.receivePattern(total)
        #expect(origin.errors == [])
    }

    // MARK: Both directions

    /// Answers before the request is complete, chunk by chunk.
    private static func echo() throws -> ScriptedOrigin {
        try ScriptedOrigin(keepsReceived: false) { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while let chunk = try connection.readChunk(timeout: 60) {
                try connection.send(Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10], timeout: 60)
            }
            _ = try connection.readTrailers()
            try connection.send("0\r\n\r\n")
        }
    }

    @Test(arguments: Transport.allCases) func `each chunk comes back while the request is still being sent`(_ transport: Transport) throws {
        let origin = try Self.echo()
        let edge = try Edge(origin)
        let client = try edge.connect(transport)
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try client.readHead().status == 200)
        for number in 0..<50 {
            let chunk = Array("chunk \(number)".utf8)
            try client.send(Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10])
            #expect(try client.readChunk() == chunk)
        }
        try client.send("0\r\n\r\n")
        #expect(try client.readChunk() == nil)
        #expect(origin.errors == [])
    }

    @Test func `an upload and its echo pass one another at full speed`() throws {
        let total = 24 << 20
        let origin = try Self.echo()
        let edge = try Edge(origin)
        let client = try edge.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        let upload = Background { try Self.sendChunks(client, total: total, seed: 5) }
        #expect(try client.readHead().status == 200)
        var received = 0
        while let chunk = try client.readChunk(timeout: 60) {
            try #require(Pattern.matches(chunk, at: received))
            received += chunk.count
        }
        #expect(received == total)
        try upload.value()
        #expect(try edge.figures.residentBytesMax() < Self.residentBytesMax)
        #expect(origin.errors == [])
    }
}
