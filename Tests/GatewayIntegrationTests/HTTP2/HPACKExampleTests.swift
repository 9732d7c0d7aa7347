import TestSupport
import Testing

/// The client of these tests reads and writes field blocks as the examples of RFC 7541 have them: what judges the gateway is judged itself.
@Suite struct HPACKExampleTests {
    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// Appendix C.4: three requests on one connection, in the Huffman code.
    private static let requests: [(block: String, fields: HTTP2Fields)] = [
        (
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            [":method": "GET", ":scheme": "http", ":path": "/", ":authority": "www.example.com"]
        ),
        (
            "8286 84be 5886 a8eb 1064 9cbf",
            [":method": "GET", ":scheme": "http", ":path": "/", ":authority": "www.example.com", "cache-control": "no-cache"]
        ),
        (
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
            [
                ":method": "GET", ":scheme": "https", ":path": "/index.html", ":authority": "www.example.com",
                "custom-key": "custom-value",
            ]
        ),
    ]

    /// Appendix C.6: three responses whose fields don't all fit into a table of 256 bytes.
    private static let responses: [(block: String, fields: HTTP2Fields)] = [
        (
            """
            4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8
            e9ae 82ae 43d3
            """,
            [
                ":status": "302", "cache-control": "private", "date": "Mon, 21 Oct 2013 20:13:21 GMT",
                "location": "https://www.example.com",
            ]
        ),
        (
            "4883 640e ffc1 c0bf",
            [
                ":status": "307", "cache-control": "private", "date": "Mon, 21 Oct 2013 20:13:21 GMT",
                "location": "https://www.example.com",
            ]
        ),
        (
            """
            88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b
            3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07
            """,
            [
                ":status": "200", "cache-control": "private", "date": "Mon, 21 Oct 2013 20:13:22 GMT",
                "location": "https://www.example.com", "content-encoding": "gzip",
                "set-cookie": "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ]
        ),
    ]

    @Test func `requests are read`() throws {
        var decoder = HPACKDecoder()
        for (block, fields) in Self.requests { #expect(try decoder.decode(Self.bytes(block)) == fields) }
    }

    @Test func `responses are read, with a table that evicts`() throws {
        var decoder = HPACKDecoder(tableBytes: 256)
        for (block, fields) in Self.responses { #expect(try decoder.decode(Self.bytes(block)) == fields) }
    }

    @Test func `requests are written`() {
        let blocks: [HPACKBlock] = [
            [.indexed(2), .indexed(6), .indexed(4), .literal(.index(1), "www.example.com", .incremental, huffman: true)],
            [.indexed(2), .indexed(6), .indexed(4), .indexed(62), .literal(.index(24), "no-cache", .incremental, huffman: true)],
            [
                .indexed(2), .indexed(7), .indexed(5), .indexed(63),
                .literal("custom-key", "custom-value", .incremental, huffman: true),
            ],
        ]
        #expect(blocks.map { $0.bytes(scheme: "http") } == Self.requests.map { Self.bytes($0.block) })
    }

    /// Appendix C.1: 10 and 1337 with a prefix of 5 bits, 42 with one of 8.
    @Test func `integers are written`() {
        #expect(HPACKBlock.integer(10, prefixBits: 5, pattern: 0) == [0x0a])
        #expect(HPACKBlock.integer(1337, prefixBits: 5, pattern: 0) == [0x1f, 0x9a, 0x0a])
        #expect(HPACKBlock.integer(42, prefixBits: 8, pattern: 0) == [0x2a])
    }

    @Test(arguments: ["80", "c6", "7f", "00 03 61", "00 81 00 00", "82 20", "3f e2 1f", "00 01 61 84 ff ff ff ff", "ff ff ff ff ff ff"])
    func `what an encoder must not write is not read`(block: String) {
        var decoder = HPACKDecoder()
        #expect(throws: TestError.self) { try decoder.decode(Self.bytes(block)) }
    }
}
