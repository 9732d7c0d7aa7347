import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayProxy

/// The addresses of the origins' servers. Each has a number that outlives reloads, so that idle connections do too.
struct Endpoints {
    private struct Key: Hashable {
        let upstream: String
        let address: SocketAddress
    }

    private var numbers: [Key: Int] = [:]
    private var groups: [String: Int] = [:]
    /// What names resolved to when they last did.
    private var lastGood: [String: [SocketAddress]] = [:]
    /// Names that did not resolve, with the resolver's reason.
    private(set) var failures: [String] = []

    mutating func resolve(_ config: ConfigSnapshot) -> [[[[Endpoint]]]] {
        failures = []
        return config.upstreams.map { upstream in
            upstream.versions.map { version in version.servers.map { resolve($0, of: upstream) } }
        }
    }

    private mutating func resolve(_ server: UpstreamConfig.Server, of upstream: UpstreamConfig) -> [Endpoint] {
        let addresses: [SocketAddress]
        if let literal = IPAddress(server.host) {
            addresses = [SocketAddress(address: literal, port: server.port)]
        } else {
            let (found, failure) = Resolver.resolve(host: server.host, port: server.port)
            if let failure {
                let remedy = lastGood[server.text] == nil ? "" : "; its last addresses are kept"
                failures.append("upstream \"\(upstream.name)\": \(server.host): \(failure)\(remedy)")
            } else {
                lastGood[server.text] = found
            }
            addresses = lastGood[server.text] ?? []
        }
        let group = groups[upstream.name] ?? groups.count
        groups[upstream.name] = group
        return addresses.map { Endpoint(id: number(Key(upstream: upstream.name, address: $0)), group: group, address: $0) }
    }

    private mutating func number(_ key: Key) -> Int {
        if let known = numbers[key] { return known }
        let fresh = numbers.count
        numbers[key] = fresh
        return fresh
    }
}
