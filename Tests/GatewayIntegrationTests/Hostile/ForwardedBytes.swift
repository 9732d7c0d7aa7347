import TestSupport

/// What the gateway sent on one connection to an origin, read byte for byte: the second opinion beside h11, which lets bare LF and
/// obsolete folding pass.
struct ForwardedBytes {
    struct Request {
        let method: String
        let target: String
        let fields: [StrictReader.Field]
        var body: [UInt8] = []
        var trailers: [StrictReader.Field] = []
    }

    private(set) var requests: [Request] = []
    /// A request was broken off behind its head or within its body.
    private(set) var isCutOff = false

    /// Fields for one hop that no request to the origin has. Upgrade has rules of its own.
    private static let hopByHop: Set = [
        "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "proxy-authentication-info", "te",
    ]

    /// Throws for the first byte that should not be there.
    init(_ bytes: [UInt8], allowsOpaqueText: Bool = false) throws {
        var reader = StrictReader(bytes, allowsOpaqueText: allowsOpaqueText)
        while !reader.isAtEnd {
            do {
                requests.append(try Self.request(&reader))
            } catch is StrictReader.Incomplete {
                isCutOff = true
                return
            }
        }
    }

    private static func request(_ reader: inout StrictReader) throws -> Request {
        let words = try reader.line().split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[0].utf8.allSatisfy(StrictReader.isToken), words[2] == "HTTP/1.1" else {
            throw reader.violation("no request line")
        }
        let target = String(words[1])
        guard target.hasPrefix("/") || target == "*" && words[0] == "OPTIONS", target.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            !target.contains("#"), !target.contains("\\")
        else { throw reader.violation("the target '\(target)'") }
        var request = Request(method: String(words[0]), target: target, fields: try reader.fields())
        if let rule = brokenRule(request.fields) { throw reader.violation(rule) }
        if let (body, trailers) = try reader.body(framedBy: request.fields) {
            request.body = body
            request.trailers = trailers
        }
        let forbidden = ["content-length", "transfer-encoding", "host", "connection", "authorization", "trailer", "x-forwarded-for"]
        if request.trailers.contains(where: { hopByHop.contains($0.name.lowercased()) || forbidden.contains($0.name.lowercased()) }) {
            throw reader.violation("a trailer field that belongs into the head, or on one hop")
        }
        return request
    }

    private static func brokenRule(_ fields: [StrictReader.Field]) -> String? {
        if fields.values("Host").count != 1 { return "\(fields.values("Host").count) Host fields" }
        if fields.values("X-Forwarded-For").count != 1 { return "X-Forwarded-For is not the gateway's" }
        if let field = fields.first(where: { hopByHop.contains($0.name.lowercased()) }) { return "\(field.name) is for one hop" }
        if fields.contains("Trailer") && !fields.contains("Transfer-Encoding") { return "Trailer without chunks" }
        let connection = fields.values("Connection")
        if fields.contains("Upgrade") { return connection == ["Upgrade"] ? nil : "Upgrade without its Connection" }
        return connection.isEmpty ? nil : "Connection: \(connection)"
    }
}
