import COpenSSL
import Foundation

/// The server's side of TLS for scripted origins: one for all connections of an origin, so that its tickets are good on each of them.
public final class TLSServerSide: @unchecked Sendable {
    public struct Options {
        public var minimum = TLSClient.Version.tls12
        public var maximum = TLSClient.Version.tls13
        /// Asks for a certificate of this authority, and ends the handshake without one.
        public var clientAuthorityPath: String?
        /// Chosen whatever the client offers; nil chooses none.
        public var alpn: String? = "http/1.1"

        public init() {}
    }

    let context: OpaquePointer
    /// ALPN's wire form, for as long as the context lives.
    private let chosen: UnsafeMutablePointer<UInt8>
    private let chosenCount: Int

    public init(_ leaf: TestCertificates.Leaf, _ configure: (inout Options) -> Void = { _ in }) throws {
        var options = Options()
        configure(&options)
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        self.context = context
        let name = Array((options.alpn ?? "").utf8)
        chosenCount = name.count
        chosen = .allocate(capacity: name.count + 1)
        chosen.initialize(to: UInt8(name.count))
        for (index, byte) in name.enumerated() { (chosen + 1 + index).initialize(to: byte) }
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, options.minimum.rawValue, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, options.maximum.rawValue, nil)
        guard SSL_CTX_use_certificate_chain_file(context, leaf.certificatePath) == 1,
            SSL_CTX_use_PrivateKey_file(context, leaf.keyPath, SSL_FILETYPE_PEM) == 1
        else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        SSL_CTX_set_session_id_context(context, [1], 1)
        if options.alpn != nil { SSL_CTX_set_alpn_select_cb(context, Self.chooseProtocol, chosen) }
        guard let path = options.clientAuthorityPath else { return }
        guard SSL_CTX_load_verify_file(context, path) == 1 else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    deinit {
        SSL_CTX_free(context)
        chosen.deinitialize(count: chosenCount + 1)
        chosen.deallocate()
    }

    private static let chooseProtocol:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UInt32,
            UnsafeMutableRawPointer?
        ) -> Int32 = { _, name, length, _, _, chosen in
            guard let chosen = chosen?.assumingMemoryBound(to: UInt8.self) else { return SSL_TLSEXT_ERR_NOACK }
            name?.pointee = UnsafePointer(chosen + 1)
            length?.pointee = chosen.pointee
            return SSL_TLSEXT_ERR_OK
        }
}

/// An origin's end of a TLS connection.
public final class TLSServerConnection: TLSStream {
    private let side: TLSServerSide

    /// Shakes hands.
    public init(over socket: TCPConnection, _ side: TLSServerSide) throws {
        guard let connection = SSL_new(side.context) else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        self.side = side
        super.init(connection, over: socket)
        try perform("handshake", Deadline(seconds: Deadline.defaultSeconds)) { SSL_accept(connection) }
    }

    /// The name that the client asked for (SNI); nil without one.
    public var serverName: String? {
        SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    /// Sends a ticket of TLS 1.3, at once.
    public func sendTicket() throws {
        guard SSL_new_session_ticket(connection) == 1 else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        try perform("ticket", Deadline(seconds: Deadline.defaultSeconds)) { SSL_do_handshake(connection) }
    }

    /// Sends a KeyUpdate of TLS 1.3 that asks the client for one of its own.
    public func updateKeys() throws {
        guard SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED) == 1 else { throw TestError.invalid("OpenSSL: \(openSSLErrors())") }
        try perform("KeyUpdate", Deadline(seconds: Deadline.defaultSeconds)) { SSL_do_handshake(connection) }
    }
}

extension ScriptedOrigin {
    public typealias TLSScript = @Sendable (_ connection: TLSServerConnection, _ index: Int) throws -> Void

    /// An origin over TLS. A client that doesn't like the certificate leaves an error behind.
    public static func overTLS(_ side: TLSServerSide, _ script: @escaping TLSScript) throws -> ScriptedOrigin {
        try ScriptedOrigin { socket, index in try script(TLSServerConnection(over: socket, side), index) }
    }

    /// Answers every request with what it was and how it came: "GET / TLSv1.3 resumed=false name=origin.test alpn=http/1.1 connection=0".
    public static func tellingTLS(_ side: TLSServerSide, fields: String = "") throws -> ScriptedOrigin {
        try overTLS(side) { connection, index in
            while let request = try connection.readNextRequest() {
                let text =
                    "\(request.method) \(request.target) \(connection.version) resumed=\(connection.isResumed) "
                    + "name=\(connection.serverName ?? "none") alpn=\(connection.alpn ?? "none") connection=\(index)"
                try connection.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(text.utf8.count)\r\n\r\n\(text)")
                if fields.contains("close") {
                    connection.close()
                    return
                }
            }
        }
    }
}
