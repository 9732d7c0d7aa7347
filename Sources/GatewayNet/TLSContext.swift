import COpenSSL
import GatewayCore
import Glibc

/// What a server's certificates are made from.
public struct TLSSettings: Sendable {
    public struct KeyPair: Sendable {
        public let certificatePath: String
        public let keyPath: String

        public init(certificatePath: String, keyPath: String) {
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    public let keyPairs: [KeyPair]
    /// The versions that are spoken: one of them at least.
    public let allowsTLS12: Bool
    public let allowsTLS13: Bool
    /// Sessions are resumed only within the same scope: the server's names.
    public let scope: String

    public init(keyPairs: [KeyPair], allowsTLS12: Bool, allowsTLS13: Bool, scope: String) {
        self.keyPairs = keyPairs
        self.allowsTLS12 = allowsTLS12
        self.allowsTLS13 = allowsTLS13
        self.scope = scope
    }
}

/// The owner of an SSL_CTX for one server, after Mozilla's intermediate profile (Server Side TLS, version 5.7).
///
/// Sendable: it is changed only while it is made; afterwards OpenSSL counts its references atomically and locks what it shares.
@safe
public final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let minimumVersion: Int32
    let maximumVersion: Int32
    /// For each certificate, when it ends: in days from when it was read, negative if that had passed.
    public private(set) var daysLeft: [Int] = []

    private static let cipherList =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
        + "DHE-RSA-CHACHA20-POLY1305"
    private static let groups = "X25519:P-256:P-384"

    /// Reads certificates and keys. Throws what is missing, unreadable, or doesn't belong together.
    public init(_ settings: TLSSettings) throws(TLSError) {
        ERR_clear_error()
        guard let pointer = unsafe SSL_CTX_new(TLS_server_method()) else { throw TLSError("cannot make a TLS context") }
        unsafe self.pointer = unsafe pointer
        minimumVersion = settings.allowsTLS12 ? TLS1_2_VERSION : TLS1_3_VERSION
        maximumVersion = settings.allowsTLS13 ? TLS1_3_VERSION : TLS1_2_VERSION
        // All properties are set: if one of these throws, deinit frees the context.
        try configure()
        try setScope(settings.scope)
        for (index, pair) in settings.keyPairs.enumerated() {
            do throws(TLSError) { try load(pair) } catch { throw error.about(keyPair: index) }
        }
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    private func configure() throws(TLSError) {
        unsafe gateway_SSL_CTX_set_server_options(pointer)
        unsafe gateway_SSL_CTX_set_mode(
            pointer,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER) | Int(SSL_MODE_RELEASE_BUFFERS))
        unsafe gateway_SSL_CTX_set_read_ahead(pointer, 1)
        unsafe gateway_SSL_CTX_set_versions(pointer, Int(minimumVersion), Int(maximumVersion))
        unsafe gateway_SSL_CTX_set_dh_auto(pointer)
        // Tickets hold the sessions; a cache of them would be one more table to bound and to lock.
        unsafe gateway_SSL_CTX_set_session_cache_off(pointer)
        guard unsafe SSL_CTX_set_cipher_list(pointer, Self.cipherList) == 1 else { throw TLSError("cannot set the ciphers") }
        guard unsafe gateway_SSL_CTX_set_groups(pointer, Self.groups) == 1 else { throw TLSError("cannot set the groups") }
        // A key that asks for a password must fail, not prompt on a terminal.
        unsafe SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(pointer, TicketKeys.callback)
        unsafe SSL_CTX_set_alpn_select_cb(pointer, Self.selectProtocol, nil)
    }

    /// A ticket of one server is not good for another: the scope's digest is the session id context.
    private func setScope(_ scope: String) throws(TLSError) {
        var digest = [UInt8](repeating: 0, count: 32)
        let name = Array(scope.utf8)
        unsafe EVP_Digest(name, name.count, &digest, nil, EVP_sha256(), nil)
        guard unsafe SSL_CTX_set_session_id_context(pointer, digest, UInt32(digest.count)) == 1 else {
            throw TLSError("cannot set the session context")
        }
    }

    private func load(_ pair: TLSSettings.KeyPair) throws(TLSError) {
        guard unsafe SSL_CTX_use_certificate_chain_file(pointer, pair.certificatePath) == 1 else {
            throw TLSError("cannot read the certificate \"\(pair.certificatePath)\"")
        }
        daysLeft.append(readDaysLeft())
        let certificate = unsafe SSL_CTX_get0_certificate(pointer)
        guard unsafe SSL_CTX_use_PrivateKey_file(pointer, pair.keyPath, SSL_FILETYPE_PEM) == 1 else {
            let mismatch = TLSError.lastReason() == "key_values_mismatch"
            throw TLSError(
                mismatch
                    ? "the key \"\(pair.keyPath)\" does not belong to the certificate \"\(pair.certificatePath)\""
                    : "cannot read the key \"\(pair.keyPath)\"", isAboutKey: true)
        }
        // SSL_CTX_check_private_key would look at the pair the key went to: that of another certificate, if it is of that one's type.
        guard unsafe X509_check_private_key(certificate, SSL_CTX_get0_privatekey(pointer)) == 1 else {
            throw TLSError("the key \"\(pair.keyPath)\" does not belong to the certificate \"\(pair.certificatePath)\"", isAboutKey: true)
        }
    }

    /// The end of a certificate's validity, in days from now; negative when it has passed. SSL_CTX_use_certificate_chain_file has
    /// made the one that was read last the context's current one.
    private func readDaysLeft() -> Int {
        guard let certificate = unsafe SSL_CTX_get0_certificate(pointer) else { return 0 }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard unsafe ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else { return 0 }
        return seconds < 0 && days == 0 ? -1 : Int(days)
    }

    /// ALPN (RFC 7301): http/1.1 where the client offers it, or else http/1.0; a client that offers only others is told so by an alert.
    private static let selectProtocol:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UInt32,
            UnsafeMutableRawPointer?
        ) -> Int32 = { _, chosen, chosenLength, offered, offeredLength, _ in
            guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            let list = unsafe RawSpan(_unsafeStart: offered, byteCount: Int(offeredLength))
            guard let name = find("http/1.1", in: list) ?? find("http/1.0", in: list) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            unsafe chosen?.pointee = offered + name.lowerBound
            unsafe chosenLength?.pointee = UInt8(name.count)
            return SSL_TLSEXT_ERR_OK
        }

    /// Where `name` stands in a list of names, each behind its length.
    private static func find(_ name: StaticString, in list: RawSpan) -> Range<Int>? {
        var position = 0
        while position < list.byteCount {
            let place = position + 1..<position + 1 + Int(list[byte: position])
            if place.upperBound > list.byteCount { return nil }
            if list.extracting(place).equals(name) { return place }
            position = place.upperBound
        }
        return nil
    }
}
