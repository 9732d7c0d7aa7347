import CLinux
import COpenSSL
import GatewayCore
import Glibc

/// One TLS connection: the owner of an SSL and of the socket BIO below it.
///
/// Unsafe inside, safe outside: the SSL is freed once, with its owner; the BIO's state is freed after the SSL that
/// points to it; OpenSSL keeps no pointer to our buffers between calls (partial writes from moving buffers are on).
@safe
struct TLSConnection: ~Copyable {
    private let ssl: OpaquePointer
    private let state: UnsafeMutablePointer<SocketBIO.State>
    private let side: Side

    /// Keeps the certificates' callbacks alive that the handshake calls.
    private enum Side {
        case server(TLSServerContext)
        case client(TLSOrigin)
    }

    init(accepting context: TLSServerContext, socket: Int32) {
        unsafe self.init(context.defaultContext.handle, .server(context), SocketBIO.State(socket: socket, context: context))
        unsafe SSL_set_accept_state(ssl)
    }

    init(connecting origin: TLSOrigin, socket: Int32, session: TLSSession?, now: MonotonicTime) {
        unsafe self.init(origin.context.handle, .client(origin), SocketBIO.State(socket: socket, context: nil))
        unsafe SSL_set_connect_state(ssl)
        unsafe origin.prepare(ssl)
        unsafe state.pointee.startedAt = now
        guard let session else { return }
        unsafe state.pointee.sessionVerifiedAt = session.verifiedAt
        unsafe SSL_set_session(ssl, session.pointer)
    }

    private init(_ context: TLSContextHandle, _ side: Side, _ state: consuming SocketBIO.State) {
        self.side = side
        unsafe self.state = .allocate(capacity: 1)
        unsafe self.state.initialize(to: state)
        guard let ssl = unsafe SSL_new(context.pointer), let bio = unsafe SocketBIO.make(self.state) else {
            fatalError("OpenSSL has no memory for a connection")
        }
        unsafe self.ssl = unsafe ssl
        unsafe SSL_set_bio(ssl, bio, bio)
    }

    deinit {
        // What has come without a fatal alert can be resumed, however the connection ended (RFC 4346 § 7.2.1 took the old rule back).
        if case .client = side { unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN) }
        unsafe SSL_free(ssl)
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    mutating func handshake() -> IOResult {
        TLSError.clearQueue()
        let result = unsafe SSL_do_handshake(ssl)
        if result != 1 { return failure(of: result) }
        guard case .client(let origin) = side, let failure = protocolFailure(origin.context.applicationProtocol) else { return .moved(0) }
        return .failed(.tls(failure))
    }

    /// What is wrong with the protocol that an origin has chosen. One that knows no ALPN speaks HTTP/1.1, or what it says will be no HTTP;
    /// HTTP/2 it has to agree to (RFC 9113 § 3.2).
    private func protocolFailure(_ offered: ApplicationProtocol) -> TLSFailure? {
        guard hasChosenProtocol else { return offered == .http11 ? nil : .noProtocol }
        return hasChosen(offered) ? nil : .unexpectedProtocol
    }

    private var hasChosenProtocol: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        return unsafe name != nil
    }

    private func hasChosen(_ applicationProtocol: ApplicationProtocol) -> Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        guard let start = unsafe name else { return false }
        return unsafe RawSpan(_unsafeStart: start, byteCount: Int(length)).equals(applicationProtocol.name)
    }

    /// The sessions that the origin has offered since this was last asked.
    mutating func takeSessions() -> [TLSSession] {
        if unsafe state.pointee.sessions.isEmpty { return [] }
        let sessions = unsafe state.pointee.sessions
        unsafe state.pointee.sessions = []
        return sessions
    }

    /// epoll has told of more: what the last recv found of the socket is no longer true, also if the next bytes come from OpenSSL's buffer.
    mutating func noteReadable() {
        unsafe state.pointee.isDrained = false
    }

    /// Whether a read may bring more before epoll tells: OpenSSL holds bytes, or the last recv filled its buffer.
    var mayHoldMore: Bool { unsafe SSL_has_pending(ssl) == 1 || !state.pointee.isDrained }

    mutating func read(into queue: inout ByteQueue, atMost byteCount: Int) -> IOResult {
        TLSError.clearQueue()
        var result: Int32 = 0
        let count = unsafe queue.appendFrom(reserving: byteCount) { buffer in
            result = unsafe SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
            return Int(result)
        }
        return count > 0 ? .moved(count) : failure(of: result)
    }

    mutating func write(_ bytes: RawSpan) -> IOResult {
        TLSError.clearQueue()
        let result = unsafe bytes.withUnsafeBytes { buffer in
            // One record at a time: a partial write then never holds back more than that.
            unsafe SSL_write(ssl, buffer.baseAddress, Int32(min(buffer.count, Limits.flushBytes)))
        }
        return result > 0 ? .moved(Int(result)) : failure(of: result)
    }

    mutating func sendCloseNotify() {
        TLSError.clearQueue()
        // Before the handshake is done there is nothing to close (SSL_shutdown(3)).
        guard unsafe SSL_is_init_finished(ssl) == 1 else { return }
        // A second call would wait for the peer's.
        if unsafe SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 { unsafe SSL_shutdown(ssl) }
    }

    var info: TLSInfo {
        unsafe TLSInfo(
            version: Array(String(cString: SSL_get_version(ssl)).utf8),
            cipher: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { unsafe Array(String(cString: $0).utf8) } ?? [],
            isResumed: SSL_session_reused(ssl) == 1,
            applicationProtocol: hasChosen(.http2) ? .http2 : .http11,
            // Not SSL_get_servername(3): of a resumed TLS 1.2 session it tells the name that the ticket holds, which is none.
            serverName: state.pointee.serverName,
            client: clientCertificate)
    }

    /// Of a server that asks for it.
    private var clientCertificate: TLSClientCertificate? {
        guard case .server(let context) = side, let verification = unsafe context.verification(state.pointee.serverIndex) else {
            return nil
        }
        return unsafe TLSClientCertificate(of: ssl, verification)
    }

    /// Whether the client has sent any byte.
    var hasReceived: Bool { unsafe state.pointee.hasReceived }

    var abuse: TLSAbuse? { unsafe state.pointee.abuse }

    private func failure(of result: Int32) -> IOResult {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .wouldBlock
        case SSL_ERROR_ZERO_RETURN: .ended
        case SSL_ERROR_SYSCALL:
            unsafe state.pointee.failure == 0 ? endWithoutNotice : .failed(.system(SystemError("tls", state.pointee.failure)))
        default: libraryFailure
        }
    }

    /// An origin's content that lasts until the end is whole only where close_notify says so (RFC 9112 § 9.8). Clients often leave it out.
    private var endWithoutNotice: IOResult {
        if case .client = side { .failed(.truncated) } else { .ended }
    }

    private var libraryFailure: IOResult {
        guard let failure = TLSFailure.last else { return endWithoutNotice }
        if failure.isTruncation { return .failed(.truncated) }
        let verdict = unsafe SSL_get_verify_result(ssl)
        return .failed(.tls(failure.isAboutCertificate && verdict != X509_V_OK ? .certificate(verdict) : failure))
    }
}
