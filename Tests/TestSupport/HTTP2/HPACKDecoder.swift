/// Reads field blocks (RFC 7541), strictly: whatever an encoder must not do is thrown.
public struct HPACKDecoder {
    private var table = HPACKTable()
    /// What our SETTINGS_HEADER_TABLE_SIZE allows the encoder.
    private var tableBytesMax: Int
    /// The next block has to begin with an update to this size at most (RFC 7541 § 4.2).
    private var owedUpdateMax: Int?

    /// `tableBytes` both sides know without a word, as the examples of RFC 7541 do.
    public init(tableBytes: Int = 4096) {
        tableBytesMax = tableBytes
        table.bytesMax = tableBytes
    }

    /// Our setting, from the moment at which it was acknowledged.
    mutating func allow(tableBytes: Int) {
        tableBytesMax = tableBytes
        if tableBytes < table.bytesMax { owedUpdateMax = min(tableBytes, owedUpdateMax ?? tableBytes) }
    }

    public mutating func decode(_ block: [UInt8]) throws -> HTTP2Fields {
        var reader = Reader(rest: block[...])
        var fields: [HTTPMessage.Field] = []
        while let first = reader.rest.first {
            if first & 0xe0 == 0x20 {
                guard fields.isEmpty else { throw TestError.invalid("HPACK: a size update behind a field") }
                try update(to: try reader.integer(prefixBits: 5))
                continue
            }
            if let owed = owedUpdateMax { throw TestError.invalid("HPACK: no size update to \(owed)") }
            fields.append(try field(first, &reader))
        }
        return HTTP2Fields(fields)
    }

    private mutating func update(to size: Int) throws {
        guard size <= tableBytesMax else { throw TestError.invalid("HPACK: a size update to \(size), above \(tableBytesMax)") }
        if let owed = owedUpdateMax, size <= owed { owedUpdateMax = nil }
        table.bytesMax = size
    }

    private mutating func field(_ first: UInt8, _ reader: inout Reader) throws -> HTTPMessage.Field {
        if first & 0x80 != 0 {
            let index = try reader.integer(prefixBits: 7)
            guard let field = table[index] else { throw TestError.invalid("HPACK: index \(index)") }
            return field
        }
        let isIncremental = first & 0x40 != 0
        let index = try reader.integer(prefixBits: isIncremental ? 6 : 4)
        let name: String
        if index == 0 {
            name = try reader.string()
        } else {
            guard let field = table[index] else { throw TestError.invalid("HPACK: index \(index)") }
            name = field.name
        }
        let field = HTTPMessage.Field(name: name, value: try reader.string())
        if isIncremental { table.insert(field) }
        return field
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func byte() throws -> UInt8 {
            guard let byte = rest.popFirst() else { throw TestError.invalid("HPACK: the block ends within a field") }
            return byte
        }

        mutating func integer(prefixBits: Int) throws -> Int {
            let limit = (1 << prefixBits) - 1
            var value = Int(try byte()) & limit
            if value < limit { return value }
            var shift = 0
            while true {
                let next = try byte()
                guard shift < 28 else { throw TestError.invalid("HPACK: an integer without an end") }
                value += Int(next & 0x7f) << shift
                if next & 0x80 == 0 { return value }
                shift += 7
            }
        }

        mutating func string() throws -> String {
            let isCoded = (rest.first ?? 0) & 0x80 != 0
            let length = try integer(prefixBits: 7)
            guard length <= rest.count else { throw TestError.invalid("HPACK: the block ends within a string") }
            let bytes = rest.prefix(length)
            rest = rest.dropFirst(length)
            return String(latin1: isCoded ? try HuffmanCode.decode(bytes) : Array(bytes))
        }
    }
}
