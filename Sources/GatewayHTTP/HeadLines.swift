import GatewayCore

/// Walks over a head in the form of HTTP/1, as the encoders write it, and says what of it HTTP/2 sends.
struct HeadLines {
    struct Line {
        var known: FieldName
        var name: Range<Int>
        var value: Range<Int>
    }

    struct RequestLine {
        var method: Range<Int>
        var target: Range<Int>
        /// Where the fields begin.
        var fields: Int
    }

    private var position: Int

    /// Begins at `position`: behind the first line of a head, or with the first of trailers.
    init(from position: Int = 0) {
        self.position = position
    }

    /// The next field that is sent; nil at the empty line, or the end.
    @inline(__always)
    mutating func next(in bytes: RawSpan) -> Line? {
        while let line = nextLine(in: bytes) {
            if !Self.isLeftOut(line, in: bytes) { return line }
        }
        return nil
    }

    @inline(__always)
    private mutating func nextLine(in bytes: RawSpan) -> Line? {
        guard position < bytes.byteCount, bytes[byte: position] != .carriageReturn else { return nil }
        let colon = bytes.firstIndex(from: position) { $0.colons }
        guard let end = bytes.firstIndex(of: .lineFeed, from: colon) else { return nil }
        let name = position..<colon
        position = end &+ 1
        return Line(known: FieldName(bytes.extracting(name)), name: name, value: Self.value(bytes, (colon &+ 1)..<(end &- 1)))
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

    /// What belongs to one connection of HTTP/1 (RFC 9113 § 8.2.2).
    @inline(__always)
    private static func isLeftOut(_ line: Line, in bytes: RawSpan) -> Bool {
        switch line.known {
        case .upgrade, .connection, .keepAlive, .proxyConnection, .transferEncoding: true
        case .te: !bytes.extracting(line.value).equalsIgnoringCase("trailers")
        case .other: line.name.count == 14 && bytes.extracting(line.name).equalsIgnoringCase("http2-settings")
        default: false
        }
    }

    /// The three digits of a status line, `HTTP/1.1 200 OK`.
    static func status(of head: RawSpan) -> Range<Int>? {
        head.byteCount >= 12 ? 9..<12 : nil
    }

    static func requestLine(of head: RawSpan) -> RequestLine? {
        let space = head.firstIndex(from: 0) { $0.spaces }
        guard let second = head.firstIndex(of: .space, from: space + 1) else { return nil }
        let end = head.firstIndex(from: second) { $0.lineFeeds }
        if end == head.byteCount { return nil }
        return RequestLine(method: 0..<space, target: (space + 1)..<second, fields: end + 1)
    }

    /// Where the fields behind a status line begin.
    static func fields(of head: RawSpan) -> Int { (head.firstIndex(of: .lineFeed) ?? head.byteCount - 1) + 1 }

    /// The value of Host, which becomes `:authority`, and where the other fields begin: behind it, if it comes first.
    static func host(in head: RawSpan, from fields: Int) -> (value: Range<Int>?, others: Int) {
        var lines = HeadLines(from: fields)
        while let line = lines.next(in: head) {
            if line.known == .host { return (line.value, line.name.lowerBound == fields ? lines.position : fields) }
        }
        return (nil, fields)
    }
}
