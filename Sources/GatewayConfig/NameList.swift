import GatewayCore

/// The names that the servers of upstreams have, in the order of the file.
struct NameList {
    private(set) var configs: [NameConfig] = []
    private var indices: [String: Int] = [:]

    /// Notes the host of a server, unless it is an address. With a `hint` it may be no host at all, unless another place has it too.
    mutating func add(_ host: String, intervalMs: Int, at position: SourcePosition, hint: String? = nil) {
        if IPAddress(host) != nil { return }
        let name = host.lowercased()
        if let index = indices[name] {
            configs[index].resolveIntervalMs = min(configs[index].resolveIntervalMs, intervalMs)
            if hint == nil { configs[index].hint = nil }
        } else {
            indices[name] = configs.count
            configs.append(NameConfig(host: name, resolveIntervalMs: intervalMs, position: position, hint: hint))
        }
    }
}
