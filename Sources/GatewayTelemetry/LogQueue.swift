import GatewayCore
import Synchronization

/// What waits for a log's destination: filled by any thread, emptied by the log's own.
///
/// The lock is held while references are swapped, never during a system call or a copy of lines.
final class LogQueue: Sendable {
    struct Entry {
        /// Whole lines, each with its line feed. The array is moved, never copied: a second reference would cost the reuse of its memory.
        var bytes: [UInt8] = []
        var lines = 0
        /// If not nil, later lines go to this descriptor.
        var destination: Descriptor?
    }

    struct Taken {
        var entries: [Entry]
        var isClosed: Bool
    }

    private struct State {
        var entries: [Entry] = []
        /// What the lines of `entries` cost, and those that the thread has taken and not yet written.
        var heldBytes = 0
        /// Emptied buffers that keep their memory.
        var spares: [[UInt8]] = []
        var isSleeping = false
        var isClosed = false
        var closeDeadline = MonotonicTime.never
    }

    private static let sparesMax = 32
    /// About what an entry takes besides its lines, so that many short ones are bounded as well.
    private static let entryBytes = 64
    /// Memory worth keeping: not that of a single line, nor of an unusually long one.
    private static let spareBytesMin = Limits.logBufferBytes / 2
    private static let spareBytesMax = 2 * Limits.logBufferBytes

    private let bytesMax: Int
    private let state = Mutex(State())
    private let dropped = Atomic<UInt64>(0)
    let wakeup: (reader: Descriptor, writer: Descriptor)

    init(bytesMax: Int) throws(LogSinkError) {
        self.bytesMax = bytesMax
        wakeup = try Descriptor.pipe()
    }

    var droppedLines: UInt64 { dropped.load(ordering: .relaxed) }

    func countDropped(_ lines: Int) {
        dropped.add(UInt64(lines), ordering: .relaxed)
    }

    /// Takes the lines out of `bytes` and leaves it empty; drops and counts them if there is no room.
    func append(_ bytes: inout [UInt8], lines: Int) {
        var hasRoom = false
        let mustWake = state.withLock { state in
            let cost = bytes.count + Self.entryBytes
            hasRoom = !state.isClosed && state.heldBytes + cost <= bytesMax
            if !hasRoom { return false }
            state.heldBytes += cost
            state.entries.append(Entry(lines: lines))
            swap(&state.entries[state.entries.count - 1].bytes, &bytes)
            return Self.stopSleeping(&state)
        }
        if !hasRoom {
            bytes.removeAll(keepingCapacity: true)
            countDropped(lines)
        }
        if mustWake { wake() }
    }

    /// An empty array with memory that earlier lines were written from, if there is one.
    func takeSpare() -> [UInt8]? {
        state.withLock { $0.spares.popLast() }
    }

    /// Lines appended from now on go to `next`. It takes the place of a destination that still waits, so that no more than one does.
    func append(_ next: Descriptor) {
        // Declared out here: a descriptor is closed with its last reference, which must not be under the lock.
        var replaced: Descriptor?
        let mustWake = state.withLock { state in
            if state.isClosed { return false }
            if let index = state.entries.lastIndex(where: { $0.destination != nil }) {
                replaced = state.entries[index].destination
                state.entries[index].destination = next
            } else {
                state.entries.append(Entry(destination: next))
            }
            return Self.stopSleeping(&state)
        }
        withExtendedLifetime(replaced) {}
        if mustWake { wake() }
    }

    /// Takes nothing more; what is there may be written until `deadline`. False if it was closed before.
    func close(deadline: MonotonicTime) -> Bool {
        let wasOpen = state.withLock { state in
            if state.isClosed { return false }
            state.isClosed = true
            state.closeDeadline = deadline
            return true
        }
        if wasOpen { wake() }
        return wasOpen
    }

    // MARK: The thread's side

    /// Everything that waits, for an emptied `entries`. If that is nothing the caller must sleep on ``wakeup`` until it is woken.
    func take(_ entries: consuming [Entry]) -> Taken {
        var entries = entries
        return state.withLock { state in
            swap(&entries, &state.entries)
            state.isSleeping = entries.isEmpty
            return Taken(entries: entries, isClosed: state.isClosed)
        }
    }

    /// Takes back the memory of lines that are written or given up.
    func finish(_ bytes: inout [UInt8]) {
        let cost = bytes.count + Self.entryBytes
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.spareBytesMax)
        state.withLock { state in
            state.heldBytes -= cost
            if bytes.capacity < Self.spareBytesMin || state.spares.count == Self.sparesMax { return }
            state.spares.append([])
            swap(&state.spares[state.spares.count - 1], &bytes)
        }
    }

    /// When to give up on a destination that takes nothing; never before the end.
    var closeDeadline: MonotonicTime { state.withLock { $0.closeDeadline } }

    private static func stopSleeping(_ state: inout State) -> Bool {
        defer { state.isSleeping = false }
        return state.isSleeping
    }

    private func wake() {
        // A full pipe wakes as well.
        let byte: InlineArray<1, UInt8> = [1]
        _ = wakeup.writer.write(byte.rawSpan)
    }
}
