import TestSupport
import Testing

/// Long bodies of responses: they are read in larger pieces than others and handed on as whole buffers where that can be. Whatever
/// becomes of them on the way, the bytes are the origin's.
@Suite struct LongBodyTests {
    enum Framing: String, CaseIterable { case length, chunked, close }
    enum Way: String, CaseIterable { case plain, tlsToClient, tlsToOrigin }

    /// About the sizes of reads, and some by chance, the same in every run.
    private static let counts: [Int] = {
        var random = SeededRandom(seed: 11)
        let edges = [16 << 10, 32 << 10, 64 << 10, 80 << 10, 256 << 10, 1 << 20].flatMap { [$0 - 1, $0, $0 + 1] }
        return edges + (0..<12).map { _ in Int.random(in: 1...3_000_000, using: &random) }
    }()

    /// Answers `/COUNT` with so many bytes of the pattern, in pieces by chance.
    private static func serve(_ connection: some ByteStream, _ framing: Framing, progress: Monitor<Int>? = nil) throws {
        var random = SeededRandom(seed: 13)
        while let request = try connection.readNextRequest(), let count = Int(request.target.dropFirst()) {
            let field =
                switch framing {
                case .length: "Content-Length: \(count)"
                case .chunked: "Transfer-Encoding: chunked"
                case .close: "Connection: close"
                }
            try connection.send("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n")
            var sent = 0
            while sent < count {
                let piece = Pattern.bytes(min(Int.random(in: 1...200_000, using: &random), count - sent), at: sent)
                let isChunk = framing == .chunked
                let line = isChunk ? Array("\(String(piece.count, radix: 16))\r\n".utf8) : []
                try connection.send(line + piece + (isChunk ? [13, 10] : []), timeout: 60)
                sent += piece.count
                progress?.update { $0 = sent }
            }
            if framing == .chunked { try connection.send("0\r\n\r\n") }
            if framing == .close { return connection.close() }
        }
    }

    /// What keeps the gateway, and a connection to it.
    private static func connect(_ way: Way, _ framing: Framing, receiveBufferBytes: Int32?, progress: Monitor<Int>? = nil) throws -> (
        Any, () throws -> any ByteStream
    ) {
        if way == .tlsToOrigin {
            let side = try TLSServerSide(SecureUpstream.leaf.get())
            let secure = try SecureUpstream(.overTLS(side) { connection, _ in try serve(connection, framing, progress: progress) })
            let port = secure.gateway.port
            return (secure, { try TCPClient(port: port, receiveBufferBytes: receiveBufferBytes) })
        }
        let edge = try Edge(ScriptedOrigin(keepsReceived: false) { connection, _ in try serve(connection, framing, progress: progress) })
        let address = edge.address(way == .plain ? .plain : .tls)
        return (edge, { try address.connect(receiveBufferBytes: receiveBufferBytes) })
    }

    @Test(arguments: Framing.allCases, Way.allCases)
    func `long bodies pass byte for byte, to a quick reader and to a slow one`(_ framing: Framing, _ way: Way) throws {
        for receiveBufferBytes in [nil, 8 * 1024] as [Int32?] {
            let (gateway, connect) = try Self.connect(way, framing, receiveBufferBytes: receiveBufferBytes)
            try withExtendedLifetime(gateway) {
                let client = try connect()
                for count in Self.counts {
                    try client.send("GET /\(count) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    let answer = try client.readResponse(timeout: 60)
                    #expect(answer.body.count == count && !answer.isTruncated)
                    #expect(Pattern.matches(answer.body))
                }
            }
        }
    }

    /// A body without a length becomes chunks, one for each read. That the origin has stopped before anything is read shows that there
    /// is more than a read takes.
    @Test(arguments: [Way.plain, .tlsToOrigin]) func `a long body is read in long pieces, and a TLS record at a time`(_ way: Way) throws {
        let count = 24 << 20
        let progress = Monitor(0)
        let (gateway, connect) = try Self.connect(way, .close, receiveBufferBytes: 64 * 1024, progress: progress)
        try withExtendedLifetime(gateway) {
            let client = try connect()
            try client.send("GET /\(count) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try client.readHead().values("Transfer-Encoding") == ["chunked"])
            var last = progress.value
            while progress.wait(until: Deadline(seconds: 0.5), for: { $0 > last ? true : nil }) != nil { last = progress.value }
            #expect(last < count)
            var longest = 0
            var position = 0
            while let chunk = try client.readChunk(timeout: 60) {
                #expect(Pattern.matches(chunk, at: position))
                longest = max(longest, chunk.count)
                position += chunk.count
            }
            #expect(position == count)
            #expect(way == .plain ? longest > 16 * 1024 && longest <= 64 * 1024 : longest <= 16 * 1024, "\(longest)")
        }
    }
}
