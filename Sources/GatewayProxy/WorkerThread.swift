import GatewayCore
import GatewayNet
import GatewayTelemetry
import Synchronization

/// A worker's thread, as the supervisor begins it.
public enum WorkerThread {
    /// Begins a worker that serves by `table` and reads `mailbox`. `onEnd` is called on its thread as the last act.
    public static func begin(
        index: Int, _ mailbox: WorkerMailbox, _ peers: WorkerPeers, _ table: RouteTable, registry: MetricsRegistry, shard: MetricsShard,
        onEnd: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        // What can fail is done here, where the supervisor can still change its mind.
        let epoll = try Epoll()
        try epoll.addLevelTriggered(mailbox.wakeup.fileDescriptor, Worker.wakeupToken)
        let tables: WorkerTables
        do throws(MemoryRefusal) {
            tables = try WorkerTables.reserve()
        } catch {
            throw SystemError("mmap", error.code)
        }
        let outfit = WorkerOutfit(epoll: epoll, table: table, tables: tables, spare: SpareDescriptor())
        try Thread.begin(named: "worker-\(index)") {
            let pool = BufferPool()
            let place = peers.enter(mailbox)
            serve(index: index, mailbox, WorkerPlace(peers: peers, index: place), outfit, pool: pool, registry: registry, shard: shard)
            peers.leave(place)
            pool.retire()
            Thread.releaseTLSState()
            onEnd()
        }
    }

    /// When it returns, nothing of the worker is left: what its tables held has gone back to `pool`.
    private static func serve(
        index: Int, _ mailbox: WorkerMailbox, _ place: WorkerPlace, _ outfit: WorkerOutfit, pool: BufferPool, registry: MetricsRegistry,
        shard: MetricsShard
    ) {
        guard let taken = outfit.take() else { return }
        Worker(index: index, mailbox, place, taken, pool: pool, registry: registry, shard: shard).run()
    }
}

/// What a worker begins with, handed over once: the thread does not hold its first configuration for as long as it runs.
final class WorkerOutfit: Sendable {
    struct Contents: ~Copyable {
        let epoll: Epoll
        let table: RouteTable
        let tables: WorkerTables
        let spare: SpareDescriptor
    }

    private let contents: Mutex<Contents?>

    init(
        epoll: consuming sending Epoll, table: RouteTable, tables: consuming sending WorkerTables, spare: consuming sending SpareDescriptor
    ) {
        contents = Mutex(Contents(epoll: epoll, table: table, tables: tables, spare: spare))
    }

    func take() -> sending Contents? {
        contents.withLock { contents in
            var taken: Contents?
            swap(&taken, &contents)
            return taken
        }
    }
}
