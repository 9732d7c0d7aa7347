import COpenSSL
import Glibc

/// What is wrong with a certificate, a key or a context, in OpenSSL's words.
public struct TLSError: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// Whether it is about a private key rather than a certificate.
    public let isAboutKey: Bool
    /// Which of the settings' pairs it is about.
    public private(set) var keyPairIndex = 0

    init(_ what: String, isAboutKey: Bool = false) {
        self.isAboutKey = isAboutKey
        let reason = Self.firstReason()
        description = reason.isEmpty ? what : "\(what): \(reason)"
        ERR_clear_error()
    }

    init(about error: TLSError, isAboutKey: Bool) {
        description = error.description
        self.isAboutKey = isAboutKey
    }

    func about(keyPair index: Int) -> TLSError {
        var error = self
        error.keyPairIndex = index
        return error
    }

    /// What OpenSSL's calls left behind must be gone before the next: SSL_get_error(3) looks at the thread's queue. It is nearly always
    /// empty, and to see that costs a fifth of clearing its sixteen places.
    static func clearQueue() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// The reason of the oldest error in OpenSSL's queue, which is the cause; those behind it say who heard of it ("system lib").
    private static func firstReason() -> String {
        let code = ERR_peek_error()
        if code == 0 { return "" }
        // ERR_SYSTEM_ERROR and ERR_GET_REASON of err.h: errno, for which OpenSSL has no words.
        if code & 0x8000_0000 != 0 { return unsafe String(cString: strerror(Int32(code & 0x7fff_ffff))) }
        guard let reason = unsafe ERR_reason_error_string(code) else { return "unknown" }
        return unsafe String(cString: reason)
    }
}
