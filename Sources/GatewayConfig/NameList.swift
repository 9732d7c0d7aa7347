import GatewayCore

/// The names that the servers of upstreams have, in the order of the file.
struct NameList {
    private(set) var configs: [NameConfig] = []
    private var indices: [String: Int] = [:]

    /// Notes the host of a server, unless it is an address.
    mutating func add(_ host: String, intervalMs: Int, at position: SourcePosition) {
        if IPAddress(host) != nil { return }
        let name = host.lowercased()
        if let index = indices[name] {
            configs[index].resolveIntervalMs = min(configs[index].resolveIntervalMs, intervalMs)
        } else {
            indices[name] = configs.count
            configs.append(NameConfig(host: name, resolveIntervalMs: intervalMs, position: position))
        }
    }
}
