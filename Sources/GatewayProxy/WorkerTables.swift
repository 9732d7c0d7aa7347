import GatewayCore
import GatewayHTTP

/// A worker's tables. Their addresses are reserved before the worker begins: they are what may be wanting.
struct WorkerTables: ~Copyable {
    let downstreams: Slab<DownstreamConnection>
    let exchanges: Slab<Exchange>
    let calls: Slab<UpstreamCall>
    let upstreams: Slab<UpstreamConnection>
    let snapshots: Slab<Worker.Snapshot>
    let listeners: Slab<Worker.OpenListener>
    let gzip: GzipPool
    let streams: Slab<HTTP2Stream>
    let cacheTurns: Slab<CacheTurn>
    let fetches: Slab<Fetch>
    let meters: Slab<AnswerMeter>

    static func reserve() throws(MemoryRefusal) -> WorkerTables {
        WorkerTables(
            downstreams: try Slab(capacity: Limits.slabSlotsMax), exchanges: try Slab(capacity: Limits.slabSlotsMax),
            calls: try Slab(capacity: Limits.slabSlotsMax), upstreams: try Slab(capacity: Limits.slabSlotsMax),
            snapshots: try Slab(capacity: Limits.snapshotSlotsMax), listeners: try Slab(capacity: Limits.listenerSlotsMax),
            gzip: try GzipPool(), streams: try Slab(capacity: Limits.streamSlotsMax),
            cacheTurns: try Slab(capacity: Limits.slabSlotsMax), fetches: try Slab(capacity: Limits.slabSlotsMax),
            meters: try Slab(capacity: Limits.slabSlotsMax))
    }
}
