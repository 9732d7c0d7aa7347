import GatewayCore

/// The response cache as an operator sees it: what is in its zones, and what is to leave them. Asked on the main thread.
protocol CacheZones {
    /// In the order of the configuration in force.
    func stats() -> [CacheZoneStats]
    /// How many answers have gone; nil if there is no zone of that name.
    func purge(_ what: CachePurge, from zone: String) -> Int?
}

struct CacheZoneStats {
    var name: String
    /// The answers in it.
    var entries: Int
    /// What they take with everything that is kept about them, and what they may take.
    var bytes: Int
    var capacityBytes: Int
    /// Requests since the start that met a stored answer, that waited for one under way, and for which an origin was asked.
    var hits: UInt64
    var collapsed: UInt64
    var misses: UInt64

    /// The share of hits among all requests; nil before the first.
    var hitRate: Double? {
        let lookups = Double(hits) + Double(collapsed) + Double(misses)
        return lookups > 0 ? Double(hits) / lookups : nil
    }
}

/// Which answers of a zone go.
enum CachePurge: Equatable {
    case all
    case key(SHA256Digest)
    /// All to paths that begin so, in the spelling in which requests' paths are matched.
    case path([UInt8])
}
