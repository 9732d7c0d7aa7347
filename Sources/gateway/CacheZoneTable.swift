import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayTelemetry

/// The zones of the cache, one for each `cache_zone`, shared by all workers. They outlive reloads by their names, as long as they keep their
/// size.
struct CacheZoneTable {
    private var kept: [String: ResponseCache] = [:]
    private var names: [String] = []
    /// A zone has been emptied.
    private let onEmptied: @Sendable () -> Void

    init(onEmptied: @escaping @Sendable () -> Void) {
        self.onEmptied = onEmptied
    }

    /// The zones for `config`, in its order. Those that it has no use for are dropped, with what is stored in them, when nobody reads it.
    mutating func zones(for config: ConfigSnapshot) throws(MemoryRefusal) -> [ResponseCache] {
        var next: [String: ResponseCache] = [:]
        var zones: [ResponseCache] = []
        for zone in config.cacheZones {
            let cache: ResponseCache
            if let known = kept[zone.name], known.hasSize(of: zone) {
                cache = known
            } else {
                cache = try ResponseCache(name: zone.name, memoryBytes: zone.memoryBytes, entryBytesMax: zone.entryBytesMax)
            }
            next[zone.name] = cache
            zones.append(cache)
        }
        kept = next
        names = zones.map(\.name)
        return zones
    }

    func updateGauges(_ registry: MetricsRegistry) {
        for zone in kept.values {
            let stats = zone.stats
            registry.set(.cacheEntries, [zone.name], to: Double(stats.entries))
            registry.set(.cacheBytes, [zone.name], to: Double(stats.bytes))
            registry.set(.cacheEvicted, [zone.name], to: Double(stats.evicted))
        }
    }
}

extension CacheZoneTable: CacheZones {
    func stats() -> [CacheZoneStats] {
        names.compactMap { kept[$0] }.map { (zone: ResponseCache) in
            let stats = zone.stats
            return CacheZoneStats(
                name: zone.name, entries: stats.entries, bytes: stats.bytes, capacityBytes: stats.capacityBytes,
                hits: stats.hits, collapsed: stats.collapsed, misses: stats.misses)
        }
    }

    func purge(_ what: CachePurge, from zone: String) -> Int? {
        guard let zone = kept[zone] else { return nil }
        switch what {
        case .all:
            onEmptied()
            return zone.purgeAll()
        case .key(let key): return zone.purge(key)
        case .path(let prefix): return zone.purge(pathPrefix: prefix.rawSpan)
        }
    }
}

extension ResponseCache {
    fileprivate func hasSize(of zone: CacheZoneConfig) -> Bool {
        memoryBytes == zone.memoryBytes && entryBytesMax == zone.entryBytesMax
    }
}
