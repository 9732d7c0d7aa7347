/// What a server or location does with requests and responses at its edge, merged over the levels it stands in.
public struct EdgeConfig: Sendable, Equatable {
    /// `allow` and `deny`, as they are written; empty lets everybody in.
    public var access: [AccessRule] = []
    /// `security_headers` but for HSTS, in the order of the directive table.
    public var securityHeaders: [FieldConfig] = []
    /// The value of Strict-Transport-Security; nil sends none.
    public var hsts: String?
    /// `proxy_hide_header`.
    public var hiddenHeaders: [String] = []
    /// nil: what the gateway knows nothing of is the origin's business.
    public var cors: CORSConfig?
    /// nil: `api off`.
    public var api: APIStyle?
    public var errorPages: [ErrorPageConfig] = []
    /// nil: never.
    public var maintenance: MaintenanceConfig?

    public init() {}
}

/// A header field whose value is the same in every response.
public struct FieldConfig: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}
