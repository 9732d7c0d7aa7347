/// What reading a configuration gave.
public struct ConfigResult: Sendable {
    /// nil if there is any error.
    public let snapshot: ConfigSnapshot?
    /// Errors and warnings, in the order of the files' lines.
    public let diagnostics: [ConfigDiagnostic]

    public init(snapshot: ConfigSnapshot?, diagnostics: [ConfigDiagnostic]) {
        self.snapshot = snapshot
        self.diagnostics = diagnostics
    }
}
