import GatewayCore
import GatewayHTTP
import Testing

@Suite struct RequestLineTests {
    @Test func `a request is read with all its parts`() throws {
        let request = try parsed(
            "POST /v1/chat?stream=true HTTP/1.1\r\nHost: API.Example.com:8080\r\nContent-Length: 5\r\nX_Y:\tz \r\nTE: trailers\r\n"
                + "Connection: TE\r\n\r\n")
        #expect(request.consumed == 124)
        #expect(request.method == .post)
        #expect(request.methodBytes == "POST")
        #expect(request.version == .http11)
        #expect(request.targetForm == .origin)
        #expect(request.target == "/v1/chat?stream=true")
        #expect(request.path == "/v1/chat")
        #expect(request.query == "stream=true")
        #expect(request.hasQuery)
        #expect(request.authority == "API.Example.com:8080")
        #expect(request.hostname == "api.example.com")
        #expect(request.framing == .length(5))
        #expect(request.keepAlive)
        #expect(!request.expectsContinue)
        #expect(request.fields.map(\.name) == [.host, .contentLength, .other, .te, .connection])
        #expect(request.fields[2].nameBytes == "X_Y")
        #expect(request.value("x_y") == "z")
    }

    @Test(arguments: Method.allCases.filter { $0 != .connect && $0 != .other })
    func `a method is known by its name`(method: Method) throws {
        let request = try parsed(request("\(method.name) / HTTP/1.1"))
        #expect(request.method == method)
        #expect(request.methodBytes == "\(method.name)")
    }

    @Test(arguments: ["get", "Get", "PROPFIND", "M-SEARCH", "GETS", "GE", "!#$%&'*+-.^_`|~09", String(repeating: "A", count: 100)])
    func `any other token is a method without a name here`(token: String) throws {
        let request = try parsed(request("\(token) / HTTP/1.1"))
        #expect(request.method == .other)
        #expect(request.methodBytes == token)
    }

    @Test(arguments: [
        ("HTTP/1.1", HTTPVersion.http11), ("HTTP/1.0", .http10), ("HTTP/1.2", .http11), ("HTTP/1.9", .http11),
    ])
    func `a version of the first major one is accepted`(version: String, expected: HTTPVersion) throws {
        let request = try parsed(request("GET / \(version)"))
        #expect(request.version == expected)
    }

    @Test(arguments: ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0"])
    func `another major version is not supported`(version: String) {
        #expect(outcome(request("GET / \(version)")) == .refused(.versionUnsupported))
    }

    @Test(arguments: [
        "GET /", "GET / ", "GET", "GET ", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1", "GET / HTTP/1.1\t", "GET / http/1.1", "GET / Http/1.1", "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/11",
        "GET / HTTP/1.10", "GET / HTTP/1.01", "GET / HTTP/01.1", "GET / HTTP/x.1", "GET / HTTP/1,1", "GET / HTTP/-1.1", "GET / HTTPS/1.1",
        "GET / HTP/1.1", "GET / FTP/1.1", "GET / /1.1", "GET / HTTP 1.1", "GET / x HTTP/1.1", "GET / HTTP/1.1 HTTP/1.1", "G(T / HTTP/1.1",
        "GET: / HTTP/1.1", "GET/ / HTTP/1.1", "G\u{e9}T / HTTP/1.1", "G\u{0}T / HTTP/1.1", "\"GET\" / HTTP/1.1", "(GET) / HTTP/1.1",
        "GET\u{b}/ HTTP/1.1", "GET / HTTP/1.1\u{b}", "GET / HTTP/1.1\r", "GET / \rHTTP/1.1", "GET\r / HTTP/1.1", "GET / HTTP/1.1\u{0}",
        "/ HTTP/1.1", "HTTP/1.1 200 OK", ": /", "SSH-2.0-OpenSSH_9.2", "GET / HTTP/1.\u{0661}", "PRI / HTTP/2.0",
    ])
    func `a line that is not method, target, version is refused`(line: String) {
        let result = outcome(request(line))
        #expect(result == .refused(.requestLineInvalid) || result == .refused(.targetInvalid))
    }

    @Test func `CONNECT is not supported`() {
        #expect(outcome(request("CONNECT a.example:443 HTTP/1.1")) == .refused(.methodUnsupported))
    }

    @Test(arguments: 0...4) func `some empty lines before the request line are overlooked and consumed`(count: Int) throws {
        let text = String(repeating: "\r\n", count: count) + request()
        let request = try parsed(text)
        #expect(request.consumed == text.utf8.count)
        #expect(request.path == "/")
        #expect(request.value("host") == "a.example")
    }

    @Test(arguments: ["\r\n\r\n\r\n\r\n\r\n", "\n", "\r\n\n", "\r\r\n", " \r\n", "\r\n \r\n"])
    func `other blank lines before the request line are refused`(blank: String) {
        #expect(outcome(blank + request()) == .refused(.requestLineInvalid))
    }

    @Test(
        arguments: [
            [0x16], [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], [0x00], [0x80, 0x2e, 0x01], [0xff, 0xfe], [0x0a], [0x20], [0x05, 0x01, 0x00],
            [0x0d, 0x0a, 0x16], [0x0d, 0x47],
        ] as [[UInt8]])
    func `what cannot begin a request is refused at once, without a line's end`(bytes: [UInt8]) {
        #expect(cutOutcome(bytes) == .refused(.requestLineInvalid))
    }

    @Test func `the preface of HTTP2 is refused`() {
        #expect(outcome("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == .refused(.requestLineInvalid))
    }

    @Test(arguments: [
        "", "G", "GET", "GET ", "GET /", "GET / ", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost",
        "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r", "\r", "\r\n", "GET http", "GET http:", "GET http://",
        "OPTIONS *",
        // Wrong already, but the line has not ended: the verdict waits for it, so that it is the same however the bytes are cut.
        "GET / HTTP/2", "GET  ", "GET / HTTP/1.1\r\nHost: a\u{0}b", "GET / HTTP/1.1\r\n folded",
    ])
    func `a head that has not ended is incomplete`(text: String) {
        #expect(outcome(text) == .incomplete)
    }

    @Test func `a parser reads one request after the other`() throws {
        let pool = lastingPool()
        var head = RequestHead(pool: pool)
        var parser = HTTP1RequestParser()
        let bytes = Array((request("GET /1 HTTP/1.1") + request("GET http://b/2 HTTP/1.1") + request("GET /3 HTTP/1.0", host: nil)).utf8)
        var paths: [String] = []
        var hosts: [String] = []
        var start = 0
        while start < bytes.count {
            let consumed = try parser.parse(bytes.rawSpan.extracting(start..<bytes.count), into: &head)
            start += try #require(consumed)
            paths.append(head.path.string)
            hosts.append(head.hostname.string)
            head.removeAll()
        }
        #expect(paths == ["/1", "/2", "/3"])
        #expect(hosts == ["a.example", "b", ""])
    }

    @Test func `a head that was forgotten is empty`() throws {
        let pool = lastingPool()
        var head = RequestHead(pool: pool)
        var parser = HTTP1RequestParser()
        _ = try parser.parse(Array(request("POST /a?b HTTP/1.1").utf8).rawSpan, into: &head)
        head.removeAll()
        let lengths = [
            head.target.byteCount, head.path.byteCount, head.query.byteCount, head.hostname.byteCount, head.authority.byteCount,
            head.methodBytes.byteCount, head.fields.count,
        ]
        #expect(lengths == [0, 0, 0, 0, 0, 0, 0])
        let isComplete = head.isComplete
        #expect(!isComplete)
    }

    @Test func `a refused head tells what came before the refused line`() {
        let pool = lastingPool()
        var head = RequestHead(pool: pool)
        var parser = HTTP1RequestParser()
        #expect(throws: GatewayError.self) {
            _ = try parser.parse(Array("GET /a HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n".utf8).rawSpan, into: &head)
        }
        let (method, path, count, isComplete) = (head.method, head.path.string, head.fields.count, head.isComplete)
        #expect(method == .get)
        #expect(path == "/a")
        #expect(count == 1)
        #expect(!isComplete)
    }

    @Test func `parts of a head that is not complete are empty`() throws {
        let pool = lastingPool()
        var head = RequestHead(pool: pool)
        var parser = HTTP1RequestParser()
        let consumed = try parser.parse(Array("GET /a?b HTTP/1.1\r\nHost: x\r\n".utf8).rawSpan, into: &head)
        #expect(consumed == nil)
        let lengths = [head.target.byteCount, head.path.byteCount, head.query.byteCount, head.hostname.byteCount]
        #expect(lengths == [0, 0, 0, 0])
    }
}
