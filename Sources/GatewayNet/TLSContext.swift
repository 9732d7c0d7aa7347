import COpenSSL
import GatewayCore
import Glibc

/// What a server's certificates are made from.
public struct TLSSettings: Sendable {
    public let keyPairs: [TLSKeyPair]
    /// The versions that are spoken: one of them at least.
    public let allowsTLS12: Bool
    public let allowsTLS13: Bool
    /// Whether HTTP/2 is agreed on where a client offers it.
    public let allowsHTTP2: Bool
    /// What is asked of clients; nil asks for no certificate.
    public let clients: TLSClientVerification?
    /// Sessions are resumed only within the same scope: the server's names.
    public let scope: String

    public init(
        keyPairs: [TLSKeyPair], allowsTLS12: Bool, allowsTLS13: Bool, allowsHTTP2: Bool, clients: TLSClientVerification?, scope: String
    ) {
        self.keyPairs = keyPairs
        self.allowsTLS12 = allowsTLS12
        self.allowsTLS13 = allowsTLS13
        self.allowsHTTP2 = allowsHTTP2
        self.clients = clients
        self.scope = scope
    }
}

/// The TLS of one server: its certificates, its versions, what it asks of clients.
@safe
public final class TLSContext: Sendable {
    let handle: TLSContextHandle
    let minimumVersion: Int32
    let maximumVersion: Int32
    public let clients: TLSClientVerification?
    /// For each certificate, when it ends.
    public let ends: [CertificateEnd]

    var pointer: OpaquePointer { unsafe handle.pointer }

    /// Reads certificates and keys. Throws what is missing, unreadable, or doesn't belong together.
    public init(_ settings: TLSSettings) throws(TLSError) {
        minimumVersion = settings.allowsTLS12 ? TLS1_2_VERSION : TLS1_3_VERSION
        maximumVersion = settings.allowsTLS13 ? TLS1_3_VERSION : TLS1_2_VERSION
        let handle = try TLSContextHandle(.server, minimumVersion: minimumVersion, maximumVersion: maximumVersion)
        self.handle = handle
        clients = settings.clients
        var ends: [CertificateEnd] = []
        for (index, pair) in settings.keyPairs.enumerated() {
            do throws(TLSError) { ends.append(try handle.load(pair)) } catch { throw error.about(keyPair: index) }
        }
        self.ends = ends
        configure(settings)
        settings.clients?.install(in: handle)
        try setScope(Array(settings.scope.utf8) + (settings.clients?.digest ?? []))
    }

    private func configure(_ settings: TLSSettings) {
        unsafe gateway_SSL_CTX_set_server_options(pointer)
        unsafe gateway_SSL_CTX_set_dh_auto(pointer)
        // Tickets hold the sessions; a cache of them would be one more table to bound and to lock.
        unsafe gateway_SSL_CTX_set_session_cache_off(pointer)
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(pointer, TicketKeys.callback)
        unsafe SSL_CTX_set_session_ticket_cb(pointer, ClientSessionAge.stamp, ClientSessionAge.check, nil)
        // It is asked of the context that the client's server name has brought, behind the client-hello callback.
        unsafe SSL_CTX_set_alpn_select_cb(pointer, settings.allowsHTTP2 ? Self.selectAnyProtocol : Self.selectHTTP1, nil)
        unsafe SSL_CTX_set_info_callback(pointer, TLSAbuse.observe)
    }

    /// A ticket of one server is not good for another, nor for the same one when it asks something else of its clients: the scope's
    /// digest is the session id context.
    private func setScope(_ scope: [UInt8]) throws(TLSError) {
        let digest = TLSDigest.sha256(scope)
        guard unsafe SSL_CTX_set_session_id_context(pointer, digest, UInt32(digest.count)) == 1 else {
            throw TLSError("cannot set the session context")
        }
    }

    private typealias ProtocolSelection =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UInt32,
            UnsafeMutableRawPointer?
        ) -> Int32

    private static let selectAnyProtocol: ProtocolSelection = { _, chosen, chosenLength, offered, offeredLength, _ in
        unsafe select(chosen, chosenLength, offered, offeredLength, allowsHTTP2: true)
    }

    private static let selectHTTP1: ProtocolSelection = { _, chosen, chosenLength, offered, offeredLength, _ in
        unsafe select(chosen, chosenLength, offered, offeredLength, allowsHTTP2: false)
    }

    /// ALPN (RFC 7301) by our preference: h2, http/1.1, or else http/1.0; a client that offers only others is told so by an alert.
    private static func select(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ chosenLength: UnsafeMutablePointer<UInt8>?,
        _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32, allowsHTTP2: Bool
    ) -> Int32 {
        guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let list = unsafe RawSpan(_unsafeStart: offered, byteCount: Int(offeredLength))
        let http2 = allowsHTTP2 ? find(ApplicationProtocol.http2.name, in: list) : nil
        guard let name = http2 ?? find(ApplicationProtocol.http11.name, in: list) ?? find("http/1.0", in: list) else {
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
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
