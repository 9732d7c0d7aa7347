import GatewayCore

/// A request's method (RFC 9110 § 9). Tokens without a name here are `other`, and forwarded as they came.
public enum Method: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    /// The method that `token` names; case counts.
    @inlinable
    public init(_ token: RawSpan) {
        switch token.byteCount {
        case 3: self = token.equals("GET") ? .get : token.equals("PUT") ? .put : .other
        case 4: self = token.equals("POST") ? .post : token.equals("HEAD") ? .head : .other
        case 5: self = token.equals("PATCH") ? .patch : token.equals("TRACE") ? .trace : .other
        case 6: self = token.equals("DELETE") ? .delete : .other
        case 7: self = token.equals("OPTIONS") ? .options : token.equals("CONNECT") ? .connect : .other
        default: self = .other
        }
    }

    /// Whether the request asks for nothing but an answer (RFC 9110 § 9.2.1).
    @inlinable
    public var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .connect, .patch, .other: false
        }
    }

    /// Whether asking twice is asking once (RFC 9110 § 9.2.2).
    @inlinable
    public var isIdempotent: Bool { isSafe || self == .put || self == .delete }

    /// The token; "other" where only the head knows it.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: "other"
        }
    }
}
