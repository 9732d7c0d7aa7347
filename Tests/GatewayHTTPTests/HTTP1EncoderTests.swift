import GatewayCore
import GatewayHTTP
import Testing

@Suite struct HTTP1EncoderTests {
    private let none: [UInt8] = []

    private func encoded(_ write: (inout ByteQueue) -> Void) -> String {
        let pool = lastingPool()
        var queue = ByteQueue(pool: pool)
        write(&queue)
        return queue.bytes.string
    }

    @Test func `lines and fields are written`() {
        let value = Array("v w".utf8)
        #expect(encoded { HTTP1Encoder.statusLine(200, into: &$0) } == "HTTP/1.1 200 OK\r\n")
        #expect(encoded { HTTP1Encoder.statusLine(429, into: &$0) } == "HTTP/1.1 429 Too Many Requests\r\n")
        #expect(encoded { HTTP1Encoder.statusLine(299, into: &$0) } == "HTTP/1.1 299 \r\n")
        #expect(encoded { HTTP1Encoder.statusLine(200, reason: value.rawSpan, into: &$0) } == "HTTP/1.1 200 v w\r\n")
        #expect(encoded { HTTP1Encoder.statusLine(404, reason: none.rawSpan, into: &$0) } == "HTTP/1.1 404 Not Found\r\n")
        #expect(encoded { HTTP1Encoder.field("A", value.rawSpan, into: &$0) } == "A: v w\r\n")
        #expect(encoded { HTTP1Encoder.field("A", "b", into: &$0) } == "A: b\r\n")
        #expect(encoded { HTTP1Encoder.field("A", decimal: .max, into: &$0) } == "A: 18446744073709551615\r\n")
        #expect(encoded { HTTP1Encoder.field(name: value.rawSpan, value: value.rawSpan, into: &$0) } == "v w: v w\r\n")
        #expect(encoded { HTTP1Encoder.endLine(into: &$0) } == "\r\n")
    }

    @Test func `chunks are written, but no empty one`() {
        let data = [UInt8](repeating: UInt8(ascii: "x"), count: 26)
        #expect(encoded { HTTP1Encoder.chunk(data.rawSpan, into: &$0) } == "1a\r\n\(String(repeating: "x", count: 26))\r\n")
        #expect(encoded { HTTP1Encoder.chunk(none.rawSpan, into: &$0) } == "")
    }

    @Test func `of the trailers those are sent that may be`() {
        let pool = lastingPool()
        var trailers = HeaderFields(pool: pool)
        for name in [
            "X-Checksum", "Content-Length", "Transfer-Encoding", "Host", "Authorization", "Set-Cookie", "Trailer", "Connection",
            "Content-Type", "Cache-Control", "ETag", "TE",
            "Content-Encoding", "Content-Range", "Expect", "Location", "Cookie", "Upgrade", "Grpc-Status",
        ] {
            trailers.append(name: Array(name.utf8).rawSpan, value: Array("1".utf8).rawSpan)
        }
        var queue = ByteQueue(pool: pool)
        HTTP1Encoder.lastChunk(trailers: trailers, of: HeaderFields(pool: pool), into: &queue)
        let text = queue.bytes.string
        #expect(text == "0\r\nX-Checksum: 1\r\nETag: 1\r\nGrpc-Status: 1\r\n\r\n")
    }

    @Test func `a trailer that the head's Connection names is not sent, nor one in disguise`() {
        let pool = lastingPool()
        var head = HeaderFields(pool: pool)
        for options in ["close, x-one", "X-Two"] { head.append(name: Array("Connection".utf8).rawSpan, value: Array(options.utf8).rawSpan) }
        var trailers = HeaderFields(pool: pool)
        for name in ["X-One", "x-two", "X-Three", "close", "Content_Length", "x_forwarded-FOR", "Proxy", "X_Two"] {
            trailers.append(name: Array(name.utf8).rawSpan, value: Array("1".utf8).rawSpan)
        }
        var queue = ByteQueue(pool: pool)
        HTTP1Encoder.lastChunk(trailers: trailers, of: head, into: &queue)
        let text = queue.bytes.string
        #expect(text == "0\r\nX-Three: 1\r\nX_Two: 1\r\n\r\n")
    }

    @Test func `every status of an error type has a phrase, but 499`() {
        for type in ErrorType.allCases where type.status != 499 {
            #expect(StatusCode.reasonPhrase(type.status).utf8CodeUnitCount > 0, "\(type)")
        }
    }
}

@Suite struct HTTPDateTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (1_795_269_644, "Sat, 21 Nov 2026 14:00:44 GMT"),
        (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func `a time is written as HTTP has it`(epochSeconds: Int, expected: String) {
        let pool = lastingPool()
        var queue = ByteQueue(pool: pool)
        HTTPDate.append(epochSeconds: epochSeconds, to: &queue)
        #expect(queue.bytes.string == expected)
    }

    @Test func `each day follows the one before`() {
        let pool = lastingPool()
        var queue = ByteQueue(pool: pool)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        var (year, month, day) = (1970, 1, 1)
        for index in 0..<(200 * 366) {
            queue.removeAll()
            HTTPDate.append(epochSeconds: index * 86_400, to: &queue)
            let expected = "\(weekdays[index % 7]), \(day < 10 ? "0" : "")\(day) \(months[month - 1]) \(year) 00:00:00 GMT"
            let written = queue.bytes.string
            if written != expected { Issue.record("\(written) instead of \(expected)") }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            day += 1
            if day > lengths[month - 1] { (day, month) = (1, month + 1) }
            if month > 12 { (month, year) = (1, year + 1) }
        }
    }
}
