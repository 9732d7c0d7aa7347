import COpenSSL
import GatewayCore

/// What a server asks of its clients' certificates.
@safe
public final class TLSClientVerification: Sendable {
    /// Whether a client without a certificate is turned away.
    public let isRequired: Bool
    private let trust: TLSTrustStore
    /// Intermediate certificates between a client's and one that is trusted.
    private let depthMax: Int32
    /// The same for the same authorities, revocations and depth: whoever was verified under it stays so.
    public let digest: [UInt8]

    public init(trust: TLSTrustStore, depthMax: Int, isRequired: Bool) {
        self.trust = trust
        self.depthMax = Int32(clamping: depthMax)
        self.isRequired = isRequired
        digest = TLSDigest.sha256(trust.digest + Array("\(depthMax)".utf8))
    }

    func install(in handle: TLSContextHandle) {
        unsafe SSL_CTX_set1_cert_store(handle.pointer, trust.pointer)
        trust.announce(in: handle)
    }

    /// Makes a handshake ask for the client's certificate.
    func ask(_ ssl: OpaquePointer) {
        unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER, Self.goOn)
        unsafe SSL_set_verify_depth(ssl, depthMax)
    }

    /// As in nginx the handshake goes on whatever the verdict is, so that the client gets an answer that says what is wrong with its
    /// certificate. The verdict stays in SSL_get_verify_result(3), and no request passes without a look at it.
    private static let goOn: @convention(c) (Int32, OpaquePointer?) -> Int32 = { _, _ in 1 }
}

/// How long a client's certificate is taken on trust by resuming sessions. Each resumption with TLS 1.3 brings new tickets with a
/// lifetime of their own, so a ticket holds when its line of sessions began.
enum ClientSessionAge {
    /// SSL_CTX_set_session_ticket_cb(3): before a ticket is made.
    static let stamp: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { ssl, _ in
        guard let session = unsafe SSL_get_session(ssl), unsafe SSL_SESSION_get0_peer(session) != nil else { return 1 }
        if unsafe start(of: session) != nil { return 1 }
        var now = MonotonicTime.now()
        return unsafe SSL_SESSION_set1_ticket_appdata(session, &now, MemoryLayout<MonotonicTime>.size)
    }

    /// The same: after a ticket was opened, or could not be.
    static let check:
        @convention(c) (OpaquePointer?, OpaquePointer?, UnsafePointer<UInt8>?, Int, Int32, UnsafeMutableRawPointer?) -> Int32 = {
            _, session, _, _, status, _ in
            guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW, let session = unsafe session else {
                return SSL_TICKET_RETURN_IGNORE_RENEW
            }
            if unsafe SSL_SESSION_get0_peer(session) != nil {
                guard let start = unsafe start(of: session),
                    !VerificationAge.isOver(start, now: .now(), limitMs: Limits.clientCertificateAgeMs)
                else { return SSL_TICKET_RETURN_IGNORE_RENEW }
            }
            return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
        }

    /// nil if the line begins with this session.
    static func start(of session: OpaquePointer) -> MonotonicTime? {
        var data: UnsafeMutableRawPointer?
        var length = 0
        guard unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &length) == 1, length == MemoryLayout<MonotonicTime>.size else {
            return nil
        }
        return unsafe data?.loadUnaligned(as: MonotonicTime.self)
    }
}
