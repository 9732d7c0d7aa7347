/// `tls` of an upstream.
public struct UpstreamTLSConfig: Sendable, Equatable {
    /// Whether an origin's certificate has to be good, and its name right.
    public var verifies: Bool
    /// The name that is verified and sent as SNI, for all servers; nil: see ``UpstreamConfig/tlsName(of:)``.
    public var name: String?
    /// Who may vouch for the origins; nil: whom the system trusts.
    public var caPath: String?
    /// What the gateway shows of itself to origins that ask.
    public var certificate: CertificateFiles?
    /// Of `ca`, or else of the directive that asks for TLS.
    public var position: SourcePosition
}

extension UpstreamConfig {
    /// The name that the certificate of `server` must have: `name` of `tls`, else `host`, else the server's own.
    public func tlsName(of server: Server) -> String {
        let name = tls?.name ?? host.flatMap { AddressReader.hostAndPort($0)?.host } ?? server.host
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}

/// What a server asks of its clients' certificates: `ssl_verify_client` and what belongs to it.
public struct ClientVerificationConfig: Sendable, Equatable {
    /// Whether a request without a certificate is refused; else only one with a certificate that is not good.
    public var isRequired: Bool
    public var caPath: String
    public var crlPath: String?
    public var depthMax: Int
    /// Where ssl_client_certificate names the file, and ssl_crl.
    public var position: SourcePosition
    public var crlPosition: SourcePosition
}
