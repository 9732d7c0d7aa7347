import GatewayCore
import GatewayHTTP
import Testing

/// A session with what belongs to it, and what it has said so far.
final class HTTP2TestSession {
    let pool = lastingPool()
    let streams: HTTP2Streams
    let session: HTTP2Session
    /// Streams in the order in which they were first named.
    var seen: [Handle] = []
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)

    init(_ role: HTTP2Session.Role = .server, capacity: Int = 1000) throws {
        streams = try HTTP2Streams(capacity: capacity, pool: pool)
        session = try #require(HTTP2Session(role, connection: .none, streams: streams))
    }

    /// A server whose client has sent its preface, and whose SETTINGS were sent.
    static func server(capacity: Int = 1000) throws -> HTTP2TestSession {
        let server = try HTTP2TestSession(capacity: capacity)
        server.give(http2Preface + HTTP2Frame.settings().bytes + HTTP2Frame.settingsAnswer.bytes)
        let greeting = server.sent()
        #expect(greeting.map(\.type) == [4, 4, 8], "SETTINGS, the answer to SETTINGS, the connection's window: \(greeting)")
        return server
    }

    /// A client that knows the SETTINGS of a server.
    static func client(_ settings: [(UInt16, UInt32)] = []) throws -> HTTP2TestSession {
        let client = try HTTP2TestSession(.client)
        #expect(Array(client.output().prefix(24)) == http2Preface)
        client.give([.settings(settings), .settingsAnswer])
        _ = client.output()
        return client
    }

    @discardableResult
    func give(_ bytes: [UInt8]) -> Bool {
        let isWell = session.receive(bytes.rawSpan, now: now)
        noteEvents()
        return isWell
    }

    @discardableResult
    func give(_ frames: [HTTP2Frame]) -> Bool { give(frames.flatMap(\.bytes)) }

    func noteEvents() {
        while let stream = session.nextEvent() { if !seen.contains(stream) { seen.append(stream) } }
    }

    func output(upTo byteCountMax: Int = .max, now: MonotonicTime = .now()) -> [UInt8] {
        var queue = ByteQueue(pool: pool)
        session.send(into: &queue, upTo: byteCountMax, now: now)
        noteEvents()
        return queue.bytes.array
    }

    func sent(upTo byteCountMax: Int = .max, now: MonotonicTime = .now()) -> [HTTP2Frame] {
        HTTP2Frame.all(in: output(upTo: byteCountMax, now: now))
    }

    /// The codes of the RST_STREAMs and of the GOAWAY among what is sent now.
    func errors() -> [HTTP2Error] {
        sent().compactMap { frame in
            guard let code = frame.code.flatMap(HTTP2ErrorCode.init(rawValue:)) else { return nil }
            if frame.type == 3 { return .stream(frame.stream, code) }
            return code == .noError ? nil : .connection(code)
        }
    }

    // MARK: Streams

    func stream(_ index: Int = 0) throws -> Handle { try #require(seen.count > index ? seen[index] : nil) }

    func request(_ stream: Handle) throws -> HTTP2Request {
        var head = RequestHead(pool: pool)
        try streams.slab[stream].takeRequest(into: &head)
        return HTTP2Request(head)
    }

    func hasHead(_ stream: Handle) -> Bool { streams.slab[stream].hasHead }
    func hasInputEnded(_ stream: Handle) -> Bool { streams.slab[stream].hasInputEnded }
    func isReset(_ stream: Handle) -> Bool { streams.slab[stream].isReset }
    func closedWith(_ stream: Handle) -> UInt32? { streams.slab[stream].closedWith }
    func trailers(_ stream: Handle) -> [String] { streams.slab[stream].trailers.texts }
    func end(_ stream: Handle, trailers text: String) {
        let lines = lines(text)
        session.end(stream, trailers: lines)
    }

    func input(_ stream: Handle) -> String { streams.slab[stream].input.text }
    func outputCount(_ stream: Handle) -> Int { streams.slab[stream].output.count }
    func error(_ stream: Handle) -> ErrorType? { streams.slab[stream].error?.type }

    func lines(_ text: String) -> ByteQueue {
        var queue = ByteQueue(pool: pool)
        queue.append(Array(text.utf8))
        return queue
    }

    func respond(_ stream: Handle, _ head: String, ends: Bool = false) {
        let lines = lines(head.replacing("\n", with: "\r\n") + "\r\n")
        session.respond(stream, lines, endsStream: ends)
    }

    func write(_ stream: Handle, _ content: String, ends: Bool = false) {
        streams.slab[stream].output.append(Array(content.utf8))
        streams.slab[stream].outputEnds = ends
        session.resume(stream)
    }

    func share(_ stream: Handle, _ content: [UInt8]) {
        streams.slab[stream].shared = content
        streams.slab[stream].outputEnds = true
        session.resume(stream)
    }

    func ask(_ head: String, ends: Bool = true, webSocket: Bool = false) throws -> Handle {
        let text = head.replacing("\n", with: "\r\n") + "\r\n"
        let lines = lines(text)
        let stream = session.request(lines, isSecure: true, isWebSocket: webSocket, user: .none, endsStream: ends)
        return try #require(stream)
    }
}

enum HTTP2Error: Equatable {
    case stream(Int32, HTTP2ErrorCode)
    case connection(HTTP2ErrorCode)
}

/// A head, copied out.
struct HTTP2Request: Equatable {
    var method: String
    var target: String
    var path: String
    var authority: String
    var hostname: String
    var framing: BodyFraming
    var connectProtocol: String
    var fields: [String]
    /// As an origin of HTTP/1 gets them.
    var lines: String

    init(_ head: borrowing RequestHead) {
        method = head.methodBytes.string
        target = head.target.string
        path = head.path.string
        authority = head.authority.string
        hostname = head.hostname.string
        framing = head.framing
        connectProtocol = head.connectProtocol.string
        var fields: [String] = []
        var queue = ByteQueue(pool: lastingPool())
        for i in 0..<head.fields.count {
            fields.append("\(head.fields.nameBytes(i).string)=\(head.fields.value(i).string)")
            head.fields.appendLine(i, to: &queue)
        }
        self.fields = fields
        lines = queue.bytes.string
        #expect(head.version == .http2)
    }
}

/// The fields of a request that is in order.
func requestFields(
    method: String = "GET", path: String = "/", authority: String = "example.com", _ more: (String, String)...
) -> [(String, String)] {
    [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)] + more
}

extension ByteQueue {
    fileprivate var text: String { bytes.string }
}

extension HeaderFields {
    fileprivate var texts: [String] { (0..<count).map { "\(nameBytes($0).string)=\(value($0).string)" } }
}
