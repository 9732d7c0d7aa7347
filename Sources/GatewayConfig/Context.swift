/// Where a directive may stand.
struct Context: OptionSet, Hashable, Sendable {
    let rawValue: UInt16

    /// Outside all blocks: what nginx calls main and http.
    static let main = Context(rawValue: 1)
    static let admin = Context(rawValue: 2)
    static let upstream = Context(rawValue: 4)
    static let version = Context(rawValue: 8)
    static let server = Context(rawValue: 16)
    static let location = Context(rawValue: 32)
    static let apiKeys = Context(rawValue: 64)
    static let rateLimit = Context(rawValue: 128)
    static let securityHeaders = Context(rawValue: 256)
    static let cors = Context(rawValue: 512)
    static let maintenance = Context(rawValue: 1024)

    static let anywhere: Context = [
        .main, .admin, .upstream, .version, .server, .location, .apiKeys, .rateLimit, .securityHeaders, .cors, .maintenance,
    ]

    private static let names: [(Context, String)] = [
        (.main, "main"), (.admin, "admin"), (.upstream, "upstream"), (.version, "version"), (.server, "server"),
        (.location, "location"), (.apiKeys, "api_keys"), (.rateLimit, "rate_limit"), (.securityHeaders, "security_headers"),
        (.cors, "cors"), (.maintenance, "maintenance"),
    ]

    /// "main, server, location".
    var name: String {
        self == .anywhere ? "anywhere" : Self.names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }

    /// Where a sentence says that something is.
    var place: String {
        self == .main ? "at the top level" : "in \"\(name)\""
    }
}
