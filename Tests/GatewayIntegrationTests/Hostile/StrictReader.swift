import TestSupport

/// Reads HTTP/1.1 messages off bytes by rules of the tests' own, stricter than RFC 9112: what nobody can misread. The two oracles stand
/// on it. What breaks a rule is thrown, with the bytes around it.
struct StrictReader {
    struct Field: Equatable {
        let name: String
        let value: String
    }

    /// The bytes end within a message: no rule is broken yet.
    struct Incomplete: Error {}

    let bytes: [UInt8]
    private(set) var position = 0
    /// Whether values may hold bytes from 0x80 on (obs-text, RFC 9110 § 5.5).
    let allowsOpaqueText: Bool

    init(_ bytes: [UInt8], allowsOpaqueText: Bool = false) {
        self.bytes = bytes
        self.allowsOpaqueText = allowsOpaqueText
    }

    var isAtEnd: Bool { position == bytes.count }

    func violation(_ rule: String) -> TestError {
        let around = bytes[max(0, position - 60)..<min(bytes.count, position + 120)]
        return .invalid("\(rule), at byte \(position) of: \(visible(around))")
    }

    /// A line without its CRLF. No bare CR or LF, no other control but HTAB, nothing from 0x80 on unless that is allowed.
    mutating func line() throws -> String {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case 0x0d where position + 1 == bytes.count: throw Incomplete()
            case 0x0d where bytes[position + 1] == 0x0a:
                defer { position += 2 }
                return String(decoding: bytes[start..<position], as: UTF8.self)
            case 0x0d: throw violation("a CR stands alone")
            case 0x0a: throw violation("a LF stands alone")
            case 0x00..<0x20 where bytes[position] != 0x09, 0x7f: throw violation("a control")
            case 0x80...0xff where !allowsOpaqueText: throw violation("a byte that is not ASCII")
            default: position += 1
            }
        }
        throw Incomplete()
    }

    /// The lines up to the empty one: `name: value`, no folding, no white space but one space behind the colon.
    mutating func fields() throws -> [Field] {
        var fields: [Field] = []
        while case let line = try line(), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), !line[..<colon].isEmpty, line[..<colon].utf8.allSatisfy(Self.isToken) else {
                throw violation("no field line: '\(line)'")
            }
            let value = line[line.index(after: colon)...]
            guard value.hasPrefix(" "), value == " " || value.dropFirst().first?.isWhitespace == false, value.last != "\t",
                value == " " || value.last != " "
            else { throw violation("white space around a value: '\(line)'") }
            fields.append(Field(name: String(line[..<colon]), value: String(value.dropFirst())))
        }
        return fields
    }

    mutating func take(_ count: Int) throws -> [UInt8] {
        if bytes.count - position < count {
            position = bytes.count
            throw Incomplete()
        }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// Chunks as the gateway writes them: no extension, no leading zero, hexadecimal digits and nothing else. Then the trailers.
    mutating func chunkedBody() throws -> (body: [UInt8], trailers: [Field]) {
        var body: [UInt8] = []
        while true {
            let size = try line()
            guard size.utf8.allSatisfy(Self.isHexDigit), size == "0" || size.first != "0", let count = Int(size, radix: 16) else {
                throw violation("no chunk size: '\(size)'")
            }
            if count == 0 { return (body, try fields()) }
            body += try take(count)
            guard try line().isEmpty else { throw violation("no line end behind a chunk") }
        }
    }

    /// The body as exactly one framing says; nil if none does.
    mutating func body(framedBy fields: [Field]) throws -> (body: [UInt8], trailers: [Field])? {
        let lengths = fields.values("Content-Length")
        let codings = fields.values("Transfer-Encoding")
        if lengths.count + codings.count > 1 { throw violation("several framings") }
        if let coding = codings.first {
            guard coding == "chunked" else { throw violation("the coding '\(coding)'") }
            return try chunkedBody()
        }
        guard let length = lengths.first else { return nil }
        guard !length.isEmpty, length.utf8.allSatisfy(Self.isDigit), let count = Int(length) else { throw violation("length '\(length)'") }
        return (try take(count), [])
    }

    static func isToken(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
    }
}

extension [StrictReader.Field] {
    func values(_ name: String) -> [String] {
        filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    func contains(_ name: String) -> Bool { !values(name).isEmpty }
}

/// Bytes for a message that a person reads.
func visible(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 0x0d: text += "\\r"
        case 0x0a: text += "\\n"
        case 0x20..<0x7f: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text
}
