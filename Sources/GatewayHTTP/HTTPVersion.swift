/// The version a message was sent in. A higher minor version of HTTP/1 than 1 counts as 1 (RFC 9110 § 2.5).
public enum HTTPVersion: UInt8, Sendable, BitwiseCopyable {
    case http10, http11, http2
}
