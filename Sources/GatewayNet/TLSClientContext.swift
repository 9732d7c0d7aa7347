import COpenSSL
import GatewayCore

/// What the gateway's side of TLS to origins is made from.
public struct TLSClientSettings: Sendable {
    /// Who may vouch for an origin; nil verifies nothing.
    public let trust: TLSTrustStore?
    /// The gateway's own certificate, for origins that ask for one.
    public let keyPair: TLSKeyPair?
    /// What is offered by ALPN, alone.
    public let applicationProtocol: ApplicationProtocol

    public init(trust: TLSTrustStore?, keyPair: TLSKeyPair?, applicationProtocol: ApplicationProtocol) {
        self.trust = trust
        self.keyPair = keyPair
        self.applicationProtocol = applicationProtocol
    }
}

/// The TLS of one upstream: whom it trusts and what it shows of itself, for all of its connections on all workers.
@safe
public final class TLSClientContext: Sendable {
    let handle: TLSContextHandle
    /// When the gateway's own certificate ends: in days from when it was read, negative if that had passed.
    public let daysLeft: Int?
    let applicationProtocol: ApplicationProtocol
    /// What its connections and sessions stand for: with another trust, another certificate or another protocol, they are others.
    let digest: [UInt8]

    /// Throws what is wrong with the certificate or key.
    public init(_ settings: TLSClientSettings) throws(TLSError) {
        let handle = try TLSContextHandle(.client, minimumVersion: TLS1_2_VERSION, maximumVersion: TLS1_3_VERSION)
        self.handle = handle
        daysLeft = try settings.keyPair.map { pair throws(TLSError) in try handle.load(pair).daysLeft }
        applicationProtocol = settings.applicationProtocol
        let offered = settings.applicationProtocol.listed
        digest = TLSDigest.sha256(
            (settings.trust?.digest ?? [0]) + (settings.keyPair == nil ? [0] : handle.certificateDigest()) + offered)
        unsafe gateway_SSL_CTX_set_client_options(handle.pointer)
        if let trust = settings.trust { unsafe SSL_CTX_set1_cert_store(handle.pointer, trust.pointer) }
        unsafe SSL_CTX_set_verify(handle.pointer, settings.trust == nil ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
        // 0 is success, here alone.
        guard unsafe SSL_CTX_set_alpn_protos(handle.pointer, offered, UInt32(offered.count)) == 0 else {
            throw TLSError("cannot set the protocols")
        }
        unsafe gateway_SSL_CTX_set_session_cache_client(handle.pointer)
        unsafe SSL_CTX_sess_set_new_cb(handle.pointer, Self.keepSession)
    }

    /// SSL_CTX_sess_set_new_cb(3): with TLS 1.3 at any time after the handshake, when a ticket has come. 1 takes the session over.
    private static let keepSession: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32 = { ssl, session in
        guard let session = unsafe session, let state = unsafe SocketBIO.state(of: SSL_get_rbio(ssl)) else { return 0 }
        // The newest are good for longest, as for the pool.
        if unsafe state.pointee.sessions.count >= Limits.sessionsPerConnectionMax { unsafe state.pointee.sessions.removeFirst() }
        let isResumed = unsafe SSL_session_reused(ssl) == 1
        let verifiedAt = unsafe isResumed ? state.pointee.sessionVerifiedAt : state.pointee.startedAt
        unsafe state.pointee.sessions.append(TLSSession(owning: session, verifiedAt: verifiedAt))
        return 1
    }
}

/// One server of an upstream as TLS sees it: the context, and the name that its certificate must have.
public final class TLSOrigin: Sendable {
    let context: TLSClientContext
    /// A host name, which is sent as SNI, too; or an address, which is not (RFC 6066 § 3).
    let name: String
    let isAddress: Bool
    /// The same for the same name, trust, certificate and protocol: connections and sessions may be used again as long as it is.
    public let identity: String

    public init(_ context: TLSClientContext, name: String) {
        self.context = context
        self.name = name
        isAddress = IPAddress(name) != nil
        identity = TLSDigest.sha256(context.digest + Array(name.utf8)).map { String($0, radix: 16) }.joined(separator: ".")
    }

    /// Makes a connection ask for the name and insist on it.
    func prepare(_ ssl: OpaquePointer) {
        // The name stands in subjectAltName or nowhere (RFC 9525 § 6.3), and "f*.example" is no wildcard (§ 6.3).
        let flags = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        unsafe SSL_set_hostflags(ssl, flags)
        let isSet =
            isAddress
            ? unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
            : unsafe SSL_set1_host(ssl, name) == 1 && gateway_SSL_set_server_name(ssl, name) == 1
        // Without its name a certificate would be good for any origin.
        precondition(isSet, "OpenSSL has no memory for a name")
    }
}
