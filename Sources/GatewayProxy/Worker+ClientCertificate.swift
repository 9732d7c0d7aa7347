import GatewayCore
import GatewayNet

/// Client certificates: whether a request may use what its connection has shown.
extension Worker {
    /// nil if the server that the request names may answer. The handshake has let the client in whatever its certificate, so that it
    /// can be told here what is wrong.
    func certificateError(_ id: Handle, _ connection: Handle) -> GatewayError? {
        guard let clients = exchanges[id].server?.clients else { return nil }
        guard let tls = downstreams[connection].tls else {
            if !clients.isRequired { return nil }
            return GatewayError(.clientCertificateRequired, "this server asks for a client certificate, which needs TLS")
        }
        // A connection that was made to another server, or before a reload, was not asked for this server's certificates: whoever
        // comes by it would walk around the demand, by Host. A new connection will be asked (RFC 9110 § 15.5.20).
        guard let client = tls.client, client.verificationDigest == clients.digest else {
            exchanges[id].response.keepsAlive = false
            return GatewayError(.misdirected, "the connection was not made for this server, which verifies client certificates")
        }
        switch client.verdict {
        case .verified:
            if now < client.holdsUntil { return nil }
            exchanges[id].response.keepsAlive = false
            return GatewayError(
                .misdirected, "the client certificate has ended, or was verified too long ago: a new connection is asked again")
        case .missing:
            if !clients.isRequired { return nil }
            return GatewayError(.clientCertificateRequired, "no client certificate was sent, and this server requires one")
        case .refused: return GatewayError(.clientCertificateInvalid, "the client certificate was not accepted")
        }
    }
}
