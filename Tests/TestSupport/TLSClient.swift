import COpenSSL
import Foundation

/// A session to resume, from ``TLSClient/session()``.
public final class TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    /// What the server made of it.
    public var ticket: [UInt8] {
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        SSL_SESSION_get0_ticket(pointer, &bytes, &count)
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    deinit {
        SSL_SESSION_free(pointer)
    }
}

/// A client's TLS connection, by libssl.
public final class TLSClient: TLSStream {
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
        /// What is shown to a server that asks for a certificate.
        public var certificate: TestCertificates.Leaf?

        public init() {}
    }

    public let tcp: TCPClient
    private let context: OpaquePointer

    public convenience init(
        port: UInt16, host: String = "127.0.0.1", timeout: Double = Deadline.defaultSeconds, _ configure: (inout Options) -> Void = { _ in }
    ) throws {
        var options = Options()
        configure(&options)
        try self.init(over: TCPClient(port: port, host: host), options, timeout: timeout)
    }

    /// Shakes hands on a connection that may have carried other bytes before.
    public init(over tcp: TCPClient, _ options: Options = Options(), timeout: Double = Deadline.defaultSeconds) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        guard let connection = SSL_new(context) else {
            SSL_CTX_free(context)
            throw TestError.invalid("OpenSSL: \(openSSLErrors())")
        }
        self.tcp = tcp
        self.context = context
        super.init(connection, over: tcp)
        try apply(options)
        try perform("handshake", Deadline(seconds: timeout)) { SSL_connect(connection) }
    }

    deinit {
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
        if let leaf = options.certificate {
            guard SSL_use_certificate_chain_file(connection, leaf.certificatePath) == 1,
                SSL_use_PrivateKey_file(connection, leaf.keyPath, SSL_FILETYPE_PEM) == 1
            else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        }
        if let session = options.session, let copy = SSL_SESSION_dup(session.pointer) {
            // A connection that ends without close_notify spoils its session; the test's stays good.
            SSL_set_session(connection, copy)
            SSL_SESSION_free(copy)
        }
    }

    // MARK: What was agreed

    public var cipher: String { SSL_CIPHER_get_name(SSL_get_current_cipher(connection)).map { String(cString: $0) } ?? "" }

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

    /// The names of the authorities that the server would take a certificate of.
    public var requestedAuthorities: Int { SSL_get0_peer_CA_list(connection).map { Int(OPENSSL_sk_num($0)) } ?? 0 }

    /// How many certificates the server sent.
    public var peerChainLength: Int { SSL_get_peer_cert_chain(connection).map { Int(OPENSSL_sk_num($0)) } ?? 0 }

    /// The session, once its ticket has come; with TLS 1.3 that is after the first bytes have been received.
    public func session() throws -> TLSSession {
        guard let session = SSL_get_session(connection), SSL_SESSION_is_resumable(session) == 1, let copy = SSL_SESSION_dup(session) else {
            throw TestError.invalid("no session that can be resumed")
        }
        return TLSSession(copy)
    }

    // MARK: Behind the handshake

    /// Tells the server, `count` times, of new keys (RFC 8446 § 4.6.3), and asks for the server's own if `asksForAnswer`.
    public func updateKeys(_ count: Int = 1, asksForAnswer: Bool = false) throws {
        for _ in 0..<count {
            guard SSL_key_update(connection, asksForAnswer ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 else {
                throw TestError.invalid("OpenSSL: \(openSSLErrors())")
            }
            try perform("KeyUpdate", Deadline(seconds: Deadline.defaultSeconds)) { SSL_do_handshake(connection) }
        }
    }
}
