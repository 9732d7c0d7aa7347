import GatewayConfig
import GatewayNet
import GatewayProxy

/// TLS to origins: the authorities and certificates of the upstreams, read; and what is wrong with them.
struct OriginCertificates {
    private(set) var origins: [OriginKey: TLSOrigin] = [:]
    private(set) var diagnostics: [ConfigDiagnostic] = []
    /// By path: a system's authorities are many, and the same for most upstreams.
    private var stores: [String: TLSTrustStore] = [:]

    mutating func read(_ upstream: UpstreamConfig) {
        guard let tls = upstream.tls, let context = readContext(tls, upstream.speaksHTTP2 ? .http2 : .http11) else { return }
        for server in upstream.versions.flatMap(\.servers) {
            let key = OriginKey(upstream: upstream.name, host: server.host, port: server.port)
            origins[key] = TLSOrigin(context, name: upstream.tlsName(of: server))
        }
    }

    /// TLS to the collector of spans.
    mutating func readCollector(_ tracing: TracingConfig?) -> TLSOrigin? {
        guard let tracing, let tls = tracing.tls, let context = readContext(tls, .http11) else { return nil }
        return TLSOrigin(context, name: tracing.host)
    }

    private mutating func readContext(_ tls: UpstreamTLSConfig, _ applicationProtocol: ApplicationProtocol) -> TLSClientContext? {
        var trust: TLSTrustStore?
        if tls.verifies {
            guard let store = readStore(tls) else { return nil }
            trust = store
        }
        let pair = tls.certificate.map { TLSKeyPair(certificatePath: $0.certificatePath, keyPath: $0.keyPath) }
        do {
            let context = try TLSClientContext(TLSClientSettings(trust: trust, keyPair: pair, applicationProtocol: applicationProtocol))
            if let files = tls.certificate, let days = context.daysLeft, days < 0 {
                let message = "the certificate \"\(files.certificatePath)\" has expired"
                diagnostics.append(ConfigDiagnostic(severity: .warning, at: files.position, message: message))
            }
            return context
        } catch {
            let position = error.isAboutKey ? tls.certificate?.keyPosition : tls.certificate?.position
            diagnostics.append(ConfigDiagnostic(severity: .error, at: position ?? tls.position, message: error.description))
            return nil
        }
    }

    /// Without authorities every request would fail: that is an error of the configuration, and not one of the moment.
    private mutating func readStore(_ tls: UpstreamTLSConfig) -> TLSTrustStore? {
        guard let path = tls.caPath ?? TLSTrustStore.systemPath() else {
            let message = "the system has no CA certificates to verify origins with"
            diagnostics.append(
                ConfigDiagnostic(
                    severity: .error, at: tls.position, message: message,
                    expected: "install the package ca-certificates, or name a file: tls ca=FILE;"))
            return nil
        }
        if let known = stores[path] { return known }
        do {
            let store = try TLSTrustStore(path: path)
            stores[path] = store
            return store
        } catch {
            diagnostics.append(ConfigDiagnostic(severity: .error, at: tls.position, message: error.description))
            return nil
        }
    }
}
