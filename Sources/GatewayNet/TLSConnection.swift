import CLinux
import COpenSSL
import GatewayCore
import Glibc

/// What a handshake agreed on.
public final class TLSInfo: Sendable {
    /// "TLSv1.3"
    public let version: [UInt8]
    public let cipher: [UInt8]
    public let isResumed: Bool
    /// The name that the client asked for (SNI), in lower case; nil without one.
    public let serverName: [UInt8]?

    init(version: [UInt8], cipher: [UInt8], isResumed: Bool, serverName: [UInt8]?) {
        self.version = version
        self.cipher = cipher
        self.isResumed = isResumed
        self.serverName = serverName
    }
}

/// One TLS connection: the owner of an SSL and of the socket BIO below it.
///
/// Unsafe inside, safe outside: the SSL is freed once, with its owner; the BIO's state is freed after the SSL that
/// points to it; OpenSSL keeps no pointer to our buffers between calls (partial writes from moving buffers are on).
@safe
struct TLSConnection: ~Copyable {
    private let ssl: OpaquePointer
    private let state: UnsafeMutablePointer<SocketBIO.State>
    /// Keeps the certificates' callbacks alive that the handshake calls.
    private let context: TLSServerContext

    init(accepting context: TLSServerContext, socket: Int32) {
        self.context = context
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: SocketBIO.State(socket: socket, context: context))
        guard let ssl = unsafe SSL_new(context.defaultContext.pointer), let bio = unsafe SocketBIO.make(state) else {
            fatalError("OpenSSL has no memory for a connection")
        }
        unsafe self.ssl = unsafe ssl
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe SSL_set_accept_state(ssl)
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    mutating func handshake() -> IOResult {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        return result == 1 ? .moved(0) : failure(of: result)
    }

    /// epoll has told of more: what the last recv found of the socket is no longer true, also if the next bytes come from OpenSSL's buffer.
    mutating func noteReadable() {
        unsafe state.pointee.isDrained = false
    }

    /// Whether a read may bring more before epoll tells: OpenSSL holds bytes, or the last recv filled its buffer.
    var mayHoldMore: Bool { unsafe SSL_has_pending(ssl) == 1 || !state.pointee.isDrained }

    mutating func read(into queue: inout ByteQueue, atMost byteCount: Int) -> IOResult {
        ERR_clear_error()
        var result: Int32 = 0
        let count = unsafe queue.appendFrom(reserving: byteCount) { buffer in
            result = unsafe SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
            return Int(result)
        }
        return count > 0 ? .moved(count) : failure(of: result)
    }

    mutating func write(_ bytes: RawSpan) -> IOResult {
        ERR_clear_error()
        let result = unsafe bytes.withUnsafeBytes { buffer in
            // One record at a time: a partial write then never holds back more than that.
            unsafe SSL_write(ssl, buffer.baseAddress, Int32(min(buffer.count, Limits.flushBytes)))
        }
        return result > 0 ? .moved(Int(result)) : failure(of: result)
    }

    mutating func sendCloseNotify() {
        ERR_clear_error()
        // Before the handshake is done there is nothing to close (SSL_shutdown(3)).
        if unsafe SSL_is_init_finished(ssl) == 1 { unsafe SSL_shutdown(ssl) }
    }

    var info: TLSInfo {
        unsafe TLSInfo(
            version: Array(String(cString: SSL_get_version(ssl)).utf8),
            cipher: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { unsafe Array(String(cString: $0).utf8) } ?? [],
            isResumed: SSL_session_reused(ssl) == 1,
            // Not SSL_get_servername(3): of a resumed TLS 1.2 session it tells the name that the ticket holds, which is none.
            serverName: state.pointee.serverName)
    }

    private func failure(of result: Int32) -> IOResult {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .wouldBlock
        case SSL_ERROR_ZERO_RETURN: .ended
        case SSL_ERROR_SYSCALL: unsafe state.pointee.failure == 0 ? .ended : .failed(.system(SystemError("tls", state.pointee.failure)))
        default: .failed(.tls(TLSError.lastReason()))
        }
    }
}
