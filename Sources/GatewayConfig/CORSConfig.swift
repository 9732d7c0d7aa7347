/// `cors`: which pages of other origins may read the answers, and what their requests may have.
public struct CORSConfig: Sendable, Equatable {
    /// What it sends: an origin's own fields of these names are replaced.
    public static let fieldNames = [
        "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
        "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age",
    ]

    /// As browsers send them: "https://app.example.com"; those with "*." stand for all below a name. "*" is any.
    public var origins: [String]
    public var methods: [String]
    /// Of requests; "*" is any.
    public var headers: [String]
    /// Of responses.
    public var expose: [String]
    public var allowsCredentials: Bool
    /// How long browsers may keep the answer to a preflight; nil leaves it to them.
    public var maxAgeS: Int?

    public init(
        origins: [String], methods: [String], headers: [String] = [], expose: [String] = [], allowsCredentials: Bool = false,
        maxAgeS: Int? = nil
    ) {
        self.origins = origins
        self.methods = methods
        self.headers = headers
        self.expose = expose
        self.allowsCredentials = allowsCredentials
        self.maxAgeS = maxAgeS
    }
}
