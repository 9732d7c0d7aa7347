/// An origin's end of an HTTP/2 connection: sends whatever a test wants, and reads strictly. A frame or a field that a client must not
/// send is thrown (RFC 9113, RFC 7541).
public final class HTTP2ServerConnection {
    public struct Options: Sendable {
        public var settings: [(id: UInt16, value: UInt32)] = []
        /// Gives back to both windows what has come; an origin that doesn't is a slow reader.
        public var replenishes = true
        public var answersPings = true

        public init() {}
    }

    /// What has come on a stream until now.
    public struct Request: Sendable {
        public let stream: UInt32
        public internal(set) var head: HTTP2Fields
        public internal(set) var body: [UInt8] = []
        public internal(set) var trailers: HTTP2Fields?
        /// END_STREAM has come.
        public internal(set) var hasEnded = false
        /// The code of the client's RST_STREAM.
        public internal(set) var resetCode: UInt32?

        public var method: String { head[":method"] ?? "" }
        public var path: String { head[":path"] ?? "" }
        public var text: String { String(decoding: body, as: UTF8.self) }
        public var isOver: Bool { hasEnded || resetCode != nil }
        public subscript(name: String) -> String? { head[name] }
    }

    public let connection: any ByteStream
    public var options: Options

    public private(set) var requests: [UInt32: Request] = [:]
    /// The streams in the order in which they began.
    public private(set) var streams: [UInt32] = []
    /// What ``nextRequest(timeout:)`` has given.
    private var takenCount = 0
    public private(set) var pings = 0
    /// The code of the client's GOAWAY.
    public private(set) var goAwayCode: UInt32?
    public private(set) var hasEnded = false
    public private(set) var settingsAcks = 0
    public private(set) var clientSettings: [UInt16: UInt32] = [:]
    private var decoder = HPACKDecoder()
    /// Its "receive" is what the client may send.
    public private(set) var flow = HTTP2FlowControl()
    private var openBlock: HTTP2Frame?

    /// Reads the client's preface (RFC 9113 § 3.4), and sends SETTINGS.
    public init(_ connection: any ByteStream, _ configure: (inout Options) -> Void = { _ in }) throws {
        self.connection = connection
        var options = Options()
        configure(&options)
        self.options = options
        let preface = try connection.receive(HTTP2Client.preface.count, timeout: 60)
        guard preface == HTTP2Client.preface else { throw TestError.invalid("the preface is \(String(decoding: preface, as: UTF8.self))") }
        for setting in options.settings where setting.id == HTTP2Setting.initialWindowSize { flow.grantInitially(Int(setting.value)) }
        try send(HTTP2Frame(.settings, .none, 0, options.settings.flatMap { $0.id.bigEndianBytes + $0.value.bigEndianBytes }))
    }

    // MARK: Sending

    public func send(_ frames: HTTP2Frame...) throws {
        for frame in frames where frame.kind == .data { flow.sent(frame.payload.count, on: frame.stream) }
        for frame in frames where frame.kind == .windowUpdate {
            flow.granted(Int(UInt32(bigEndianBytes: frame.payload)), on: frame.stream)
        }
        try connection.send(frames.flatMap(\.bytes))
    }

    public func sendHead(_ fields: HTTP2Fields, on stream: UInt32, endsStream: Bool = false) throws {
        try send(.headers(stream, HPACKBlock(fields).bytes(scheme: "http"), endsStream ? [.endHeaders, .endStream] : .endHeaders))
    }

    /// A whole answer. The windows are waited for.
    public func respond(
        to stream: UInt32, _ status: String = "200", _ fields: HTTP2Fields = [:], body: [UInt8]? = nil, trailers: HTTP2Fields? = nil
    ) throws {
        try sendHead([":status": status] + fields, on: stream, endsStream: body == nil && trailers == nil)
        if let body { try sendData(body, on: stream, endsStream: trailers == nil) }
        if let trailers { try sendHead(trailers, on: stream, endsStream: true) }
    }

    public func respond(to stream: UInt32, _ status: String = "200", _ fields: HTTP2Fields = [:], text: String) throws {
        try respond(to: stream, status, fields, body: Array(text.utf8))
    }

    /// Sends `content` as the windows allow; reads what comes meanwhile. Ends early on a stream that the client resets.
    public func sendData(_ content: [UInt8], on stream: UInt32, endsStream: Bool = false, timeout: Double = 60) throws {
        var rest = content[...]
        while !rest.isEmpty {
            try wait("a window on stream \(stream)", timeout: timeout) {
                $0.flow.sendable(on: stream) > 0 || $0.requests[stream]?.resetCode != nil
            }
            if requests[stream]?.resetCode != nil { return }
            let piece = rest.prefix(min(16_384, flow.sendable(on: stream)))
            rest = rest.dropFirst(piece.count)
            try send(.data(stream, Array(piece), rest.isEmpty && endsStream ? .endStream : .none))
        }
        if content.isEmpty && endsStream { try send(.data(stream, [], .endStream)) }
    }

    // MARK: Waiting

    /// The next request, whole; however long it takes the client to send it. nil at the connection's end.
    public func nextRequest(timeout: Double = 600) throws -> Request? {
        guard let stream = try nextStream(timeout: timeout) else { return nil }
        try wait("the end of the request on stream \(stream)") { $0.requests[stream]?.isOver == true || $0.hasEnded }
        return requests[stream]
    }

    /// The next request, of which the head is there. nil at the connection's end.
    public func nextHead(timeout: Double = 600) throws -> Request? {
        try nextStream(timeout: timeout).flatMap { requests[$0] }
    }

    private func nextStream(timeout: Double) throws -> UInt32? {
        try wait("a request", timeout: timeout) { $0.streams.count > $0.takenCount || $0.hasEnded }
        guard streams.count > takenCount else { return nil }
        takenCount += 1
        return streams[takenCount - 1]
    }

    /// Reads frames until `holds`.
    public func wait(_ what: String, timeout: Double = Deadline.defaultSeconds, _ holds: (HTTP2ServerConnection) -> Bool) throws {
        let deadline = Deadline(seconds: timeout)
        while !holds(self) {
            if hasEnded { throw TestError.ended("before \(what)") }
            do {
                try readFrame(until: deadline)
            } catch TestError.timedOut {
                throw TestError.timedOut("the origin waits for \(what); it has \(requests)")
            }
        }
    }

    public func request(_ stream: UInt32) -> Request { requests[stream] ?? Request(stream: stream, head: [:]) }

    /// Reads until the client ends the connection.
    public func waitForEnd(timeout: Double = 60) throws {
        try wait("the connection's end", timeout: timeout) { $0.hasEnded }
    }

    // MARK: Reading

    private func readFrame(until deadline: Deadline) throws {
        while true {
            if let frame = HTTP2Frame.parse(connection.unread) {
                connection.unread.removeFirst(HTTP2Frame.headBytes + frame.payload.count)
                return try take(frame)
            }
            let bytes = try connection.receiveSome(until: deadline)
            if bytes.isEmpty {
                hasEnded = true
                guard connection.unread.isEmpty else { throw TestError.invalid("the end within a frame") }
                return
            }
            connection.unread += bytes
        }
    }

    private func take(_ frame: HTTP2Frame) throws {
        guard frame.payload.count <= 16_384 else { throw TestError.invalid("a frame of \(frame.payload.count) bytes") }
        guard openBlock == nil || frame.kind == .continuation else { throw TestError.invalid("within a block: \(frame)") }
        switch frame.kind {
        case .data: try takeData(frame)
        case .headers, .continuation: try takeHeaders(frame)
        case .resetStream:
            guard requests[frame.stream] != nil else { throw TestError.invalid("an idle stream: \(frame)") }
            requests[frame.stream]?.resetCode = UInt32(bigEndianBytes: frame.payload)
        case .settings: try takeSettings(frame)
        case .ping:
            if frame.flags.contains(.ack) { return }
            pings += 1
            if options.answersPings { try reply(.ping(frame.payload, .ack)) }
        case .goAway: goAwayCode = UInt32(bigEndianBytes: frame.payload[4..<8])
        case .windowUpdate: try flow.gained(Int(UInt32(bigEndianBytes: frame.payload)), on: frame.stream)
        case .priority, .pushPromise: throw TestError.invalid("what no gateway sends: \(frame)")
        case nil: break
        }
    }

    /// A client that has gone takes no answers, and what it said before is still to be read.
    private func reply(_ frame: HTTP2Frame) throws {
        do { try send(frame) } catch TestError.reset {}
    }

    private func takeSettings(_ frame: HTTP2Frame) throws {
        if frame.flags.contains(.ack) {
            settingsAcks += 1
            return
        }
        for (id, value) in frame.settings {
            clientSettings[id] = value
            if id == HTTP2Setting.initialWindowSize { flow.gainInitially(Int(value)) }
        }
        try reply(.settingsAck)
    }

    private func takeData(_ frame: HTTP2Frame) throws {
        guard let request = requests[frame.stream], !request.isOver else { throw TestError.invalid("a stream that is not open: \(frame)") }
        try flow.received(frame.payload.count, on: frame.stream)
        requests[frame.stream]?.body += frame.payload
        if frame.flags.contains(.endStream) { requests[frame.stream]?.hasEnded = true }
        guard options.replenishes, !frame.payload.isEmpty else { return }
        try reply(.windowUpdate(0, UInt32(frame.payload.count)))
        if !frame.flags.contains(.endStream) { try reply(.windowUpdate(frame.stream, UInt32(frame.payload.count))) }
    }

    private func takeHeaders(_ frame: HTTP2Frame) throws {
        var block = openBlock ?? frame
        if openBlock != nil { block.payload += frame.payload }
        openBlock = block
        guard frame.flags.contains(.endHeaders) else { return }
        openBlock = nil
        let fields = try decoder.decode(block.payload)
        let endsStream = block.flags.contains(.endStream)
        if let request = requests[block.stream] {
            guard !request.isOver, endsStream else { throw TestError.invalid("a second head: \(fields)") }
            requests[block.stream]?.trailers = fields
        } else {
            guard block.stream % 2 == 1, block.stream > streams.last ?? 0 else {
                throw TestError.invalid("a stream out of order: \(block)")
            }
            streams.append(block.stream)
            requests[block.stream] = Request(stream: block.stream, head: fields)
        }
        if let rule = Self.brokenRule(in: fields, areTrailers: requests[block.stream]?.trailers != nil) {
            throw TestError.invalid("\(rule) in \(fields)")
        }
        if endsStream { requests[block.stream]?.hasEnded = true }
    }

    /// RFC 9113 § 8.2 and § 8.3.1.
    private static func brokenRule(in fields: HTTP2Fields, areTrailers: Bool) -> String? {
        let names = fields.fields.map(\.name)
        let pseudo = names.prefix { $0.hasPrefix(":") }
        if names.dropFirst(pseudo.count).contains(where: { $0.hasPrefix(":") }) { return "a pseudo-header field behind another" }
        if areTrailers ? !pseudo.isEmpty : Set(pseudo) != [":method", ":scheme", ":path", ":authority"] || pseudo.count != 4 {
            return "the pseudo-header fields \(pseudo)"
        }
        let connectionSpecific = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "host"]
        for field in fields.fields.dropFirst(pseudo.count) {
            if field.name != field.name.lowercased() || connectionSpecific.contains(field.name) { return "the field \(field.name)" }
            if field.name == "te" && field.value != "trailers" { return "te: \(field.value)" }
        }
        return nil
    }
}

extension ScriptedOrigin {
    public typealias HTTP2Script = @Sendable (_ connection: HTTP2ServerConnection, _ index: Int) throws -> Void

    /// An origin that speaks HTTP/2, over TLS if `tls` is given (its ALPN is the test's to set).
    public static func overHTTP2(
        tls: TLSServerSide? = nil, _ configure: @escaping @Sendable (inout HTTP2ServerConnection.Options) -> Void = { _ in },
        _ script: @escaping HTTP2Script
    ) throws -> ScriptedOrigin {
        try ScriptedOrigin { socket, index in
            let stream: any ByteStream = if let tls { try TLSServerConnection(over: socket, tls) } else { socket }
            try script(HTTP2ServerConnection(stream, configure), index)
        }
    }
}
