import Glibc

/// Why a helper of the tests could not do its part. The text says what was waited for, and what was there instead.
public enum TestError: Error, CustomStringConvertible {
    case timedOut(String)
    /// The peer ended the connection before that was there.
    case ended(String)
    /// The peer reset the connection.
    case reset
    case system(String, errno: Int32)
    case invalid(String)

    public var description: String {
        switch self {
        case .timedOut(let what): "timed out: \(what)"
        case .ended(let what): "the connection ended: \(what)"
        case .reset: "the connection was reset"
        case .system(let call, let number): "\(call): \(String(cString: strerror(number)))"
        case .invalid(let what): what
        }
    }

    static func lastError(_ call: String) -> TestError {
        errno == ECONNRESET || errno == EPIPE ? .reset : .system(call, errno: errno)
    }
}
