import GatewayCore
import GatewayNet
import Synchronization

/// Spans that wait for the exporter: filled by workers, emptied by the main thread. What finds no room is dropped and counted, so that
/// no worker ever waits for a collector.
///
/// The lock is held while references are swapped, never during a copy of spans. Their memory comes back when they are sent: at many
/// thousand requests a second the kernel would be asked for more of it than for anything else.
public final class SpanQueue: Sendable {
    /// Whole spans, each with a comma behind it.
    public struct Batch: Sendable {
        public var bytes: [UInt8] = []
        public let count: Int
    }

    private struct State {
        var batches: [Batch] = []
        var heldBytes = 0
        var isTold = false
        /// Emptied buffers that keep their memory.
        var spares: [[UInt8]] = []
    }

    /// Memory worth keeping: not that of a few spans, nor of an unusually long one.
    private static let spareBytes = Limits.spanBufferBytes / 2...2 * Limits.spanBufferBytes

    private let state = Mutex(State())
    private let dropped = Atomic<UInt64>(0)
    /// Wakes the exporter: when the first spans come, and when there are enough for a request.
    public let wakeup: Wakeup

    public init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    /// Spans that found no room, since the beginning.
    public var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    public var heldBytes: Int { state.withLock { $0.heldBytes } }

    /// Takes the spans out of `bytes` and leaves it empty, with the memory of earlier ones if there is some; drops and counts them if there
    /// is no room. Returns at once.
    func exchange(_ bytes: inout [UInt8], count: Int) {
        let byteCount = bytes.count
        // Few spans in much memory: a slow collector would let gather more of that than the queue may hold.
        let areFew = byteCount < Self.spareBytes.lowerBound
        var few = areFew ? bytes.rawSpan.array : []
        var hasRoom = false
        let mustWake = state.withLock { state in
            hasRoom = state.heldBytes + byteCount <= Limits.spanQueueBytesMax
            if !hasRoom { return false }
            let last = state.batches.count
            state.heldBytes += byteCount
            state.batches.append(Batch(bytes: areFew ? [] : state.spares.popLast() ?? [], count: count))
            if areFew { swap(&state.batches[last].bytes, &few) } else { swap(&state.batches[last].bytes, &bytes) }
            // Once for each time that there are enough: see ``take(atMost:)``.
            let isEnough = state.heldBytes >= Limits.spanRequestBytes && !state.isTold
            if isEnough { state.isTold = true }
            return last == 0 || isEnough
        }
        bytes.removeAll(keepingCapacity: true)
        if !hasRoom { dropped.add(UInt64(count), ordering: .relaxed) }
        if mustWake { wakeup.signal() }
    }

    /// The oldest spans, as many as `byteCount` holds, and at least one batch of them; none if there are none.
    public func take(atMost byteCount: Int) -> [Batch] {
        state.withLock { state in
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
    }

    /// Takes back the memory of spans that are sent or given up.
    public func finish(_ batches: inout [Batch]) {
        for index in batches.indices {
            batches[index].bytes.removeAll(keepingCapacity: Self.spareBytes.contains(batches[index].bytes.capacity))
        }
        state.withLock { state in
            for index in batches.indices where batches[index].bytes.capacity > 0 && state.spares.count < Limits.spanSparesMax {
                state.spares.append([])
                swap(&state.spares[state.spares.count - 1], &batches[index].bytes)
            }
        }
        batches = []
    }
}
