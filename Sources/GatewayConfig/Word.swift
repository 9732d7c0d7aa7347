/// One word of the configuration, without its quotes and escapes.
struct Word: Sendable {
    let text: String
    /// Where it stands, with its quotes.
    let position: SourcePosition
    /// Where the text begins behind `position` if the file shows it letter for letter: then a part of it can be pointed at.
    var textOffset: Int?
    /// The variable of the environment whose value this is. Such a value is never read as syntax, and never shown.
    var environmentName: String?
    /// From which byte of the text on it is a secret, which is never shown either.
    var secretStart: Int?

    /// How messages name the word.
    var shown: String {
        if let environmentName { return "the value of env:\(environmentName)" }
        if let secretStart { return quote(String(decoding: text.utf8.prefix(secretStart), as: UTF8.self) + "…") }
        return quote(text)
    }

    /// The place of `part`, in bytes of the text; of the whole word where that can't be told.
    func position(of part: Range<Int>?) -> SourcePosition {
        guard let part, let textOffset, part.upperBound <= text.utf8.count else { return position }
        let before = text.utf8.prefix(part.lowerBound).scalarCount
        let length = text.utf8.prefix(part.upperBound).scalarCount - before
        return position.part(offset: textOffset + before, length: max(1, length))
    }

    /// Where the file shows the secret: all of the word where that can't be told closer.
    var secretPosition: SourcePosition? {
        guard let secretStart else { return nil }
        return textOffset == nil ? position : position(of: min(secretStart, text.utf8.count)..<text.utf8.count)
    }

    /// Without the quotes around it, where it has some: see ``ConfigLexer``.
    var unquoted: Word {
        guard environmentName == nil, let quote = text.utf8.first, quote == 0x22 || quote == 0x27 else { return self }
        guard text.utf8.count >= 2, text.utf8.last == quote else { return self }
        let inner = 1..<text.utf8.count - 1
        return Word(
            text: String(decoding: text.utf8.dropFirst().dropLast(), as: UTF8.self), position: position(of: inner),
            textOffset: textOffset.map { _ in 0 }, secretStart: secretStart.map { max(0, $0 - 1) })
    }

    /// The part of the word from byte `start` on, as a word.
    func suffix(from start: Int) -> Word {
        let count = text.utf8.count
        return Word(
            text: String(decoding: text.utf8.dropFirst(start), as: UTF8.self),
            position: position(of: start..<count),
            textOffset: textOffset.map { _ in 0 },
            environmentName: environmentName,
            secretStart: secretStart.map { max(0, $0 - start) })
    }
}

/// The text in quotes, cut where it is very long, without what would move a terminal's cursor.
func quote(_ text: String, max: Int = 60) -> String {
    let scalars = text.unicodeScalars.prefix(max).map { $0 == "\t" ? " " : ConfigDiagnostic.printable($0) }
    let isCut = text.unicodeScalars.dropFirst(max).first != nil
    return "\"" + String(String.UnicodeScalarView(scalars)) + (isCut ? "…\"" : "\"")
}

extension Sequence<UInt8> {
    /// The scalars that these bytes of UTF-8 begin.
    var scalarCount: Int {
        reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
    }
}
