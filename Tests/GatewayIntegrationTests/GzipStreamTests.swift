import Foundation
import TestSupport
import Testing

/// Compression of what is long, slow, or breaks.
@Suite struct GzipStreamTests {
    private static let directives = "gzip on; gzip_types *;"
    private static let ask = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
    private static let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"

    private static func longOrigin(_ count: Int, progress: Monitor<Int> = Monitor(0)) throws -> ScriptedOrigin {
        try ScriptedOrigin(keepsReceived: false) { connection, _ in
            _ = try connection.readHead()
            try connection.send(head + "Content-Length: \(count)\r\n\r\n")
            try connection.sendPattern(count) { sent in progress.update { $0 = sent } }
            _ = connection.isEndedByPeer(timeout: 60)
        }
    }

    /// Reads a whole compressed response whose content has to be the pattern.
    private static func receivePattern(_ client: any ByteStream, _ count: Int) throws {
        let gunzip = try Gunzip()
        var position = 0
        while let chunk = try client.readChunk(timeout: 60) {
            let content = try gunzip.decode(chunk)
            var start = 0
            while start < content.count {
                let piece = Array(content[start..<min(start + Pattern.period, content.count)])
                guard Pattern.matches(piece, at: position) else { throw TestError.invalid("other bytes from \(position) on") }
                start += piece.count
                position += piece.count
            }
        }
        guard position == count, gunzip.isComplete, try client.readTrailers().isEmpty else {
            throw TestError.invalid("\(position) of \(count) bytes, complete: \(gunzip.isComplete)")
        }
    }

    @Test(arguments: Transport.allCases) func `a hundred megabytes are compressed in bounded memory, byte for byte`(_ transport: Transport)
        throws
    {
        let count = 100_000_000
        let edge = try Edge(Self.longOrigin(count), main: Self.directives)
        let client = try edge.connect(transport)
        try client.send(Self.ask)
        #expect(try client.readHead()["Content-Encoding"] == "gzip")
        try Self.receivePattern(client, count)
        #expect(try edge.figures.residentBytesMax() < 64 << 20)
    }

    @Test(arguments: Transport.allCases) func `an origin is not read faster than its compressed content is`(_ transport: Transport) throws {
        let progress = Monitor(0)
        let count = 64 << 20
        let edge = try Edge(Self.longOrigin(count, progress: progress), main: Self.directives)
        let client = try edge.connect(transport, receiveBufferBytes: 64 * 1024)
        try client.send(Self.ask)
        _ = try client.readHead()
        var last = progress.value
        while progress.wait(until: Deadline(seconds: 1), for: { $0 > last ? true : nil }) != nil { last = progress.value }
        #expect(last < 32 << 20)
        try Self.receivePattern(client, count)
        #expect(try edge.figures.residentBytesMax() < 64 << 20)
    }

    @Test(arguments: Transport.allCases) func `what an origin sends before a pause is there before it goes on`(_ transport: Transport)
        throws
    {
        let wanted = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
            for number in 1...20 {
                try wanted.wait(number)
                try connection.send("5\r\nline\(number % 10)\r\n")
            }
            try connection.send("0\r\n\r\n")
        }
        let edge = try Edge(origin, main: Self.directives)
        let client = try edge.connect(transport)
        try client.send(Self.ask)
        #expect(try client.readHead()["Content-Encoding"] == "gzip")
        let gunzip = try Gunzip()
        for number in 1...20 {
            wanted.send()
            var line: [UInt8] = []
            while line.count < 5, let chunk = try client.readChunk() { line += try gunzip.decode(chunk) }
            #expect(line == Array("line\(number % 10)".utf8))
        }
        while let chunk = try client.readChunk() { #expect(try gunzip.decode(chunk) == []) }
        #expect(gunzip.isComplete)
        #expect(origin.errors == [])
    }

    /// A flush ends with an empty stored block: 00 00 FF FF. (In compressed text it won't stand by chance.)
    @Test func `an origin that doesn't pause is not flushed with every packet`() throws {
        let line = Array(#"{"model":"demo","object":"chat.completion.chunk","choices":[]}"#.utf8)
        let block = Array((0..<1000).map { _ in line }.joined())
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send(Self.head + "Connection: close\r\n\r\n")
            for _ in 0..<200 { try connection.send(block) }
        }
        let edge = try Edge(origin, main: Self.directives)
        let client = try edge.connect(.plain)
        try client.send(Self.ask)
        let answer = try client.readResponse(timeout: 60)
        #expect(try Gunzip.content(of: answer).count == 200 * block.count)
        let flushes = answer.body.indices.dropLast(3).filter { answer.body[$0..<$0 + 4].elementsEqual([0, 0, 0xff, 0xff]) }
        let packets = 200 * block.count / (16 * 1024)
        #expect(flushes.count < packets / 2, "\(flushes.count) flushes in \(packets) reads")
    }

    /// At level 9 a round of the loop takes a kilobyte: chunks, their lines and the trailers are cut anywhere.
    @Test(arguments: ["Content-Length", "Transfer-Encoding", "Connection"], [1, 6, 9])
    func `connections that compress at the same time take turns, and each has its bytes`(framing: String, level: Int) throws {
        let count = 400_000
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, index in
            var random = SeededRandom(seed: UInt64(index))
            _ = try connection.readHead()
            let value = framing == "Content-Length" ? "\(count)" : framing == "Connection" ? "close" : "chunked"
            try connection.send(Self.head + "\(framing): \(value)\r\n\r\n")
            var sent = 0
            while sent < count {
                let longest = Bool.random(using: &random) ? 50 : 40_000
                let piece = Pattern.bytes(min(Int.random(in: 1...longest, using: &random), count - sent), at: sent)
                let isChunk = framing == "Transfer-Encoding"
                let line = isChunk ? Array("\(String(piece.count, radix: 16));x=\(String(repeating: "y", count: 100))\r\n".utf8) : []
                try connection.send(line + piece + (isChunk ? [13, 10] : []), timeout: 60)
                sent += piece.count
            }
            if framing == "Transfer-Encoding" { try connection.send("0\r\n\r\n") }
        }
        let edge = try Edge(origin, main: Self.directives + " gzip_comp_level \(level);")
        let downloads = try Transport.allCases.flatMap { [$0, $0, $0] }.map { transport in
            let client = try edge.connect(transport)
            try client.send(Self.ask)
            return client
        }
        #expect(try edge.gateway.get("/", fields: ["Accept-Encoding: identity"]).body.count == count)
        for client in downloads {
            #expect(try client.readHead()["Content-Encoding"] == "gzip")
            try Self.receivePattern(client, count)
        }
        #expect(origin.errors == [])
    }

    /// 270 KB for each.
    @Test func `what gzip_memory has no room for goes out as it is, until others have ended or a reload gives more`() throws {
        let mayEnd = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            while try connection.readNextRequest() != nil {
                try connection.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
                try mayEnd.wait(timeout: 60)
                try connection.send("0\r\n\r\n")
            }
        }
        let edge = try Edge(origin, main: "gzip_memory 1m; " + Self.directives)
        var clients: [any ByteStream] = []
        func ask(_ count: Int) throws -> [String?] {
            try (0..<count).map { _ in
                let client = try edge.connect(.plain)
                clients.append(client)
                try client.send(Self.ask)
                return try client.readHead()["Content-Encoding"]
            }
        }
        #expect(try ask(5) == ["gzip", "gzip", "gzip", nil, nil])
        #expect(try edge.gateway.metrics().sum("gateway_gzip_skipped_total") == 2)
        let conf = try edge.gateway.directory.read("gateway.conf").replacing("gzip_memory 1m;", with: "gzip_memory 2m;")
        #expect(try edge.gateway.reload(conf: conf).contains("reloaded"))
        #expect(try ask(5) == ["gzip", "gzip", "gzip", "gzip", nil])
        mayEnd.send()
        for client in clients { while try client.readChunk() != nil {} }
        try edge.gateway.waitForMetrics("all have ended") { $0.sum("http_requests_total") == 10 }
        #expect(try ask(1) == ["gzip"])
    }

    // MARK: Endings

    @Test(arguments: ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5000\r\n"])
    func `a response that its origin breaks off is visibly not whole`(framing: String) throws {
        let received = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send(Self.head + framing + String(repeating: "0123456789", count: 1000))
            try received.wait()
        }
        let edge = try Edge(origin, main: Self.directives)
        let client = try edge.connect(.plain)
        try client.send(Self.ask)
        _ = try client.readHead()
        let gunzip = try Gunzip()
        var content: [UInt8] = []
        while content.count < 10_000, let chunk = try client.readChunk() { content += try gunzip.decode(chunk) }
        #expect(content.count == 10_000)
        received.send()
        // Neither a last chunk nor gzip's trailer.
        #expect(try client.receiveToEnd() == [])
        #expect(!gunzip.isComplete)
        try edge.waitForEnd("upstream_truncated")
    }

    @Test func `a client that leaves midway leaves nothing behind`() throws {
        let count = 50
        let origin = try Self.longOrigin(64 << 20)
        let edge = try Edge(origin, main: Self.directives)
        func leaveMidway() throws {
            let client = try edge.connect(.plain)
            try client.send(Self.ask)
            _ = try client.readHead()
            _ = try client.readChunk()
            client.breakOff()
        }
        for _ in 0..<10 { try leaveMidway() }
        try origin.waitForEndedConnections(10)
        let resident = try edge.figures.residentBytes()
        for _ in 0..<count { try leaveMidway() }
        try origin.waitForEndedConnections(10 + count)
        // Each encoder has 264 KB.
        #expect(try edge.figures.residentBytes() < resident + 6 << 20)
        try edge.gateway.waitForMetrics("all have ended") { $0.sum("http_requests_total", ["status": "499"]) == Double(10 + count) }
        #expect(try edge.gateway.metrics().sum("gateway_gzip_bytes_total", ["direction": "in"]) > 0)
    }

    @Test func `events are passed on untouched, each as it comes`() throws {
        let wanted = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in 1...5 {
                try wanted.wait(number)
                try connection.send("9\r\ndata: \(number)\n\n\r\n")
            }
            try connection.send("0\r\n\r\n")
        }
        let edge = try Edge(origin, main: Self.directives)
        let client = try edge.connect(.plain)
        try client.send(Self.ask)
        let head = try client.readHead()
        #expect(head["Content-Encoding"] == nil && head["Vary"] == nil)
        for number in 1...5 {
            wanted.send()
            #expect(try client.readChunk() == Array("data: \(number)\n\n".utf8))
        }
        #expect(try client.readChunk() == nil)
    }

    // MARK: Other implementations

    private static func isInstalled(_ program: String) -> Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/" + program) }

    @Test func `curl and gzip read what was compressed`() throws {
        let edge = try Edge(Self.longOrigin(3_000_000), main: Self.directives)
        let files = try TemporaryDirectory()
        let url = "http://127.0.0.1:\(edge.gateway.port)/"
        let curl = ["--silent", "--show-error", "--max-time", "60"]
        let output = try Program.run(
            "/usr/bin/curl", curl + ["--compressed", "--output", files.file("a"), "--write-out", "%header{content-encoding}", url])
        #expect(output == "gzip")
        #expect(try Array(Data(contentsOf: URL(fileURLWithPath: files.file("a")))).count == 3_000_000)
        try Program.run("/usr/bin/curl", curl + ["-H", "Accept-Encoding: gzip", "--output", files.file("b.gz"), url])
        try Program.run("/bin/gzip", ["--decompress", files.file("b.gz")])
        for name in ["a", "b"] {
            let content = try Array(Data(contentsOf: URL(fileURLWithPath: files.file(name))))
            #expect(content.count == 3_000_000 && Pattern.matches(content))
        }
    }

    @Test(.enabled(if: isInstalled("python3"))) func `Python reads what was compressed`() throws {
        let edge = try Edge(Self.longOrigin(3_000_000), main: Self.directives)
        let script = """
            import gzip, hashlib, urllib.request
            request = urllib.request.Request("http://127.0.0.1:\(edge.gateway.port)/", headers={"Accept-Encoding": "gzip"})
            print(len(gzip.decompress(urllib.request.urlopen(request, timeout=60).read())))
            """
        #expect(try Program.run("/usr/bin/python3", ["-c", script]).hasPrefix("3000000"))
    }
}
