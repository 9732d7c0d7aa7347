import GatewayConfig
import GatewayCore
import GatewayPolicy

/// Where the version is chosen, then the server inside it, then its address. One worker's state for one upstream.
struct UpstreamChoice: Sendable {
    private struct Addresses: Sendable {
        var endpoints: [Endpoint] = []
        var turn = AddressTurn(count: 0)
    }

    private var versions: WeightedSelector
    private var servers: [WeightedSelector]
    private let versionNames: [String]
    /// Of each server; none where its name has not been resolved.
    private var addresses: [[Addresses]]

    init(_ config: UpstreamConfig) {
        versionNames = config.versions.map(\.name)
        versions = WeightedSelector(names: versionNames, weights: config.versions.map(\.weight))
        servers = config.versions.map { version in
            WeightedSelector(names: version.servers.map(\.text), weights: version.servers.map(\.weight))
        }
        addresses = config.versions.map { Array(repeating: Addresses(), count: $0.servers.count) }
    }

    /// A version by weight.
    mutating func nextVersion(excluding excluded: ExclusionSet) -> Int? {
        versions.next(excluding: excluded)
    }

    /// A server of `version`, in turn, by weight. It has an address.
    mutating func nextServer(of version: Int, excluding excluded: ExclusionSet) -> Int? {
        servers[version].next(excluding: excluded)
    }

    // MARK: Addresses

    func addressCount(version: Int, server: Int) -> Int {
        addresses[version][server].endpoints.count
    }

    /// An address of the server, in turn; it must have one.
    mutating func nextAddress(version: Int, server: Int, now: MonotonicTime) -> Endpoint {
        addresses[version][server].endpoints[addresses[version][server].turn.next(now: now)]
    }

    /// The server could not be connected to at `failed`, which may have vanished meanwhile: other addresses are tried before it.
    mutating func avoidAddress(_ failed: Endpoint, version: Int, server: Int, now: MonotonicTime) {
        guard let index = addresses[version][server].endpoints.firstIndex(of: failed) else { return }
        addresses[version][server].turn.avoid(index, now: now)
    }

    func hasAddress(_ endpoint: Endpoint, version: Int, server: Int) -> Bool {
        addresses[version][server].endpoints.contains(endpoint)
    }

    /// The server is reached at `endpoints` from now on. Without any it gets no requests.
    mutating func setAddresses(_ endpoints: [Endpoint], version: Int, server: Int) {
        let old = addresses[version][server]
        if old.endpoints != endpoints {
            var turn = AddressTurn(count: endpoints.count)
            for (index, endpoint) in endpoints.enumerated() {
                guard let before = old.endpoints.firstIndex(of: endpoint) else { continue }
                turn.carryOver(index, from: old.turn, at: before)
            }
            // A copy of this worker's own: a reference count that workers shared would travel between their cores.
            addresses[version][server] = Addresses(endpoints: endpoints.map { $0 }, turn: turn)
        }
        servers[version].setAvailable(server, !endpoints.isEmpty)
    }

    /// A server that would have had requests if its name had an address.
    func unresolvedServer() -> (version: Int, server: Int)? {
        for version in addresses.indices {
            for server in addresses[version].indices where addresses[version][server].endpoints.isEmpty { return (version, server) }
        }
        return nil
    }

    /// Goes on where `old` was, by name: a reload must not begin every round anew, or a canary with a small share would starve.
    mutating func carryOver(from old: UpstreamChoice) {
        versions.carryOver(from: old.versions)
        for index in servers.indices {
            guard let before = old.versionNames.firstIndex(of: versionNames[index]) else { continue }
            servers[index].carryOver(from: old.servers[before])
        }
    }
}
