import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy

/// The certificates and keys of a configuration, read and matched; and what is wrong with them.
struct Certificates {
    /// For each server of the configuration; nil where it has no TLS, or what it has is wrong.
    private(set) var contexts: [TLSContext?] = []
    private(set) var diagnostics: [ConfigDiagnostic] = []
    private let servers: [ServerConfig]

    init(_ config: ConfigSnapshot) {
        servers = config.servers
        for server in servers { contexts.append(read(server)) }
    }

    private mutating func read(_ server: ServerConfig) -> TLSContext? {
        guard let tls = server.tls, !tls.certificates.isEmpty else { return nil }
        let pairs = tls.certificates.map { TLSSettings.KeyPair(certificatePath: $0.certificatePath, keyPath: $0.keyPath) }
        let settings = TLSSettings(
            keyPairs: pairs, allowsTLS12: tls.minimumVersion == .tls12, allowsTLS13: tls.maximumVersion == .tls13,
            scope: server.names.joined(separator: " ") + "|" + pairs.map(\.certificatePath).joined(separator: " "))
        do {
            let context = try TLSContext(settings)
            for (files, days) in zip(tls.certificates, context.daysLeft) where days < 0 {
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
