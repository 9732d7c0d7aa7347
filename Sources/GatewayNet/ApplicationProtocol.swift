import GatewayCore

/// What is spoken on a connection, as ALPN (RFC 7301) tells it apart.
public enum ApplicationProtocol: Sendable, BitwiseCopyable {
    /// Also HTTP/1.0, and what a peer speaks that knows no ALPN.
    case http11
    case http2

    /// The identification sequence (RFC 9113 § 11.1, RFC 7301 § 6).
    var name: StaticString {
        switch self {
        case .http11: "http/1.1"
        case .http2: "h2"
        }
    }

    /// As ALPN's lists have it: behind its length.
    var listed: [UInt8] {
        let text = Array("\(name)".utf8)
        return [UInt8(text.count)] + text
    }
}
