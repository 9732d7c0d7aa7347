import TestSupport

/// One end of a WebSocket connection (RFC 6455), as far as tests need it.
final class WebSocket: @unchecked Sendable {
    /// The example of RFC 6455 § 1.3.
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    let stream: any ByteStream
    let head: HTTPMessage
    private let isClient: Bool
    private var mask: UInt32 = 0x9e37_79b9

    /// Opens a connection as a client.
    init(_ stream: any ByteStream, target: String = "/socket") throws {
        self.stream = stream
        isClient = true
        try stream.send(
            "GET \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(Self.key)\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
        head = try stream.readHead(timeout: 60)
        guard head.status == 101 else { throw TestError.invalid("no 101 but \(head.startLine)") }
    }

    /// Takes a connection as a server.
    init(accepting stream: any ByteStream) throws {
        self.stream = stream
        isClient = false
        head = try stream.readHead(timeout: 60)
        guard head["Upgrade"] == "websocket", head["Sec-WebSocket-Key"] == Self.key else { throw TestError.invalid("no WebSocket") }
        try stream.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(Self.accept)\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
    }

    func send(_ kind: WebSocketFrame.Kind, _ payload: [UInt8], isFinal: Bool = true) throws {
        mask = mask &* 1_664_525 &+ 1_013_904_223
        let frame = WebSocketFrame(kind, payload, isFinal: isFinal)
        try stream.send(frame.bytes(mask: isClient ? mask : nil), timeout: 60)
    }

    func receive(timeout: Double = 60) throws -> WebSocketFrame {
        var frame: WebSocketFrame?
        _ = try stream.receive("a frame", until: Deadline(seconds: timeout)) { bytes in
            guard let (found, length) = try WebSocketFrame.parse(bytes, isMasked: !isClient) else { return nil }
            frame = found
            return length
        }
        guard let frame else { throw TestError.invalid("no frame") }
        return frame
    }

    /// The closing handshake, and the end behind it.
    func close() throws {
        try send(.close, [0x03, 0xe8])
        guard try receive() == WebSocketFrame(.close, [0x03, 0xe8]) else { throw TestError.invalid("not a close frame") }
        guard try stream.receiveToEnd(timeout: 60).isEmpty else { throw TestError.invalid("bytes behind the close frame") }
        stream.close()
    }

    // MARK: Numbered messages

    /// In two fragments, a ping between them in every third.
    func sendMessage(_ index: Int, of connection: Int) throws {
        try send(.text, Array("\(connection)/".utf8), isFinal: false)
        if index % 3 == 2 { try send(.ping, [UInt8(truncatingIfNeeded: index)]) }
        try send(.continuation, Array("\(index)".utf8))
    }

    func receiveMessage(_ index: Int, of connection: Int) throws {
        var expected = [WebSocketFrame(.text, Array("\(connection)/".utf8), isFinal: false)]
        if index % 3 == 2 { expected.append(WebSocketFrame(.pong, [UInt8(truncatingIfNeeded: index)])) }
        expected.append(WebSocketFrame(.continuation, Array("\(index)".utf8)))
        for frame in expected {
            let received = try receive()
            if received != frame { throw TestError.invalid("connection \(connection), message \(index): \(received) for \(frame)") }
        }
    }

    // MARK: Origins

    static func origin(
        keepsReceived: Bool = true, _ script: @escaping @Sendable (WebSocket) throws -> Void
    ) throws -> ScriptedOrigin {
        try ScriptedOrigin(keepsReceived: keepsReceived) { connection, _ in try script(WebSocket(accepting: connection)) }
    }

    /// Sends every frame back as it came, a pong for a ping, and ends with the client's close.
    func echo() throws {
        while true {
            let frame = try receive(timeout: 600)
            try send(frame.kind == .ping ? .pong : frame.kind, frame.payload, isFinal: frame.isFinal)
            if frame.kind == .close { return }
        }
    }

    static func echoOrigin(keepsReceived: Bool = true) throws -> ScriptedOrigin {
        try origin(keepsReceived: keepsReceived) { try $0.echo() }
    }
}

/// A frame without extensions (RFC 6455 § 5.2).
struct WebSocketFrame: Equatable {
    enum Kind: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    let kind: Kind
    let payload: [UInt8]
    let isFinal: Bool

    init(_ kind: Kind, _ payload: [UInt8], isFinal: Bool = true) {
        self.kind = kind
        self.payload = payload
        self.isFinal = isFinal
    }

    func bytes(mask: UInt32?) -> [UInt8] {
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        var bytes = [kind.rawValue | (isFinal ? 0x80 : 0)]
        if payload.count < 126 {
            bytes.append(maskBit | UInt8(payload.count))
        } else if payload.count < 65536 {
            bytes += [maskBit | 126] + Self.bigEndian(UInt64(payload.count), 2)
        } else {
            bytes += [maskBit | 127] + Self.bigEndian(UInt64(payload.count), 8)
        }
        guard let mask else { return bytes + payload }
        let key = Self.bigEndian(UInt64(mask), 4)
        bytes += key
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index & 3]) }
        return bytes
    }

    private static func bigEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }

    /// The first frame in `bytes`, and its length there; nil if more is to come.
    static func parse(_ bytes: [UInt8], isMasked: Bool) throws -> (WebSocketFrame, Int)? {
        guard bytes.count >= 2 else { return nil }
        guard let kind = Kind(rawValue: bytes[0] & 0x7f), bytes[1] & 0x80 == (isMasked ? 0x80 : 0) else {
            throw TestError.invalid("not a frame: \(bytes.prefix(16))")
        }
        var start = 2
        var length = Int(bytes[1] & 0x7f)
        if length >= 126 {
            let count = length == 126 ? 2 : 8
            guard bytes.count >= start + count else { return nil }
            length = bytes[start..<start + count].reduce(0) { $0 << 8 | Int($1) }
            start += count
        }
        let maskCount = isMasked ? 4 : 0
        guard bytes.count >= start + maskCount + length else { return nil }
        let key = Array(bytes[start..<start + maskCount])
        start += maskCount
        var payload = Array(bytes[start..<start + length])
        if isMasked { for index in payload.indices { payload[index] ^= key[index & 3] } }
        return (WebSocketFrame(kind, payload, isFinal: bytes[0] & 0x80 != 0), start + length)
    }
}
