import GatewayCore
import GatewayHTTP
import Testing

@Suite struct FramingTests {
    @Test func `a request without lengths has no body, whatever its method`() throws {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "X"] {
            let request = try parsed(request("\(method) / HTTP/1.1"))
            #expect(request.framing == .none)
        }
    }

    @Test(arguments: [
        ("0", UInt64(0)), ("1", 1), ("42", 42), ("007", 7), ("0000000000000000000000000000001", 1),
        ("9223372036854775807", UInt64(Int64.max)),
        ("4294967296", 1 << 32), (" 5", 5), ("5 ", 5), ("\t5\t ", 5),
    ])
    func `Content-Length is one number`(value: String, length: UInt64) throws {
        for method in ["POST", "GET"] {
            let request = try parsed(request("\(method) / HTTP/1.1", "Content-Length:\(value)"))
            #expect(request.framing == .length(length))
        }
    }

    @Test(arguments: [
        "", " ", "+5", "-5", "-0", "0x5", "5,5", "5, 5", "5,", ",5", "5;5", "5 5", "5.0", "5e1", "a", "5a", "\u{665}", "\"5\"",
        "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "18446744073709551621", "99999999999999999999999999", "184467440737095516160",
        "5\u{b}", "\u{b}5",
        "5\u{0}", "0,0", "5_0", "1'000", "5 \t 0",
    ])
    func `a Content-Length that is not one number is refused`(value: String) {
        let result = outcome(request("POST / HTTP/1.1", "Content-Length: \(value)"))
        #expect(result == .refused(.framingInvalid) || result == .refused(.fieldInvalid))
    }

    @Test func `several Content-Lengths are refused, equal ones too`() {
        #expect(outcome(request("POST / HTTP/1.1", "Content-Length: 5", "Content-Length: 5")) == .refused(.framingInvalid))
        #expect(outcome(request("POST / HTTP/1.1", "Content-Length: 5", "X: y", "content-length: 6")) == .refused(.framingInvalid))
    }

    @Test(arguments: ["chunked", "Chunked", "CHUNKED", " chunked ", "\tchunked\t"])
    func `a chunked body is announced in any case`(value: String) throws {
        let request = try parsed(request("POST / HTTP/1.1", "transfer-ENCODING:\(value)"))
        #expect(request.framing == .chunked)
    }

    @Test(arguments: [
        "gzip, chunked", "gzip,chunked", "identity", "xchunked", "chunkedx", "chunke", "gzip", "deflate, gzip", "identity, chunked",
        "x;q=1, chunked",
        "x; q = \"a, \\\"b\" ; r=1 ,chunked", "gzip;a=b", "chunked\u{2d}",
    ])
    func `another transfer coding is not supported`(value: String) {
        #expect(outcome(request("POST / HTTP/1.1", "Transfer-Encoding: \(value)")) == .refused(.transferCodingUnsupported))
    }

    @Test(arguments: [
        "", " ", ",", ",chunked", "chunked,", "chunked, chunked", "chunked,gzip", "chunked, identity", "gzip, chunked, chunked",
        "gzip,,chunked", "chunked;a=b",
        "chunked;", "chunked ;a=b", "chunked chunked", "chunked gzip", "gzip chunked", "\"chunked\"", "'chunked',", "chunked/1",
        "(chunked)", "chun\u{e9}ked",
        "gzip;", "gzip;a", "gzip;a=", "gzip;=b", "gzip;a=\"b", "gzip;a=\"b\\", "gzip;a=b c", "gzip;a=\"b\"c, chunked", "chunked\u{a0}",
        "=chunked",
        "gzip, chunked;a=b", "gzip,", "gzip, ,chunked", "chunked:",
    ])
    func `a malformed Transfer-Encoding is refused`(value: String) {
        #expect(outcome(request("POST / HTTP/1.1", "Transfer-Encoding: \(value)")) == .refused(.framingInvalid))
    }

    @Test func `several Transfer-Encodings are refused`() {
        #expect(
            outcome(request("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")) == .refused(.framingInvalid))
    }

    @Test func `Transfer-Encoding beside Content-Length is refused in either order`() {
        #expect(outcome(request("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 5")) == .refused(.framingInvalid))
        #expect(outcome(request("POST / HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked")) == .refused(.framingInvalid))
        #expect(outcome(request("POST / HTTP/1.1", "Content-Length: 0", "Transfer-Encoding: chunked")) == .refused(.framingInvalid))
    }

    @Test func `Transfer-Encoding in HTTP 1_0 is refused`() {
        #expect(outcome(request("POST / HTTP/1.0", "Transfer-Encoding: chunked")) == .refused(.framingInvalid))
    }

    /// From the published collections of request smuggling: spellings of the framing fields that one hop reads and another does not.
    @Test(arguments: [
        "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", " Transfer-Encoding: chunked", "\tTransfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked", "X: y\r\n\tTransfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "Transfer-Encoding:\u{b}chunked", "Transfer-Encoding:\u{c}chunked", "Transfer-Encoding: chunked\u{b}",
        "Transfer-Encoding: \u{0}chunked",
        "Transfer-Encoding: chunked\u{0}", "Transfer-Encoding\u{0}: chunked", "\u{0}Transfer-Encoding: chunked",
        "Transfer-Encoding: \r\n chunked",
        "Transfer-Encoding:\r\n chunked", "Transfer-Encoding\r\n: chunked", "Transfer Encoding: chunked", "Transfer-Encoding:: chunked",
        "Transfer-Encoding:\n chunked", "Transfer-Encoding: chunked\n", "Transfer-Encoding\u{a0}: chunked",
        "Transfer-\u{212a}ncoding: chunked\u{1}",
        "Content-Length : 5", "Content-Length\u{b}: 5", "Content-Length: 5\nX: y", "Content-Length: 5\r\rX: y", "Content-Length: 5\r\n 6",
        "Content-Length",
        "Content-Length: 5\u{0}", "Content-Length:\r\n 5", ": 5", "X", "X\r\nY: z", "Transfer-Encoding", "\r\r\n", "X: y\r", "X: y\u{1f}",
        "X: y\u{7f}",
        "X y: z", "(X): y", "X\u{e9}: y", "X\"Y\": z", "X/Y: z", "X[0]: y", "X{}: y", "X@: y", "X;: y", "X,Y: z", "X?: y", "X=: y",
        "X<Y: z", "X\\: y",
        "GET /admin HTTP/1.1", "GET http://internal/ HTTP/1.1", "X: y\u{8}",
    ])
    func `a disguised field is refused`(line: String) {
        for text in [request("POST / HTTP/1.1", "A: b", line, "C: d"), "POST / HTTP/1.1\r\n\(line)\r\nHost: a\r\n\r\n"] {
            // An empty value whose folded continuation would be the coding is refused for being empty.
            let result = outcome(text)
            #expect(result == .refused(.fieldInvalid) || result == .refused(.framingInvalid))
        }
    }

    @Test(arguments: [
        "Content_Length: 5", "Transfer_Encoding: chunked", "X-Transfer-Encoding: chunked", "Transfer-Encodin: chunked",
        "Content-Lengthx: 5",
    ])
    func `a name that only resembles a framing field is an ordinary field`(line: String) throws {
        let request = try parsed(request("POST / HTTP/1.1", line))
        #expect(request.framing == .none)
        #expect(request.fields[1].name == .other)
        #expect(!request.fields[1].isHopByHop)
    }

    @Test func `bare line feeds are refused everywhere`() {
        for text in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\rX", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", "GET /\nHTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        ] {
            let result = outcome(text + "\n")
            guard case .refused(let type) = result else {
                Issue.record("\(result) for \(text.debugDescription)")
                continue
            }
            #expect(type.status == 400)
        }
    }
}
