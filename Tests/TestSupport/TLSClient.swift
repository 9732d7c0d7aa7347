import COpenSSL
import Foundation

/// A session to resume, from ``TLSClient/session()``.
public final class TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        SSL_SESSION_free(pointer)
    }
}

/// A client's TLS connection, by libssl.
public final class TLSClient: ByteStream {
    public enum Version: Int, Sendable {
        case tls10 = 0x301
        case tls11 = 0x302
        case tls12 = 0x303
        case tls13 = 0x304
    }

    public struct Options {
        /// SNI; nil sends none.
        public var serverName: String? = "localhost"
        public var alpn: [String] = ["http/1.1"]
        public var minimum = Version.tls12
        public var maximum = Version.tls13
        /// With it the certificate and its name are verified; without, anything goes.
        public var authorityPath: String?
        public var session: TLSSession?
        /// In OpenSSL's syntax, for TLS 1.2: "ECDHE-RSA-AES128-GCM-SHA256" asks for an RSA certificate.
        public var ciphers: String?
        /// In OpenSSL's syntax: "RSA-PSS+SHA256" asks for an RSA certificate with TLS 1.3.
        public var signatureAlgorithms: String?

        public init() {}
    }

    public var unread: [UInt8] = []
    public let tcp: TCPClient
    private let context: OpaquePointer
    private let connection: OpaquePointer

    public convenience init(
        port: UInt16, host: String = "127.0.0.1", timeout: Double = Deadline.defaultSeconds, _ configure: (inout Options) -> Void = { _ in }
    ) throws {
        var options = Options()
        configure(&options)
        try self.init(over: TCPClient(port: port, host: host), options, timeout: timeout)
    }

    /// Shakes hands on a connection that may have carried other bytes before.
    public init(over tcp: TCPClient, _ options: Options = Options(), timeout: Double = Deadline.defaultSeconds) throws {
        // SSL_write has no MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        guard let connection = SSL_new(context) else {
            SSL_CTX_free(context)
            throw TestError.invalid("OpenSSL: \(openSSLErrors())")
        }
        self.tcp = tcp
        self.context = context
        self.connection = connection
        try apply(options)
        SSL_set_fd(connection, tcp.fileDescriptor)
        try perform("handshake", Deadline(seconds: timeout)) { SSL_connect(connection) }
    }

    deinit {
        SSL_free(connection)
        SSL_CTX_free(context)
    }

    /// The macros of ssl.h are calls of SSL_ctrl, which Swift sees.
    private func apply(_ options: Options) throws {
        SSL_ctrl(connection, SSL_CTRL_SET_MIN_PROTO_VERSION, options.minimum.rawValue, nil)
        SSL_ctrl(connection, SSL_CTRL_SET_MAX_PROTO_VERSION, options.maximum.rawValue, nil)
        // Versions before 1.2 are there only for tests that they are refused.
        if options.minimum.rawValue < Version.tls12.rawValue { SSL_set_security_level(connection, 0) }
        if let name = options.serverName {
            var bytes = Array(name.utf8CString)
            SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &bytes)
        }
        let protocols = options.alpn.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        SSL_set_alpn_protos(connection, protocols, UInt32(protocols.count))
        if let path = options.authorityPath {
            guard SSL_CTX_load_verify_file(context, path) == 1 else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
            SSL_set_verify(connection, SSL_VERIFY_PEER, nil)
            SSL_set1_host(connection, options.serverName)
        }
        if let ciphers = options.ciphers, SSL_set_cipher_list(connection, ciphers) != 1 {
            throw TestError.invalid("no cipher in '\(ciphers)'")
        }
        if let algorithms = options.signatureAlgorithms {
            var bytes = Array(algorithms.utf8CString)
            SSL_ctrl(connection, SSL_CTRL_SET_SIGALGS_LIST, 0, &bytes)
        }
        if let session = options.session, let copy = SSL_SESSION_dup(session.pointer) {
            // A connection that ends without close_notify spoils its session; the test's stays good.
            SSL_set_session(connection, copy)
            SSL_SESSION_free(copy)
        }
    }

    // MARK: What was agreed

    public var version: String { String(cString: SSL_get_version(connection)) }
    public var cipher: String { SSL_CIPHER_get_name(SSL_get_current_cipher(connection)).map { String(cString: $0) } ?? "" }
    public var isResumed: Bool { SSL_session_reused(connection) == 1 }

    /// The protocol chosen by ALPN; nil if none was.
    public var alpn: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(connection, &name, &length)
        return name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self) }
    }

    /// The serial number of the server's certificate in hexadecimal: which one it chose.
    public var peerSerial: String? {
        guard let certificate = SSL_get0_peer_certificate(connection) else { return nil }
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nil) else { return nil }
        defer { BN_free(number) }
        guard let text = BN_bn2hex(number) else { return nil }
        defer { CRYPTO_free(text, nil, 0) }
        let digits = String(cString: text).drop { $0 == "0" }
        return String(digits)
    }

    /// How many certificates the server sent.
    public var peerChainLength: Int { SSL_get_peer_cert_chain(connection).map { Int(OPENSSL_sk_num($0)) } ?? 0 }

    /// The session, once its ticket has come; with TLS 1.3 that is after the first bytes have been received.
    public func session() throws -> TLSSession {
        guard let session = SSL_get_session(connection), SSL_SESSION_is_resumable(session) == 1, let copy = SSL_SESSION_dup(session) else {
            throw TestError.invalid("no session that can be resumed")
        }
        return TLSSession(copy)
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
        tcp.close()
    }

    public func reset() {
        tcp.reset()
    }

    /// Calls into libssl, and waits for the socket as it asks. Returns 0 at the peer's close_notify.
    @discardableResult
    private func perform(_ what: String, _ deadline: Deadline, _ call: () -> Int32) throws -> Int32 {
        while true {
            ERR_clear_error()
            errno = 0
            let result = call()
            if result > 0 { return result }
            switch SSL_get_error(connection, result) {
            case SSL_ERROR_WANT_READ: try tcp.wait(for: POLLIN, until: deadline, "TLS \(what)")
            case SSL_ERROR_WANT_WRITE: try tcp.wait(for: POLLOUT, until: deadline, "TLS \(what)")
            case SSL_ERROR_ZERO_RETURN: return 0
            case SSL_ERROR_SYSCALL where errno == ECONNRESET || errno == EPIPE: throw TestError.reset
            default: throw TestError.invalid("TLS \(what): \(openSSLErrors())")
            }
        }
    }
}
