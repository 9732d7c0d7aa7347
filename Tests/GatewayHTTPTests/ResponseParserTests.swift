import GatewayCore
import GatewayHTTP
import Testing

private enum ResponseOutcome: Equatable {
    case parsed(ParsedResponse)
    case incomplete
    case refused(ErrorType)
}

private struct ParsedResponse: Equatable {
    var consumed: Int
    var status: Int
    var reason: String
    var version: HTTPVersion
    var framing: BodyFraming
    var keepAlive: Bool
    var fields: [String]
    var endToEnd: [String]
}

private func responseOutcome(_ bytes: [UInt8], _ method: GatewayHTTP.Method, cuts: [Int] = []) -> ResponseOutcome {
    withPool { responseOutcome(bytes, method, cuts, $0) }
}

private func responseOutcome(_ bytes: [UInt8], _ method: GatewayHTTP.Method, _ cuts: [Int], _ pool: BufferPool) -> ResponseOutcome {
    var head = ResponseHead(pool: pool)
    var parser = HTTP1ResponseParser(requestMethod: method)
    for cut in cuts + [bytes.count] {
        do throws(GatewayError) {
            guard let consumed = try parser.parse(bytes.rawSpan.extracting(0..<cut), into: &head) else { continue }
            let fields = (0..<head.fields.count).map { "\(head.fields.nameBytes($0).string)=\(head.fields.value($0).string)" }
            let endToEnd = (0..<head.fields.count).filter { !head.fields.isHopByHop($0) }.map { head.fields.nameBytes($0).string }
            return .parsed(
                ParsedResponse(
                    consumed: consumed, status: head.status, reason: head.reason.string, version: head.version, framing: head.framing,
                    keepAlive: head.keepAlive, fields: fields, endToEnd: endToEnd))
        } catch {
            return .refused(error.type)
        }
    }
    return .incomplete
}

private func responseOutcome(_ text: String, _ method: GatewayHTTP.Method = .get) -> ResponseOutcome {
    let bytes = Array(text.utf8)
    let whole = responseOutcome(bytes, method)
    #expect(responseOutcome(bytes, method, cuts: Array(0..<bytes.count)) == whole)
    for cut in 0..<bytes.count { #expect(responseOutcome(bytes, method, cuts: [cut]) == whole, "cut at \(cut)") }
    return whole
}

private func parsedResponse(_ text: String, _ method: GatewayHTTP.Method = .get) throws -> ParsedResponse {
    let result = responseOutcome(text, method)
    guard case .parsed(let response) = result else {
        Issue.record("\(result) for \(text.debugDescription)")
        throw NotParsed()
    }
    return response
}

private func makeResponse(_ line: String = "HTTP/1.1 200 OK", _ fields: String...) -> String {
    ([line] + fields).map { $0 + "\r\n" }.joined() + "\r\n"
}

@Suite struct ResponseParserTests {
    @Test func `a response is read with all its parts`() throws {
        let text = makeResponse(
            "HTTP/1.1 404 Not Found", "Content-Type: text/html", "Content-Length: 12", "Connection: x-hop", "X-Hop: 1",
            "Keep-Alive: timeout=5", "Set-Cookie: a",
            "Set-Cookie: b")
        let response = try parsedResponse(text)
        #expect(response.consumed == text.utf8.count)
        #expect(response.status == 404)
        #expect(response.reason == "Not Found")
        #expect(response.version == .http11)
        #expect(response.framing == .length(12))
        #expect(response.keepAlive)
        #expect(response.fields.count == 7)
        #expect(response.endToEnd == ["Content-Type", "Content-Length", "Set-Cookie", "Set-Cookie"])
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK", 200, "OK"), ("HTTP/1.1 200 ", 200, ""), ("HTTP/1.1 200", 200, ""), ("HTTP/1.0 599 x y\tz", 599, "x y\tz"),
        ("HTTP/1.1 200  OK", 200, " OK"), ("HTTP/1.9 100 \u{e9}", 100, "\u{e9}"),
    ])
    func `a status line may have a reason`(line: String, status: Int, reason: String) throws {
        let response = try parsedResponse(makeResponse(line))
        #expect(response.status == status)
        #expect(response.reason == reason)
    }

    @Test(arguments: [
        "HTTP/1.1 99 x", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "HTTP/1.1 999 x", "HTTP/1.1 2000 x", "HTTP/1.1 20 OK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
        "HTTP/1.1 200\tOK", "HTTP/1.1 200OK", "HTTP/1.1 -20 OK", "HTTP/1.1 +20 OK", "HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "HTTP/2 200",
        "HTTP/1.x 200 OK", "http/1.1 200 OK",
        "ICY 200 OK", " HTTP/1.1 200 OK", "HTTP/1.1 200 O\u{0}K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 O\u{7f}K",
        "HTTP/1.1 200 OK\nX: y", "HTTP/1.1", "HTTP/1.1 ",
        "<html>", "", "\r\nHTTP/1.1 200 OK", "H", "HTTP/1.1200 OK", "HTTP/1.1 200\u{b}",
    ])
    func `another status line is refused`(line: String) {
        #expect(responseOutcome(makeResponse(line)) == .refused(.upstreamInvalid))
    }

    @Test(arguments: [
        "", "H", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\r", "HTTP/1.1 200\r", "HTTP/9",
    ])
    func `a head that has not ended is incomplete`(text: String) {
        #expect(responseOutcome(text) == .incomplete)
    }

    @Test func `what does not begin as HTTP is refused at its first byte`() {
        #expect(responseOutcome("\u{15}\u{3}\u{3}") == .refused(.upstreamInvalid))
        #expect(responseOutcome("<html>") == .refused(.upstreamInvalid))
    }

    @Test(arguments: [
        "X : y", " X: y", "X: y\r\n z", "X: y\n", "X: \u{0}", "X: a\rb", "X", ": y", "X\u{e9}: y", "X: \u{7f}",
        "Transfer-Encoding : chunked", "Connection: a b",
        "Connection: Content-Length", "\r", "\n", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5", "Content-Length: -1",
        "Content-Length:", "Content-Length: 1a",
        "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding:", "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ])
    func `bad fields are refused`(line: String) {
        #expect(responseOutcome(makeResponse("HTTP/1.1 200 OK", line)) == .refused(.upstreamInvalid))
        #expect(responseOutcome(makeResponse("HTTP/1.1 200 OK", line), .head) == .refused(.upstreamInvalid))
    }

    @Test func `Transfer-Encoding in HTTP 1_0 is refused`() {
        #expect(responseOutcome(makeResponse("HTTP/1.0 200 OK", "Transfer-Encoding: chunked")) == .refused(.upstreamInvalid))
    }

    @Test(arguments: [
        (GatewayHTTP.Method.get, "200", "X: y", BodyFraming.untilClose), (.get, "200", "Content-Length: 5", .length(5)),
        (.get, "200", "Content-Length: 0", .length(0)),
        (.get, "200", "Transfer-Encoding: Chunked", .chunked), (.head, "200", "Content-Length: 5", .none),
        (.head, "200", "Transfer-Encoding: chunked", .none),
        (.head, "200", "X: y", .none), (.get, "304", "Content-Length: 5", .none), (.get, "304", "Transfer-Encoding: chunked", .none),
        (.get, "204", "X: y", .none),
        (.get, "204", "Content-Length: 0", .none), (.get, "100", "X: y", .none), (.get, "103", "X: y", .none),
        (.get, "101", "Upgrade: x", .none),
        (.get, "205", "Content-Length: 0", .length(0)), (.post, "500", "X: y", .untilClose), (.head, "404", "Content-Length: 9", .none),
        (.other, "200", "Content-Length: 1", .length(1)),
    ])
    func `a body is framed as RFC 9112 has it`(method: GatewayHTTP.Method, status: String, field: String, framing: BodyFraming) throws {
        let response = try parsedResponse(makeResponse("HTTP/1.1 \(status) x", field), method)
        #expect(response.framing == framing)
    }

    @Test(arguments: ["204", "100", "101"], ["Content-Length: 5", "Transfer-Encoding: chunked"])
    func `an answer that has no body but announces one is refused`(status: String, field: String) {
        #expect(responseOutcome(makeResponse("HTTP/1.1 \(status) x", field)) == .refused(.upstreamInvalid))
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK", "Content-Length: 0", true), ("HTTP/1.1 200 OK", "Content-Length: 0\r\nConnection: close", false),
        ("HTTP/1.1 200 OK", "X: y", false),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", true), ("HTTP/1.0 200 OK", "Content-Length: 0", false),
        ("HTTP/1.0 200 OK", "Content-Length: 0\r\nConnection: Keep-Alive", true), ("HTTP/1.0 200 OK", "Connection: keep-alive", false),
        ("HTTP/1.1 304 x", "X: y", true), ("HTTP/1.1 204 x", "Connection: close, keep-alive", false),
    ])
    func `the connection can be used again or not`(line: String, fields: String, keepAlive: Bool) throws {
        let response = try parsedResponse(makeResponse(line, fields))
        #expect(response.keepAlive == keepAlive)
    }

    @Test func `an interim answer and the final one are read one after the other`() throws {
        let pool = lastingPool()
        var head = ResponseHead(pool: pool)
        var parser = HTTP1ResponseParser(requestMethod: .post)
        let bytes = Array(
            (makeResponse("HTTP/1.1 103 Early Hints", "Link: x") + makeResponse("HTTP/1.1 200 OK", "Content-Length: 2") + "ok").utf8)
        let first = try #require(try parser.parse(bytes.rawSpan, into: &head))
        let interim = (head.status, head.fields.count)
        #expect(interim == (103, 1))
        head.removeAll()
        let second = try #require(try parser.parse(bytes.rawSpan.extracting(first..<bytes.count), into: &head))
        let final = (head.status, head.framing)
        #expect(final == (200, .length(2)))
        #expect(first + second == bytes.count - 2)
    }

    @Test func `a head that is too large or has too many fields is refused`() {
        let large = makeResponse("HTTP/1.1 200 OK", "X: " + String(repeating: "v", count: Limits.headBytesMax))
        #expect(responseOutcome(Array(large.utf8), .get) == .refused(.upstreamInvalid))
        let endless = "HTTP/1.1 200 " + String(repeating: "v", count: Limits.headBytesMax)
        #expect(responseOutcome(Array(endless.utf8), .get) == .refused(.upstreamInvalid))
        let many = "HTTP/1.1 200 OK\r\n" + String(repeating: "x: y\r\n", count: Limits.headFieldsMax)
        if case .parsed = responseOutcome(Array((many + "\r\n").utf8), .get) {} else { Issue.record("refused") }
        #expect(responseOutcome(Array((many + "x: y\r\n\r\n").utf8), .get) == .refused(.upstreamInvalid))
    }
}
