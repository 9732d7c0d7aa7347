/// Where a message's body ends (RFC 9112 § 6.3).
public enum BodyFraming: Equatable, Sendable, BitwiseCopyable {
    /// There is no body.
    case none
    /// So many bytes, as Content-Length says. `length(0)` is what a sender stated, and is not `none`: a POST with
    /// `Content-Length: 0` is forwarded as such.
    case length(UInt64)
    case chunked
    /// Until the sender closes; answers only.
    case untilClose

    /// Whether bytes follow the head.
    public var hasBody: Bool {
        switch self {
        case .none, .length(0): false
        case .length, .chunked, .untilClose: true
        }
    }
}
