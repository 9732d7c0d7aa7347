/// Cuts a file into words, ";", "{" and "}", by nginx's rules (ngx_conf_read_token): a quote begins a string only
/// where a word begins, "#" a comment likewise, and a backslash keeps the character behind it from ending the word. Besides that the value
/// of key="value" may have blanks in it; its quotes stay, for whoever takes the word as a pair.
struct ConfigLexer {
    enum Token {
        case word(Word)
        case semicolon(SourcePosition)
        case open(SourcePosition)
        case close(SourcePosition)
    }

    private let path: String
    private let bytes: [UInt8]
    private let diagnostics: DiagnosticList
    /// Whether these are words behind a "#": another one is none.
    private let isComment: Bool
    private var cursor = Cursor()
    private var sourceLine = ""

    /// Where reading stands.
    private struct Cursor {
        var index = 0
        var line = 1
        var column = 1
    }

    /// `bytes` are valid UTF-8.
    init(path: String, bytes: [UInt8], diagnostics: DiagnosticList, isComment: Bool = false) {
        self.path = path
        self.bytes = bytes
        self.diagnostics = diagnostics
        self.isComment = isComment
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { cursor.index = 3 }
        loadLine()
    }

    /// Behind the token just taken: line and column.
    var place: (line: Int, column: Int) { (cursor.line, cursor.column) }

    /// The next token; nil at the end of the file.
    mutating func next() -> Token? {
        skipBlanksAndComments()
        guard let byte = peek() else { return nil }
        switch byte {
        case UInt8(ascii: ";"): return .semicolon(takeMark())
        case UInt8(ascii: "{"): return .open(takeMark())
        case UInt8(ascii: "}"): return .close(takeMark())
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .word(quotedWord(byte))
        default: return .word(bareWord())
        }
    }

    // MARK: Words

    private mutating func bareWord() -> Word {
        let start = cursor
        while let byte = peek() {
            if byte == UInt8(ascii: "\\") {
                advance()
                // A line's end can't be quoted: a word is within its line.
                if let next = peek(), next != UInt8(ascii: "\r"), next != UInt8(ascii: "\n") { advance() }
            } else if byte == UInt8(ascii: "$") {
                advance()
                if peek() == UInt8(ascii: "{") { skipBracedName() }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'"), let end = quotedValueEnd(from: start.index) {
                while cursor.index < end { advance() }
            } else if Self.isBlank(byte) || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "{") || closesBlock() {
                break
            } else {
                advance()
            }
        }
        return word(from: start, text: start.index..<cursor.index, textOffset: 0)
    }

    /// Behind the closing quote of a value whose opening one is the next byte: if what stands before it, from `start` on, is a key and "=",
    /// and the word ends there, in the same line.
    private func quotedValueEnd(from start: Int) -> Int? {
        let quote = bytes[cursor.index]
        let key = bytes[start..<cursor.index].dropLast()
        guard bytes[cursor.index - 1] == UInt8(ascii: "="), !key.isEmpty, key.allSatisfy(\.isNameByte) else { return nil }
        var index = cursor.index + 1
        while index < bytes.count, bytes[index] != quote, bytes[index] != UInt8(ascii: "\n") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < bytes.count, bytes[index] == quote else { return nil }
        let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: ";")
        return Self.isBlank(next) || ";{}".utf8.contains(next) ? index + 1 : nil
    }

    /// Past "{name}" behind a "$".
    private mutating func skipBracedName() {
        advance()
        while let byte = peek(), byte.isNameByte { advance() }
        if peek() == UInt8(ascii: "}") { advance() }
    }

    /// nginx takes "}" for a letter of the word before it. Here `return 200}` is a forgotten ";", and told as such.
    private func closesBlock() -> Bool {
        guard peek() == UInt8(ascii: "}") else { return false }
        guard let next = peek(1) else { return true }
        return Self.isBlank(next) || next == UInt8(ascii: "}")
    }

    private mutating func quotedWord(_ quote: UInt8) -> Word {
        let start = cursor
        advance()
        while let byte = peek(), byte != quote {
            advance()
            if byte == UInt8(ascii: "\\") { advance() }
        }
        guard peek() == quote else { return unterminatedWord(from: start) }
        let text = (start.index + 1)..<cursor.index
        advance()
        let word = word(from: start, text: text, textOffset: 1)
        checkSpaceBehindQuote(word)
        return word
    }

    private func checkSpaceBehindQuote(_ word: Word) {
        guard let next = peek(), !Self.isBlank(next), !(next == 0x3b || next == 0x7b || next == 0x7d) else { return }
        let isLong = cursor.line != word.position.line
        diagnostics.error(
            "unexpected character after a string", at: position(length: 1),
            expected: isLong
                ? "the string begins in line \(word.position.line): is its closing quote missing?"
                : "expected a space, \";\" or \"{\"; inside the string a quote is written \\\"")
    }

    /// Reading goes on behind the line where the string begins, or before what ends that line's directive.
    private mutating func unterminatedWord(from start: Cursor) -> Word {
        cursor = start
        loadLine()
        diagnostics.error(
            "unterminated string", at: position(length: 1),
            expected: "expected a closing \(bytes[start.index] == 0x22 ? "\"" : "'")")
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
        var end = cursor.index
        while end > start.index + 1, Self.isBlank(bytes[end - 1]) { end -= 1 }
        if end > start.index + 1, bytes[end - 1] == 0x3b || bytes[end - 1] == 0x7b { end -= 1 }
        cursor.column -= bytes[end..<cursor.index].scalarCount
        cursor.index = end
        return word(from: start, text: (start.index + 1)..<end, textOffset: nil)
    }

    private func word(from start: Cursor, text range: Range<Int>, textOffset: Int) -> Word {
        let text = bytes[range]
        let isPlain = start.line == cursor.line && !text.contains(UInt8(ascii: "\\"))
        return word(from: start, text: range, textOffset: isPlain ? textOffset : nil)
    }

    private func word(from start: Cursor, text range: Range<Int>, textOffset: Int?) -> Word {
        let isOneLine = start.line == cursor.line
        let length = isOneLine ? cursor.column - start.column : 1
        let line = isOneLine ? sourceLine : lineText(at: start.index)
        let position = SourcePosition(
            path: path, line: start.line, column: start.column, length: max(1, length), sourceLine: line)
        return Word(text: Self.unescape(bytes[range]), position: position, textOffset: textOffset)
    }

    /// \" \' \\ \t \r \n mean what they mean in C; any other backslash stands for itself.
    private static func unescape(_ raw: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(raw.count)
        var index = raw.startIndex
        while index < raw.endIndex {
            var byte = raw[index]
            if byte == UInt8(ascii: "\\"), index + 1 < raw.endIndex, let meant = escapes[raw[index + 1]] {
                byte = meant
                index += 1
            }
            text.append(byte)
            index += 1
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): 0x22, UInt8(ascii: "'"): 0x27, UInt8(ascii: "\\"): 0x5c,
        UInt8(ascii: "t"): 0x09, UInt8(ascii: "r"): 0x0d, UInt8(ascii: "n"): 0x0a,
    ]

    // MARK: Bytes

    private mutating func skipBlanksAndComments() {
        while let byte = peek() {
            if byte == UInt8(ascii: "#") {
                if isComment {
                    advance()
                    continue
                }
                let start = cursor
                while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
                hideSecrets(inComment: start.index + 1..<cursor.index, line: start.line, column: start.column + 1)
            } else if Self.isBlank(byte) {
                advance()
            } else {
                return
            }
        }
    }

    /// A directive that was put behind a "#" is a directive, as far as its secret goes. Prose has quotes of its own, which may reach over
    /// it: so it is looked for with them and without.
    private func hideSecrets(inComment range: Range<Int>, line: Int, column: Int) {
        let comment = Array(bytes[range])
        let unquoted = comment.map { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") ? UInt8(ascii: " ") : $0 }
        for text in comment == unquoted ? [comment] : [comment, unquoted] {
            let scratch = DiagnosticList()
            var parser = ConfigParser(path: path, bytes: text, diagnostics: scratch, isComment: true)
            _ = parser.parse()
            diagnostics.hide(scratch, path: path, line: line, columnsBefore: column - 1)
        }
    }

    private mutating func takeMark() -> SourcePosition {
        let mark = position(length: 1)
        advance()
        return mark
    }

    private func peek(_ ahead: Int = 0) -> UInt8? {
        let index = cursor.index + ahead
        return index < bytes.count ? bytes[index] : nil
    }

    /// Over one scalar.
    private mutating func advance() {
        guard let byte = peek() else { return }
        cursor.index += 1
        if byte == UInt8(ascii: "\n") {
            cursor.line += 1
            cursor.column = 1
            loadLine()
            return
        }
        while let next = peek(), next & 0xc0 == 0x80 { cursor.index += 1 }
        cursor.column += 1
    }

    private func position(length: Int) -> SourcePosition {
        SourcePosition(path: path, line: cursor.line, column: cursor.column, length: length, sourceLine: sourceLine)
    }

    /// All words of a line share its text.
    private mutating func loadLine() {
        sourceLine = lineText(at: cursor.index)
    }

    private func lineText(at index: Int) -> String {
        let start = bytes[..<index].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        var end = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a
    }
}

extension UInt8 {
    /// A letter, a digit or "_": what names of variables are made of.
    var isNameByte: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f: true
        default: false
        }
    }
}
