import COpenSSL
import Foundation

/// A TLS connection by libssl, of a client or of a server.
public class TLSStream: ByteStream {
    public var unread: [UInt8] = []
    let connection: OpaquePointer
    let socket: TCPConnection

    /// Takes over the SSL, not the socket.
    init(_ connection: OpaquePointer, over socket: TCPConnection) {
        // SSL_write has no MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
        self.connection = connection
        self.socket = socket
        SSL_set_fd(connection, socket.fileDescriptor)
    }

    deinit {
        SSL_free(connection)
    }

    // MARK: What was agreed

    public var version: String { String(cString: SSL_get_version(connection)) }
    public var isResumed: Bool { SSL_session_reused(connection) == 1 }

    /// The protocol chosen by ALPN; nil if none was.
    public var alpn: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(connection, &name, &length)
        return name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self) }
    }

    // MARK: Bytes

    public func send(_ bytes: [UInt8], timeout: Double) throws {
        let deadline = Deadline(seconds: timeout)
        var sent = 0
        while sent < bytes.count {
            sent += Int(
                try perform("write", deadline) {
                    bytes.withUnsafeBytes { SSL_write(connection, $0.baseAddress.map { $0 + sent }, Int32(bytes.count - sent)) }
                })
        }
    }

    /// Empty at the peer's close_notify; an end without one throws.
    public func receiveSome(until deadline: Deadline) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        let count = try perform("read", deadline) { SSL_read(connection, &buffer, Int32(buffer.count)) }
        return Array(buffer.prefix(Int(count)))
    }

    public func halfClose() throws {
        SSL_shutdown(connection)
    }

    public func close() {
        SSL_shutdown(connection)
        socket.close()
    }

    /// Ends the connection below TLS, without close_notify.
    public func truncate() {
        socket.close()
    }

    public func reset() {
        socket.reset()
    }

    /// Calls into libssl, and waits for the socket as it asks. Returns 0 at the peer's close_notify.
    @discardableResult
    func perform(_ what: String, _ deadline: Deadline, _ call: () -> Int32) throws -> Int32 {
        while true {
            ERR_clear_error()
            errno = 0
            let result = call()
            if result > 0 { return result }
            switch SSL_get_error(connection, result) {
            case SSL_ERROR_WANT_READ: try socket.wait(for: POLLIN, until: deadline, "TLS \(what)")
            case SSL_ERROR_WANT_WRITE: try socket.wait(for: POLLOUT, until: deadline, "TLS \(what)")
            case SSL_ERROR_ZERO_RETURN: return 0
            case SSL_ERROR_SYSCALL where errno == ECONNRESET || errno == EPIPE: throw TestError.reset
            default: throw TestError.invalid("TLS \(what): \(openSSLErrors())")
            }
        }
    }
}
