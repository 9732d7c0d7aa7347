import GatewayCore

/// Where every stage of reading a configuration says what it found.
final class DiagnosticList {
    private var diagnostics: [ConfigDiagnostic] = []
    private(set) var hasErrors = false
    private var isFull = false

    /// Whether looking further would tell nothing: the configuration is refused, and no more is shown.
    var isFullOfErrors: Bool { isFull && hasErrors }

    func error(_ message: String, at position: SourcePosition, expected: String? = nil) {
        hasErrors = true
        add(ConfigDiagnostic(severity: .error, at: position, message: message, expected: expected))
    }

    func warning(_ message: String, at position: SourcePosition, expected: String? = nil) {
        add(ConfigDiagnostic(severity: .warning, at: position, message: message, expected: expected))
    }

    func error(_ complaint: Complaint, about word: Word) {
        error(complaint.message, at: word.position(of: complaint.part), expected: complaint.expected)
    }

    private func add(_ diagnostic: ConfigDiagnostic) {
        if diagnostics.count < Limits.configDiagnosticsMax {
            diagnostics.append(diagnostic)
        } else {
            isFull = true
        }
    }

    /// By file, line and column; the files as they were first complained about, `path` before the others.
    func sorted(startingWith path: String) -> [ConfigDiagnostic] {
        var ranks = [path: 0]
        for diagnostic in diagnostics where ranks[diagnostic.path] == nil { ranks[diagnostic.path] = ranks.count }
        let sorted = diagnostics.enumerated().map { (key: (ranks[$1.path] ?? 0, $1.line, $1.column, $0), diagnostic: $1) }
            .sorted { $0.key < $1.key }.map(\.diagnostic)
        if !isFull { return sorted }
        let message = "more is wrong than is shown"
        return sorted + [ConfigDiagnostic(severity: hasErrors ? .error : .warning, at: SourcePosition(path: path), message: message)]
    }
}
