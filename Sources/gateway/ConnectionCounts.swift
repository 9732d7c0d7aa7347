import GatewayConfig
import GatewayProxy

/// The counts behind `max_conns`, one for each server with such a limit. They outlive reloads.
struct ConnectionCounts {
    private var counts: [ServerKey: ConnectionLimit.Count] = [:]

    /// The counts for `config`. Those of servers that are gone stay as long as requests are at them: they may come back.
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
        counts = counts.filter { limits[$0.key] != nil || !$0.value.isZero }
        return limits
    }
}
