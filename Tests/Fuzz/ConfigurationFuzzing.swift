import CTestSupport
import GatewayConfig
import GatewayCore

/// Any text is a configuration, or is told what is wrong with it, at a place that is there.
enum ConfigurationFuzzing {
    private static let path = "gateway.conf"
    private static let environment = [
        "ORIGIN": "127.0.0.1:9001", "NAMES": "a.example, *.b.example", "EMPTY": "", "SYNTAX": "a; }\n\"'$host",
    ]

    static func run(_ input: RawSpan) {
        let bytes = input.array
        // It would read files of this machine. No escape can spell it.
        if contains(bytes, "include") { return }
        let text = String(decoding: bytes, as: UTF8.self)
        let result = load(text)
        check(result, Array(text.utf8))
        if result.snapshot == nil { return }
        let again = load(text)
        precondition(again.snapshot == result.snapshot && again.diagnostics == result.diagnostics, "the same text is read in two ways")
        precondition(load(text + "\n# The end.\n").snapshot == result.snapshot, "a comment changes what is meant")
    }

    private static func load(_ text: String) -> ConfigResult {
        ConfigLoader.load(text: text, path: path, environment: environment)
    }

    private static func contains(_ bytes: [UInt8], _ word: StaticString) -> Bool {
        memmem(bytes, bytes.count, word.utf8Start, word.utf8CodeUnitCount) != nil
    }

    private static func check(_ result: ConfigResult, _ text: [UInt8]) {
        let diagnostics = result.diagnostics
        precondition(
            (result.snapshot == nil) == diagnostics.contains { $0.severity == .error }, "refused without a reason, or accepted with")
        precondition(diagnostics.count <= Limits.configDiagnosticsMax + 1)
        if diagnostics.isEmpty { return }
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for diagnostic in diagnostics { check(diagnostic, lines) }
        // All are written alike, and to write them takes longer than to find them.
        for diagnostic in diagnostics.prefix(2) { checkText(of: diagnostic) }
        for (first, second) in zip(diagnostics, diagnostics.dropFirst()) where second.line > 0 {
            precondition((first.line, first.column) <= (second.line, second.column), "not in the order of the file")
        }
    }

    private static func check(_ diagnostic: ConfigDiagnostic, _ lines: [ArraySlice<UInt8>]) {
        precondition(diagnostic.path == path && !diagnostic.message.isEmpty)
        if diagnostic.line == 0 { return }
        precondition(diagnostic.line <= lines.count, "a line behind the end")
        var line = lines[diagnostic.line - 1]
        precondition(shows(diagnostic, line) || shows(diagnostic, line.dropLast()), "another line")
        if line.last == 0x0d { line.removeLast() }
        // One column behind the end is where something is missing.
        let scalars = String(decoding: line, as: UTF8.self).unicodeScalars.count
        precondition(diagnostic.column >= 1 && diagnostic.column <= scalars + 1, "a column behind the end of its line")
        precondition(diagnostic.position.length >= 1)
    }

    /// Stars stand for secrets.
    private static func shows(_ diagnostic: ConfigDiagnostic, _ line: ArraySlice<UInt8>) -> Bool {
        let (shown, written) = (diagnostic.sourceLine.unicodeScalars, String(decoding: line, as: UTF8.self).unicodeScalars)
        return shown.count == written.count && zip(shown, written).allSatisfy { $0 == $1 || $0 == "*" }
    }

    private static func checkText(of diagnostic: ConfigDiagnostic) {
        for scalar in diagnostic.text.unicodeScalars where scalar != "\n" && scalar != "\t" {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            precondition(!isControl, "it would move a terminal's cursor")
        }
    }
}
