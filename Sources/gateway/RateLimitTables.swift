import GatewayConfig
import GatewayPolicy

/// The tables of buckets, one for each `rate_limit`, shared by all workers. They outlive reloads by the limit's name, as long as what is
/// counted stays the same.
struct RateLimitTables {
    private struct Kept {
        let limit: RateLimitConfig
        let keyNames: Int
        let table: BucketTable
    }

    private var kept: [String: Kept] = [:]

    /// The tables for `config`, in the order of its limits. Those that it has no use for are dropped.
    mutating func tables(for config: ConfigSnapshot) -> [BucketTable] {
        let keyNames = Set(config.apiKeys?.keys.map(\.name) ?? []).count
        var next: [String: Kept] = [:]
        let tables = config.rateLimits.map { limit in
            if let known = kept[limit.name], known.limit.hasSameShape(as: limit), limit.key != .apiKey || keyNames <= known.keyNames {
                next[limit.name] = known
                return known.table
            }
            // With room for twice as many keys: when a few are added, callers keep what they have used.
            let room = keyNames * 2 + 64
            let fresh = Kept(limit: limit, keyNames: room, table: limit.makeTable(keyNames: room))
            next[limit.name] = fresh
            return fresh.table
        }
        kept = next
        return tables
    }
}
