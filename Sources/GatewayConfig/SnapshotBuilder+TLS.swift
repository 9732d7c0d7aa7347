/// Both sides of TLS that are verified: origins, and clients that show a certificate.
extension SnapshotBuilder {
    // MARK: Origins

    func upstreamTLS(of block: Scope) -> UpstreamTLSConfig? {
        guard let entry = block.first("tls") else { return nil }
        let arguments = entry.arguments
        let verifies = arguments.toggle("verify") ?? true
        if !verifies, let ca = arguments.word("ca") {
            diagnostics.error(
                "\"ca\" is of no use with \"verify=off\"", at: ca.position, expected: "leave out one of the two")
        } else if !verifies, let verify = arguments.word("verify") {
            diagnostics.warning(
                "the certificates of the origins are not verified: whoever is on the way can answer in their place",
                at: verify.position, expected: "a private authority can be named with ca=FILE")
        }
        return UpstreamTLSConfig(
            verifies: verifies, name: arguments.text("name"), caPath: arguments.text("ca").map(resolve),
            certificate: certificate(arguments), position: arguments.word("ca")?.position ?? entry.name.position)
    }

    /// TLS by default, as `https://` asks for it.
    func defaultTLS(at position: SourcePosition) -> UpstreamTLSConfig {
        UpstreamTLSConfig(verifies: true, name: nil, caPath: nil, certificate: nil, position: position)
    }

    private func certificate(_ arguments: Arguments) -> CertificateFiles? {
        guard let certificate = arguments.word("cert"), let key = arguments.word("key") else {
            if let certificate = arguments.word("cert") {
                diagnostics.error("the certificate has no key", at: certificate.position, expected: "expected key=FILE beside it")
            }
            if let key = arguments.word("key") {
                diagnostics.error("the key has no certificate", at: key.position, expected: "expected cert=FILE beside it")
            }
            return nil
        }
        guard let certificatePath = arguments.text("cert"), let keyPath = arguments.text("key") else { return nil }
        return CertificateFiles(
            certificatePath: resolve(certificatePath), keyPath: resolve(keyPath), position: certificate.position,
            keyPosition: key.position)
    }

    // MARK: Clients

    /// Of a server with TLS.
    func clientVerification(of block: Scope) -> ClientVerificationConfig? {
        let mode = block.effective("ssl_verify_client").text() ?? "off"
        let authorities = block.nearest("ssl_client_certificate").first
        if mode == "off" {
            warnIfUnused("ssl_client_certificate", of: block, "\"ssl_verify_client\" is off")
            warnIfUnused("ssl_crl", of: block, "\"ssl_verify_client\" is off")
            return nil
        }
        guard let authorities else {
            let position = block.nearest("ssl_verify_client").first?.name.position ?? SourcePosition(path: path)
            diagnostics.error(
                "\"ssl_verify_client \(mode)\" has nobody to vouch for clients", at: position,
                expected: "expected ssl_client_certificate FILE;")
            return nil
        }
        guard let caPath = authorities.arguments.text(), let position = authorities.arguments.word()?.position else { return nil }
        warnOfPlainListeners(block, mode)
        let revocations = block.nearest("ssl_crl").first?.arguments
        return ClientVerificationConfig(
            isRequired: mode == "on", caPath: resolve(caPath), crlPath: revocations?.text().map(resolve),
            depthMax: block.effective("ssl_verify_depth").number() ?? 1, position: position,
            crlPosition: revocations?.word()?.position ?? position)
    }

    /// Of a server without TLS: what it says of client certificates itself has no effect. That it serves nobody without one would be a lie.
    func reportUnusedVerification(_ block: Scope) {
        let isSound = block.all("listen").allSatisfy(\.isSound)
        if isSound, let own = block.first("ssl_verify_client"), own.isSound, own.arguments.text() == "on" {
            diagnostics.error(
                "no \"listen\" of this server has \"ssl\": it would serve clients without a certificate", at: own.name.position,
                expected: "expected \"ssl\" behind the address of a \"listen\"")
            return
        }
        for name in ["ssl_verify_client", "ssl_client_certificate", "ssl_crl"] {
            warnIfUnused(name, of: block, "no \"listen\" of this server has \"ssl\"")
        }
    }

    private func warnIfUnused(_ name: String, of block: Scope, _ reason: String) {
        let isSound = block.all("listen").allSatisfy(\.isSound) && block.nearest("ssl_verify_client").allSatisfy(\.isSound)
        guard isSound, let own = block.first(name) else { return }
        diagnostics.warning("\"\(name)\" has no effect here", at: own.name.position, expected: reason)
    }

    /// nginx lets pass what comes without TLS, certificate or not.
    private func warnOfPlainListeners(_ block: Scope, _ mode: String) {
        guard mode == "on", let plain = block.all("listen").first(where: { !$0.arguments.has("ssl") && $0.isSound }) else { return }
        diagnostics.warning(
            "requests to this address are refused: the server asks for a client certificate", at: plain.name.position,
            expected: "expected \"ssl\", or a server of its own for what comes without TLS")
    }
}
