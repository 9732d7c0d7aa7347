import GatewayCore

/// Where every stage of reading a configuration says what it found.
final class DiagnosticList {
    private var diagnostics: [ConfigDiagnostic] = []
    private(set) var hasErrors = false
    private var isFull = false
    /// The columns of each line that no diagnostic shows.
    private var hidden: [Line: [Range<Int>]] = [:]

    private struct Line: Hashable {
        let path: String
        let number: Int
    }

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

    /// A secret begins at `position` and ends before `end`: what is said of its lines, before or after this, doesn't show it.
    func hide(_ position: SourcePosition, upTo end: (line: Int, column: Int)) {
        for number in position.line...max(position.line, end.line) {
            let first = number == position.line ? position.column : 1
            let last = number == end.line ? max(first, end.column) : Int.max
            hidden[Line(path: position.path, number: number), default: []].append(first..<last)
        }
    }

    /// What `comments` hide of themselves, which are parts of these lines: a line that was put behind a "#" keeps its secret.
    func hide(_ comments: DiagnosticList, path: String, line: Int, columnsBefore: Int) {
        for columns in comments.hidden[Line(path: path, number: 1)] ?? [] {
            let last = columns.upperBound == Int.max ? Int.max : columns.upperBound + columnsBefore
            hidden[Line(path: path, number: line), default: []].append(columns.lowerBound + columnsBefore..<last)
        }
    }

    /// The line of a place, as it may be shown.
    func shown(_ position: SourcePosition) -> String {
        guard let columns = hidden[Line(path: position.path, number: position.line)] else { return position.sourceLine }
        return position.hiding(columns).sourceLine
    }

    private func shown(_ diagnostic: ConfigDiagnostic) -> ConfigDiagnostic {
        guard let columns = hidden[Line(path: diagnostic.path, number: diagnostic.line)] else { return diagnostic }
        return ConfigDiagnostic(
            severity: diagnostic.severity, at: diagnostic.position.hiding(columns), message: diagnostic.message,
            expected: diagnostic.expected)
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
            .sorted { $0.key < $1.key }.map { shown($0.diagnostic) }
        if !isFull { return sorted }
        let message = "more is wrong than is shown"
        return sorted + [ConfigDiagnostic(severity: hasErrors ? .error : .warning, at: SourcePosition(path: path), message: message)]
    }
}
