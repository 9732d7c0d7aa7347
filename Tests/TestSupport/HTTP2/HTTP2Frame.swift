/// A frame, whatever is in it (RFC 9113 § 4.1): no rule holds for what a test sends.
public struct HTTP2Frame: Sendable, Equatable {
    public enum Kind: UInt8, Sendable {
        case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    public struct Flags: OptionSet, Sendable, Equatable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        public static let endStream = Flags(rawValue: 0x01)
        /// Of SETTINGS and PING.
        public static let ack = Flags(rawValue: 0x01)
        public static let endHeaders = Flags(rawValue: 0x04)
        public static let padded = Flags(rawValue: 0x08)
        public static let priority = Flags(rawValue: 0x20)
        public static let none: Flags = []
    }

    public static let headBytes = 9

    public var type: UInt8
    public var flags: Flags
    /// With the reserved bit, if a test sets it.
    public var stream: UInt32
    public var payload: [UInt8]
    /// What the head says instead of the payload's length.
    public var claimedLength: Int?

    public init(type: UInt8, _ flags: Flags = .none, _ stream: UInt32, _ payload: [UInt8] = [], claimedLength: Int? = nil) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
        self.claimedLength = claimedLength
    }

    public init(_ kind: Kind, _ flags: Flags = .none, _ stream: UInt32, _ payload: [UInt8] = [], claimedLength: Int? = nil) {
        self.init(type: kind.rawValue, flags, stream, payload, claimedLength: claimedLength)
    }

    /// nil for a type that RFC 9113 does not define.
    public var kind: Kind? { Kind(rawValue: type) }

    public var bytes: [UInt8] {
        let length = UInt32(claimedLength ?? payload.count)
        return Array(length.bigEndianBytes.dropFirst()) + [type, flags.rawValue] + stream.bigEndianBytes + payload
    }

    /// The first frame in `bytes`; nil if more is to come.
    static func parse(_ bytes: [UInt8]) -> HTTP2Frame? {
        guard bytes.count >= headBytes else { return nil }
        let length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        guard bytes.count >= headBytes + length else { return nil }
        let flags = Flags(rawValue: bytes[4])
        return HTTP2Frame(type: bytes[3], flags, UInt32(bigEndianBytes: bytes[5..<9]), Array(bytes[headBytes..<headBytes + length]))
    }
}

// MARK: The frames that clients send

extension HTTP2Frame {
    public static func data(_ stream: UInt32, _ content: [UInt8], _ flags: Flags = .none) -> Self {
        HTTP2Frame(.data, flags, stream, content)
    }

    public static func data(_ stream: UInt32, _ content: String = "", _ flags: Flags = .none) -> Self {
        data(stream, Array(content.utf8), flags)
    }

    /// The pad length, the content and so much padding; both lengths are as the test says.
    public static func paddedData(_ stream: UInt32, _ content: [UInt8], padding: Int, padLength: UInt8? = nil, _ flags: Flags = .none)
        -> Self
    {
        let padding = [padLength ?? UInt8(padding)] + content + [UInt8](repeating: 0, count: padding)
        return HTTP2Frame(.data, flags.union(.padded), stream, padding)
    }

    public static func headers(_ stream: UInt32, _ fragment: [UInt8], _ flags: Flags = .endHeaders) -> Self {
        HTTP2Frame(.headers, flags, stream, fragment)
    }

    public static func continuation(_ stream: UInt32, _ fragment: [UInt8], _ flags: Flags = .endHeaders) -> Self {
        HTTP2Frame(.continuation, flags, stream, fragment)
    }

    public static func priority(_ stream: UInt32, on dependency: UInt32 = 0, exclusive: Bool = false, weight: UInt8 = 15) -> Self {
        HTTP2Frame(.priority, .none, stream, priorityFields(on: dependency, exclusive: exclusive, weight: weight))
    }

    /// `weight` is on the wire one less than its meaning.
    public static func priorityFields(on dependency: UInt32 = 0, exclusive: Bool = false, weight: UInt8 = 15) -> [UInt8] {
        (dependency | (exclusive ? 1 << 31 : 0)).bigEndianBytes + [weight]
    }

    public static func resetStream(_ stream: UInt32, _ code: HTTP2Code = .cancel) -> Self {
        resetStream(stream, code.rawValue)
    }

    public static func resetStream(_ stream: UInt32, _ code: UInt32) -> Self {
        HTTP2Frame(.resetStream, .none, stream, code.bigEndianBytes)
    }

    public static func settings(_ values: KeyValuePairs<UInt16, UInt32> = [:]) -> Self {
        HTTP2Frame(.settings, .none, 0, values.flatMap { $0.bigEndianBytes + $1.bigEndianBytes })
    }

    public static let settingsAck = HTTP2Frame(.settings, .ack, 0)

    public static func ping(_ content: [UInt8] = Array("deadbeef".utf8), _ flags: Flags = .none) -> Self {
        HTTP2Frame(.ping, flags, 0, content)
    }

    public static func goAway(last: UInt32 = 0, _ code: UInt32 = 0, debug: String = "") -> Self {
        HTTP2Frame(.goAway, .none, 0, last.bigEndianBytes + code.bigEndianBytes + Array(debug.utf8))
    }

    public static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> Self {
        HTTP2Frame(.windowUpdate, .none, stream, increment.bigEndianBytes)
    }
}

extension HTTP2Frame: CustomStringConvertible {
    public var description: String {
        let name = kind.map { "\($0)" } ?? "type \(type)"
        let code = (kind == .resetStream || kind == .goAway) && payload.count >= 4 ? ", code \(errorCode)" : ""
        return "\(name)(stream \(stream), flags \(flags.rawValue), \(claimedLength ?? payload.count) bytes\(code))"
    }

    private var errorCode: String {
        let value = UInt32(bigEndianBytes: kind == .goAway ? payload[4..<min(8, payload.count)] : payload[0..<4])
        return HTTP2Code(rawValue: value).map { "\($0)" } ?? "\(value)"
    }
}

extension FixedWidthInteger {
    /// As they stand on the wire.
    public var bigEndianBytes: [UInt8] {
        (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }
    }

    init(bigEndianBytes bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}
