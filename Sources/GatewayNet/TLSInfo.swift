/// What a handshake agreed on.
public final class TLSInfo: Sendable {
    /// "TLSv1.3"
    public let version: [UInt8]
    public let cipher: [UInt8]
    public let isResumed: Bool
    /// What ALPN has settled.
    public let applicationProtocol: ApplicationProtocol
    /// The name that the client asked for (SNI), in lower case; nil without one.
    public let serverName: [UInt8]?
    /// What came of asking the client for a certificate; nil if the server doesn't.
    public let client: TLSClientCertificate?

    public var isTLS13: Bool { version.elementsEqual("TLSv1.3".utf8) }

    init(
        version: [UInt8], cipher: [UInt8], isResumed: Bool, applicationProtocol: ApplicationProtocol, serverName: [UInt8]?,
        client: TLSClientCertificate?
    ) {
        self.version = version
        self.cipher = cipher
        self.isResumed = isResumed
        self.applicationProtocol = applicationProtocol
        self.serverName = serverName
        self.client = client
    }
}
