/// Fields in their order, pseudo-header fields among them, whatever is in them. A character up to U+00FF is the byte of that number.
public struct HTTP2Fields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    public var fields: [HTTPMessage.Field]

    /// Stands for the scheme of the connection that the fields are sent on.
    public static let ownScheme = "{scheme}"

    public init(_ fields: [HTTPMessage.Field]) {
        self.fields = fields
    }

    /// The same name may stand more than once.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { HTTPMessage.Field(name: $0.0, value: $0.1) }
    }

    /// A request's pseudo-header fields, and `more` behind them. nil leaves one out.
    public static func request(
        _ method: String? = "GET", _ path: String? = "/", authority: String? = "localhost", scheme: String? = ownScheme, _ more: Self = [:]
    ) -> Self {
        let pseudo = [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]
        return Self(pseudo.compactMap { name, value in value.map { HTTPMessage.Field(name: name, value: $0) } }) + more
    }

    /// GET / with `more`.
    public static func request(_ more: Self) -> Self { request("GET", "/", more) }

    public static let get = request()

    public static func + (left: Self, right: Self) -> Self { Self(left.fields + right.fields) }

    public func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// Of several lines the first.
    public subscript(name: String) -> String? { values(name).first }
}
