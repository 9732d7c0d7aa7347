import GatewayCore
import GatewayHTTP
import Testing

/// traceparent and tracestate, as W3C Trace Context says that they are read.
@Suite struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"

    private func context(_ value: String) -> TraceContext? { TraceContext(Array(value.utf8).rawSpan) }

    @Test func `what is written is what was read`() throws {
        let text = "00-\(Self.trace)-\(Self.parent)-01"
        let context = try #require(self.context(text))
        #expect(context.id == TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
        #expect(context.parentID == 0x00f0_67aa_0ba9_02b7)
        #expect(context.isSampled)
        let written = withPool { pool in
            var queue = ByteQueue(pool: pool)
            context.append(to: &queue)
            return queue.bytes.string
        }
        #expect(written == text)
    }

    @Test func `of the flags the lowest counts`() {
        #expect(context("00-\(Self.trace)-\(Self.parent)-00")?.isSampled == false)
        #expect(context("00-\(Self.trace)-\(Self.parent)-02")?.isSampled == false)
        #expect(context("00-\(Self.trace)-\(Self.parent)-ff")?.isSampled == true)
    }

    @Test func `a later version may say more, behind a hyphen`() {
        #expect(context("01-\(Self.trace)-\(Self.parent)-01")?.isSampled == true)
        #expect(context("cc-\(Self.trace)-\(Self.parent)-01-what-the-future-will-be-like") != nil)
        #expect(context("cc-\(Self.trace)-\(Self.parent)-01.what") == nil)
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-0", "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01-more",
        "ff-\(trace)-\(parent)-01", "0-\(trace)-\(parent)-001", "00-\(trace.uppercased())-\(parent)-01",
        "00-\(trace)-00F067AA0BA902B7-01", "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
        "00-\(trace)-\(parent)-0g", "00-\(trace)_\(parent)-01", "00_\(trace)-\(parent)-01", "00-\(trace)-\(parent)_01",
        "00-4bf92f3577b34da6a3ce929d0e0e473x-\(parent)-01", "00-\(trace)-\(parent)-01,00-\(trace)-\(parent)-01",
    ])
    func `what is not valid says nothing`(value: String) {
        #expect(context(value) == nil)
    }

    @Test func `a digit is 0 to 9 or a to f, at every place`() {
        let text = Array("00-\(Self.trace)-\(Self.parent)-01".utf8)
        for place in Array(3..<35) + Array(36..<52) {
            for byte in 0...UInt8.max {
                var changed = text
                changed[place] = byte
                let isDigit = 0x30...0x39 ~= byte || 0x61...0x66 ~= byte
                #expect((TraceContext(changed.rawSpan) != nil) == isDigit, "\(byte) at \(place)")
            }
        }
    }

    @Test func `two lines of traceparent say nothing, even if they say the same`() {
        let line = ("traceparent", "00-\(Self.trace)-\(Self.parent)-01")
        #expect(fields([line]) { $0.traceContext } != nil)
        #expect(fields([line, line]) { $0.traceContext } == nil)
        #expect(fields([("tracestate", "a=1")]) { $0.traceContext } == nil)
    }

    @Test func `all lines of tracestate are one list, as it came`() {
        let lines = [("tracestate", "a=1, b@x=2"), ("Host", "h"), ("TraceState", ""), ("tracestate", "c/d=,3")]
        #expect(fields(lines) { $0.hasTraceState } == false)
        let good = Array(lines.dropLast()) + [("tracestate", "c/d= 3")]
        #expect(fields(good) { $0.hasTraceState })
        let text = fields(good) { fields in
            withPool { pool in
                var queue = ByteQueue(pool: pool)
                fields.appendTraceState(to: &queue)
                return queue.bytes.string
            }
        }
        #expect(text == "a=1, b@x=2,c/d= 3")
    }

    @Test(arguments: [
        ("a=1", true), ("", false), (",", false), ("a", false), ("=1", false), ("a=", false), ("A=1", false), ("a b=1", false),
        ("-a=1", false), ("0a=1", true), ("a=b=c", false), ("a=b c", true), ("a=\u{e9}", false), ("a=1,,b=2", true),
    ])
    func `members of tracestate have a key and a value`(value: String, isValid: Bool) {
        #expect(fields([("tracestate", value)]) { $0.hasTraceState } == isValid)
    }

    @Test func `tracestate has 32 members and 512 bytes at the most`() {
        func members(_ count: Int) -> String { (0..<count).map { "k\($0)=v" }.joined(separator: ",") }
        #expect(fields([("tracestate", members(32))]) { $0.hasTraceState })
        #expect(fields([("tracestate", members(33))]) { $0.hasTraceState } == false)
        #expect(fields([("tracestate", members(20)), ("tracestate", members(13))]) { $0.hasTraceState } == false)
        let halves = ["a=" + String(repeating: "x", count: 253), "b=" + String(repeating: "x", count: 254)]
        #expect(fields(halves.map { ("tracestate", $0) }) { $0.hasTraceState })
        #expect(fields(halves.map { ("tracestate", $0 + "x") }) { $0.hasTraceState } == false)
        #expect(fields([("tracestate", "a=" + String(repeating: "x", count: 257))]) { $0.hasTraceState } == false)
    }

    private func fields<Result>(_ lines: [(String, String)], _ body: (borrowing HeaderFields) -> Result) -> Result {
        withPool { pool in
            var fields = HeaderFields(pool: pool)
            for (name, value) in lines { fields.append(name: Array(name.utf8).rawSpan, value: Array(value.utf8).rawSpan) }
            return body(fields)
        }
    }
}
