import GatewayCore
import GatewayHTTP
import GatewayNet

/// Reads `/events` of an admin listener: a head, then events as they come.
struct EventReader: ~Copyable {
    private var stream: Stream
    private var output: ByteQueue
    private var input: ByteQueue
    private var parser: HTTP1ResponseParser
    private var head: ResponseHead
    /// Bytes of an event whose end has not come.
    private var rest: [UInt8] = []

    /// An event of a gateway with thousands of upstreams has some megabytes.
    private static let eventBytesMax = 64 * 1024 * 1024

    init(_ address: SocketAddress) throws {
        let pool = BufferPool()
        stream = try Stream.connect(to: address, below: .max)
        output = ByteQueue(pool: pool)
        input = ByteQueue(pool: pool)
        parser = HTTP1ResponseParser(requestMethod: .get)
        head = ResponseHead(pool: pool)
        output.append(Array("GET /events HTTP/1.1\r\nHost: \(address)\r\nAccept: text/event-stream\r\n\r\n".utf8))
    }

    var fileDescriptor: Int32 { stream.fileDescriptor }

    /// The data of the events that have come.
    mutating func read(_ readiness: Readiness) throws -> [[UInt8]] {
        stream.note(readiness)
        if let failure = stream.connectFailure() { throw failure }
        if stream.canWrite, !output.isEmpty, case .failed(let failure) = stream.write(from: &output) { throw failure }
        var events: [[UInt8]] = []
        while stream.canRead {
            let result = stream.read(into: &input)
            try parseHead()
            if head.isComplete {
                let bytes = input.bytes.array
                rest += bytes
                input.removeAll()
                events += takeEvents()
            }
            if rest.count > Self.eventBytesMax { throw AdminClient.Failure(text: "an event is too long") }
            switch result {
            case .moved, .wouldBlock: continue
            case .ended: throw AdminClient.Failure(text: "the connection has ended")
            case .failed(let failure): throw failure
            }
        }
        return events
    }

    private mutating func parseHead() throws {
        if head.isComplete || input.isEmpty { return }
        guard let length = try Self.parse(input, &parser, &head) else { return }
        input.consume(length)
        if head.status == 404 { throw AdminClient.Failure(text: "this gateway has no /events: it is an older one") }
        if head.status != 200 { throw AdminClient.Failure(text: "the admin listener answers with \(head.status)") }
    }

    private static func parse(
        _ input: borrowing ByteQueue, _ parser: inout HTTP1ResponseParser, _ head: inout ResponseHead
    ) throws(GatewayError) -> Int? {
        try parser.parse(input.bytes, into: &head)
    }

    /// Ours have one line of data and no name (HTML, § 9.2.6).
    private mutating func takeEvents() -> [[UInt8]] {
        let rest = self.rest
        var events: [[UInt8]] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[start..<end]
            if line.starts(with: "data: ".utf8) { events.append(Array(line.dropFirst(6))) }
            start = end + 1
        }
        self.rest = Array(rest[start...])
        return events
    }
}
