import GatewayCore
import GatewayNet
import GatewayTelemetry
import Synchronization

/// A worker's thread, as the supervisor begins it.
public enum WorkerThread {
    /// Begins a worker that serves by `table` and reads `mailbox`. `onEnd` is called on its thread as the last act.
    public static func begin(
        index: Int, _ mailbox: WorkerMailbox, _ table: RouteTable, registry: MetricsRegistry, shard: MetricsShard,
        onEnd: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        // What can fail is done here, where the supervisor can still change its mind.
        let epoll = try Epoll()
        try epoll.addLevelTriggered(mailbox.wakeup.fileDescriptor, Worker.wakeupToken)
        let outfit = WorkerOutfit(epoll: epoll, table: table)
        try Thread.begin(named: "worker-\(index)") {
            if let taken = outfit.take() {
                let worker = Worker(mailbox, taken, registry: registry, shard: shard)
                worker.run()
            }
            Thread.releaseTLSState()
            onEnd()
        }
    }
}

/// What a worker begins with, handed over once: the thread does not hold its first configuration for as long as it runs.
final class WorkerOutfit: Sendable {
    struct Contents: ~Copyable, Sendable {
        let epoll: Epoll
        let table: RouteTable
    }

    private let contents: Mutex<Contents?>

    init(epoll: consuming sending Epoll, table: RouteTable) {
        contents = Mutex(Contents(epoll: epoll, table: table))
    }

    func take() -> Contents? {
        contents.withLock { $0.take() }
    }
}
