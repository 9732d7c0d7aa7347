/// The form of a request-target (RFC 9112 § 3.2). The authority-form belongs to CONNECT, which is refused.
public enum TargetForm: UInt8, Sendable, BitwiseCopyable {
    /// `/path?query`
    case origin
    /// `http://authority/path?query`
    case absolute
    /// `*`, of OPTIONS alone.
    case asterisk
}
