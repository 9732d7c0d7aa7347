/// What reading a configuration gave.
public struct ConfigResult: Sendable {
    /// nil if there is any error.
    public let snapshot: ConfigSnapshot?
    /// Errors and warnings, in the order of the files' lines.
    public let diagnostics: [ConfigDiagnostic]

    /// The files, as far as they could be read; secrets can't be.
    public let sources: [ConfigSource]

    /// The address in ``ConfigSnapshot/admin``. A file with errors may say it, too: by it one reaches the gateway that has refused the file.
    public let adminAddress: ListenAddress?

    init(snapshot: ConfigSnapshot?, diagnostics: [ConfigDiagnostic], sources: [ConfigSource], adminAddress: ListenAddress?) {
        self.snapshot = snapshot
        self.diagnostics = diagnostics
        self.sources = sources
        self.adminAddress = adminAddress
    }
}
