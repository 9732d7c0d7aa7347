import GatewayConfig
import GatewayCore
import GatewayPolicy

/// Where the version is chosen, then the server inside it, then its address. One worker's state for one upstream.
struct UpstreamChoice: Sendable {
    private var versions: WeightedSelector
    private var servers: [ServerChoice]
    private let versionNames: [String]
    private var retryBudget = RetryBudget()
    /// The address, where there is one version with one server that has one.
    private(set) var onlyAddress: Endpoint?
    /// As of which change of servers' health ``follow(_:epoch:)`` was last called; -1 if it must be called again.
    private(set) var healthEpoch = -1

    /// - Parameter limits: of each version's servers.
    init(_ config: UpstreamConfig, limits: [[ConnectionLimit?]]) {
        versionNames = config.versions.map(\.name)
        versions = WeightedSelector(names: versionNames, weights: config.versions.map(\.weight))
        servers = zip(config.versions, limits).map { ServerChoice($0, balance: config.balance, limits: $1) }
    }

    private var isSingle: Bool { servers.count == 1 && servers[0].count == 1 }

    /// A version by weight.
    mutating func nextVersion(excluding excluded: ExclusionSet) -> Int? {
        versions.next(excluding: excluded)
    }

    /// A server of `version` that can take a request now: see ``ServerChoice/next(excluding:)``.
    mutating func nextServer(of version: Int, excluding excluded: ExclusionSet) -> Int? {
        servers[version].next(excluding: excluded)
    }

    /// Whether the last choice in `version` passed over a server for its `max_conns`.
    func hasMetFull(_ version: Int) -> Bool { servers[version].hasMetFull }

    // MARK: Addresses

    func addressCount(version: Int, server: Int) -> Int { servers[version].addressCount(server) }

    /// An address of the server, in turn; it must have one.
    mutating func nextAddress(version: Int, server: Int, now: MonotonicTime) -> Endpoint {
        servers[version].nextAddress(server, now: now)
    }

    /// The server could not be connected to at `failed`.
    mutating func avoidAddress(_ failed: Endpoint, version: Int, server: Int, now: MonotonicTime) {
        servers[version].avoidAddress(failed, server: server, now: now)
    }

    func hasAddress(_ endpoint: Endpoint, version: Int, server: Int) -> Bool {
        servers[version].hasAddress(endpoint, server: server)
    }

    /// The server is reached at `endpoints` from now on: see ``ServerChoice/setAddresses(_:server:from:)``.
    mutating func setAddresses(_ endpoints: [Endpoint], version: Int, server: Int, from first: Int) {
        servers[version].setAddresses(endpoints, server: server, from: first)
        onlyAddress = isSingle && endpoints.count == 1 ? endpoints[0] : nil
        healthEpoch = -1
    }

    /// A server that would have requests if its name had an address.
    func unresolvedServer() -> (version: Int, server: Int)? {
        for version in servers.indices where versions.hasWeight(version) {
            if let server = servers[version].unresolvedServer { return (version, server) }
        }
        return nil
    }

    // MARK: Health

    /// Servers that are out get nothing from now on: unless all of the upstream are, for then any may be as good as another.
    mutating func follow(_ health: UpstreamHealth, epoch: Int) {
        let isAnyIn = servers.indices.contains { versions.hasWeight($0) && servers[$0].hasAny(in: health.servers[$0]) }
        for version in servers.indices { servers[version].follow(isAnyIn ? health.servers[version] : []) }
        healthEpoch = epoch
    }

    /// Whether the version has servers that could take requests if they were not out, and no other.
    func isOut(_ version: Int) -> Bool { servers[version].isOut }

    // MARK: Retries

    /// Counts one request for `retry budget=`.
    mutating func noteRequest(now: MonotonicTime) { retryBudget.noteRequest(now: now) }

    /// Whether one more retry is within the budget, which it is taken from then.
    mutating func takeRetry(percent: Int, floorPerSecond: Int, now: MonotonicTime) -> Bool {
        retryBudget.take(percent: percent, floorPerSecond: floorPerSecond, now: now)
    }

    // MARK: Load

    mutating func addLoad(_ difference: Int, version: Int, server: Int) {
        servers[version].addLoad(difference, server: server)
    }

    /// The place that the server `server` of `old` has here, by name.
    func place(ofServer server: Int, version: Int, in old: UpstreamChoice) -> (version: Int, server: Int)? {
        guard let place = versionNames.firstIndex(of: old.versionNames[version]) else { return nil }
        return servers[place].server(named: old.servers[version].name(of: server)).map { (place, $0) }
    }

    // MARK: Reload

    /// Goes on where `old` was, by name: a reload must not begin every round anew, or a canary with a small share would starve.
    mutating func carryOver(from old: UpstreamChoice) {
        versions.carryOver(from: old.versions)
        for index in servers.indices {
            guard let before = old.versionNames.firstIndex(of: versionNames[index]) else { continue }
            servers[index].carryOver(from: old.servers[before])
        }
    }
}
