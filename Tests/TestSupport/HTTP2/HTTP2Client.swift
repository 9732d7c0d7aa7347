/// A client's HTTP/2 connection that sends whatever a test wants, frame by frame, and reads strictly: a frame or field that a server must
/// not send is thrown (RFC 9113, RFC 7541). Its code is the tests' own, with nothing of the gateway's.
public final class HTTP2Client {
    public struct Options: Sendable {
        public var settings: [(id: UInt16, value: UInt32)] = [(HTTP2Setting.enablePush, 0)]
        /// Gives back to both windows what has come; a client that doesn't is a slow reader.
        public var replenishes = true
        /// Acknowledges the server's settings.
        public var acknowledges = true

        public init() {}
    }

    public struct GoAway: Sendable, Equatable {
        public let last: UInt32
        public let code: UInt32
        public let debug: String
    }

    public enum Ending: Sendable {
        case closed, reset
    }

    public static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    public let connection: any ByteStream
    public let scheme: String
    public var options: Options

    // MARK: What has come

    public internal(set) var responses: [UInt32: HTTP2Response] = [:]
    public internal(set) var goAways: [GoAway] = []
    public internal(set) var pongs: [[UInt8]] = []
    public internal(set) var settingsAcks = 0
    /// nil until the server's preface has come.
    public internal(set) var serverSettings: [UInt16: UInt32]?
    public internal(set) var ending: Ending?
    /// Every frame in its order, DATA without its content.
    public internal(set) var frames: [HTTP2Frame] = []

    var decoder = HPACKDecoder()
    public internal(set) var flow = HTTP2FlowControl()
    /// HEADERS whose END_HEADERS has not come.
    var openBlock: HTTP2Frame?
    /// SETTINGS that were sent and not acknowledged.
    var pendingSettings: [[(id: UInt16, value: UInt32)]] = []
    var maxFrameSize = 16_384
    /// Streams on which the client's part is over by a reset: the server may not know it yet.
    var resetByClient: Set<UInt32> = []
    var methods: [UInt32: String] = [:]
    public internal(set) var lastStream: UInt32 = 0

    /// `scheme` is what requests say in `:scheme`, if they say nothing else.
    public init(_ connection: any ByteStream, scheme: String? = nil, _ configure: (inout Options) -> Void = { _ in }) {
        self.connection = connection
        self.scheme = scheme ?? (connection is TLSStream ? "https" : "http")
        var options = Options()
        configure(&options)
        self.options = options
    }

    /// With the connection's preface (RFC 9113 § 3.4), which it waits to be acknowledged.
    public static func open(_ connection: any ByteStream, _ configure: (inout Options) -> Void = { _ in }) throws -> HTTP2Client {
        let client = HTTP2Client(connection, configure)
        try client.handshake()
        return client
    }

    public func handshake() throws {
        try connection.send(Self.preface)
        try send(HTTP2Frame(.settings, .none, 0, options.settings.flatMap { $0.id.bigEndianBytes + $0.value.bigEndianBytes }))
        try wait("the server's preface and its acknowledgement") { $0.serverSettings != nil && $0.settingsAcks > 0 }
    }

    /// The next stream number that a request may take.
    public var nextStream: UInt32 { lastStream == 0 ? 1 : lastStream + 2 }

    // MARK: Sending

    /// As it is. What it means for windows and settings is kept account of.
    public func send(_ frames: HTTP2Frame...) throws {
        try send(frames)
    }

    public func send(_ frames: [HTTP2Frame], behind prefix: [UInt8] = []) throws {
        for frame in frames { note(frame) }
        try connection.send(prefix + frames.flatMap(\.bytes))
    }

    /// One write for each byte.
    public func sendBytewise(_ frame: HTTP2Frame) throws {
        note(frame)
        for byte in frame.bytes { try connection.send([byte]) }
    }

    private func note(_ frame: HTTP2Frame) {
        let stream = frame.stream & 0x7fff_ffff
        switch frame.kind {
        case .headers where stream % 2 == 1: lastStream = max(lastStream, stream)
        case .data: flow.sent(frame.payload.count, on: stream)
        case .resetStream: resetByClient.insert(stream)
        case .windowUpdate where frame.payload.count == 4:
            flow.granted(Int(UInt32(bigEndianBytes: frame.payload) & 0x7fff_ffff), on: stream)
        case .settings where !frame.flags.contains(.ack) && frame.payload.count % 6 == 0: pendingSettings.append(frame.settings)
        default: break
        }
    }

    /// HEADERS with `fields`, all in one frame.
    public func sendHead(_ fields: HTTP2Fields, on stream: UInt32, endsStream: Bool = true) throws {
        try sendHead(HPACKBlock(fields), on: stream, endsStream: endsStream)
        methods[stream] = fields[":method"]
    }

    public func sendHead(_ block: HPACKBlock, on stream: UInt32, endsStream: Bool = true) throws {
        try send(.headers(stream, block.bytes(scheme: scheme), endsStream ? [.endHeaders, .endStream] : .endHeaders))
    }

    /// Starts a request, with its whole content if there is one: the windows have to be large enough. Returns its stream.
    @discardableResult
    public func request(_ fields: HTTP2Fields = .get, body: [UInt8]? = nil, trailers: HTTP2Fields? = nil) throws -> UInt32 {
        let stream = nextStream
        let head = HPACKBlock(fields).bytes(scheme: scheme)
        var frames: [HTTP2Frame] = [.headers(stream, head, body == nil && trailers == nil ? [.endHeaders, .endStream] : .endHeaders)]
        if let body {
            let pieces = stride(from: 0, to: max(1, body.count), by: 16_384).map { Array(body[$0..<min($0 + 16_384, body.count)]) }
            for (index, piece) in pieces.enumerated() {
                frames.append(.data(stream, piece, index == pieces.count - 1 && trailers == nil ? .endStream : .none))
            }
        }
        // In one write: what is wrong further behind is mostly there when the head is read.
        try send(frames)
        methods[stream] = fields[":method"]
        if let trailers { try sendHead(trailers, on: stream) }
        return stream
    }

    /// A request, and its answer.
    public func exchange(
        _ fields: HTTP2Fields = .get, body: [UInt8]? = nil, trailers: HTTP2Fields? = nil, timeout: Double = Deadline.defaultSeconds
    ) throws -> HTTP2Response {
        try response(on: request(fields, body: body, trailers: trailers), timeout: timeout)
    }

    public func get(_ path: String = "/", _ more: HTTP2Fields = [:]) throws -> HTTP2Response {
        try exchange(.request("GET", path, more))
    }

    /// Sends `content` as the windows allow; reads what comes meanwhile.
    public func sendData(_ content: [UInt8], on stream: UInt32, endsStream: Bool, timeout: Double = Deadline.defaultSeconds) throws {
        var rest = content[...]
        while !rest.isEmpty {
            if flow.sendable(on: stream) <= 0 {
                try wait("a window on stream \(stream)", timeout: timeout) {
                    $0.flow.sendable(on: stream) > 0 || $0.response(stream).isOver
                }
                if response(stream).isOver { throw TestError.invalid("stream \(stream) has ended: \(response(stream))") }
            }
            let piece = rest.prefix(min(16_384, flow.sendable(on: stream)))
            rest = rest.dropFirst(piece.count)
            try send(.data(stream, Array(piece)))
        }
        if endsStream { try send(.data(stream, [], .endStream)) }
    }
}

extension HTTP2Frame {
    var settings: [(id: UInt16, value: UInt32)] {
        stride(from: 0, to: payload.count, by: 6).map {
            (UInt16(bigEndianBytes: payload[$0..<$0 + 2]), UInt32(bigEndianBytes: payload[$0 + 2..<$0 + 6]))
        }
    }
}
