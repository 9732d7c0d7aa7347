import GatewayCore
import GatewayNet
import Synchronization

/// Spans that wait for the exporter: filled by workers, emptied by the main thread. What finds no room is dropped and counted, so that
/// no worker ever waits for a collector.
public final class SpanQueue: Sendable {
    /// Whole spans, each with a comma behind it.
    public struct Batch: Sendable {
        public var bytes: [UInt8] = []
        public var count = 0
    }

    private struct State {
        var batches: [Batch] = []
        var heldBytes = 0
        var isTold = false
    }

    private let state = Mutex(State())
    private let dropped = Atomic<UInt64>(0)
    /// Wakes the exporter: when the first spans come, and when there are enough for a request.
    public let wakeup: Wakeup

    public init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Spans that found no room, since the beginning.
    public var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    var isEmpty: Bool { state.withLock { $0.batches.isEmpty } }

    public var heldBytes: Int { state.withLock { $0.heldBytes } }

    /// Returns at once.
    func append(_ bytes: consuming [UInt8], count: Int) {
        let batch = Batch(bytes: bytes, count: count)
        let byteCount = batch.bytes.count
        var hasRoom = false
        let mustWake = state.withLock { state in
            hasRoom = state.heldBytes + byteCount <= Limits.spanQueueBytesMax
            if !hasRoom { return false }
            let wasEmpty = state.batches.isEmpty
            state.heldBytes += byteCount
            state.batches.append(batch)
            // Once for each time that there are enough: see ``take(atMost:)``.
            let isEnough = state.heldBytes >= Limits.spanRequestBytes && !state.isTold
            if isEnough { state.isTold = true }
            return wasEmpty || isEnough
        }
        if !hasRoom { dropped.add(UInt64(count), ordering: .relaxed) }
        if mustWake { wakeup.signal() }
    }

    /// The oldest spans, as many as `byteCount` holds, and at least one batch of them; nil if there are none.
    public func take(atMost byteCount: Int) -> Batch? {
        let taken = state.withLock { state -> [Batch] in
            var (count, bytes) = (0, 0)
            while count < state.batches.count, count == 0 || bytes + state.batches[count].bytes.count <= byteCount {
                bytes += state.batches[count].bytes.count
                count += 1
            }
            let taken = Array(state.batches.prefix(count))
            state.batches.removeFirst(count)
            state.heldBytes -= bytes
            state.isTold = false
            return taken
        }
        if taken.isEmpty { return nil }
        var all = Batch()
        all.bytes.reserveCapacity(taken.reduce(0) { $0 + $1.bytes.count })
        for batch in taken {
            all.bytes += batch.bytes
            all.count += batch.count
        }
        return all
    }
}

/// A worker's spans, gathered and handed on many at a time. One thread owns it.
struct SpanBuffer: ~Copyable {
    private let pool: BufferPool
    private var text: ByteQueue
    private var count = 0
    /// When ``flush(to:)`` must be called at the latest; never while the buffer is empty.
    private(set) var flushDue = MonotonicTime.never

    init(pool: BufferPool) {
        self.pool = pool
        text = ByteQueue(pool: pool)
    }

    /// Adds a span. `body` appends it, with a comma behind it.
    mutating func withSpan(to queue: SpanQueue, now: MonotonicTime, _ body: (inout ByteQueue) -> Void) {
        if text.isEmpty {
            text.reserve(Limits.spanBufferBytes)
            flushDue = now.adding(milliseconds: Limits.spanBufferMs)
        }
        body(&text)
        count += 1
        if text.count >= Limits.spanBufferBytes - Limits.spanBytes { flush(to: queue) }
    }

    mutating func flush(to queue: SpanQueue) {
        if text.isEmpty { return }
        queue.append(text.bytes.array, count: count)
        text.removeAll()
        count = 0
        flushDue = .never
    }
}
