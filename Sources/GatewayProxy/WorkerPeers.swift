import GatewayCache
import Synchronization

/// The mailboxes of all workers that run, for what one has to tell another: that there is more of an answer which several of them hand on.
public final class WorkerPeers: Sendable {
    private let places = Mutex<[WorkerMailbox?]>([])

    public init() {}

    /// A place of its own, until it leaves: a worker that drains may have a successor by then.
    func enter(_ mailbox: WorkerMailbox) -> Int {
        places.withLock { places in
            if let free = places.firstIndex(where: { $0 == nil }) {
                places[free] = mailbox
                return free
            }
            places.append(mailbox)
            return places.count - 1
        }
    }

    func leave(_ place: Int) {
        places.withLock { $0[place] = nil }
    }

    func send(_ message: WorkerMessage, to place: Int) {
        places.withLock { $0[place] }?.send(message)
    }

    func sendToAll(_ message: WorkerMessage, but place: Int) {
        let mailboxes = places.withLock { $0 }
        for (index, mailbox) in mailboxes.enumerated() where index != place { mailbox?.send(message) }
    }
}

/// A worker's place among its peers.
struct WorkerPlace {
    let peers: WorkerPeers
    let index: Int
}
