import GatewayCore
import GatewayHTTP
import Testing

private enum ChunkedOutcome: Equatable {
    case ended(body: String, trailers: [String], rest: String)
    case incomplete(body: String)
    case refused(ErrorType)
}

/// Feeds `bytes` as a connection would: each cut brings bytes, what was consumed goes.
private func decode(_ bytes: [UInt8], cuts: [Int] = [], _ type: ErrorType = .chunkInvalid) -> ChunkedOutcome {
    withPool { decode(bytes, cuts, type, $0) }
}

private func decode(_ bytes: [UInt8], _ cuts: [Int], _ type: ErrorType, _ pool: BufferPool) -> ChunkedOutcome {
    var trailers = HeaderFields(pool: pool)
    var decoder = ChunkedDecoder(errorType: type)
    var queue = ByteQueue(pool: pool)
    var body: [UInt8] = []
    var fed = 0
    for cut in cuts + [bytes.count] {
        queue.append(Array(bytes[fed..<cut]))
        fed = cut
        while true {
            do throws(GatewayError) {
                let step = try decoder.next(queue.bytes, trailers: &trailers)
                body += queue.bytes.extracting(step.data).array
                if step.data.upperBound > step.consumed { Issue.record("data behind what was consumed") }
                queue.consume(step.consumed)
                if step.isEnd {
                    let fields = (0..<trailers.count).map { "\(trailers.nameBytes($0).string)=\(trailers.value($0).string)" }
                    let rest = queue.bytes.array + bytes[fed...]
                    return .ended(
                        body: String(decoding: body, as: UTF8.self), trailers: fields, rest: String(decoding: rest, as: UTF8.self))
                }
                if step.consumed == 0 { break }
            } catch {
                return .refused(error.type)
            }
        }
    }
    return .incomplete(body: String(decoding: body, as: UTF8.self))
}

private func decode(_ text: String) -> ChunkedOutcome {
    let bytes = Array(text.utf8)
    let whole = decode(bytes)
    #expect(decode(bytes, cuts: Array(0..<bytes.count)) == whole, "one byte at a time")
    for cut in 0..<bytes.count { #expect(decode(bytes, cuts: [cut]) == whole, "cut at \(cut)") }
    return whole
}

@Suite struct ChunkedDecoderTests {
    @Test(arguments: [
        ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n000\r\n\r\n", "0123456789"), ("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"), ("1\r\n\n\r\n0\r\n\r\n", "\n"),
        ("10\r\n0123456789abcdef\r\n0\r\n\r\n", "0123456789abcdef"),
    ])
    func `chunks become a body`(text: String, body: String) {
        #expect(decode(text) == .ended(body: body, trailers: [], rest: ""))
        #expect(decode(text + "GET /") == .ended(body: body, trailers: [], rest: "GET /"))
    }

    @Test(arguments: [
        ";a", ";a=b", ";a=\"b\"", " ;a", "\t ; a = b", ";a;b;c=d", ";a=\"b;c\\\"\\\\ \td\"", ";a=b ;c", ";a = \"b\" ; c",
        ";!#$%&'*+-.^_`|~=~", ";a=\"\"", " ;a ;b",
    ])
    func `extensions are read and forgotten`(text: String) {
        #expect(decode("5\(text)\r\nhello\r\n0\(text)\r\n\r\n") == .ended(body: "hello", trailers: [], rest: ""))
    }

    @Test(arguments: [
        // Sizes.
        "\r\n", "g\r\n", "-1\r\n", "+5\r\nhello\r\n", " 5\r\nhello\r\n", "0x5\r\nhello\r\n", "5h\r\nhello\r\n", "x", ";a\r\n",
        "5,\r\nhello\r\n", "5.0\r\n", "5_\r\n", "\t5\r\n", "\u{0}5\r\n",
        "5\u{0}\r\nhello", "5\u{b}\r\nhello", "\u{ff15}\r\n", "\"5\"\r\n", "5 5\r\nhello\r\n", "5 \r\nhello\r\n0\r\n\r\n",
        "5\t\r\nhello\r\n", "0 \r\n\r\n",
        // Sizes that do not fit.
        "8000000000000000\r\n", "FFFFFFFFFFFFFFFF\r\n", "ffffffffffffffff1\r\n", "10000000000000000\r\n", "00000000000000005\r\nhello\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        // Line ends.
        "5\nhello\r\n0\r\n\r\n", "5\r\rhello\r\n", "5\rhello\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello!\r\n",
        "5\r\nhell\r\n0\r\n\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n", "0\n\r\n", "0\r\n\n", "0\r\n\rX", "0\r\r\n\r\n", "\n5\r\n",
        // Extensions.
        "5;\r\nhello\r\n", "5;;a\r\nhello\r\n", "5;a=\r\nhello\r\n", "5;=b\r\nhello\r\n", "5;a=\"b\r\nhello\r\n", "5;a=\"b\"c\r\nhello\r\n",
        "5;a b\r\nhello\r\n", "5;a\nhello\r\n",
        "5;a\n\r\nhello\r\n", "5;a=\"\n\"\r\nhello\r\n", "5;a\rX\r\n", "5;a=b\u{0}\r\nhello\r\n", "5;a=\u{e9}\r\n", "5;a=\"\u{e9}\"\r\n",
        "5;a ;\r\nhello", "5;a \r\nhello\r\n", "5 a\r\nhello",
        "5;a=\"\\\n\"\r\nhello\r\n", "5;a=\"\\\r\nhello\r\n", "5;a=b c\r\n", "5;a==b\r\n", "5;(a)\r\n", "5; \r\nhello", "0;\r\n\r\n",
        "5;a=\"\u{7f}\"\r\n",
        // Trailers.
        "0\r\nX\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\nX: y\r\n z\r\n\r\n", "0\r\nX: \u{0}\r\n\r\n",
        "0\r\n: y\r\n\r\n", "0\r\nX: y\r\n\n", "0\r\nX: a\rb\r\n\r\n",
        "0\r\nX: y\r\r\n\r\n", "0\r\nGET / HTTP/1.1\r\n\r\n", "0\r\nX: y\r\n\rZ\r\n",
    ])
    func `anything else is refused`(text: String) {
        let end = "\r\n\r\n"
        #expect(decode(text + end) == .refused(.chunkInvalid))
        #expect(decode(Array((text + end).utf8), .upstreamInvalid) == .refused(.upstreamInvalid))
    }

    @Test(arguments: [
        ("", ""), ("5", ""), ("5;a", ""), ("5\r", ""), ("5\r\n", ""), ("5\r\nhel", "hel"), ("5\r\nhello", "hello"),
        ("5\r\nhello\r", "hello"), ("5\r\nhello\r\n", "hello"),
        ("5\r\nhello\r\n0", "hello"), ("0\r\n", ""), ("0\r\n\r", ""), ("0\r\nX: y", ""), ("0\r\nX: y\r\n", ""), ("0\r\nX: y\r\n\r", ""),
        ("7fffffffffffffff\r\nx", "x"),
        ("7FFFFFFFFFFFFFFF\r\n", ""),
    ])
    func `a body that has not ended is incomplete`(text: String, body: String) {
        #expect(decode(text) == .incomplete(body: body))
    }

    @Test(arguments: [
        ("X: y", ["X=y"]), ("X:y\r\nZ: \t a b \t", ["X=y", "Z=a b"]), ("X:", ["X="]),
        ("Content-Length: 5\r\nHost: a", ["Content-Length=5", "Host=a"]),
        ("Connection: x\r\nx: 1", ["Connection=x", "x=1"]),
    ])
    func `trailer fields are kept`(lines: String, expected: [String]) {
        #expect(decode("5\r\nhello\r\n0\r\n\(lines)\r\n\r\nrest") == .ended(body: "hello", trailers: expected, rest: "rest"))
    }

    @Test func `a line of the longest extension passes, a longer one does not`() {
        let longest = "5;" + String(repeating: "a", count: Limits.chunkLineBytesMax - 3)
        #expect(decode("\(longest)\r\nhello\r\n0\r\n\r\n") == .ended(body: "hello", trailers: [], rest: ""))
        #expect(decode("\(longest)a\r\nhello\r\n0\r\n\r\n") == .refused(.chunkInvalid))
        #expect(decode("5;" + String(repeating: " ", count: 1000)) == .refused(.chunkInvalid))
    }

    @Test func `a trailer section may have so many bytes and fields`() {
        func section(_ byteCount: Int) -> [UInt8] {
            Array(("0\r\nX: " + String(repeating: "v", count: byteCount - 7) + "\r\n\r\n").utf8)
        }
        let (largest, larger) = (section(Limits.trailerBytesMax), section(Limits.trailerBytesMax + 1))
        if case .ended = decode(largest) {} else { Issue.record("refused") }
        if case .ended = decode(largest, cuts: Array(0..<largest.count)) {} else { Issue.record("refused") }
        #expect(decode(larger) == .refused(.chunkInvalid))
        #expect(decode(larger, cuts: Array(0..<larger.count)) == .refused(.chunkInvalid))
        let endless = Array(("0\r\n" + String(repeating: "v", count: Limits.trailerBytesMax + 1)).utf8)
        #expect(decode(endless) == .refused(.chunkInvalid))
        #expect(decode(endless, cuts: Array(0..<endless.count)) == .refused(.chunkInvalid))
        let many = "0\r\n" + String(repeating: "x: y\r\n", count: Limits.headFieldsMax)
        if case .ended = decode(Array((many + "\r\n").utf8)) {} else { Issue.record("refused") }
        #expect(decode(Array((many + "x: y\r\n\r\n").utf8)) == .refused(.chunkInvalid))
    }

    @Test func `what the encoder writes is what the decoder reads`() {
        let pool = lastingPool()
        var queue = ByteQueue(pool: pool)
        var body = ""
        for size in [1, 15, 16, 255, 256, 4096, 0, 70000] {
            let piece = String(repeating: "\(size % 10)", count: size)
            body += piece
            HTTP1Encoder.chunk(Array(piece.utf8).rawSpan, into: &queue)
        }
        HTTP1Encoder.lastChunk(trailers: HeaderFields(pool: pool), of: HeaderFields(pool: pool), into: &queue)
        let bytes = queue.bytes.array
        #expect(decode(bytes) == .ended(body: body, trailers: [], rest: ""))
        #expect(decode(bytes, cuts: Array(stride(from: 0, to: bytes.count, by: 7))) == .ended(body: body, trailers: [], rest: ""))
    }
}
