import GatewayCore

/// One field line (RFC 9112 § 5): where its parts are in the input. `start <= colon < valueStart <= valueEnd < end`.
struct FieldLine {
    var known: FieldName
    var start: Int
    var colon: Int
    /// The value without the white space around it.
    var valueStart: Int
    var valueEnd: Int
    /// Behind the line's CRLF.
    var end: Int
    /// Whether the line is `name: value` with one space, as the encoder would write it.
    var isVerbatim: Bool

    var name: Range<Int> { start..<colon }
    var value: Range<Int> { valueStart..<valueEnd }

    /// The line that begins at `start`, which is not the empty line; nil if the input ends within it.
    @inline(__always)
    static func parse(_ input: RawSpan, at start: Int) throws(GatewayError) -> FieldLine? {
        let line = PlainLine(input, at: start)
        if line.end == 0 { return try parseAny(input, at: start) }
        let known = FieldName(input.extracting(start..<line.colon))
        // A name that is known is a token.
        if known == .other, try nameEnd(input, start) == nil { return nil }
        return FieldLine(
            known: known, start: start, colon: line.colon, valueStart: line.colon &+ 2, valueEnd: line.end, end: line.end &+ 2,
            isVerbatim: true)
    }

    /// A line with other white space, with a tab in it, that is not complete, or wrong.
    @inline(never)
    private static func parseAny(_ input: RawSpan, at start: Int) throws(GatewayError) -> FieldLine? {
        guard let colon = try nameEnd(input, start), let end = try textEnd(input, from: colon + 1) else { return nil }
        let known = FieldName(input.extracting(start..<colon))
        let value = input.trimmed((colon + 1)..<end)
        return FieldLine(
            known: known, start: start, colon: colon, valueStart: value.lowerBound, valueEnd: value.upperBound, end: end + 2,
            isVerbatim: false)
    }

    /// Where the token at `start` ends with a colon, nil if the input ends before that.
    @inline(never)
    private static func nameEnd(_ input: RawSpan, _ start: Int) throws(GatewayError) -> Int? {
        let i = tokenEnd(input, from: start)
        if i == input.byteCount { return nil }
        if i == start || input[byte: i] != UInt8(ascii: ":") { throw nameRefusal(input[byte: i], isFirst: i == start) }
        return i
    }

    /// The first byte from `start` on that is no tchar: the usual ones eight at a time, the others by the table.
    @inline(__always)
    private static func tokenEnd(_ input: RawSpan, from start: Int) -> Int {
        var i = start
        while true {
            i = input.firstIndex(from: i) { $0.unusual }
            if i == input.byteCount || !ByteClass.isToken(input[byte: i]) { return i }
            i += 1
        }
    }

    /// Where the line's CRLF is, nil if it has not come yet. Controls from `start` on are refused but for HTAB.
    @inline(__always)
    static func textEnd(_ input: RawSpan, from start: Int) throws(GatewayError) -> Int? {
        let end = firstControl(input, from: start)
        if end <= input.byteCount &- 2, input.pair(at: end) == 0x0a0d { return end }
        if end == input.byteCount { return nil }
        if input[byte: end] != .carriageReturn || end + 1 < input.byteCount { throw valueRefusal(input[byte: end]) }
        return nil
    }

    /// The first byte from `start` on that is a control other than HTAB; the input's end if there is none.
    private static func firstControl(_ input: RawSpan, from start: Int) -> Int {
        var i = start
        while true {
            i = input.firstIndex(from: i) { $0.mayBeControls }
            if i == input.byteCount || isControl(input[byte: i]) { return i }
            i += 1
        }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != .tab || byte == 0x7f }

    @inline(never)
    private static func nameRefusal(_ byte: UInt8, isFirst: Bool) -> GatewayError {
        switch byte {
        case .space where isFirst, .tab where isFirst:
            GatewayError(.fieldInvalid, "a field line begins with white space (obsolete folding)")
        case .space, .tab: GatewayError(.fieldInvalid, "white space stands between a field name and its colon")
        case UInt8(ascii: ":"): GatewayError(.fieldInvalid, "a field name is empty")
        case .lineFeed: GatewayError(.fieldInvalid, "a line ends in LF without CR")
        case .carriageReturn: GatewayError(.fieldInvalid, "a field line has no colon")
        default: GatewayError(.fieldInvalid, "a field name holds a byte that is not allowed there")
        }
    }

    @inline(never)
    private static func valueRefusal(_ byte: UInt8) -> GatewayError {
        switch byte {
        case .lineFeed: GatewayError(.fieldInvalid, "a line ends in LF without CR")
        case .carriageReturn: GatewayError(.fieldInvalid, "a CR stands alone")
        default: GatewayError(.fieldInvalid, "a field value holds a control character")
        }
    }
}
