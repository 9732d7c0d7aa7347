import GatewayCore
import GatewayHTTP
import Testing

@Suite struct RequestFieldTests {
    @Test(arguments: [
        ("X:y", "y"), ("X: y", "y"), ("X:   y  ", "y"), ("X:\t y\t", "y"), ("X:", ""), ("X: ", ""), ("X:\t\t", ""), ("X: a b", "a b"),
        ("X: a\tb", "a\tb"),
        ("X: :", ":"), ("X::y", ":y"), ("X: \"q\\\"\"", "\"q\\\"\""), ("X: a\t\t\t\t\t\t\t\t\tb", "a\t\t\t\t\t\t\t\t\tb"),
        ("X: \u{fc}\u{1f600}", "\u{fc}\u{1f600}"), ("X: ~!@#$%^&*()_+{}|:<>?", "~!@#$%^&*()_+{}|:<>?"),
        ("X: " + String(repeating: "0123456789", count: 100), String(repeating: "0123456789", count: 100)),
    ])
    func `a value is what stands between the white space`(line: String, value: String) throws {
        let request = try parsed(request("GET / HTTP/1.1", line, "Y: z"))
        #expect(request.value("x") == value)
        #expect(request.value("y") == "z")
    }

    @Test func `every byte is allowed in a value or it is not, wherever it stands`() {
        for byte in UInt8.min...UInt8.max {
            for offset in [0, 1, 6, 7, 8, 9, 15] {
                let padding = [UInt8](repeating: UInt8(ascii: "p"), count: offset)
                let head = Array("GET / HTTP/1.1\r\nHost: a\r\nX:".utf8) + padding + [byte] + Array("b\r\n\r\n".utf8)
                let isAllowed = byte == 0x09 || byte >= 0x20 && byte != 0x7f
                guard case .parsed(let request) = outcome(head) else {
                    #expect(!isAllowed, "\(byte)")
                    continue
                }
                #expect(isAllowed, "\(byte)")
                if byte != 0x20 && byte != 0x09 { #expect(request.fields[1].value == padding + [byte, UInt8(ascii: "b")]) }
            }
        }
    }

    @Test(arguments: ["X: ", "Accept: "], ["", "y\r\nY: z"])
    func `every byte is allowed in a value behind white space or it is not`(start: String, following: String) {
        for byte in UInt8.min...UInt8.max {
            for offset in [0, 1, 6, 7, 8, 9, 15] {
                // 0xff is what a sum would carry out of.
                let padding = [UInt8](repeating: 0xff, count: offset)
                let line = Array(start.utf8) + padding + [byte, 0x7e] + Array(following.utf8)
                let head = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + line + Array("\r\n\r\n".utf8)
                let isAllowed = byte == 0x09 || byte >= 0x20 && byte != 0x7f
                guard case .parsed(let request) = outcome(head) else {
                    #expect(!isAllowed, "\(byte)")
                    continue
                }
                #expect(isAllowed, "\(byte)")
                let value = padding + [byte, 0x7e] + (following.isEmpty ? [] : [UInt8(ascii: "y")])
                #expect(request.fields[1].value == (offset == 0 ? Array(value.drop { $0 == 0x20 || $0 == 0x09 }) : value))
                #expect(request.fields.count == (following.isEmpty ? 2 : 3))
            }
        }
    }

    @Test func `every byte is allowed in a name or it is not, wherever it stands`() {
        let token = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
            for offset in [0, 1, 6, 7, 8, 9, 15] {
                let name = [UInt8](repeating: UInt8(ascii: "n"), count: offset) + [byte] + Array("name".utf8)
                let result = outcome(Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + name + Array(": value\r\n\r\n".utf8))
                guard case .parsed(let request) = result else {
                    #expect(!token.contains(byte), "\(byte)")
                    continue
                }
                #expect(token.contains(byte), "\(byte)")
                #expect(Array(request.fields[1].nameBytes.utf8) == name)
            }
        }
    }

    @Test func `fields keep their order, their case and their repetitions`() throws {
        let request = try parsed(request("GET / HTTP/1.1", "b: 1", "A: 2", "B: 3", "cOOkie: x", "Cookie: y"))
        #expect(request.fields.map(\.nameBytes) == ["Host", "b", "A", "B", "cOOkie", "Cookie"])
        #expect(request.fields.map(\.name) == [.host, .other, .other, .other, .cookie, .cookie])
    }

    // MARK: Connection

    @Test(arguments: [
        ("GET / HTTP/1.1", "X: y", true), ("GET / HTTP/1.1", "Connection: close", false), ("GET / HTTP/1.1", "Connection: Close", false),
        ("GET / HTTP/1.1", "Connection: keep-alive", true), ("GET / HTTP/1.1", "Connection: keep-alive, close", false),
        ("GET / HTTP/1.1", "Connection: close, keep-alive", false), ("GET / HTTP/1.1", "Connection: foo,,close ,", false),
        ("GET / HTTP/1.1", "Connection: closed", true), ("GET / HTTP/1.1", "Connection:", true), ("GET / HTTP/1.1", "Connection: ,", true),
        ("GET / HTTP/1.1", "Connection: a\r\nConnection: close", false), ("GET / HTTP/1.0", "X: y", false),
        ("GET / HTTP/1.0", "Connection: keep-alive", true), ("GET / HTTP/1.0", "Connection: Keep-Alive", true),
        ("GET / HTTP/1.0", "Connection: keep-alive, close", false), ("GET / HTTP/1.0", "Connection: close", false),
        ("GET / HTTP/1.0", "Proxy-Connection: keep-alive", false), ("GET / HTTP/1.1", "Proxy-Connection: close", true),
    ])
    func `the connection stays as version and Connection say`(line: String, field: String, keepAlive: Bool) throws {
        let request = try parsed(request(line, field))
        #expect(request.keepAlive == keepAlive)
    }

    @Test func `fields for one hop are known, and those that Connection names`() throws {
        let request = try parsed(
            request(
                "GET / HTTP/1.1", "X-Before: 1", "Connection: x-BEFORE, Upgrade, X-After", "Keep-Alive: timeout=5", "TE: gzip",
                "Trailer: X",
                "Upgrade: websocket", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic x", "Proxy-Authenticate: Basic",
                "X-After: 2",
                "connection: HTTP2-Settings", "HTTP2-Settings: AAAA", "X-Before: 3", "X-Befor: 4", "Authorization: Bearer x", "Cookie: c",
                "Via: 1.1 v",
                "Forwarded: for=x"))
        let kept = request.fields.filter { !$0.isHopByHop }.map(\.nameBytes)
        #expect(kept == ["Host", "X-Befor", "Authorization", "Cookie", "Via", "Forwarded"])
    }

    @Test(arguments: [
        "Host", "Content-Length", "content-type", "Authorization", "Cookie", "Cache-Control", "X-Forwarded-For", "Forwarded", "Via", "Date",
        "Expect",
        "close, Host", "keep-alive, x, Content-Length", "X-API-Key", "X-Request-ID",
    ])
    func `Connection must not name a field that is for every recipient`(value: String) {
        #expect(outcome(request("GET / HTTP/1.1", "Connection: \(value)")) == .refused(.fieldInvalid))
    }

    @Test(arguments: ["a b", "close;q=1", "\"close\"", "(x)", "x=1", "close x", "a/b", "\u{e9}", "a:b", "keep-alive close"])
    func `what Connection names must be tokens`(value: String) {
        #expect(outcome(request("GET / HTTP/1.1", "Connection: \(value)")) == .refused(.fieldInvalid))
    }

    @Test func `Connection may name only so many fields`() throws {
        let few = (0..<16).map { "x\($0)" }.joined(separator: ",")
        _ = try parsed(request("GET / HTTP/1.1", "Connection: \(few)"))
        #expect(outcome(request("GET / HTTP/1.1", "Connection: \(few)", "Connection: y")) == .refused(.fieldInvalid))
        let harmless = Array(repeating: "close", count: 100).joined(separator: ",")
        _ = try parsed(request("GET / HTTP/1.1", "Connection: \(harmless)"))
    }

    // MARK: Expect, TE

    @Test(arguments: ["100-continue", "100-Continue", "100-CONTINUE"])
    func `a body is held back until 100 if the client says so`(value: String) throws {
        let request = try parsed(request("POST / HTTP/1.1", "Content-Length: 5", "Expect: \(value)"))
        #expect(request.expectsContinue)
    }

    @Test func `without a body there is nothing to hold back`() throws {
        let without = try parsed(request("GET / HTTP/1.1", "Expect: 100-continue"))
        #expect(!without.expectsContinue)
        let empty = try parsed(request("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 0"))
        #expect(!empty.expectsContinue)
        let chunked = try parsed(request("POST / HTTP/1.1", "Expect: 100-continue", "Transfer-Encoding: chunked"))
        #expect(chunked.expectsContinue)
    }

    @Test(arguments: ["", "100", "200-ok", "100-continue, 100-continue", "100-continue;a=b", "100-continue x", "x=y"])
    func `another expectation is not supported`(value: String) {
        #expect(outcome(request("POST / HTTP/1.1", "Content-Length: 5", "Expect: \(value)")) == .refused(.expectationUnsupported))
        #expect(
            outcome(request("POST / HTTP/1.1", "Content-Length: 5", "Expect: \(value)", "Expect: 100-continue"))
                == .refused(.expectationUnsupported))
    }

    @Test(arguments: ["100-continue", "something else"])
    func `an expectation of HTTP 1_0 is ignored`(value: String) throws {
        let request = try parsed(request("POST / HTTP/1.0", "Content-Length: 5", "Expect: \(value)"))
        #expect(!request.expectsContinue)
    }
}
