import TestSupport

/// Field compression (RFC 7541). A request is behind each block that the server must not take, so that the connection's end shows.
extension ConformanceRow {
    static let compression: [Self] = representations + tables + sizeUpdates + indices + integers + strings

    /// The block is a whole request, and is answered.
    private static func accepted(_ name: String, _ section: String, _ block: HPACKBlock) -> Self {
        Self(name, section, .answer(1)) { try $0.sendHead(HPACKBlock(.get) + block, on: 1) }
    }

    private static func refused(_ name: String, _ section: String, _ block: HPACKBlock) -> Self {
        Self(name, section, .connectionError([.compressionError])) { try $0.sendHead(HPACKBlock(.get) + block, on: 1) }
    }

    private static func refused(_ name: String, _ section: String, raw: [UInt8]) -> Self { refused(name, section, [.raw(raw)]) }

    private static let representations: [Self] = [
        Self("indexed fields of the static table", "7541 § 6.1", .answer(1)) { client in
            try client.sendHead([.indexed(2), .scheme, .indexed(4), .literal(.index(1), "localhost"), .indexed(16)], on: 1)
        },
        Self("a whole request in the Huffman code", "7541 § 5.2", .answer(1)) { client in
            try client.sendHead(
                [
                    .literal(":method", "GET", huffman: true), .scheme, .literal(":path", "/", huffman: true),
                    .literal(":authority", "localhost", huffman: true),
                ], on: 1)
        },
        accepted("a literal with indexing, its name indexed", "7541 § 6.2.1", [.literal(.index(58), "curl", .incremental)]),
        accepted(
            "a literal with indexing, its name indexed, Huffman", "7541 § 6.2.1",
            [.literal(.index(58), "curl", .incremental, huffman: true)]),
        accepted("a literal with indexing", "7541 § 6.2.1", [.literal("x-test", "curl", .incremental)]),
        accepted("a literal with indexing, Huffman", "7541 § 6.2.1", [.literal("x-test", "curl", .incremental, huffman: true)]),
        accepted("a literal without indexing, its name indexed", "7541 § 6.2.2", [.literal(.index(58), "curl")]),
        accepted("a literal without indexing, its name indexed, Huffman", "7541 § 6.2.2", [.literal(.index(58), "curl", huffman: true)]),
        accepted("a literal without indexing", "7541 § 6.2.2", [.literal("x-test", "curl")]),
        accepted("a literal without indexing, Huffman", "7541 § 6.2.2", [.literal("x-test", "curl", huffman: true)]),
        accepted("a literal never indexed, its name indexed", "7541 § 6.2.3", [.literal(.index(58), "curl", .never)]),
        accepted(
            "a literal never indexed, its name indexed, Huffman", "7541 § 6.2.3", [.literal(.index(58), "curl", .never, huffman: true)]),
        accepted("a literal never indexed", "7541 § 6.2.3", [.literal("x-test", "curl", .never)]),
        accepted("a literal never indexed, Huffman", "7541 § 6.2.3", [.literal("x-test", "curl", .never, huffman: true)]),
        accepted("an empty value in the Huffman code", "7541 § 5.2", [.literal("x-test", "", huffman: true)]),
        accepted("every visible byte in the Huffman code", "7541 appendix B", [.literal("x-test", visibleBytes, huffman: true)]),
        accepted(
            "a value of 4000 bytes in the Huffman code", "7541 § 5.2",
            [.literal("x-test", String(repeating: "~|z0", count: 1000), huffman: true)]),
    ]

    private static let visibleBytes = String(String.UnicodeScalarView((0x21...0x7e).map { Unicode.Scalar(UInt8($0)) }))

    private static let tables: [Self] = [
        accepted("a field from the dynamic table", "7541 § 2.3.3", [.literal("x-test", "1", .incremental), .indexed(62)]),
        accepted(
            "a name from the dynamic table", "7541 § 2.3.3",
            [.literal("x-test", "1", .incremental), .literal(.index(62), "2", .incremental)]),
        Self("a field of the request before", "7541 § 2.2", .answer(3)) { client in
            try client.sendHead(HPACKBlock(.get) + [.literal("x-a", "1", .incremental), .literal("x-b", "2", .incremental)], on: 1)
            try client.sendHead(HPACKBlock(.get) + [.indexed(62), .indexed(63)], on: 3)
        },
        Self("a pseudo-header field from the dynamic table", "7541 § 2.2", .answer(3)) { client in
            let block: HPACKBlock = [
                .indexed(2), .scheme, .literal(.index(4), "/a", .incremental), .literal(.index(1), "localhost", .incremental),
            ]
            try client.sendHead(block, on: 1)
            try client.sendHead([.indexed(2), .scheme, .indexed(63), .indexed(62)], on: 3)
            guard try client.response(on: 3).text == "GET /a 0" else { throw TestError.invalid("\(client.response(3).text)") }
        },
        Self("trailers use the table of the head", "7541 § 2.2", .answer(1)) { client in
            try client.sendHead(HPACKBlock(HTTP2Client.post) + [.literal("x-a", "1", .incremental)], on: 1, endsStream: false)
            try client.send(.data(1, "a"))
            try client.sendHead([.indexed(62)], on: 1)
        },
        accepted(
            "an entry larger than the table empties it", "7541 § 4.4",
            [
                .literal("x-a", "1", .incremental), .literal("x-b", String(repeating: "b", count: 4096), .incremental),
            ]),
        refused(
            "a field that a larger one has evicted", "7541 § 4.4",
            [
                .literal("x-a", "1", .incremental), .literal("x-b", String(repeating: "b", count: 4096), .incremental), .indexed(62),
            ]),
        accepted(
            "the oldest entry goes first", "7541 § 4.4",
            [
                .literal("x-a", String(repeating: "a", count: 2000), .incremental),
                .literal("x-b", String(repeating: "b", count: 1900), .incremental),
                .literal("x-c", String(repeating: "c", count: 1900), .incremental), .indexed(63),
            ]),
        refused(
            "the oldest entry is gone", "7541 § 4.4",
            [
                .literal("x-a", String(repeating: "a", count: 2000), .incremental),
                .literal("x-b", String(repeating: "b", count: 1900), .incremental),
                .literal("x-c", String(repeating: "c", count: 1900), .incremental), .indexed(64),
            ]),
    ]

    private static func updated(_ sizes: Int...) -> HPACKBlock { HPACKBlock(sizes.map { .sizeUpdate($0) }) + HPACKBlock(.get) }

    private static let sizeUpdates: [Self] = [
        Self("a size update", "7541 § 6.3", .answer(1)) { try $0.sendHead(updated(128), on: 1) },
        Self("a size update to the largest size", "7541 § 6.3", .answer(1)) { try $0.sendHead(updated(4096), on: 1) },
        Self("two size updates", "7541 § 4.2", .answer(1)) { try $0.sendHead(updated(128, 4096), on: 1) },
        Self("a size update to 0 empties the table", "7541 § 6.3", .connectionError([.compressionError])) { client in
            try client.sendHead(HPACKBlock(.get) + [.literal("x-a", "1", .incremental)], on: 1)
            try client.sendHead(updated(0, 4096) + [.indexed(62)], on: 3)
        },
        Self("a size update leaves what fits", "7541 § 4.3", .answer(3)) { client in
            try client.sendHead(HPACKBlock(.get) + [.literal("x-a", "1", .incremental), .literal("x-b", "2", .incremental)], on: 1)
            try client.sendHead(updated(36) + [.indexed(62)], on: 3)
        },
        Self("a size update above what the server allows", "7541 § 6.3", .connectionError([.compressionError])) { client in
            let allowed = client.serverSettings?[HTTP2Setting.headerTableSize] ?? 4096
            try client.sendHead(updated(Int(allowed) + 1), on: 1)
        },
        Self("a size update of 4 GB", "7541 § 6.3", .connectionError([.compressionError])) { try $0.sendHead(updated(0xffff_ffff), on: 1) },
        refused("a size update at the block's end", "7541 § 4.2", [.sizeUpdate(128)]),
        Self("a size update between two fields", "7541 § 4.2", .connectionError([.compressionError])) { client in
            try client.sendHead([.indexed(2), .sizeUpdate(128), .scheme, .indexed(4), .literal(.index(1), "localhost")], on: 1)
        },
    ]

    private static let indices: [Self] = [
        refused("index 0", "7541 § 6.1", [.indexed(0)]), refused("an index behind the static table", "7541 § 2.3.3", [.indexed(62)]),
        refused("index 70", "7541 § 2.3.3", [.indexed(70)]), refused("index 4294967295", "7541 § 2.3.3", [.indexed(0xffff_ffff)]),
        refused("a name's index behind the tables, with indexing", "7541 § 2.3.3", [.literal(.index(70), "a", .incremental)]),
        refused("a name's index behind the tables, without indexing", "7541 § 2.3.3", [.literal(.index(70), "a")]),
        refused("a name's index behind the tables, never indexed", "7541 § 2.3.3", [.literal(.index(70), "a", .never)]),
        refused("an index behind the dynamic table", "7541 § 2.3.3", [.literal("x-a", "1", .incremental), .indexed(63)]),
        refused("a literal never indexed fills no table", "7541 § 6.2.3", [.literal("x-a", "1", .never), .indexed(62)]),
        refused("a literal without indexing fills no table", "7541 § 6.2.2", [.literal("x-a", "1"), .indexed(62)]),
    ]

    private static let integers: [Self] = [
        refused("an integer without an end", "7541 § 5.1", raw: [0xff, 0x80, 0x80, 0x80]),
        refused("an integer of many bytes", "7541 § 5.1", raw: [0xff] + [UInt8](repeating: 0xff, count: 30) + [0x01]),
        refused("an integer above 64 bits", "7541 § 5.1", raw: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        refused("an integer that wraps around to index 2", "7541 § 5.1", raw: [0xff, 0x83, 0xff, 0xff, 0xff, 0x0f]),
        refused("a length of 2^32 and no string", "7541 § 5.1", raw: [0x00, 0x01, 0x78, 0x7f, 0x81, 0xff, 0xff, 0xff, 0x0f]),
        accepted(
            "an integer with a zero more than it needs", "7541 § 5.1",
            [.raw([0x00] + HPACKBlock.string("x-a") + [0x7f, 0x80, 0x00]), .raw([UInt8](repeating: 97, count: 127))]),
    ]

    private static let strings: [Self] = [
        refused("a string longer than its block", "7541 § 5.2", raw: [0x00] + HPACKBlock.string("x-a") + [0x05, 0x61]),
        refused("a name longer than its block", "7541 § 5.2", raw: [0x00, 0x05, 0x61]),
        refused("a literal without its value", "7541 § 6.2.2", raw: [0x00] + HPACKBlock.string("x-a")),
        refused("a literal without its name", "7541 § 6.2.2", raw: [0x00]),
        // "test" takes 25 bits, and 7 ones fill it up to 32.
        refused("Huffman padding of more than 7 bits", "7541 § 5.2", raw: value([0x85] + HPACKBlock.huffmanCode(of: "test") + [0xff])),
        refused("Huffman padding of zeros", "7541 § 5.2", raw: value([0x84] + zeroed(HPACKBlock.huffmanCode(of: "test")))),
        refused("Huffman padding alone", "7541 § 5.2", raw: value([0x81, 0xff])),
        refused("EOS in a value", "7541 § 5.2", raw: value(HPACKBlock.stringWithEOS("test"))),
        refused("EOS in a name", "7541 § 5.2", raw: [0x00] + HPACKBlock.stringWithEOS("x-a") + [0x00]),
        refused("EOS alone", "7541 § 5.2", raw: value([0x84, 0xff, 0xff, 0xff, 0xff])),
        refused(
            "Huffman code that is cut off", "7541 § 5.2", raw: value([0x83] + Array(HPACKBlock.huffmanCode(of: "\u{0}\u{1}").prefix(3)))),
    ]

    private static func value(_ coded: [UInt8]) -> [UInt8] { [0x00] + HPACKBlock.string("x-test") + coded }

    private static func zeroed(_ code: [UInt8]) -> [UInt8] { code.dropLast() + [code[code.count - 1] & 0x80] }
}
