import GatewayCore

/// A request-target (RFC 9112 § 3.2): where its parts are in the input.
struct RequestTarget {
    var form: TargetForm
    /// Empty unless the form is absolute.
    var authority = 0..<0
    /// As received; empty for an absolute-form without one.
    var path: Range<Int>
    /// Without the question mark.
    var query: Range<Int>
    var hasQuery = false
    /// Whether the path is its own canonical spelling, as far as a look at each byte can tell.
    var isCanonical = true
    /// Where the target ends.
    var end: Int

    /// The target at `start` up to a space; nil if the input ends before that.
    @inline(__always)
    static func parse(_ input: RawSpan, at start: Int, _ method: Method) throws(GatewayError) -> RequestTarget? {
        if start == input.byteCount { return nil }
        if input[byte: start] == UInt8(ascii: "/") { return try parsePath(input, at: start, .origin, authority: 0..<0) }
        if input[byte: start] == UInt8(ascii: "*") { return try parseAsterisk(input, at: start, method) }
        return try parseAbsolute(input, at: start)
    }

    /// Path and query in one scan. What follows a slash decides with it, hence the bit of the byte before, moved up by one.
    @inline(__always)
    private static func parsePath(
        _ input: RawSpan, at start: Int, _ form: TargetForm, authority: Range<Int>
    ) throws(GatewayError) -> RequestTarget? {
        var seen: UInt8 = 0
        var previous: UInt8 = 0
        var i = start
        while i < input.byteCount {
            let current = ByteClass.of(input[byte: i])
            if current & ByteClass.path == 0 { break }
            seen |= (current & ByteClass.rewrite) | ((previous << 1) & current & ByteClass.slashOrDot)
            previous = current & ByteClass.slash
            i &+= 1
            // Of what is neither, there is mostly more, which needs no such look.
            if current & (ByteClass.slash | ByteClass.slashOrDot) == 0 { i = input.firstIndex(from: i) { $0.unusual } }
        }
        var target = RequestTarget(form: form, authority: authority, path: start..<i, query: i..<i, isCanonical: seen == 0, end: i)
        if i < input.byteCount, input[byte: i] == UInt8(ascii: "?") {
            i += 1
            let queryStart = i
            while i < input.byteCount, ByteClass.of(input[byte: i]) & ByteClass.query != 0 { i += 1 }
            target.query = queryStart..<i
            target.hasQuery = true
            target.end = i
        }
        if i == input.byteCount { return nil }
        if input[byte: i] != .space { throw refusal(input[byte: i]) }
        return target
    }

    private static func parseAsterisk(
        _ input: RawSpan, at start: Int, _ method: Method
    ) throws(GatewayError) -> RequestTarget? {
        if start + 1 == input.byteCount { return nil }
        if input[byte: start + 1] != .space { throw GatewayError(.targetInvalid, "the target has none of the forms of RFC 9112") }
        if method != .options { throw GatewayError(.targetInvalid, "the target * is for OPTIONS alone") }
        return RequestTarget(form: .asterisk, path: start..<(start + 1), query: (start + 1)..<(start + 1), end: start + 1)
    }

    private static func parseAbsolute(_ input: RawSpan, at start: Int) throws(GatewayError) -> RequestTarget? {
        var i = start
        while i < input.byteCount, (input[byte: i] | 0x20) &- 0x61 < 26 { i += 1 }
        if i == input.byteCount { return nil }
        let scheme = input.extracting(start..<i)
        if !scheme.equalsIgnoringCase("http") && !scheme.equalsIgnoringCase("https") {
            throw i == start ? refusal(input[byte: i]) : GatewayError(.targetInvalid, "the target has none of the forms of RFC 9112")
        }
        let authorityStart = i + 3
        while i < authorityStart {
            if i == input.byteCount { return nil }
            let expected = UInt8(ascii: i == authorityStart - 3 ? ":" : "/")
            if input[byte: i] != expected { throw GatewayError(.targetInvalid, "the target has none of the forms of RFC 9112") }
            i += 1
        }
        // All that is neither a slash, a question mark nor a space: what of it is no authority is refused with it.
        while i < input.byteCount, ByteClass.of(input[byte: i]) & (ByteClass.path | ByteClass.slash) == ByteClass.path { i += 1 }
        if i == input.byteCount { return nil }
        return try parsePath(input, at: i, .absolute, authority: authorityStart..<i)
    }

    @inline(never)
    private static func refusal(_ byte: UInt8) -> GatewayError {
        switch byte {
        case .space: GatewayError(.requestLineInvalid, "the request line is not method, target and version with one space between them")
        case .carriageReturn, .lineFeed: GatewayError(.requestLineInvalid, "the request line has no version")
        case UInt8(ascii: "#"): GatewayError(.targetInvalid, "the target has a fragment")
        case UInt8(ascii: "\\"): GatewayError(.targetInvalid, "the target holds a backslash")
        case 0x80...: GatewayError(.targetInvalid, "the target holds a byte that is not ASCII")
        default: GatewayError(.targetInvalid, "the target holds a byte that is not allowed there")
        }
    }
}
