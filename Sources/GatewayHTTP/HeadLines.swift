import GatewayCore

/// Walks over a head in the form of HTTP/1, as the encoders write it, and says what of it HTTP/2 sends. Any of its fields may be a
/// ``CountedField`` instead.
struct HeadLines {
    /// Its parts are within the head. A counted field that is known has no name there.
    struct Line {
        var known: FieldName
        var nameStart: Int
        var nameLength: Int
        var valueStart: Int
        var valueLength: Int

        @_lifetime(copy bytes)
        func name(in bytes: RawSpan) -> RawSpan { bytes.extracting(nameStart..<(nameStart + nameLength)) }

        @_lifetime(copy bytes)
        func value(in bytes: RawSpan) -> RawSpan { bytes.extracting(valueStart..<(valueStart + valueLength)) }
    }

    struct RequestLine {
        var method: Range<Int>
        var target: Range<Int>
        /// Where the fields begin.
        var fields: Int
    }

    private(set) var position: Int

    /// Begins at `position`: behind the first line of a head, or with the first of trailers.
    init(from position: Int = 0) {
        self.position = position
    }

    /// The next field that is sent; nil at the empty line, or the end.
    @inline(__always)
    mutating func next(in bytes: RawSpan) -> Line? {
        while position < bytes.byteCount {
            guard let line = isBeforeCounted(in: bytes) ? nextCounted(in: bytes) : nextLine(in: bytes) else { return nil }
            if !Self.isLeftOut(line, in: bytes) { return line }
        }
        return nil
    }

    /// Whether a counted field comes next.
    @inline(__always)
    func isBeforeCounted(in bytes: RawSpan) -> Bool { position < bytes.byteCount && bytes[byte: position] == CountedField.mark }

    @inline(__always)
    private mutating func nextCounted(in bytes: RawSpan) -> Line {
        let opening = bytes.word(at: position)
        let start = position &+ CountedField.openingLength
        let lead = Int(opening &>> 16 & 0xffff)
        let valueLength = Int(opening &>> 32)
        position = start &+ lead &+ valueLength
        precondition(position <= bytes.byteCount)
        return Line(
            known: FieldName(rawValue: UInt8(truncatingIfNeeded: opening &>> 8)) ?? .other, nameStart: start,
            nameLength: max(0, lead &- 2), valueStart: start &+ lead, valueLength: valueLength)
    }

    @inline(__always)
    private mutating func nextLine(in bytes: RawSpan) -> Line? {
        if bytes[byte: position] == .carriageReturn { return nil }
        let (start, colon) = (position, bytes.firstIndex(from: position) { $0.colons })
        guard let end = bytes.firstIndex(of: .lineFeed, from: colon) else { return nil }
        position = end &+ 1
        let value = Self.value(bytes, (colon &+ 1)..<(end &- 1))
        return Line(
            known: FieldName(bytes.extracting(start..<colon)), nameStart: start, nameLength: colon &- start, valueStart: value.lowerBound,
            valueLength: value.count)
    }

    /// What is left between the blanks: there is one space before nearly all values, and none behind.
    @inline(__always)
    private static func value(_ bytes: RawSpan, _ range: Range<Int>) -> Range<Int> {
        let start = range.lowerBound &+ 1
        if start >= range.upperBound || bytes[byte: range.lowerBound] != .space || bytes[byte: start] <= .space
            || bytes[byte: range.upperBound &- 1] <= .space
        {
            return bytes.trimmed(range)
        }
        return start..<range.upperBound
    }

    /// The names of which some or all fields are left out.
    static var leftOut: UInt64 {
        FieldName.upgrade.bit | FieldName.connection.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit
            | FieldName.transferEncoding.bit | FieldName.te.bit | FieldName.other.bit
    }

    /// What belongs to one connection of HTTP/1 (RFC 9113 § 8.2.2).
    @inline(__always)
    private static func isLeftOut(_ line: Line, in bytes: RawSpan) -> Bool {
        if leftOut & line.known.bit == 0 { return false }
        return switch line.known {
        case .te: !line.value(in: bytes).equalsIgnoringCase("trailers")
        case .other: line.nameLength == 14 && line.name(in: bytes).equalsIgnoringCase("http2-settings")
        default: true
        }
    }

    /// The three digits of a status line, `HTTP/1.1 200 OK`.
    static func status(of head: RawSpan) -> Range<Int>? {
        head.byteCount >= 12 ? 9..<12 : nil
    }

    static func requestLine(of head: RawSpan) -> RequestLine? {
        let space = head.firstIndex(from: 0) { $0.spaces }
        if space == head.byteCount { return nil }
        let second = head.firstIndex(from: space &+ 1) { $0.spaces }
        let end = head.firstIndex(from: second) { $0.lineFeeds }
        if end == head.byteCount { return nil }
        return RequestLine(method: 0..<space, target: (space &+ 1)..<second, fields: end &+ 1)
    }

    /// Where the fields behind a status line begin: `HTTP/1.1 200` has no line feed.
    @inline(__always)
    static func fields(of head: RawSpan) -> Int {
        min(head.firstIndex(from: min(12, head.byteCount)) { $0.lineFeeds } &+ 1, head.byteCount)
    }

    /// The value of Host, which becomes `:authority`, and where the other fields begin: behind it, if it comes first.
    static func host(in head: RawSpan, from fields: Int) -> (value: Range<Int>?, others: Int) {
        if let host = CountedField.known(in: head, at: fields, butFor: ~FieldName.host.bit) {
            return (host.valueStart..<host.end, host.end)
        }
        return anyHost(in: head, from: fields)
    }

    @inline(never)
    private static func anyHost(in head: RawSpan, from fields: Int) -> (value: Range<Int>?, others: Int) {
        var lines = HeadLines(from: fields)
        var isFirst = true
        while let line = lines.next(in: head) {
            if line.known == .host { return (line.valueStart..<(line.valueStart &+ line.valueLength), isFirst ? lines.position : fields) }
            isFirst = false
        }
        return (nil, fields)
    }
}
