/// A frame as it stands on the wire, made or read by hand: for what a good peer never sends.
struct HTTP2Frame: Equatable, CustomStringConvertible {
    var type: UInt8
    var flags: UInt8
    var stream: Int32
    var payload: [UInt8]

    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4

    init(_ type: UInt8, flags: UInt8 = 0, _ stream: Int32, _ payload: [UInt8] = []) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    var bytes: [UInt8] {
        [UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255), type, flags] + big32(UInt32(stream))
            + payload
    }

    /// The code of RST_STREAM or GOAWAY.
    var code: UInt32? {
        switch type {
        case 3: read32(payload, 0)
        case 7: read32(payload, 4)
        default: nil
        }
    }

    var description: String {
        let names = [
            "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION",
        ]
        let name = Int(type) < names.count ? names[Int(type)] : "\(type)"
        return "\(name)(\(stream), flags \(flags), \(payload.count) bytes\(code.map { ", code \($0)" } ?? ""))"
    }

    static func all(in bytes: [UInt8]) -> [HTTP2Frame] {
        var frames: [HTTP2Frame] = []
        var i = 0
        while i + 9 <= bytes.count {
            let length = Int(bytes[i]) << 16 | Int(bytes[i + 1]) << 8 | Int(bytes[i + 2])
            let stream = Int32(bitPattern: read32(bytes, i + 5) & 0x7fff_ffff)
            frames.append(HTTP2Frame(bytes[i + 3], flags: bytes[i + 4], stream, Array(bytes[(i + 9)..<(i + 9 + length)])))
            i += 9 + length
        }
        return frames
    }

    // MARK: The types

    static func data(_ stream: Int32, _ content: String = "", ends: Bool = false) -> HTTP2Frame {
        HTTP2Frame(0, flags: ends ? endStream : 0, stream, Array(content.utf8))
    }
    static func data(_ stream: Int32, bytes: Int, ends: Bool = false) -> HTTP2Frame {
        HTTP2Frame(0, flags: ends ? endStream : 0, stream, Array(repeating: 0x78, count: bytes))
    }
    static func headers(_ stream: Int32, _ fields: [(String, String)], ends: Bool = true) -> HTTP2Frame {
        HTTP2Frame(1, flags: endHeaders | (ends ? endStream : 0), stream, block(fields))
    }
    static func reset(_ stream: Int32, _ code: UInt32 = 8) -> HTTP2Frame { HTTP2Frame(3, stream, big32(code)) }
    static func settings(_ values: [(UInt16, UInt32)] = []) -> HTTP2Frame {
        HTTP2Frame(4, 0, values.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + big32($0.1) })
    }
    static var settingsAnswer: HTTP2Frame { HTTP2Frame(4, flags: 1, 0) }
    static func priority(_ stream: Int32, on other: Int32) -> HTTP2Frame { HTTP2Frame(2, stream, big32(UInt32(other)) + [15]) }
    static func ping(isAnswer: Bool = false) -> HTTP2Frame { HTTP2Frame(6, flags: isAnswer ? 1 : 0, 0, Array("12345678".utf8)) }
    static func windowUpdate(_ stream: Int32, _ count: UInt32) -> HTTP2Frame { HTTP2Frame(8, stream, big32(count)) }
    static func goaway(_ last: Int32, _ code: UInt32 = 0) -> HTTP2Frame { HTTP2Frame(7, 0, big32(UInt32(last)) + big32(code)) }
    static func continuation(_ stream: Int32, _ block: [UInt8], ends: Bool = true) -> HTTP2Frame {
        HTTP2Frame(9, flags: ends ? endHeaders : 0, stream, block)
    }

    // MARK: HPACK

    /// Literals without indexing (RFC 7541 § 6.2.2): any bytes whatever.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + literal(Array($0.0.utf8)) + literal(Array($0.1.utf8)) }
    }

    static func literal(_ bytes: [UInt8]) -> [UInt8] { integer(bytes.count, prefix: 7) + bytes }

    /// RFC 7541 § 5.1.
    static func integer(_ value: Int, prefix: Int, mark: UInt8 = 0) -> [UInt8] {
        let most = 1 << prefix - 1
        if value < most { return [mark | UInt8(value)] }
        var bytes = [mark | UInt8(most)]
        var rest = value - most
        while rest >= 128 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

func big32(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

func read32(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    bytes[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) }
}

let http2Preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
