import COpenSSL
import GatewayCore

/// A session with an origin that another connection may resume: the owner of a reference to an SSL_SESSION.
///
/// Sendable for the sake of who keeps it; it stays with the worker that made it.
@safe
public final class TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer
    /// When the origin's certificate was last looked at. Resuming doesn't look, and each resumed connection brings new tickets: without
    /// this they would prolong a verification for ever.
    public let verifiedAt: MonotonicTime

    init(owning pointer: OpaquePointer, verifiedAt: MonotonicTime) {
        unsafe self.pointer = unsafe pointer
        self.verifiedAt = verifiedAt
    }

    deinit {
        unsafe SSL_SESSION_free(pointer)
    }

    /// A ticket of TLS 1.3 is better not sent twice: who watches would see that it is the same client (RFC 8446 § C.4).
    public var isSingleUse: Bool { unsafe SSL_SESSION_get_protocol_version(pointer) >= TLS1_3_VERSION }

    public func isUsable(now: MonotonicTime) -> Bool {
        unsafe SSL_SESSION_is_resumable(pointer) == 1
            && !VerificationAge.isOver(verifiedAt, now: now, limitMs: Limits.sessionAgeMs)
    }
}
