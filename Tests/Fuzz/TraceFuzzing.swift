import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// What anyone may write into traceparent and tracestate, and what a collector may answer, is what a plain reader of W3C Trace Context and
/// of OTLP finds; and what is passed on is read by the next as it was read here.
enum TraceFuzzing {
    static func run(_ input: RawSpan) {
        let bytes = input.array
        checkParent(bytes)
        checkState(bytes)
        checkAnswer(bytes)
        checkRetryAfter(bytes)
    }

    // MARK: traceparent

    private static func checkParent(_ bytes: [UInt8]) {
        let context = TraceContext(bytes.rawSpan)
        precondition(context == referenceParent(bytes), "not what the specification says of a traceparent")
        guard let context else { return }
        var queue = ByteQueue(pool: FuzzTarget.pool)
        context.append(to: &queue)
        precondition(TraceContext(queue.bytes) == context, "what is passed on is another traceparent")
        precondition(queue.count == 55 && queue.bytes.array.starts(with: Array("00-".utf8)), "passed on in another version")
        precondition(queue.bytes.array[3..<52].elementsEqual(bytes[3..<52]), "passed on in another spelling")
    }

    /// § 3.2: the fields between hyphens, the first four of which have a length each.
    private static func referenceParent(_ bytes: [UInt8]) -> TraceContext? {
        let words = bytes.split(separator: UInt8(ascii: "-"), maxSplits: 4, omittingEmptySubsequences: false)
        guard words.count >= 4, words.prefix(4).map(\.count) == [2, 32, 16, 2] else { return nil }
        let digits = Set("0123456789abcdef".utf8)
        guard words.prefix(4).joined().allSatisfy(digits.contains) else { return nil }
        func number(_ word: ArraySlice<UInt8>) -> UInt64 { UInt64(String(decoding: word, as: UTF8.self), radix: 16) ?? 0 }
        let version = number(words[0])
        if version == 255 || version == 0 && words.count > 4 { return nil }
        let id = TraceID(high: number(words[1].prefix(16)), low: number(words[1].suffix(16)))
        let parent = number(words[2])
        if id == .none || parent == 0 { return nil }
        return TraceContext(id: id, parentID: parent, isSampled: number(words[3]) % 2 == 1)
    }

    // MARK: tracestate

    /// The input's lines are those of the field, as a parser leaves them: without blanks around them.
    private static func checkState(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map { trim($0) }
        guard lines.count <= Limits.headFieldsMax else { return }
        var fields = HeaderFields(pool: FuzzTarget.pool)
        for line in lines { fields.append(name: Array("tracestate".utf8).rawSpan, value: line.rawSpan) }
        precondition(fields.hasTraceState == referenceState(lines), "not what the specification says of a tracestate")
        var queue = ByteQueue(pool: FuzzTarget.pool)
        fields.appendTraceState(to: &queue)
        let passedOn = queue.bytes.array
        precondition(passedOn == Array(lines.filter { !$0.isEmpty }.joined(separator: [UInt8(ascii: ",")])), "not as it came")
        guard fields.hasTraceState else { return }
        precondition(passedOn.count <= 512 && passedOn.allSatisfy { $0 == 0x09 || 0x20...0x7e ~= $0 }, "more than everybody takes")
        precondition(referenceState([passedOn]), "what is passed on is no tracestate")
    }

    /// § 3.3.1.
    private static func referenceState(_ lines: [[UInt8]]) -> Bool {
        let members = lines.flatMap { $0.split(separator: UInt8(ascii: ",")).map { trim($0) } }.filter { !$0.isEmpty }
        guard 1...32 ~= members.count, Array(lines.joined(separator: [UInt8(ascii: ",")])).count <= 512 else { return false }
        return members.allSatisfy { member in
            let words = member.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
            guard words.count == 2, 1...256 ~= words[0].count, 1...256 ~= words[1].count, let first = words[0].first else { return false }
            let begins = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
            return begins.contains(first) && words[0].allSatisfy(begins.union("_-*/@".utf8).contains)
                && words[1].allSatisfy { 0x20...0x7e ~= $0 }
        }
    }

    private static func trim(_ bytes: some BidirectionalCollection<UInt8>) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        return Array(Array(bytes.drop(while: isBlank).reversed()).drop(while: isBlank).reversed())
    }

    // MARK: The collector's answer

    private static func checkAnswer(_ bytes: [UInt8]) {
        let rejected = SpanAnswer.rejectedSpans(in: bytes.rawSpan)
        precondition(rejected == referenceAnswer(bytes), "not what the collector has said")
    }

    private static func referenceAnswer(_ bytes: [UInt8]) -> Int {
        let blanks: [UInt8] = [0x20, 0x09, 0x0a, 0x0d]
        var rest = bytes[...]
        let name = Array(#""rejectedSpans""#.utf8)
        while !rest.isEmpty {
            if rest.starts(with: name) {
                var behind = rest.dropFirst(name.count).drop(while: blanks.contains)
                if behind.popFirst() == UInt8(ascii: ":") {
                    behind = behind.drop(while: blanks.contains)
                    if behind.first == UInt8(ascii: "\"") { behind.removeFirst() }
                    let digits = behind.prefix { 0x30...0x39 ~= $0 }.drop { $0 == 0x30 }
                    if digits.count > 9 { return 1_000_000_000 }
                    return Int(String(decoding: digits, as: UTF8.self)) ?? 0
                }
            }
            rest.removeFirst()
        }
        return 0
    }

    private static func checkRetryAfter(_ bytes: [UInt8]) {
        var fields = HeaderFields(pool: FuzzTarget.pool)
        fields.append(name: Array("Retry-After".utf8).rawSpan, value: bytes.rawSpan)
        let isNumber = 1...6 ~= bytes.count && bytes.allSatisfy { 0x30...0x39 ~= $0 }
        precondition(fields.retryAfterSeconds == (isNumber ? Int(String(decoding: bytes, as: UTF8.self)) : nil))
    }
}
