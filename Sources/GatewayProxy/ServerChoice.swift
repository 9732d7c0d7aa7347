import GatewayConfig
import GatewayCore
import GatewayPolicy

/// Which server of a version has the next request, and which of its addresses. One worker's state.
struct ServerChoice: Sendable {
    private struct Addresses: Sendable {
        var endpoints: [Endpoint] = []
        var turn = AddressTurn(count: 0)
    }

    private var servers: WeightedSelector
    /// The servers marked `backup`, by the same indices; nil if there are none.
    private var backups: WeightedSelector?
    private let isLeastConn: Bool
    private let limits: [ConnectionLimit?]
    private let hasLimits: Bool
    /// Nothing but turns by weight: all that most upstreams need.
    private let isPlain: Bool
    /// Of each server; none where its name has not been resolved.
    private var addresses: [Addresses]
    /// Whether checks or failed requests keep it from being chosen.
    private var areOut: [Bool]
    /// Whether the last choice passed over a server because `max_conns` requests are at it.
    private(set) var hasMetFull = false

    init(_ config: UpstreamConfig.Version, balance: UpstreamConfig.Balance, limits: [ConnectionLimit?]) {
        let names = config.servers.map(\.text)
        servers = WeightedSelector(names: names, weights: config.servers.map { $0.isBackup ? 0 : $0.weight })
        if config.servers.contains(where: \.isBackup) {
            backups = WeightedSelector(names: names, weights: config.servers.map { $0.isBackup ? $0.weight : 0 })
        }
        self.limits = limits
        isLeastConn = balance == .leastConn
        hasLimits = limits.contains { $0 != nil }
        isPlain = !isLeastConn && !hasLimits && backups == nil
        addresses = Array(repeating: Addresses(), count: config.servers.count)
        areOut = Array(repeating: false, count: config.servers.count)
    }

    var count: Int { addresses.count }

    /// A server that has an address, and room for one more request, which is the caller's from now on: see ``ConnectionLimit/release()``.
    /// A backup only where no other is left.
    mutating func next(excluding excluded: ExclusionSet) -> Int? {
        isPlain ? servers.next(excluding: excluded) : nextWithRoom(excluding: excluded)
    }

    private mutating func nextWithRoom(excluding excluded: ExclusionSet) -> Int? {
        hasMetFull = false
        if hasLimits {
            for index in limits.indices where limits[index] != nil {
                setAvailable(index, mayBeChosen(index) && !isFull(index, excluded))
            }
        }
        while let server = pick(excluding: excluded) {
            guard let limit = limits[server] else { return server }
            if limit.take() { return server }
            // Another worker has taken the last place just now.
            hasMetFull = true
            setAvailable(server, false)
        }
        return nil
    }

    private mutating func isFull(_ index: Int, _ excluded: ExclusionSet) -> Bool {
        guard limits[index]?.isFull == true else { return false }
        if hasWeight(index), mayBeChosen(index), !excluded.contains(index) { hasMetFull = true }
        return true
    }

    private mutating func pick(excluding excluded: ExclusionSet) -> Int? {
        if isLeastConn { return servers.nextLeastLoaded(excluding: excluded) ?? backups?.nextLeastLoaded(excluding: excluded) }
        return servers.next(excluding: excluded) ?? backups?.next(excluding: excluded)
    }

    private mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        servers.setAvailable(index, isAvailable)
        backups?.setAvailable(index, isAvailable)
    }

    private func mayBeChosen(_ index: Int) -> Bool { !addresses[index].endpoints.isEmpty && !areOut[index] }

    private func hasWeight(_ index: Int) -> Bool {
        servers.hasWeight(index) || backups?.hasWeight(index) == true
    }

    // MARK: Health

    /// Whether any server is in that could take requests.
    func hasAny(in health: [ServerHealth]) -> Bool {
        health.indices.contains { hasWeight($0) && !addresses[$0].endpoints.isEmpty && !health[$0].isOut }
    }

    /// Those that are out get nothing from now on; none is out where `health` is empty.
    mutating func follow(_ health: [ServerHealth]) {
        for index in areOut.indices {
            areOut[index] = !health.isEmpty && health[index].isOut
            setAvailable(index, mayBeChosen(index))
        }
    }

    /// Whether servers that could take requests are out, and no other is left.
    var isOut: Bool {
        let able = addresses.indices.filter { hasWeight($0) && !addresses[$0].endpoints.isEmpty }
        return !able.isEmpty && able.allSatisfy { areOut[$0] }
    }

    // MARK: Load

    /// One request more at the server, or one less, as `least_conn` counts them.
    mutating func addLoad(_ difference: Int, server: Int) {
        servers.addLoad(difference, to: server)
        backups?.addLoad(difference, to: server)
    }

    func name(of server: Int) -> String { servers.name(server) }

    func server(named name: String) -> Int? { servers.index(of: name) }

    // MARK: Addresses

    func addressCount(_ server: Int) -> Int { addresses[server].endpoints.count }

    /// An address of the server, in turn; it must have one.
    mutating func nextAddress(_ server: Int, now: MonotonicTime) -> Endpoint {
        addresses[server].endpoints[addresses[server].turn.next(now: now)]
    }

    /// The server could not be connected to at `failed`, which may have vanished meanwhile: other addresses are tried before it.
    mutating func avoidAddress(_ failed: Endpoint, server: Int, now: MonotonicTime) {
        guard let index = addresses[server].endpoints.firstIndex(of: failed) else { return }
        addresses[server].turn.avoid(index, now: now)
    }

    func hasAddress(_ endpoint: Endpoint, server: Int) -> Bool { addresses[server].endpoints.contains(endpoint) }

    /// The server is reached at `endpoints` from now on. Without any it gets no requests. The first ones that it gets begin with the
    /// `first`th, so that workers which begin together do not all begin with the same; later ones go on with the turn.
    mutating func setAddresses(_ endpoints: [Endpoint], server: Int, from first: Int) {
        let old = addresses[server]
        if old.endpoints != endpoints {
            var turn = AddressTurn(count: endpoints.count, following: old.turn, from: first)
            for (index, endpoint) in endpoints.enumerated() {
                guard let before = old.endpoints.firstIndex(of: endpoint) else { continue }
                turn.carryOver(index, from: old.turn, at: before)
            }
            // A copy of this worker's own: a reference count that workers shared would travel between their cores.
            addresses[server] = Addresses(endpoints: endpoints.map { $0 }, turn: turn)
        }
        setAvailable(server, mayBeChosen(server))
    }

    /// A server that would have requests if its name had an address.
    var unresolvedServer: Int? {
        addresses.indices.first { addresses[$0].endpoints.isEmpty && hasWeight($0) }
    }

    // MARK: Reload

    mutating func carryOver(from old: ServerChoice) {
        servers.carryOver(from: old.servers)
        if let before = old.backups { backups?.carryOver(from: before) }
    }
}
