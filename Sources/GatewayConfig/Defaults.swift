/// The defaults of the table, read as if they stood in a file.
enum Defaults {
    /// Without values where the directive has no default.
    static func arguments(of directive: Directive) -> Arguments {
        all[Key(directive)] ?? Arguments(directive: directive)
    }

    private static let all: [Key: Arguments] = DirectiveTable.all.reduce(into: [:]) { all, directive in
        all[Key(directive)] = directive.fallback.map { read($0, of: directive) }
    }

    /// A name can have several meanings, each in its own contexts.
    private struct Key: Hashable {
        let name: String
        let contexts: Context

        init(_ directive: Directive) {
            name = directive.name
            contexts = directive.contexts
        }
    }

    private static func read(_ fallback: String, of directive: Directive) -> Arguments {
        let diagnostics = DiagnosticList()
        let bytes = Array("\(directive.name) \(fallback);".utf8)
        var parser = ConfigParser(path: "default", bytes: bytes, diagnostics: diagnostics)
        guard let statement = parser.parse().first else { preconditionFailure("no default in: \(fallback)") }
        let reader = ArgumentReader(environment: Environment([:]), diagnostics: diagnostics)
        let reading = reader.read(statement.arguments, of: directive, name: statement.name)
        precondition(reading.isSound && !diagnostics.hasErrors, "the default of \(directive.name) is wrong")
        return reading.arguments
    }
}
