/// Holds statements against the table: which are known here, which stand twice, which lack a block, what their arguments are.
struct DirectiveChecker {
    private let reader: ArgumentReader
    private let diagnostics: DiagnosticList

    init(environment: Environment, diagnostics: DiagnosticList) {
        reader = ArgumentReader(environment: environment, diagnostics: diagnostics)
        self.diagnostics = diagnostics
    }

    func check(_ statements: [Statement], in context: Context, outer: Scope? = nil) -> Scope {
        let scope = Scope(context: context, outer: outer)
        check(statements, in: scope)
        return scope
    }

    private func check(_ statements: [Statement], in scope: Scope) {
        for statement in statements.flatMap({ split($0, in: scope.context) }) {
            if diagnostics.isFullOfErrors { return }
            if let directive = directive(of: statement, in: scope.context) {
                check(statement, as: directive, in: scope)
            } else {
                scope.isSound = false
                // nginx's blocks around everything are not the language's, but what they hold is.
                if scope.context == .main, NginxWords.outerBlocks.contains(statement.name.text) { check(statement.block ?? [], in: scope) }
            }
        }
    }

    private func check(_ statement: Statement, as directive: Directive, in scope: Scope) {
        if !directive.repeats, let first = scope.first(directive.name) {
            diagnostics.error(
                "\"\(directive.name)\" is given twice", at: statement.name.position,
                expected: "first given at \(first.name.position.name)")
        }
        let (arguments, isSound) = reader.read(statement.arguments, of: directive, name: statement.name)
        checkBlock(of: statement, as: directive)
        let block = directive.block.map { check(statement.block ?? [], in: $0, outer: scope) }
        scope.append(Entry(name: statement.name, arguments: arguments, isSound: isSound, block: block))
    }

    private func checkBlock(of statement: Statement, as directive: Directive) {
        if directive.block != nil, statement.block == nil, !directive.isBlockOptional || statement.arguments.isEmpty {
            diagnostics.error(
                "\"\(directive.name)\" needs a block", at: statement.name.position, expected: "syntax: \(directive.form)")
        }
        if directive.block == nil, statement.block != nil {
            diagnostics.error("\"\(directive.name)\" takes no block", at: statement.name.position, expected: "syntax: \(directive.form)")
        }
    }

    // MARK: Which directive it is

    /// nil where nothing can be said about the statement's arguments and block.
    private func directive(of statement: Statement, in context: Context) -> Directive? {
        let name = statement.name.text
        if let directive = DirectiveTable.directive(named: name, in: context) { return directive }
        // There names stand that the configuration gives.
        if context == .rateLimit { return DirectiveTable.directive(named: DirectiveTable.keyName, in: context) }
        let elsewhere = DirectiveTable.directives(named: name)
        if !elsewhere.isEmpty {
            reportMisplaced(statement, elsewhere, in: context)
            return nil
        }
        let guess = NginxWords.hint(for: name) == nil ? Suggestion.nearest(to: name, among: DirectiveTable.names(in: context)) : nil
        let hint = NginxWords.hint(for: name) ?? (guess ?? distantGuess(name)).map { "did you mean \"\($0)\"?" }
        diagnostics.error("unknown directive \(statement.name.shown)", at: statement.name.position, expected: hint)
        // What stands behind a misspelt word is checked as if it were spelt right, so that all errors are told at once.
        return guess.flatMap { DirectiveTable.directive(named: $0, in: context) }
    }

    private func distantGuess(_ name: String) -> String? {
        Suggestion.nearest(to: name, among: DirectiveTable.all.lazy.map(\.name))
    }

    private func reportMisplaced(_ statement: Statement, _ directives: [Directive], in context: Context) {
        let name = statement.name.text
        let places = directives.reduce(Context()) { $0.union($1.contexts) }.name
        let isNested = name == "location" && context == .location
        diagnostics.error(
            isNested ? "nested locations are not supported" : "\"\(name)\" is not allowed \(context.place)",
            at: statement.name.position, expected: "allowed in: \(places)")
    }

    // MARK: Forgotten semicolons

    /// A word that begins a line and is a directive here most likely is one: a ";" was forgotten before it.
    private func split(_ statement: Statement, in context: Context) -> [Statement] {
        var statements = [Statement(name: statement.name, arguments: [])]
        var previous = statement.name
        for word in statement.arguments {
            let beginsLine = word.position.line > previous.position.line
            if beginsLine, word.textOffset == 0, DirectiveTable.directive(named: word.text, in: context) != nil {
                diagnostics.error(
                    "missing \";\"", at: previous.position.end,
                    expected: "expected \";\" before \(word.shown) in line \(word.position.line)")
                statements.append(Statement(name: word, arguments: []))
            } else {
                statements[statements.count - 1].arguments.append(word)
            }
            previous = word
        }
        statements[statements.count - 1].block = statement.block
        return statements
    }
}
