import CLinux
import COpenSSL
import GatewayCore
import Glibc

/// OpenSSL's way to a socket. Its own socket BIO would do, but this one says whether a recv emptied the socket, which saves the
/// second recv of every record, and a send never raises SIGPIPE.
enum SocketBIO {
    @unsafe
    struct State {
        let socket: Int32
        /// The last recv brought less than it asked for: there is no more until epoll says so.
        var isDrained = false
        /// errno of the last call that failed for good.
        var failure: Int32 = 0
        var hasEnded = false
        var hasReceived = false
        /// Set by the client-hello callback: the name that the client asked for, if any.
        var serverName: [UInt8]?
        /// Set by the client-hello callback: which of the listener's servers the handshake is with.
        var serverIndex: Int?
        /// Of a connection to an origin: the sessions that it has offered and nobody has taken yet.
        var sessions: [TLSSession] = []
        /// Of a connection to an origin: when it began, and when the origin's certificate was looked at for the session that it resumes.
        var startedAt = MonotonicTime.never
        var sessionVerifiedAt = MonotonicTime.never
        /// Of a client's connection. Not counted: the connection that owns this state holds the context, too.
        let context: Unmanaged<TLSServerContext>?
        /// What the client does with the protocol beyond bounds: nothing more is read from it then.
        var abuse: TLSAbuse?
        var keyUpdates = TLSBudget()

        init(socket: Int32, context: TLSServerContext?) {
            unsafe self.socket = socket
            unsafe self.context = context.map { unsafe .passUnretained($0) }
        }
    }

    private static let flagsOfRetry = BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

    /// Made once and never changed; OpenSSL only reads it.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "gateway socket")
        unsafe BIO_meth_set_read(method, receive)
        unsafe BIO_meth_set_write(method, send)
        unsafe BIO_meth_set_ctrl(method, control)
        return unsafe method
    }()

    /// A BIO over `state`, which must outlive it.
    static func make(_ state: UnsafeMutablePointer<State>) -> OpaquePointer? {
        guard let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, state)
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    static func state(of bio: OpaquePointer?) -> UnsafeMutablePointer<State>? {
        unsafe BIO_get_data(bio)?.assumingMemoryBound(to: State.self)
    }

    private static let receive: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = { bio, buffer, length in
        guard let state = unsafe SocketBIO.state(of: bio) else { return -1 }
        unsafe BIO_clear_flags(bio, flagsOfRetry)
        // SSL_read goes on as long as records come that hold no content: only here can it be stopped.
        if unsafe state.pointee.abuse != nil {
            unsafe state.pointee.failure = ECONNABORTED
            return -1
        }
        let count = unsafe gateway_recv(state.pointee.socket, buffer, Int(length))
        unsafe state.pointee.isDrained = count < Int(length)
        if count > 0 { unsafe state.pointee.hasReceived = true }
        if count == 0 { unsafe state.pointee.hasEnded = true }
        if count < 0 { unsafe noteFailure(bio, state, BIO_FLAGS_READ) }
        return Int32(count)
    }

    private static let send: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = { bio, bytes, length in
        guard let state = unsafe SocketBIO.state(of: bio) else { return -1 }
        unsafe BIO_clear_flags(bio, flagsOfRetry)
        let count = unsafe gateway_send(state.pointee.socket, bytes, Int(length))
        if count < 0 { unsafe noteFailure(bio, state, BIO_FLAGS_WRITE) }
        return Int32(count)
    }

    private static func noteFailure(_ bio: OpaquePointer?, _ state: UnsafeMutablePointer<State>, _ direction: Int32) {
        if errno == EAGAIN || errno == EINTR {
            unsafe BIO_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY)
        } else {
            unsafe state.pointee.failure = errno
        }
    }

    private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = { bio, command, _, _ in
        switch command {
        case BIO_CTRL_FLUSH: 1  // nothing is held back here
        case BIO_CTRL_EOF: unsafe SocketBIO.state(of: bio).map { unsafe $0.pointee.hasEnded ? 1 : 0 } ?? 0
        default: 0
        }
    }
}
