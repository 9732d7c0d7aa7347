extension SnapshotBuilder {
    func server(_ entry: Entry, _ block: Scope) -> ServerConfig {
        func number(_ name: String) -> Int { block.effective(name).number() ?? 0 }
        let listens = listens(of: block)
        let names = block.all("server_name").flatMap { $0.arguments.texts() }
        return ServerConfig(
            names: names.isEmpty ? [""] : names, listens: listens,
            tls: tls(of: block, isWanted: listens.contains(where: \.isTLS)),
            speaksHTTP2: block.effective("http2").toggle() ?? true,
            clientHeaderTimeoutMs: number("client_header_timeout"), clientBodyTimeoutMs: number("client_body_timeout"),
            keepaliveTimeoutMs: number("keepalive_timeout"), sendTimeoutMs: number("send_timeout"),
            mergeSlashes: block.effective("merge_slashes").toggle() ?? true,
            fallback: fallback(of: block), locations: locations(of: block))
    }

    private func listens(of block: Scope) -> [ServerConfig.Listen] {
        let entries = block.all("listen")
        reportDuplicates(entries.map { ($0.arguments.address(), $0.arguments.word()) }) { "the address \($0.name)" }
        let all = entries.isEmpty ? [block.effective("listen")] : entries.map(\.arguments)
        return all.compactMap { arguments in
            arguments.address().map {
                ServerConfig.Listen(
                    address: $0, isTLS: arguments.has("ssl"), isDefault: arguments.has("default_server"),
                    hasProxyHeader: arguments.has("proxy_protocol"))
            }
        }
    }

    // MARK: TLS

    private func tls(of block: Scope, isWanted: Bool) -> TLSConfig? {
        let certificates = certificates(of: block)
        guard isWanted else {
            let own = block.first("ssl_certificate")
            if let own, block.all("listen").allSatisfy(\.isSound) {
                diagnostics.warning(
                    "the certificate is never used", at: own.name.position, expected: "no \"listen\" of this server has \"ssl\"")
            }
            reportUnusedVerification(block)
            return nil
        }
        if block.nearest("ssl_certificate").isEmpty, let listen = block.all("listen").first(where: { $0.arguments.has("ssl") }) {
            diagnostics.error(
                "\"listen\" with \"ssl\" has no certificate", at: listen.name.position,
                expected: "expected ssl_certificate and ssl_certificate_key in this server")
        }
        let versions = block.effective("ssl_protocols").texts()
        return TLSConfig(
            certificates: certificates, minimumVersion: versions.contains("TLSv1.2") ? .tls12 : .tls13,
            maximumVersion: versions.contains("TLSv1.3") ? .tls13 : .tls12, clients: clientVerification(of: block))
    }

    /// The first certificate goes with the first key, the second with the second.
    private func certificates(of block: Scope) -> [CertificateFiles] {
        let certificates = block.nearest("ssl_certificate")
        let keys = block.nearest("ssl_certificate_key")
        if certificates.count > keys.count {
            let alone = certificates[keys.count]
            reportUnpaired(alone, "the certificate has no key", "expected one ssl_certificate_key for each ssl_certificate")
        }
        if keys.count > certificates.count {
            reportUnpaired(
                keys[certificates.count], "the key has no certificate", "expected one ssl_certificate for each ssl_certificate_key")
        }
        return zip(certificates, keys).compactMap { certificate, key in
            guard let certificatePath = certificate.arguments.text(), let keyPath = key.arguments.text() else { return nil }
            guard let position = certificate.arguments.word()?.position, let keyPosition = key.arguments.word()?.position else {
                return nil
            }
            return CertificateFiles(
                certificatePath: resolve(certificatePath), keyPath: resolve(keyPath), position: position, keyPosition: keyPosition)
        }
    }

    private func reportUnpaired(_ entry: Entry, _ message: String, _ expected: String) {
        diagnostics.error(message, at: entry.name.position, expected: expected)
    }

    // MARK: Locations

    private func locations(of block: Scope) -> [LocationConfig] {
        let entries = block.all("location")
        reportDuplicates(entries.map { ($0.locationName, $0.arguments.word("PATH")) }) { "the location \(quote($0))" }
        if let answer = block.first("return"), let location = entries.first {
            diagnostics.error(
                "a server's \"return\" comes before its locations: none is ever reached", at: answer.name.position,
                expected: "put it into \"location / { ... }\"; first location: \(location.name.position.name)")
        }
        return entries.compactMap { entry in entry.block.flatMap { location(entry, $0) } }
    }
}
