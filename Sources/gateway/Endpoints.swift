import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayProxy

/// Numbers for the addresses of the origins' servers, the same from reload to reload and from lookup to lookup, so that idle
/// connections stay. Addresses come and go for as long as the process runs: numbers that nobody has any more are given anew.
struct Endpoints {
    private struct Key: Hashable {
        let upstream: String
        let address: SocketAddress
        /// See ``Endpoint/security``.
        let security: Int
    }

    private var numbers: [Key: Int] = [:]
    /// The numbers of upstreams: see ``Endpoint/group``.
    private var groups: [String: Int] = [:]
    /// The numbers of what is spoken and what TLS verifies, by ``TLSOrigin/identity`` or ``clearHTTP2``: given once, for good.
    private var securities: [String: Int] = [:]
    private var securityOf: [OriginKey: Int] = [:]

    /// HTTP/2 without TLS; no identity of TLS is as short.
    private static let clearHTTP2 = "h2"

    /// Takes up what is spoken to the servers of a configuration and what TLS verifies there, before their addresses get their numbers.
    mutating func secure(_ config: ConfigSnapshot, _ origins: [OriginKey: TLSOrigin]) {
        securityOf = origins.mapValues { security($0.identity) }
        for upstream in config.upstreams where upstream.speaksHTTP2 && upstream.tls == nil {
            for server in upstream.versions.flatMap(\.servers) {
                let key = OriginKey(upstream: upstream.name, host: server.host, port: server.port)
                securityOf[key] = security(Self.clearHTTP2)
            }
        }
    }

    private mutating func security(_ identity: String) -> Int {
        let number = securities[identity] ?? securities.count + 1
        securities[identity] = number
        return number
    }

    /// Where the servers of `config` are, as far as `names` knows. The numbers in it are good from when it is in force.
    ///
    /// - Parameter isDown: whether checks have found nobody well there. Of a server's addresses those are left out, unless all are.
    mutating func table(_ config: ConfigSnapshot, _ names: Names, isDown: (HealthTarget.Key) -> Bool) -> EndpointTable {
        var addresses: [OriginKey: [SocketAddress]] = [:]
        for upstream in config.upstreams {
            for server in upstream.versions.flatMap(\.servers) {
                let found = IPAddress(server.host).map { [$0] } ?? names.addresses(of: server.host)
                let origin = OriginKey(upstream: upstream.name, host: server.host, port: server.port)
                let all = found.map { SocketAddress(address: $0, port: server.port) }
                let well = upstream.healthCheck == nil ? all : all.filter { !isDown(HealthTarget.Key(origin: origin, address: $0)) }
                addresses[origin] = well.isEmpty ? all : well
            }
        }
        group(config.upstreams.map(\.name))
        number(addresses)
        return EndpointTable(
            Dictionary(
                uniqueKeysWithValues: addresses.map { origin, addresses in
                    let group = groups[origin.upstream] ?? 0
                    return (
                        origin,
                        addresses.map { address in
                            let key = Key(upstream: origin.upstream, address: address, security: securityOf[origin] ?? 0)
                            return Endpoint(id: numbers[key] ?? 0, group: group, address: address, security: key.security)
                        }
                    )
                }), securities: securityOf)
    }

    /// What has gone from this table leaves its number to the next: workers have closed its idle connections by then.
    private mutating func group(_ upstreams: [String]) {
        let taken = Set(groups.values)
        let wanted = Set(upstreams)
        groups = groups.filter { wanted.contains($0.key) }
        var next = 0
        for upstream in upstreams where groups[upstream] == nil {
            while taken.contains(next) { next += 1 }
            groups[upstream] = next
            next += 1
        }
    }

    private mutating func number(_ addresses: [OriginKey: [SocketAddress]]) {
        let wanted = Set(
            addresses.flatMap { origin, list in
                list.map { Key(upstream: origin.upstream, address: $0, security: securityOf[origin] ?? 0) }
            })
        numbers = numbers.filter { wanted.contains($0.key) }
        let taken = Set(numbers.values)
        var next = 0
        for key in wanted where numbers[key] == nil {
            while taken.contains(next) { next += 1 }
            numbers[key] = next
            next += 1
        }
    }
}
