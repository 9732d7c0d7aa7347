/// gateway.conf → an immutable snapshot, or what is wrong with it.
public enum ConfigLoader {
    /// Reads the file and what it includes; `env:` words come from `environment`. Never throws: errors are diagnostics.
    public static func load(path: String, environment: [String: String]) -> ConfigResult {
        load(path: path, environment: environment) { $0.read(path: path) }
    }

    /// The same for text that stands in no file. Relative paths are seen from the directory of `path`.
    public static func load(text: String, path: String, environment: [String: String]) -> ConfigResult {
        load(path: path, environment: environment) { $0.read(bytes: Array(text.utf8), path: path) }
    }

    /// Each stage goes on with what the one before it understood, so that everything wrong is told at once.
    private static func load(
        path: String, environment: [String: String], _ read: (ConfigReader) -> [Statement]
    ) -> ConfigResult {
        let diagnostics = DiagnosticList()
        let environment = Environment(environment)
        let reader = ConfigReader(environment: environment, diagnostics: diagnostics)
        let statements = read(reader)
        let scope = DirectiveChecker(environment: environment, diagnostics: diagnostics).check(statements, in: .main)
        let snapshot = withExtendedLifetime(scope) { SnapshotBuilder(path: path, diagnostics: diagnostics).build(scope) }
        return ConfigResult(
            snapshot: diagnostics.hasErrors ? nil : snapshot, diagnostics: diagnostics.sorted(startingWith: path),
            sources: reader.sources.sources(diagnostics),
            adminAddress: snapshot.admin?.address ?? adminAddress(in: statements, environment))
    }

    /// Of the first `admin` that has one. Behind a forgotten "}" it stands in another block.
    private static func adminAddress(in statements: [Statement], _ environment: Environment) -> ListenAddress? {
        for statement in statements {
            if statement.name.text == "admin", statement.block != nil, let word = statement.arguments.first,
                let address = try? AddressReader.listenAddress(environment.resolve(word))
            {
                return address
            }
            if let address = adminAddress(in: statement.block ?? [], environment) { return address }
        }
        return nil
    }
}
