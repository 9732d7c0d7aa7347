import GatewayCore
import GatewayHTTP
import Testing

@Suite struct RequestLimitTests {
    /// A request line of `byteCount` bytes.
    private func line(_ byteCount: Int) -> String {
        "GET /" + String(repeating: "a", count: byteCount - 14) + " HTTP/1.1"
    }

    private func stepwise(_ text: String) -> RequestOutcome {
        let bytes = Array(text.utf8)
        let whole = outcome(bytes)
        #expect(outcome(bytes, cuts: Array(0..<bytes.count)) == whole)
        return whole
    }

    @Test func `the longest request line passes, a longer one is 414`() {
        if case .parsed = stepwise(request(line(Limits.requestLineBytesMax))) {} else { Issue.record("refused") }
        #expect(stepwise(request(line(Limits.requestLineBytesMax + 1))) == .refused(.requestLineTooLong))
        #expect(stepwise(request(line(Limits.requestLineBytesMax + 2))) == .refused(.requestLineTooLong))
        #expect(stepwise(request(line(Limits.headBytesMax * 2))) == .refused(.requestLineTooLong))
    }

    @Test func `a request line that is too long is refused before it ends, whatever it holds`() {
        let start = "GET /" + String(repeating: "a", count: Limits.requestLineBytesMax)
        #expect(stepwise(start) == .refused(.requestLineTooLong))
        #expect(stepwise(start + "\u{0}") == .refused(.requestLineTooLong))
        #expect(stepwise("G\u{e9}T /" + start) == .refused(.requestLineTooLong))
        #expect(stepwise(String(repeating: "G", count: Limits.requestLineBytesMax + 2)) == .refused(.requestLineTooLong))
    }

    /// A head of `byteCount` bytes.
    private func head(_ byteCount: Int) -> String {
        let rest = request("GET / HTTP/1.1", "X: ").utf8.count
        return request("GET / HTTP/1.1", "X: " + String(repeating: "v", count: byteCount - rest))
    }

    @Test func `the largest head passes, a larger one is 431`() {
        if case .parsed(let request) = stepwise(head(Limits.headBytesMax)) {
            #expect(request.consumed == Limits.headBytesMax)
        } else {
            Issue.record("refused")
        }
        for more in [1, 2, 3, 100] { #expect(stepwise(head(Limits.headBytesMax + more)) == .refused(.headTooLarge)) }
        let endless = "GET / HTTP/1.1\r\nX: " + String(repeating: "v", count: Limits.headBytesMax)
        #expect(stepwise(endless) == .refused(.headTooLarge))
        #expect(stepwise(endless + "\u{0}\r\n") == .refused(.headTooLarge))
        #expect(stepwise("GET / HTTP/1.1\r\n" + String(repeating: "n", count: Limits.headBytesMax)) == .refused(.headTooLarge))
    }

    @Test func `so many fields pass, one more is 431`() {
        let fields = (1..<Limits.headFieldsMax).map { "x\($0): y\r\n" }.joined()
        let start = "GET / HTTP/1.1\r\nHost: a\r\n" + fields
        if case .parsed(let request) = outcome(start + "\r\n") {
            #expect(request.fields.count == Limits.headFieldsMax)
            #expect(request.value("x99") == "y")
        } else {
            Issue.record("refused")
        }
        #expect(outcome(start + "z: y\r\n\r\n") == .refused(.fieldsTooMany))
    }

    @Test func `a body behind the head does not count`() {
        let body = String(repeating: "b", count: Limits.headBytesMax * 2)
        if case .parsed(let request) = outcome(Array((request() + body).utf8)) {
            #expect(request.consumed == GatewayHTTPTests.request().utf8.count)
        } else {
            Issue.record("refused")
        }
    }
}
