import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayProxy

/// The certificates and keys of a configuration, read and matched; and what is wrong with them.
struct Certificates {
    /// For each server of the configuration; nil where it has no TLS, or what it has is wrong.
    private(set) var contexts: [TLSContext?] = []
    /// TLS of the servers of upstreams that speak it.
    private(set) var origins: [OriginKey: TLSOrigin] = [:]
    /// TLS to the collector of spans, if it has TLS.
    private(set) var collector: TLSOrigin?
    private(set) var diagnostics: [ConfigDiagnostic] = []
    private let servers: [ServerConfig]

    init(_ config: ConfigSnapshot) {
        servers = config.servers
        for server in servers { contexts.append(read(server)) }
        var upstreams = OriginCertificates()
        for upstream in config.upstreams { upstreams.read(upstream) }
        origins = upstreams.origins
        collector = upstreams.readCollector(config.tracing)
        diagnostics += upstreams.diagnostics
    }

    private mutating func read(_ server: ServerConfig) -> TLSContext? {
        guard let tls = server.tls, !tls.certificates.isEmpty else { return nil }
        let pairs = tls.certificates.map { TLSKeyPair(certificatePath: $0.certificatePath, keyPath: $0.keyPath) }
        let clients = tls.clients.flatMap { readVerification($0) }
        let settings = TLSSettings(
            keyPairs: pairs, allowsTLS12: tls.minimumVersion == .tls12, allowsTLS13: tls.maximumVersion == .tls13,
            allowsHTTP2: server.speaksHTTP2, clients: clients,
            scope: server.names.joined(separator: " ") + "|" + pairs.map(\.certificatePath).joined(separator: " "))
        do {
            let context = try TLSContext(settings)
            for (files, days) in zip(tls.certificates, context.ends.map(\.daysLeft)) where days < 0 {
                let message = "the certificate \"\(files.certificatePath)\" has expired"
                diagnostics.append(ConfigDiagnostic(severity: .warning, at: files.position, message: message))
            }
            return context
        } catch {
            let files = tls.certificates[error.keyPairIndex]
            let position = error.isAboutKey ? files.keyPosition : files.position
            diagnostics.append(ConfigDiagnostic(severity: .error, at: position, message: error.description))
            return nil
        }
    }

    /// By the name of the server, and the file: seconds since 1970.
    var expiries: [[String]: Double] {
        var expiries: [[String]: Double] = [:]
        for (server, context) in zip(servers, contexts) {
            guard let tls = server.tls, let context else { continue }
            for (files, end) in zip(tls.certificates, context.ends) {
                expiries[[server.label, files.certificatePath]] = Double(end.epochSeconds)
            }
        }
        return expiries
    }

    private mutating func readVerification(_ config: ClientVerificationConfig) -> TLSClientVerification? {
        do {
            let trust = try TLSTrustStore(path: config.caPath, revocationsPath: config.crlPath)
            if trust.hasExpiredRevocations {
                let message = "the list of revoked certificates is out of date: no client can be verified"
                diagnostics.append(ConfigDiagnostic(severity: .warning, at: config.crlPosition, message: message))
            }
            return TLSClientVerification(trust: trust, depthMax: config.depthMax, isRequired: config.isRequired)
        } catch {
            let position = error.isAboutKey ? config.crlPosition : config.position
            diagnostics.append(ConfigDiagnostic(severity: .error, at: position, message: error.description))
            return nil
        }
    }

    /// The context of a listen address; nil where it speaks no TLS.
    func listenerContext(_ address: ListenAddress) -> TLSServerContext? {
        let table = ServerTable(servers: servers, listening: address)
        var indices: [Int: Int] = [:]
        var list: [TLSContext] = []
        for (index, server) in servers.enumerated() where server.listens.contains(where: { $0.address == address && $0.isTLS }) {
            guard let context = contexts[index] else { continue }
            indices[index] = list.count
            list.append(context)
        }
        if list.isEmpty { return nil }
        let places = indices
        let defaultIndex = places[table.defaultServer] ?? 0
        return TLSServerContext(contexts: list, defaultIndex: defaultIndex) { name in
            places[table.server(forHost: name)] ?? defaultIndex
        }
    }
}
