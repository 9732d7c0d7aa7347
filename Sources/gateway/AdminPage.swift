import GatewayHTTP

/// What the admin listener answers.
struct AdminPage {
    let status: Int
    let contentType: StaticString
    let body: [UInt8]
    /// For one who asked for it.
    var isGzip = false
    /// The fields of a request that another page might have come of.
    var vary: StaticString?
    /// Beside those of every answer.
    var fields: [(name: StaticString, value: String)] = []

    static func text(_ status: Int, _ text: String) -> AdminPage {
        AdminPage(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    static func json(_ text: String) -> AdminPage {
        AdminPage(status: 200, contentType: "application/json", body: Array(text.utf8))
    }
}

/// What a request to the admin listener says, for pages that look closer than at its path.
struct AdminRequest {
    let method: Method
    let path: String
    /// Without the question mark, nothing decoded.
    let query: String
    /// In lower case, without a port; empty where HTTP/1.0 has none.
    let host: String
    let hasBody: Bool
    /// A browser says with each POST whose page sends it (RFC 6454 § 7).
    let hasOrigin: Bool
    /// A page of another origin can't send this field without asking first (a CORS preflight), and nobody answers that.
    let hasAdminField: Bool

    static let adminField = "X-Gateway-Admin"
}
