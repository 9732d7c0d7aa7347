import GatewayCore
import GatewayHTTP

/// The chunked coding by the letter of its grammar (RFC 9112 § 7.1), of a body that is all there, with the gateway's limits.
struct ReferenceChunks {
    struct Field {
        var name: [UInt8]
        var value: [UInt8]
    }

    private(set) var body: [UInt8] = []
    private(set) var trailers: [Field] = []
    private(set) var consumed = 0

    /// nil if the bytes do not begin with a whole coding.
    static func read(_ bytes: [UInt8]) -> ReferenceChunks? {
        var chunks = ReferenceChunks()
        while let line = chunks.takeLine(bytes) {
            guard let size = size(of: line) else { return nil }
            if size == 0 { return chunks.takeTrailers(bytes) ? chunks : nil }
            guard size <= UInt64(bytes.count - chunks.consumed) else { return nil }
            chunks.body += bytes[chunks.consumed...].prefix(Int(size))
            chunks.consumed += Int(size)
            guard bytes[chunks.consumed...].starts(with: [0x0d, 0x0a]) else { return nil }
            chunks.consumed += 2
        }
        return nil
    }

    /// Up to the next CRLF, which no line may have inside.
    private mutating func takeLine(_ bytes: [UInt8]) -> [UInt8]? {
        var end = consumed
        while end + 1 < bytes.count {
            if bytes[end] == 0x0d && bytes[end + 1] == 0x0a {
                let line = Array(bytes[consumed..<end])
                consumed = end + 2
                return line
            }
            end += 1
        }
        return nil
    }

    // MARK: The line of a size

    private static func size(of line: [UInt8]) -> UInt64? {
        let digits = line.prefix { $0.hexValue != nil }
        // The line's CR counts among its bytes.
        if digits.isEmpty || digits.count > 16 || line.count > digits.count && line.count + 1 > Limits.chunkLineBytesMax { return nil }
        guard let size = UInt64(String(decoding: digits, as: UTF8.self), radix: 16), size <= Int64.max else { return nil }
        var rest = line[digits.endIndex...]
        while !rest.isEmpty { if !takeExtension(&rest) { return nil } }
        return size
    }

    /// `BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ]`
    private static func takeExtension(_ rest: inout ArraySlice<UInt8>) -> Bool {
        skipBlanks(&rest)
        guard rest.popFirst() == UInt8(ascii: ";") else { return false }
        skipBlanks(&rest)
        guard takeToken(&rest) else { return false }
        var value = rest
        skipBlanks(&value)
        guard value.popFirst() == UInt8(ascii: "=") else { return true }
        skipBlanks(&value)
        rest = value
        return rest.first == UInt8(ascii: "\"") ? takeQuoted(&rest) : takeToken(&rest)
    }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
    }

    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let token = rest.prefix { HeaderFields.isToken([$0].rawSpan) }
        rest = rest[token.endIndex...]
        return !token.isEmpty
    }

    private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> Bool {
        rest.removeFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            let character = byte == UInt8(ascii: "\\") ? rest.popFirst() : byte
            guard let character, character == 0x09 || (0x20..<0x7f).contains(character) else { return false }
        }
        return false
    }

    // MARK: Trailers

    private mutating func takeTrailers(_ bytes: [UInt8]) -> Bool {
        let start = consumed
        while let line = takeLine(bytes) {
            if consumed - start > Limits.trailerBytesMax { return false }
            if line.isEmpty { return true }
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            if name.count == line.count || !HeaderFields.isToken(Array(name).rawSpan) || trailers.count == Limits.headFieldsMax {
                return false
            }
            var value = line[(name.endIndex + 1)...]
            if value.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) { return false }
            Self.skipBlanks(&value)
            while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
            trailers.append(Field(name: Array(name), value: Array(value)))
        }
        return false
    }
}
