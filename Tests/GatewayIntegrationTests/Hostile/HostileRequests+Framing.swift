/// Where a body ends: Content-Length and Transfer-Encoding (RFC 9112 § 6).
extension HostileRequest {
    /// A POST whose framing is not clear; what follows looks like a body of five bytes, or of one chunk.
    private static func framing(
        _ name: String, _ fields: String, _ section: String = "9112 § 6.3", _ errorType: String = "framing_invalid", _ status: Int = 400
    ) -> Self {
        refused(name, section, "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n0\r\n\r\n", errorType, status)
    }

    private static func length(_ name: String, _ value: String, _ errorType: String = "framing_invalid") -> Self {
        framing(name, "Content-Length: \(value)", "9110 § 8.6", errorType)
    }

    private static func coding(_ name: String, _ value: String, _ errorType: String = "framing_invalid", _ status: Int = 400) -> Self {
        framing(name, "Transfer-Encoding: \(value)", "9112 § 6.1", errorType, status)
    }

    private static func unknown(_ name: String, _ value: String) -> Self {
        coding(name, value, "transfer_coding_unsupported", 501)
    }

    private static func good(_ name: String, _ fields: String, _ body: String, as content: String, has: String) -> Self {
        passes(
            name, "9112 § 6", "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)",
            Forwarded(line: "POST /", host: "a", body: content, has: [has]))
    }

    static let contentLengths: [Self] = [
        framing("two lengths", "Content-Length: 5\r\nContent-Length: 6"),
        framing("two lengths, the larger first", "Content-Length: 6\r\nContent-Length: 5"),
        framing("two lengths in different case", "Content-Length: 5\r\nCONTENT-LENGTH: 6"),
        framing("two lengths with fields between them", "Content-Length: 5\r\nX: a\r\nY: b\r\nContent-Length: 6"),
        framing("the same length twice", "Content-Length: 5\r\nContent-Length: 5"),
        framing("the same length twice, once with a zero before it", "Content-Length: 5\r\nContent-Length: 05"),
        framing("an empty length behind a full one", "Content-Length: 5\r\nContent-Length:"),
        framing("a length of 0 before another", "Content-Length: 0\r\nContent-Length: 5"),
        length("a list of lengths", "5, 5"),
        length("a list of different lengths", "5, 6"),
        length("a list without a blank", "5,5"),
        length("a comma behind the length", "5,"),
        length("a comma before the length", ",5"),
        length("an empty length", ""),
        length("a positive length", "+5"),
        length("a negative length", "-5"),
        length("a negative length of 0", "-0"),
        length("a hexadecimal length", "0x5"),
        length("a hexadecimal length without a prefix", "a"),
        length("an octal length", "0o5"),
        length("a binary length", "0b101"),
        length("a length with a letter", "5a"),
        length("a length with a blank", "5 5"),
        length("a length with a tab", "5\t5"),
        length("a length with a fraction", "5.0"),
        length("a length with a decimal comma", "5,0"),
        length("a length with an exponent", "5e0"),
        length("a length with an underscore", "1_0"),
        length("a length in quotes", "\"5\""),
        length("a length in parentheses", "(5)"),
        length("a length with a parameter", "5;q=1"),
        length("a length with a unit", "5 bytes"),
        length("a word for a length", "five"),
        length("a digit of another script", "\u{665}"),
        length("a superscript digit", "5\u{b2}"),
        length("a no-break space before the length", "\u{a0}5"),
        length("a length of 63 bits and one", "9223372036854775808"),
        length("a length of 64 bits", "18446744073709551615"),
        length("a length that wraps", "18446744073709551621"),
        length("a length of 100 digits", String(repeating: "9", count: 100)),
        length("a NUL behind the length", "5\0", "field_invalid"),
        length("a vertical tab before the length", "\u{0b}5", "field_invalid"),
        length("a CR before the length", "\r5", "field_invalid"),
        good("zeros before the length", "Content-Length: 0005", "hello", as: "hello", has: "Content-Length: 5"),
        good("white space around the length", "Content-Length: \t 5 \t", "hello", as: "hello", has: "Content-Length: 5"),
        good("no white space before the length", "content-length:5", "hello", as: "hello", has: "Content-Length: 5"),
        good("a length of 0", "Content-Length: 0", "", as: "", has: "Content-Length: 0"),
        good("a length of twenty zeros", "Content-Length: 00000000000000000000", "", as: "", has: "Content-Length: 0"),
        good(
            "a body of every kind of byte", "Content-Length: 8", "\0\r\n\r\n\u{ff}\u{80}\t", as: "\0\r\n\r\n\u{ff}\u{80}\t",
            has: "Content-Length: 8"),
        passes(
            "GET with a body", "9110 § 9.3.1", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            Forwarded(line: "GET /", host: "a", body: "hello")),
        passes(
            "HEAD with a body", "9110 § 9.3.2", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            Forwarded(line: "HEAD /", host: "a", body: "hello")),
        refused(
            "a length of more than client_max_body_size", "9110 § 15.5.14",
            "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "body_too_large", 413, keepsConnection: true),
        refused(
            "a length that nobody could store", "9110 § 15.5.14",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
            "body_too_large", 413),
    ]

    static let transferEncodings: [Self] = [
        framing("Content-Length before Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        framing("Transfer-Encoding before Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        framing("a length of 0 before Transfer-Encoding", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
        framing("Transfer-Encoding before a length of 0", "Transfer-Encoding: chunked\r\nContent-Length: 0"),
        framing("Transfer-Encoding between two lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"),
        framing(
            "an unknown coding with a length", "Content-Length: 5\r\nTransfer-Encoding: xchunked", "9112 § 6.3",
            "transfer_coding_unsupported", 501),
        framing("an empty coding with a length", "Content-Length: 5\r\nTransfer-Encoding:"),
        framing("two Transfer-Encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "9112 § 6.1"),
        framing("two Transfer-Encodings in different case", "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked", "9112 § 6.1"),
        framing("chunked with an identity behind it", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "9112 § 6.1"),
        framing(
            "identity with a chunked behind it", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "9112 § 6.1",
            "transfer_coding_unsupported", 501),
        framing("an empty Transfer-Encoding behind chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding:", "9112 § 6.1"),
        framing("an empty Transfer-Encoding before chunked", "Transfer-Encoding:\r\nTransfer-Encoding: chunked", "9112 § 6.1"),
        coding("an empty coding", ""),
        coding("a coding of white space", " \t "),
        coding("chunked twice in a list", "chunked, chunked"),
        coding("chunked twice without a comma", "chunked chunked"),
        coding("chunked that is not the last coding", "chunked, gzip"),
        coding("chunked with an identity in the list", "chunked, identity"),
        coding("a comma behind chunked", "chunked,"),
        coding("a comma before chunked", ",chunked"),
        coding("a semicolon behind chunked", "chunked;"),
        coding("chunked with a parameter", "chunked;q=1"),
        coding("chunked with a quoted parameter", "chunked; a=\"b\""),
        coding("chunked in quotes", "\"chunked\""),
        coding("chunked in apostrophes and commas", ", , chunked"),
        coding("something behind chunked", "chunked a"),
        coding("a NUL behind chunked", "chunked\0", "field_invalid"),
        coding("a vertical tab before chunked", "\u{0b}chunked", "field_invalid"),
        coding("a vertical tab behind chunked", "chunked\u{0b}", "field_invalid"),
        coding("a form feed before chunked", "\u{0c}chunked", "field_invalid"),
        coding("a CR before chunked", "\rchunked", "field_invalid"),
        coding("a no-break space behind chunked", "chunked\u{a0}"),
        coding("an accent in chunked", "chunk\u{e9}d"),
        coding("a letter of another script in chunked", "chun\u{212a}ed"),
        coding("a colon before chunked", ": chunked"),
        coding("a slash behind chunked", "chunked/1"),
        coding("an equals sign behind chunked", "chunked=1"),
        coding("chunked folded onto the next line", "gzip,\r\n chunked", "framing_invalid"),
        unknown("a coding before chunked", "gzip, chunked"),
        unknown("gzip alone", "gzip"),
        unknown("another coding", "xchunked"),
        unknown("a coding that begins as chunked", "chunkedx"),
        unknown("a coding that ends before chunked does", "chunke"),
        unknown("chunked with a hyphen", "chunked-"),
        unknown("chunked with a dot", "chunked."),
        unknown("chunked in apostrophes, which are letters of a token", "'chunked'"),
        unknown("identity", "identity"),
        unknown("identity before chunked", "identity, chunked"),
        unknown("an unknown coding with a parameter", "a;b=\"c, chunked\""),
        unknown("a coding of digits", "0"),
        unknown("trailers, which belong into TE", "trailers"),
        refused(
            "Transfer-Encoding in HTTP/1.0", "9112 § 6.1", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "framing_invalid"),
        refused(
            "an unknown coding in HTTP/1.0", "9112 § 6.1", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
            "transfer_coding_unsupported", 501),
        refused(
            "Transfer-Encoding and a length in HTTP/1.0", "9112 § 6.1",
            "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "framing_invalid"),
        refused(
            "an unknown coding of GET", "9112 § 6.1", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cow\r\n\r\n",
            "transfer_coding_unsupported", 501),
        good("chunked in upper case", "Transfer-Encoding: CHUNKED", "1\r\na\r\n0\r\n\r\n", as: "a", has: "Transfer-Encoding: chunked"),
        good(
            "white space around chunked", "Transfer-Encoding:\t chunked \t", "1\r\na\r\n0\r\n\r\n", as: "a",
            has: "Transfer-Encoding: chunked"),
        good(
            "no white space before chunked", "tRANSFER-eNCODING:chunked", "1\r\na\r\n0\r\n\r\n", as: "a", has: "Transfer-Encoding: chunked"),
        passes(
            "GET with chunks", "9112 § 6", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            Forwarded(line: "GET /", host: "a", body: "hi")),
        passes(
            "OPTIONS * with chunks", "9110 § 9.3.7",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            Forwarded(line: "OPTIONS *", host: "a", body: "hi")),
    ]
}
