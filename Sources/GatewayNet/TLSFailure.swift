import COpenSSL

/// Why TLS with a peer failed, as a plain value: the words are OpenSSL's, looked up when somebody asks for them.
public enum TLSFailure: Equatable, BitwiseCopyable, Sendable {
    /// An error code of OpenSSL's queue.
    case library(UInt)
    /// The peer's certificate did not verify: a code of X509_STORE_CTX_get_error(3).
    case certificate(Int)
    /// ALPN (RFC 7301): the peer chose a protocol that it was not offered.
    case unexpectedProtocol
    /// ALPN: the peer chose none, and what was offered can't be spoken without.
    case noProtocol

    /// In lower case with underscores: a label's value, from the closed list of what OpenSSL knows.
    public var reason: String {
        switch self {
        case .library(let code): unsafe Self.words(ERR_reason_error_string(code))
        case .certificate(let code): unsafe Self.words(X509_verify_cert_error_string(code))
        case .unexpectedProtocol: "unexpected_protocol"
        case .noProtocol: "alpn"
        }
    }

    private static func words(_ text: UnsafePointer<CChar>?) -> String {
        guard let text = unsafe text else { return "unknown" }
        return unsafe String(cString: text).lowercased().replacing(" ", with: "_")
    }

    /// The newest error of OpenSSL's queue.
    static var last: TLSFailure? {
        let code = ERR_peek_last_error()
        return code == 0 ? nil : .library(code)
    }

    /// The peer has ended the connection below TLS, without close_notify.
    var isTruncation: Bool {
        guard case .library(let code) = self else { return false }
        return ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING
    }

    var isAboutCertificate: Bool {
        guard case .library(let code) = self else { return false }
        return ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED
    }
}
