import GatewayCore

extension JSONLine {
    /// A string: quote, backslash and control bytes (DEL too) escaped, UTF-8 as it is, and U+FFFD in place of each byte that is no
    /// part of valid UTF-8 (RFC 3629; no surrogates, no overlong forms), so that every line can be read as JSON.
    ///
    /// Bytes are looked at eight at a time and copied in runs as long as possible.
    @inlinable
    public static func string(_ bytes: RawSpan, into line: inout ByteQueue) {
        line.append(0x22)
        escaped(bytes, into: &line)
        line.append(0x22)
    }

    /// What stands between a string's quotes.
    @inlinable
    static func escaped(_ bytes: RawSpan, into line: inout ByteQueue) {
        if isPlain(bytes) { line.append(bytes) } else { appendEscaping(bytes, into: &line) }
    }

    /// Whether all are printable ASCII characters other than quote and backslash: nothing to escape, as in nearly all strings.
    @inlinable
    static func isPlain(_ bytes: RawSpan) -> Bool {
        let count = bytes.byteCount
        if count < 8 { return specialBytes(bytes.paddedWord(at: 0) | spaces &<< (UInt64(count) &* 8)) == 0 }
        var position = 0
        while position < count &- 8 {
            if specialBytes(bytes.word(at: position)) != 0 { return false }
            position &+= 8
        }
        // The last eight bytes, some of them perhaps for the second time.
        return specialBytes(bytes.word(at: count &- 8)) == 0
    }

    @usableFromInline static var spaces: UInt64 { 0x2020_2020_2020_2020 }

    /// The first position from `start` on that does not hold a printable ASCII character other than quote and backslash.
    static func plainEnd(_ bytes: RawSpan, from start: Int) -> Int {
        bytes.firstIndex(from: start) { specialBytes($0) }
    }

    /// The high bit of the lowest byte that is special is set, and no bit below it. (Bytes above it may be marked wrongly: a borrow
    /// or a carry goes upwards.) Special are: below 0x20, the quote, the backslash, DEL, and everything above it.
    @inlinable
    static func specialBytes(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5c)
        let below = (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones)
        let above = word | (word &+ ones)
        return (below | above) & (ones &* 0x80)
    }

    @usableFromInline
    static func appendEscaping(_ bytes: RawSpan, into line: inout ByteQueue) {
        var copied = 0
        var position = plainEnd(bytes, from: 0)
        while position < bytes.byteCount {
            let sequence = utf8Length(bytes, at: position)
            if sequence > 1 {
                position += sequence
            } else {
                line.append(bytes.extracting(copied..<position))
                appendEscape(bytes[byte: position], into: &line)
                position += 1
                copied = position
            }
            position = plainEnd(bytes, from: position)
        }
        line.append(bytes.extracting(copied..<bytes.byteCount))
    }

    /// In place of a byte that is not plain: a control byte, a quote, a backslash, or one that is not UTF-8.
    private static func appendEscape(_ byte: UInt8, into line: inout ByteQueue) {
        switch byte {
        case 0x22: line.append("\\\"")
        case 0x5c: line.append("\\\\")
        case 0x08: line.append("\\b")
        case 0x09: line.append("\\t")
        case 0x0a: line.append("\\n")
        case 0x0c: line.append("\\f")
        case 0x0d: line.append("\\r")
        case 0x80...: line.append("\u{fffd}")
        default:
            line.append(byte < 16 ? "\\u000" : "\\u00")
            line.append(hex: UInt64(byte))
        }
    }

    /// The length of the well-formed sequence of two bytes or more that begins here, else 0 (RFC 3629 § 4).
    private static func utf8Length(_ bytes: RawSpan, at start: Int) -> Int {
        let rest = bytes.byteCount - start
        if rest < 2 { return 0 }
        let second = bytes[byte: start + 1]
        func continues(_ offset: Int) -> Bool { offset < rest && bytes[byte: start + offset] & 0xc0 == 0x80 }
        switch bytes[byte: start] {
        case 0xc2...0xdf: return continues(1) ? 2 : 0
        case 0xe0: return second >= 0xa0 && continues(1) && continues(2) ? 3 : 0
        case 0xed: return second < 0xa0 && continues(1) && continues(2) ? 3 : 0
        case 0xe1...0xef: return continues(1) && continues(2) ? 3 : 0
        case 0xf0: return second >= 0x90 && continues(1) && continues(2) && continues(3) ? 4 : 0
        case 0xf1...0xf3: return continues(1) && continues(2) && continues(3) ? 4 : 0
        case 0xf4: return second < 0x90 && continues(1) && continues(2) && continues(3) ? 4 : 0
        default: return 0
        }
    }
}
