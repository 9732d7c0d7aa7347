/// Where a response ends (RFC 9112 § 6), and what comes behind its end.
extension HostileAnswer {
    private static func framing(_ name: String, _ fields: String, status: String = "HTTP/1.1 200 OK", _ section: String = "9112 § 6.3")
        -> Self
    {
        refused(name, section, "\(status)\r\nX-Secret: 1\r\n\(fields)\r\n\r\n6\r\nsecret\r\n0\r\n\r\n")
    }

    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func chunk(_ name: String, _ rest: String, then ending: Ending = .open, _ section: String = "9112 § 7.1") -> Self {
        breaks(name, section, chunked + "5\r\nhello\r\n" + rest, then: ending)
    }

    static let framings: [Self] = [
        framing("two lengths", "Content-Length: 6\r\nContent-Length: 7"),
        framing("two lengths with fields between them", "Content-Length: 6\r\nX: a\r\nContent-Length: 7"),
        framing("the same length twice", "Content-Length: 6\r\nContent-Length: 6"),
        framing("a list of lengths", "Content-Length: 6, 6"),
        framing("a list of different lengths", "Content-Length: 6, 7"),
        framing("a length that is no number", "Content-Length: six"),
        framing("a negative length", "Content-Length: -6"),
        framing("a positive length", "Content-Length: +6"),
        framing("a hexadecimal length", "Content-Length: 0x6"),
        framing("a length with a fraction", "Content-Length: 6.0"),
        framing("a length with a blank", "Content-Length: 6 6"),
        framing("an empty length", "Content-Length:"),
        framing("a length of 64 bits", "Content-Length: 18446744073709551615"),
        framing("a length that wraps", "Content-Length: 18446744073709551622"),
        framing("a length with chunks", "Content-Length: 6\r\nTransfer-Encoding: chunked"),
        framing("chunks with a length", "Transfer-Encoding: chunked\r\nContent-Length: 6"),
        framing("chunks with a length of 0", "Transfer-Encoding: chunked\r\nContent-Length: 0"),
        framing("another coding", "Transfer-Encoding: gzip", "9112 § 6.1"),
        framing("a coding that nobody knows", "Transfer-Encoding: xchunked", "9112 § 6.1"),
        framing("an empty coding", "Transfer-Encoding:", "9112 § 6.1"),
        framing("identity", "Transfer-Encoding: identity", "9112 § 6.1"),
        framing("chunked in quotes", "Transfer-Encoding: \"chunked\"", "9112 § 6.1"),
        framing("chunked with a vertical tab", "Transfer-Encoding: \u{0b}chunked", "9112 § 6.1"),
        framing("chunked with a parameter", "Transfer-Encoding: chunked;a=b", "9112 § 6.1"),
        framing("chunked twice", "Transfer-Encoding: chunked, chunked", "9112 § 7.1"),
        framing("a coding before chunked", "Transfer-Encoding: gzip, chunked", "9112 § 6.1"),
        framing("chunked that is not last", "Transfer-Encoding: chunked, gzip", "9112 § 6.1"),
        framing("two Transfer-Encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "9112 § 6.1"),
        framing("chunks in HTTP/1.0", "Transfer-Encoding: chunked", status: "HTTP/1.0 200 OK", "9112 § 6.1"),
        framing("204 with a length", "Content-Length: 6", status: "HTTP/1.1 204 No Content", "9110 § 8.6"),
        framing("204 with chunks", "Transfer-Encoding: chunked", status: "HTTP/1.1 204 No Content", "9112 § 6.1"),
        framing("304 with both framings", "Content-Length: 6\r\nTransfer-Encoding: chunked", status: "HTTP/1.1 304 Not Modified"),
        framing("HEAD with a negative length", "Content-Length: -1").to("HEAD"),
        framing("HEAD with two lengths", "Content-Length: 6\r\nContent-Length: 7").to("HEAD"),
        framing("HEAD with another coding", "Transfer-Encoding: gzip", "9112 § 6.1").to("HEAD"),
    ]

    static let bodies: [Self] = [
        breaks("fewer bytes than the length", "9112 § 8", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", then: .close),
        breaks("one byte fewer than the length", "9112 § 8", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", then: .close),
        breaks("no body at all", "9112 § 8", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", then: .close),
        breaks(
            "fewer bytes, and Connection: close", "9112 § 8", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello",
            then: .close),
        breaks("no chunk at all", "9112 § 8", chunked, then: .close),
        chunk("an end behind a chunk", "", then: .close, "9112 § 8"),
        chunk("an end within a chunk", "a\r\nhello", then: .close, "9112 § 8"),
        chunk("an end within a size", "1", then: .close, "9112 § 8"),
        chunk("an end behind a chunk's CR", "1\r\na\r", then: .close, "9112 § 8"),
        chunk("an end within the last size", "0", then: .close, "9112 § 8"),
        chunk("an end before the last line", "0\r\n", then: .close, "9112 § 8"),
        chunk("an end within the last line", "0\r\n\r", then: .close, "9112 § 8"),
        chunk("an end within the trailers", "0\r\nX-T: 1\r\n", then: .close, "9112 § 8"),
        chunk("a size that is none", "zz\r\n"),
        chunk("an empty size", "\r\n\r\n"),
        chunk("a negative size", "-1\r\n\r\n"),
        chunk("a size with a prefix", "0x1\r\na\r\n0\r\n\r\n"),
        chunk("a space before the size", " 1\r\na\r\n0\r\n\r\n"),
        chunk("a space behind the size", "1 \r\na\r\n0\r\n\r\n"),
        chunk("a size of 64 bits", "ffffffffffffffff\r\na"),
        chunk("a size that wraps", "10000000000000000\r\na"),
        chunk("LF alone behind the size", "1\na\r\n0\r\n\r\n"),
        chunk("LF alone behind the data", "1\r\na\n0\r\n\r\n"),
        chunk("a chunk longer than its size", "1\r\nab\r\n0\r\n\r\n"),
        chunk("a chunk shorter than its size", "3\r\na\r\n0\r\n\r\n"),
        chunk("a control in an extension", "1;\u{01}\r\na\r\n0\r\n\r\n", "9112 § 7.1.1"),
        chunk("an extension of 300 bytes", "1;" + String(repeating: "a", count: 300) + "\r\na\r\n0\r\n\r\n", "9112 § 7.1.1"),
        chunk("a bad trailer", "0\r\nX : 1\r\n\r\n", "9112 § 7.1.2"),
        chunk("a folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n", "9112 § 7.1.2"),
        chunk("a NUL in a trailer", "0\r\nX: \0\r\n\r\n", "9112 § 7.1.2"),
        chunk("LF alone behind the trailers", "0\r\nX: 1\r\n\n", "9112 § 7.1.2"),
        chunk("a response for a trailer", "0\r\nHTTP/1.1 200 OK\r\n\r\n", "9112 § 7.1.2"),
        chunk("trailers of 9 KB", "0\r\nX: " + String(repeating: "a", count: 9 * 1024) + "\r\n\r\n", "9112 § 7.1.2"),
    ]

    private static let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    static let surpluses: [Self] = [
        passes("a response behind the length", "9112 § 9.2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" + evil, "hi").once(),
        passes("a byte behind the length", "9112 § 9.2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", "hi").once(),
        passes("an empty line behind the length", "9112 § 9.2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\r\n", "hi").once(),
        passes("a NUL behind the length", "9112 § 9.2", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\0", "hi").once(),
        passes("a body behind a length of 0", "9112 § 9.2", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nevil", "").once(),
        passes("a response behind the last chunk", "9112 § 9.2", chunked + "2\r\nhi\r\n0\r\n\r\n" + evil, "hi").once(),
        passes("a chunk behind the last chunk", "9112 § 9.2", chunked + "2\r\nhi\r\n0\r\n\r\n4\r\nevil\r\n0\r\n\r\n", "hi").once(),
        passes("a response behind 204", "9112 § 9.2", "HTTP/1.1 204 No Content\r\n\r\n" + evil, "", status: 204).once(),
        passes("a body behind 204", "9112 § 6.3", "HTTP/1.1 204 No Content\r\n\r\nevil", "", status: 204).once(),
        passes("a body behind 304", "9112 § 6.3", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil", "", status: 304).once(),
        passes("a body behind HEAD", "9112 § 6.3", evil, "", has: ["Content-Length: 4"]).to("HEAD").once(),
        passes("chunks behind HEAD", "9112 § 6.3", chunked + "4\r\nevil\r\n0\r\n\r\n", "").to("HEAD").once(),
        passes(
            "an interim response behind the final one", "9112 § 9.2", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", "",
            status: 204
        ).once(),
    ]
}
