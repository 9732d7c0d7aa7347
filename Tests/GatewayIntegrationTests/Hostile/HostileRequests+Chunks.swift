/// The chunked coding: sizes, extensions, data and trailers (RFC 9112 § 7.1).
extension HostileRequest {
    private static let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func chunk(_ name: String, _ body: String, _ section: String = "9112 § 7.1") -> Self {
        refused(name, section, head + body, "chunk_invalid")
    }

    /// A chunk of one byte whose size is spelled otherwise.
    private static func size(_ name: String, _ size: String) -> Self {
        chunk(name, "\(size)\r\na\r\n0\r\n\r\n")
    }

    private static func chunkExtension(_ name: String, _ text: String) -> Self {
        chunk(name, "1\(text)\r\na\r\n0\r\n\r\n", "9112 § 7.1.1")
    }

    private static func trailer(_ name: String, _ lines: String) -> Self {
        chunk(name, "0\r\n\(lines)\r\n\r\n", "9112 § 7.1.2")
    }

    private static func good(
        _ name: String, _ body: String, as content: String, has: [String] = [], lacks: [String] = [], _ section: String = "9112 § 7.1"
    ) -> Self {
        passes(name, section, head + body, Forwarded(line: "POST /", host: "a", body: content, has: has, lacks: lacks))
    }

    private static func dropped(_ name: String, _ line: String) -> Self {
        let field = String(line.prefix { $0 != ":" })
        // Of these the head has the gateway's own, or none.
        let isOurs = ["Transfer-Encoding", "Host", "X-Forwarded-For"].contains(field)
        return good(
            name, "1\r\na\r\n0\r\n\(line)\r\nX-Kept: 1\r\n\r\n", as: "a", has: ["X-Kept: 1"], lacks: isOurs ? [] : [field], "9110 § 6.5.1")
    }

    static let chunks: [Self] = [
        chunk("no size", "\r\n\r\n"),
        chunk("a size that is no number", "x\r\n"),
        size("a negative size", "-1"),
        size("a positive size", "+1"),
        size("a size with a prefix", "0x1"),
        size("a size with a suffix", "1h"),
        size("a size in quotes", "\"1\""),
        size("a size with an underscore", "0_1"),
        size("a size with a dot", "1.0"),
        size("a space before the size", " 1"),
        size("a tab before the size", "\t1"),
        size("a space behind the size", "1 "),
        size("a tab behind the size", "1\t"),
        size("a space within the size", "0 1"),
        size("a NUL behind the size", "1\0"),
        size("a control before the size", "\u{0b}1"),
        size("a digit of another script as the size", "\u{661}"),
        size("a size of 17 digits", "00000000000000001"),
        size("a size of a hundred zeros", String(repeating: "0", count: 100)),
        size("a comma in the size", "1,1"),
        chunk("a size of 64 bits", "8000000000000000\r\n"),
        chunk("the largest size of 64 bits", "ffffffffffffffff\r\n"),
        chunk("a size that wraps", "10000000000000001\r\na\r\n0\r\n\r\n"),
        chunk("LF alone behind the size", "1\na\r\n0\r\n\r\n"),
        chunk("CR alone behind the size", "1\ra\r\n0\r\n\r\n"),
        chunk("two CRs behind the size", "1\r\r\na\r\n0\r\n\r\n"),
        chunk("LF alone behind the last size", "0\n\r\n"),
        chunk("CR alone behind the last size", "0\r\r\n"),
        chunk("more data than the size says", "1\r\nab\r\n0\r\n\r\n"),
        chunk("less data than the size says", "3\r\nab\r\n0\r\n\r\n"),
        chunk("LF alone behind the data", "1\r\na\n0\r\n\r\n"),
        chunk("CR alone behind the data", "1\r\na\r0\r\n\r\n"),
        chunk("nothing behind the data", "1\r\na0\r\n\r\n"),
        chunk("two other bytes behind the data", "1\r\naXX0\r\n\r\n"),
        chunk("an empty line behind the data", "1\r\na\r\n\r\n0\r\n\r\n"),
        chunk("a body that isn't chunked", "hello"),
        chunk("a size that belongs to another body", "1\r\na\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        chunk("a bad chunk behind good ones", "1\r\na\r\n1\r\nb\r\n1\r\nc\r\nz\r\n"),
        good("a size in upper case", "A\r\n0123456789\r\n0\r\n\r\n", as: "0123456789"),
        good("a size in lower case", "a\r\n0123456789\r\n0\r\n\r\n", as: "0123456789"),
        good("zeros before the size", "0001\r\na\r\n0000\r\n\r\n", as: "a"),
        good("sixteen digits", "0000000000000001\r\na\r\n0000000000000000\r\n\r\n", as: "a"),
        good("data that looks like the last chunk", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", as: "\r\n0\r\n\r\n"),
        good(
            "data that looks like a request", "25\r\nGET /evil HTTP/1.1\r\nHost: a\r\nX: abcde\r\n0\r\n\r\n",
            as: "GET /evil HTTP/1.1\r\nHost: a\r\nX: abcde"),
        good("many chunks of one byte", String(repeating: "1\r\na\r\n", count: 40) + "0\r\n\r\n", as: String(repeating: "a", count: 40)),
        chunkExtension("an empty extension", ";"),
        chunkExtension("an extension without a name", ";=a"),
        chunkExtension("an extension without a value", ";a="),
        chunkExtension("two semicolons", ";;a"),
        chunkExtension("a semicolon behind an extension", ";a;"),
        chunkExtension("a space behind an extension", ";a "),
        chunkExtension("a tab behind a quoted value", ";a=\"b\"\t"),
        chunkExtension("LF in an extension", ";a\nb"),
        chunkExtension("CR in an extension", ";a\rb"),
        chunkExtension("a NUL in an extension", ";a\0"),
        chunkExtension("a control in a quoted value", ";a=\"\u{01}\""),
        chunkExtension("LF in a quoted value", ";a=\"\n\""),
        chunkExtension("CRLF in a quoted value", ";a=\"\r\n\""),
        chunkExtension("a byte above 127 in a quoted value", ";a=\"\u{e9}\""),
        chunkExtension("a byte above 127 in an extension", ";\u{e9}"),
        chunkExtension("a quote that doesn't end", ";a=\"b"),
        chunkExtension("something behind a quoted value", ";a=\"b\"c"),
        chunkExtension("two values", ";a=b=c"),
        chunkExtension("an extension without its semicolon", "a=b"),
        chunkExtension("a comma for the semicolon", ",a"),
        chunkExtension("a name in quotes", ";\"a\"=b"),
        chunkExtension("an extension of 300 bytes", ";" + String(repeating: "a", count: 300)),
        chunkExtension("a quoted value of 300 bytes", ";a=\"" + String(repeating: "b", count: 300) + "\""),
        chunk("LF alone in the extension of the last chunk", "0;a\n\r\n", "9112 § 7.1.1"),
        good("an extension, which goes no further", "1;a=b\r\na\r\n0;c\r\n\r\n", as: "a", "9112 § 7.1.1"),
        good("a quoted value with a semicolon", "1;a=\"b;\\\"c\"\r\na\r\n0\r\n\r\n", as: "a", "9112 § 7.1.1"),
        good("white space before an extension", "1 \t; a = b\r\na\r\n0\r\n\r\n", as: "a", "9112 § 7.1.1"),
        refused(
            "chunks of more than client_max_body_size", "9110 § 15.5.14",
            "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "body_too_large", 413),
        refused(
            "a malformed chunk for a location that answers by itself", "9112 § 7.1",
            "POST /returns HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "chunk_invalid"),
        refused(
            "too many chunks for a location that answers by itself", "9110 § 15.5.14",
            "POST /returns HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", "body_too_large", 413),
        answered(
            "good chunks for a location that answers by itself", "9112 § 7.1",
            "POST /returns HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "returned"),
    ]

    static let trailers: [Self] = [
        trailer("a trailer with a space before its colon", "X : a"),
        trailer("a trailer with a tab before its colon", "X\t: a"),
        trailer("a folded trailer", "X: a\r\n b"),
        trailer("a trailer that begins with a space", " X: a"),
        trailer("a trailer without a colon", "X"),
        trailer("a trailer without a name", ": a"),
        trailer("a NUL in a trailer", "X: a\0b"),
        trailer("a control in a trailer", "X: a\u{1b}b"),
        trailer("CR in a trailer", "X: a\rb"),
        trailer("a byte above 127 in a trailer's name", "X\u{e9}: a"),
        trailer("LF alone behind a trailer", "X: a\nY: b"),
        trailer("a request line for a trailer", "GET /evil HTTP/1.1"),
        trailer("a trailer of 8 KB", "X: " + String(repeating: "a", count: 8 * 1024)),
        trailer("101 trailers", (1...101).map { "X-\($0): a" }.joined(separator: "\r\n")),
        chunk("LF alone at the end", "0\r\n\n", "9112 § 7.1.2"),
        chunk("CR alone at the end", "0\r\n\rX", "9112 § 7.1.2"),
        dropped("Content-Length in the trailers", "Content-Length: 5"),
        dropped("Transfer-Encoding in the trailers", "Transfer-Encoding: chunked"),
        dropped("Host in the trailers", "Host: evil"),
        dropped("Authorization in the trailers", "Authorization: Bearer evil"),
        dropped("Cookie in the trailers", "Cookie: a=b"),
        dropped("Connection in the trailers", "Connection: close"),
        dropped("X-Forwarded-For in the trailers", "X-Forwarded-For: 6.6.6.6"),
        dropped("Forwarded in the trailers", "Forwarded: for=6.6.6.6"),
        dropped("Content-Type in the trailers", "Content-Type: text/html"),
        dropped("Content-Encoding in the trailers", "Content-Encoding: gzip"),
        dropped("Trailer in the trailers", "Trailer: X"),
        dropped("TE in the trailers", "TE: gzip"),
        dropped("Upgrade in the trailers", "Upgrade: h2c"),
        dropped("Expect in the trailers", "Expect: 100-continue"),
        dropped("Proxy-Authorization in the trailers", "Proxy-Authorization: Basic a"),
        dropped("an underscored Content-Length in the trailers", "Content_Length: 5"),
        dropped("an underscored X-Forwarded-For in the trailers", "X_Forwarded_For: 6.6.6.6"),
        good("a trailer goes on", "1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", as: "a", has: ["X-Sum: 1"], "9112 § 7.1.2"),
        good(
            "a trailer with white space around its value", "1\r\na\r\n0\r\nX-Sum:\t 1 \r\n\r\n", as: "a", has: ["X-Sum: 1"], "9112 § 7.1.2"),
        passes(
            "a trailer that Connection names", "9110 § 7.6.1",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n1\r\na\r\n0\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n",
            Forwarded(line: "POST /", host: "a", body: "a", has: ["X-Kept: 2"], lacks: ["X-Hop"])),
        passes(
            "Trailer goes with chunks", "9110 § 6.6.2",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
            Forwarded(line: "POST /", host: "a", body: "a", has: ["Trailer: X-Sum", "X-Sum: 1"])),
    ]
}
