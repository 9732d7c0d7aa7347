import GatewayCore

/// What a collector answers (ExportTraceServiceResponse in JSON).
public enum SpanAnswer {
    /// How many spans the collector did not take (OTLP specification, "Partial Success"), 0 if it says nothing: the number behind the
    /// first `"rejectedSpans":`, as a number or, as JSON has those of 64 bits, as a string. More than a billion is a billion.
    public static func rejectedSpans(in answer: RawSpan) -> Int {
        var start = 0
        while let quote = answer.firstIndex(of: UInt8(ascii: "\""), from: start) {
            start = quote + 1
            guard let number = numberStart(in: answer, behindName: quote) else { continue }
            var rejected = 0
            var position = number
            while position < answer.byteCount, answer[byte: position].isDigit {
                rejected = min(rejected * 10 + Int(answer[byte: position] - 0x30), 1_000_000_000)
                position += 1
            }
            return rejected
        }
        return 0
    }

    /// Where the value begins whose name begins with the quote at `quote`; nil if it has another name.
    private static func numberStart(in answer: RawSpan, behindName quote: Int) -> Int? {
        let length = #""rejectedSpans""#.utf8.count
        guard quote + length <= answer.byteCount, answer.extracting(quote..<quote + length).equals(#""rejectedSpans""#) else { return nil }
        let colon = blanksEnd(in: answer, from: quote + length)
        guard colon < answer.byteCount, answer[byte: colon] == UInt8(ascii: ":") else { return nil }
        let value = blanksEnd(in: answer, from: colon + 1)
        return value < answer.byteCount && answer[byte: value] == UInt8(ascii: "\"") ? value + 1 : value
    }

    /// White space of JSON (RFC 8259 § 2).
    private static func blanksEnd(in answer: RawSpan, from start: Int) -> Int {
        var position = start
        while position < answer.byteCount, [0x20, 0x09, 0x0a, 0x0d].contains(answer[byte: position]) { position += 1 }
        return position
    }
}
