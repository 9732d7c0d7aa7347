import GatewayCore

/// Makes statements of tokens. What is wrong is reported, and reading goes on as if it had been right.
struct ConfigParser {
    private var lexer: ConfigLexer
    /// A token that was looked at and belongs to what follows.
    private var putBack: ConfigLexer.Token?
    private let diagnostics: DiagnosticList
    private let isComment: Bool

    /// `bytes` are valid UTF-8.
    init(path: String, bytes: [UInt8], diagnostics: DiagnosticList, isComment: Bool = false) {
        lexer = ConfigLexer(path: path, bytes: bytes, diagnostics: diagnostics, isComment: isComment)
        self.diagnostics = diagnostics
        self.isComment = isComment
    }

    mutating func parse() -> [Statement] {
        statements(in: nil, depth: 0)
    }

    /// Up to the "}" of the block that `opener` began, or to the end of the file.
    private mutating func statements(in opener: Word?, depth: Int) -> [Statement] {
        var statements: [Statement] = []
        while let token = take() {
            switch token {
            case .word(let name):
                statements.append(statement(named: name, depth: depth))
            case .semicolon(let position):
                diagnostics.error("unexpected \";\"", at: position, expected: "expected a directive before it")
            case .open(let position):
                diagnostics.error("unexpected \"{\"", at: position, expected: "expected a directive before it")
                skipBlock()
            case .close(let position):
                if opener != nil { return statements }
                diagnostics.error("unexpected \"}\"", at: position, expected: "no block is open here")
            }
        }
        if let opener {
            diagnostics.error(
                "the block of \(opener.shown) is never closed", at: opener.position, expected: "expected a \"}\" before the end of the file"
            )
        }
        return statements
    }

    private mutating func statement(named name: Word, depth: Int) -> Statement {
        var secrets = SecretWords(isComment: isComment)
        var statement = Statement(name: marked(name, &secrets), arguments: [])
        while let token = take() {
            switch token {
            case .word(let argument):
                statement.arguments.append(marked(argument, &secrets))
            case .semicolon:
                return statement
            case .open:
                statement.block = block(of: name, depth: depth + 1)
                return statement
            case .close:
                putBack = token
                reportMissingSemicolon(in: statement, before: "\"}\"")
                return statement
            }
        }
        reportMissingSemicolon(in: statement, before: "the end of the file")
        return statement
    }

    /// The word just taken, its secret told to the diagnostics of every stage.
    private func marked(_ word: Word, _ secrets: inout SecretWords) -> Word {
        var word = word
        word.secretStart = secrets.secretStart(of: word)
        if let position = word.secretPosition { diagnostics.hide(position, upTo: lexer.place) }
        return word
    }

    private func reportMissingSemicolon(in statement: Statement, before next: String) {
        let last = statement.arguments.last ?? statement.name
        diagnostics.error("missing \";\"", at: last.position.end, expected: "expected \";\" before \(next)")
    }

    private mutating func block(of opener: Word, depth: Int) -> [Statement] {
        if depth <= Limits.configBlockDepthMax { return statements(in: opener, depth: depth) }
        diagnostics.error(
            "blocks are nested deeper than \(Limits.configBlockDepthMax)", at: opener.position,
            expected: "is a \"}\" missing above?")
        skipBlock()
        return []
    }

    /// Past the "}" that belongs to the "{" just taken.
    private mutating func skipBlock() {
        var depth = 1
        while depth > 0, let token = take() {
            switch token {
            case .open: depth += 1
            case .close: depth -= 1
            case .word, .semicolon: break
            }
        }
    }

    private mutating func take() -> ConfigLexer.Token? {
        if let token = putBack {
            putBack = nil
            return token
        }
        return lexer.next()
    }
}
