import GatewayCache
import GatewayCore
import GatewayNet
import GatewayTelemetry
import Synchronization

/// What the supervisor tells a worker.
public enum WorkerMessage: Sendable {
    /// Serve by this table from now on; open these listeners, close those.
    case snapshot(RouteTable, opened: [OpenedListener], closed: [Int])
    /// The addresses of names have changed: connect to these from now on.
    case endpoints(EndpointTable)
    /// Listen at these as well: what a new worker gets when everything else is ready.
    case listen([OpenedListener])
    /// Readers of this answer have more to read, or who writes it more to do.
    case fill(Fill)
    /// A zone of the cache was emptied: forget what its keys were made of.
    case forgetKeys
    /// Take nothing new, finish what runs, end at `deadline` at the latest.
    case drain(deadline: MonotonicTime)
}

/// A listening socket on its way to the worker that will own it.
public struct OpenedListener: Sendable {
    public let id: Int
    public let fileDescriptor: Int32

    public init(id: Int, fileDescriptor: Int32) {
        self.id = id
        self.fileDescriptor = fileDescriptor
    }
}

/// Messages to a worker, from any thread.
public final class WorkerMailbox: Sendable {
    let wakeup: Wakeup
    private let messages = Mutex<[WorkerMessage]>([])
    private let generation = Atomic<Int>(0)
    private let onAdopted: @Sendable () -> Void

    /// `onAdopted` is called on the worker's thread when a snapshot is in force there, and when the worker has ended.
    public init(onAdopted: @escaping @Sendable () -> Void) throws(SystemError) {
        wakeup = try Wakeup()
        self.onAdopted = onAdopted
    }

    /// Of the configuration that the worker serves by; beyond all when it has ended.
    public var adoptedGeneration: Int { generation.load(ordering: .acquiring) }

    public func noteAdopted(_ generation: Int) {
        self.generation.store(generation, ordering: .releasing)
        onAdopted()
    }

    public func send(_ message: WorkerMessage) {
        messages.withLock { $0.append(message) }
        wakeup.signal()
    }

    func takeAll() -> [WorkerMessage] {
        messages.withLock { queue in
            defer { queue = [] }
            return queue
        }
    }
}
