/// Something wrong, or doubtful, in the configuration: where, what, and what was expected instead.
public struct ConfigDiagnostic: Sendable, Equatable {
    public enum Severity: String, Sendable {
        /// The configuration is refused.
        case error
        /// The configuration is accepted.
        case warning
    }

    public let severity: Severity
    public let position: SourcePosition
    /// What is wrong, in one sentence without a full stop.
    public let message: String
    /// What was expected, or the nearest known word.
    public let expected: String?

    public init(severity: Severity, at position: SourcePosition, message: String, expected: String? = nil) {
        self.severity = severity
        self.position = position
        self.message = message
        self.expected = expected
    }

    public var path: String { position.path }
    public var line: Int { position.line }
    public var column: Int { position.column }
    public var sourceLine: String { position.sourceLine }

    /// As it is shown, without a line end behind it:
    ///
    ///     gateway.conf:12:5: error: unknown directive "locaton"
    ///         locaton / {
    ///         ^~~~~~~
    ///         did you mean "location"?
    public var text: String {
        var lines = ["\(position.name): \(severity.rawValue): \(message)"]
        if position.line > 0 { lines += excerpt }
        if let expected { lines += expected.split(separator: "\n").map { "    " + $0 } }
        return lines.map(Self.printable).joined(separator: "\n")
    }

    /// The line and the caret's line, both without the line's indentation and cut where it is very long. The caret's
    /// line repeats the tabs before it, so that it stands right however wide they are shown.
    private var excerpt: [String] {
        let (before, after) = (60, 100)
        let scalars = position.sourceLine.unicodeScalars
        let indentation = scalars.prefix { $0 == " " || $0 == "\t" }.count
        let start = max(min(indentation, position.column - 1), position.column - 1 - before)
        let shown = scalars.dropFirst(start).prefix(before + after).map(Self.printable)
        let caret = position.column - 1 - start
        let padding = (0..<caret).map { $0 < shown.count && shown[$0] == "\t" ? "\t" : " " }.joined()
        let underlined = max(0, min(position.length, shown.count - caret) - 1)
        let line = String(String.UnicodeScalarView(shown))
        return ["    " + line, "    " + padding + "^" + String(repeating: "~", count: underlined)]
    }

    private static func printable(_ text: String) -> String {
        if !text.unicodeScalars.contains(where: isControl) { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map(printable)))
    }

    /// A configuration must not move the cursor of the terminal that shows it.
    static func printable(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        isControl(scalar) && scalar != "\t" ? "\u{fffd}" : scalar
    }

    /// Unicode's general category Cc, which is fixed for good (its stability policy).
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || 0x7f...0x9f ~= scalar.value
    }
}
