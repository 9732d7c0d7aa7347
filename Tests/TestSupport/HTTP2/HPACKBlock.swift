/// A field block as a client writes it: each field in the representation that a test wants (RFC 7541 § 6), right or wrong.
///
/// Characters from U+0000 to U+00FF stand for the byte of that number.
public struct HPACKBlock: Sendable, ExpressibleByArrayLiteral {
    public enum Indexing: Sendable {
        case incremental, without, never
    }

    public enum Name: Sendable, ExpressibleByStringLiteral {
        case text(String)
        case index(Int)

        public init(stringLiteral value: String) {
            self = .text(value)
        }
    }

    public enum Item: Sendable {
        case indexed(Int)
        case literal(Name, String, Indexing = .without, huffman: Bool = false)
        case sizeUpdate(Int)
        case raw([UInt8])
        /// `:scheme` as the connection has it.
        case scheme
    }

    public var items: [Item]

    public init(_ items: [Item] = []) {
        self.items = items
    }

    public init(arrayLiteral items: Item...) {
        self.items = items
    }

    /// Literals without indexing: what they mean does not depend on what was sent before.
    public init(_ fields: HTTP2Fields) {
        items = fields.fields.map {
            $0.name == ":scheme" && $0.value == HTTP2Fields.ownScheme ? .scheme : .literal(.text($0.name), $0.value)
        }
    }

    public static func + (left: HPACKBlock, right: HPACKBlock) -> HPACKBlock { HPACKBlock(left.items + right.items) }

    public func bytes(scheme: String) -> [UInt8] {
        items.flatMap { Self.bytes(of: $0, scheme) }
    }

    private static func bytes(of item: Item, _ scheme: String) -> [UInt8] {
        switch item {
        case .indexed(let index): integer(index, prefixBits: 7, pattern: 0x80)
        case .sizeUpdate(let size): integer(size, prefixBits: 5, pattern: 0x20)
        case .raw(let bytes): bytes
        case .scheme: bytes(of: .indexed(scheme == "https" ? 7 : 6), scheme)
        case .literal(let name, let value, let indexing, let huffman):
            bytes(of: name, indexing, huffman) + string(value, huffman: huffman)
        }
    }

    private static func bytes(of name: Name, _ indexing: Indexing, _ huffman: Bool) -> [UInt8] {
        let (prefixBits, pattern): (Int, UInt8) =
            switch indexing {
            case .incremental: (6, 0x40)
            case .without: (4, 0x00)
            case .never: (4, 0x10)
            }
        switch name {
        case .index(let index): return integer(index, prefixBits: prefixBits, pattern: pattern)
        case .text(let text): return [pattern] + string(text, huffman: huffman)
        }
    }

    /// RFC 7541 § 5.1.
    public static func integer(_ value: Int, prefixBits: Int, pattern: UInt8) -> [UInt8] {
        let limit = (1 << prefixBits) - 1
        if value < limit { return [pattern | UInt8(value)] }
        var bytes = [pattern | UInt8(limit)]
        var rest = value - limit
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// RFC 7541 § 5.2.
    public static func string(_ text: String, huffman: Bool = false) -> [UInt8] {
        let bytes = text.latin1
        let coded = huffman ? HuffmanCode.encode(bytes) : bytes
        return integer(coded.count, prefixBits: 7, pattern: huffman ? 0x80 : 0) + coded
    }

    /// The Huffman code of EOS behind that of `text`, with its length.
    public static func stringWithEOS(_ text: String) -> [UInt8] {
        let coded = HuffmanCode.encode(text.latin1.map(Int.init) + [HuffmanCode.endOfString])
        return integer(coded.count, prefixBits: 7, pattern: 0x80) + coded
    }

    /// The Huffman code of `text`, without its length: for strings with another end.
    public static func huffmanCode(of text: String) -> [UInt8] { HuffmanCode.encode(text.latin1) }
}

extension String {
    /// A byte for each character up to U+00FF; any other stands for its UTF-8.
    public var latin1: [UInt8] {
        unicodeScalars.flatMap { $0.value < 256 ? [UInt8($0.value)] : Array(String($0).utf8) }
    }

    init(latin1 bytes: some Sequence<UInt8>) {
        self.init(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
