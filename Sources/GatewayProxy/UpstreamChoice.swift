import GatewayConfig
import GatewayPolicy

/// Where the version is chosen, then the server inside it. One worker's state for one upstream.
struct UpstreamChoice: Sendable {
    private var versions: WeightedSelector
    private var servers: [WeightedSelector]
    private let versionNames: [String]
    /// For each server, which of its addresses is tried first: the one that last worked.
    private var preferredAddresses: [[Int]]

    init(_ config: UpstreamConfig) {
        versionNames = config.versions.map(\.name)
        versions = WeightedSelector(names: versionNames, weights: config.versions.map(\.weight))
        servers = config.versions.map { version in
            WeightedSelector(names: version.servers.map(\.text), weights: version.servers.map(\.weight))
        }
        preferredAddresses = config.versions.map { Array(repeating: 0, count: $0.servers.count) }
    }

    /// A version by weight.
    mutating func nextVersion(excluding excluded: ExclusionSet) -> Int? {
        versions.next(excluding: excluded)
    }

    /// A server of `version`, in turn, by weight.
    mutating func nextServer(of version: Int, excluding excluded: ExclusionSet) -> Int? {
        servers[version].next(excluding: excluded)
    }

    func preferredAddress(version: Int, server: Int) -> Int {
        preferredAddresses[version][server]
    }

    /// Address `failed` did not answer: the one behind it is tried first from now on, unless another call has seen to that.
    mutating func avoidAddress(_ failed: Int, version: Int, server: Int, of count: Int) {
        if preferredAddresses[version][server] == failed { preferredAddresses[version][server] = (failed + 1) % count }
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
