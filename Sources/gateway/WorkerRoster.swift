import GatewayNet
import GatewayProxy
import GatewayTelemetry
import Synchronization

/// Every worker that runs, those that are ending included. Their threads report their end here.
final class WorkerRoster: Sendable {
    let wakeup: Wakeup
    private let mailboxes = Mutex<[Int: WorkerMailbox]>([:])
    /// Counters of workers that have ended, for those that will begin: what was counted in them goes on.
    private let idleShards = Mutex<[MetricsShard]>([])
    private let peers = WorkerPeers()
    private let nextID = Atomic<Int>(0)

    init() {
        do { wakeup = try Wakeup() } catch { fatalError("no eventfd at the start of the process: \(error)") }
    }

    var running: Int { mailboxes.withLock { $0.count } }

    /// Begins a worker's thread. It serves by `table`, and listens where the messages to its mailbox say.
    func begin(index: Int, _ table: RouteTable, registry: MetricsRegistry) throws(SystemError) -> WorkerMailbox {
        let id = nextID.add(1, ordering: .relaxed).newValue
        let mailbox = try WorkerMailbox { [self] in wakeup.signal() }
        let shard = idleShards.withLock { $0.popLast() } ?? registry.makeShard()
        mailboxes.withLock { $0[id] = mailbox }
        do {
            try WorkerThread.begin(index: index, mailbox, peers, table, registry: registry, shard: shard) { [self] in
                idleShards.withLock { $0.append(shard) }
                mailboxes.withLock { _ = $0.removeValue(forKey: id) }
                mailbox.noteAdopted(.max)
            }
        } catch {
            mailboxes.withLock { _ = $0.removeValue(forKey: id) }
            throw error
        }
        return mailbox
    }

    func sendAll(_ message: WorkerMessage) {
        mailboxes.withLock { mailboxes in
            for mailbox in mailboxes.values { mailbox.send(message) }
        }
    }
}
