import GatewayCore

/// Walks over a head in the form of HTTP/1, as the encoders write it, and says what of it HTTP/2 sends.
struct HeadLines {
    struct Line {
        var name: Range<Int>
        var value: Range<Int>
    }

    private var position: Int

    /// Begins at `position`: behind the first line of a head, or with the first of trailers.
    init(from position: Int = 0) {
        self.position = position
    }

    /// The next field that is sent; nil at the empty line, or the end.
    mutating func next(in bytes: RawSpan) -> Line? {
        while let line = nextLine(in: bytes) {
            if !Self.isLeftOut(bytes.extracting(line.name), bytes.extracting(line.value)) { return line }
        }
        return nil
    }

    private mutating func nextLine(in bytes: RawSpan) -> Line? {
        guard position < bytes.byteCount, bytes[byte: position] != .carriageReturn,
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"), from: position),
            let end = bytes.firstIndex(of: .lineFeed, from: colon)
        else { return nil }
        let line = Line(name: position..<colon, value: bytes.trimmed((colon + 1)..<(end - 1)))
        position = end + 1
        return line
    }

    /// What belongs to one connection of HTTP/1 (RFC 9113 § 8.2.2).
    private static func isLeftOut(_ name: RawSpan, _ value: RawSpan) -> Bool {
        switch name.byteCount {
        case 2: name.equalsIgnoringCase("te") && !value.equalsIgnoringCase("trailers")
        case 7: name.equalsIgnoringCase("upgrade")
        case 10: name.equalsIgnoringCase("connection") || name.equalsIgnoringCase("keep-alive")
        case 14: name.equalsIgnoringCase("http2-settings")
        case 16: name.equalsIgnoringCase("proxy-connection")
        case 17: name.equalsIgnoringCase("transfer-encoding")
        default: false
        }
    }

    /// The three digits of a status line, `HTTP/1.1 200 OK`.
    static func status(of head: RawSpan) -> Range<Int>? {
        head.byteCount >= 12 ? 9..<12 : nil
    }

    /// Method and target of a request line, and where the fields begin.
    static func requestLine(of head: RawSpan) -> (method: Range<Int>, target: Range<Int>, fields: Int)? {
        guard let end = head.firstIndex(of: .lineFeed), let space = head.firstIndex(of: .space), space < end,
            let second = head.firstIndex(of: .space, from: space + 1), second < end
        else { return nil }
        return (0..<space, (space + 1)..<second, end + 1)
    }

    /// Where the fields behind a status line begin.
    static func fields(of head: RawSpan) -> Int { (head.firstIndex(of: .lineFeed) ?? head.byteCount - 1) + 1 }

    /// The value of Host, which becomes `:authority`.
    static func host(in head: RawSpan, from fields: Int) -> Range<Int>? {
        var lines = HeadLines(from: fields)
        while let line = lines.next(in: head) {
            if head.extracting(line.name).equalsIgnoringCase("host") { return line.value }
        }
        return nil
    }
}
