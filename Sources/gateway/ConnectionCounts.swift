import GatewayConfig
import GatewayProxy

/// The counts behind `max_conns`, one for each server with such a limit. They outlive reloads.
struct ConnectionCounts {
    private var counts: [ServerKey: ConnectionLimit.Count] = [:]

    /// Forgets the counts that no configuration in use refers to. Those of servers that are gone stay until then: requests may be at
    /// them, or a worker that has yet to take up the new configuration may send some, and the servers may come back.
    mutating func dropUnused() {
        for key in Array(counts.keys) {
            guard var count = counts.removeValue(forKey: key) else { continue }
            if !isKnownUniquelyReferenced(&count) { counts[key] = count }
        }
    }

    /// The counts for `config`.
    mutating func limits(for config: ConfigSnapshot) -> [ServerKey: ConnectionLimit] {
        var limits: [ServerKey: ConnectionLimit] = [:]
        for upstream in config.upstreams {
            for version in upstream.versions {
                for server in version.servers where server.maxConns > 0 {
                    let key = ServerKey(upstream: upstream.name, version: version.name, server: server.text)
                    let count = counts[key] ?? ConnectionLimit.Count()
                    counts[key] = count
                    limits[key] = ConnectionLimit(max: server.maxConns, count: count)
                }
            }
        }
        return limits
    }
}
