import GatewayCore

/// Reads a file and what it includes into one list of statements.
final class ConfigReader {
    private let environment: Environment
    private let diagnostics: DiagnosticList
    let sources = SourceList()
    private var filesRead = 0
    /// The files that are being read, each included by the one before it.
    private var open: [String] = []

    init(environment: Environment, diagnostics: DiagnosticList) {
        self.environment = environment
        self.diagnostics = diagnostics
    }

    func read(path: String) -> [Statement] {
        do {
            return read(bytes: try ConfigFiles.read(path), path: path)
        } catch {
            diagnostics.error("the file can't be read: \(error.reason)", at: SourcePosition(path: path))
            return []
        }
    }

    func read(bytes: [UInt8], path: String) -> [Statement] {
        if bytes.count > Limits.configFileBytesMax {
            let limit = Limits.configFileBytesMax / 1024
            diagnostics.error("the file can't be read: it is larger than \(limit) KB", at: SourcePosition(path: path))
            return []
        }
        let text = SourceText.check(bytes, path: path, diagnostics: diagnostics)
        sources.add(path: path, bytes: text)
        var parser = ConfigParser(path: path, bytes: text, diagnostics: diagnostics)
        open.append(path)
        defer { open.removeLast() }
        return expand(parser.parse())
    }

    // MARK: Includes

    /// A list in which the statements of included files stand in the place of their `include`.
    private func expand(_ statements: [Statement]) -> [Statement] {
        statements.flatMap { statement -> [Statement] in
            // What is not well formed stays, and the table's check reports it.
            if statement.name.text == "include", statement.arguments.count == 1, statement.block == nil {
                return include(statement.arguments[0])
            }
            var statement = statement
            statement.block = statement.block.map(expand)
            return [statement]
        }
    }

    private func include(_ word: Word) -> [Statement] {
        do {
            let pattern = try environment.resolve(word)
            let path = ConfigFiles.resolve(try NameReader.file(pattern), besides: open.last ?? "")
            if !path.utf8.contains(where: { "*?[".utf8.contains($0) }) { return include(path, from: word) }
            let paths = try matches(of: path)
            return paths.flatMap { include($0, from: word) }
        } catch {
            diagnostics.error(error, about: word)
            return []
        }
    }

    private func matches(of pattern: String) throws(Complaint) -> [String] {
        do {
            return try ConfigFiles.matches(of: pattern)
        } catch {
            throw Complaint("\(quote(pattern, max: 1000)) can't be looked up: \(error.reason)")
        }
    }

    private func include(_ path: String, from word: Word) -> [Statement] {
        if let complaint = complaint(about: path) {
            diagnostics.error(complaint, about: word)
            return []
        }
        filesRead += 1
        do {
            return read(bytes: try ConfigFiles.read(path), path: path)
        } catch {
            diagnostics.error("\(quote(path, max: 1000)) can't be read: \(error.reason)", at: word.position)
            return []
        }
    }

    private func complaint(about path: String) -> Complaint? {
        if open.contains(path) {
            let circle = (open.drop { $0 != path } + [path]).joined(separator: " → ")
            return Complaint("this file includes itself", expected: circle)
        }
        if open.count > Limits.configIncludeDepthMax {
            return Complaint("includes are nested deeper than \(Limits.configIncludeDepthMax)", expected: open.joined(separator: " → "))
        }
        if filesRead == Limits.configFilesMax { return Complaint("more than \(Limits.configFilesMax) files are included") }
        return nil
    }
}
