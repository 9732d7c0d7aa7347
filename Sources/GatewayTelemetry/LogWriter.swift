import GatewayCore
import Glibc

/// The work of a log's thread: writes what its queue holds, in order, and waits for more.
struct LogWriter: ~Copyable {
    /// What a pipe that polls as writable takes at once without blocking, and without mixing it with other writers' bytes (pipe(7)).
    private static let pipeBytesMax = 4096

    private let queue: LogQueue
    private var destination: Descriptor
    private var isRegularFile: Bool
    /// After a failure within a line: the next one begins on a line of its own.
    private var isWithinLine: Bool

    init(queue: LogQueue, destination: Descriptor, isWithinLine: Bool = false) {
        self.queue = queue
        self.destination = destination
        self.isWithinLine = isWithinLine
        isRegularFile = destination.isRegularFile
    }

    /// Returns when the queue is closed and empty, or its deadline has come.
    mutating func run() {
        var entries: [LogQueue.Entry] = []
        while true {
            let taken = queue.take(entries)
            entries = taken.entries
            if entries.isEmpty {
                if taken.isClosed { return }
                _ = Descriptor.wait(reader: queue.wakeup.reader, until: .never)
                queue.wakeup.reader.drain()
            }
            for index in entries.indices { handle(&entries[index]) }
            entries.removeAll(keepingCapacity: true)
        }
    }

    private mutating func handle(_ entry: inout LogQueue.Entry) {
        if let next = entry.destination {
            destination = next
            isRegularFile = next.isRegularFile
            isWithinLine = false
        } else {
            write(entry.bytes, lines: entry.lines)
            queue.finish(&entry.bytes)
        }
    }

    private mutating func write(_ bytes: [UInt8], lines: Int) {
        if isWithinLine {
            if write([0x0a]) == 0 { return queue.countDropped(lines) }
            isWithinLine = false
        }
        let written = write(bytes)
        if written == bytes.count { return }
        isWithinLine = written > 0 && bytes[written - 1] != 0x0a
        queue.countDropped(written == 0 ? lines : bytes[written...].count { $0 == 0x0a })
    }

    /// Writes until everything is written, the destination fails or the deadline for the end has come. Returns how much was.
    private func write(_ bytes: [UInt8]) -> Int {
        var position = 0
        while position < bytes.count {
            // Not every descriptor may be set to not block (standard output is shared with other processes), so ask first.
            if !isRegularFile && !waitUntilWritable() { return position }
            let end = isRegularFile ? bytes.count : Self.pieceEnd(bytes, from: position)
            let result = destination.write(bytes.rawSpan.extracting(position..<end))
            if result > 0 {
                position += result
            } else if result != -Int(EINTR) && result != -Int(EAGAIN) {
                return position
            }
        }
        return position
    }

    /// As many whole lines as a pipe takes at once, or a part of a line that is longer.
    private static func pieceEnd(_ bytes: [UInt8], from start: Int) -> Int {
        let end = min(bytes.count, start + pipeBytesMax)
        guard end < bytes.count, let lineEnd = bytes[start..<end].lastIndex(of: 0x0a) else { return end }
        return lineEnd + 1
    }

    /// False if the end has come and the destination takes nothing. The end itself may come while this waits: it wakes.
    private func waitUntilWritable() -> Bool {
        while true {
            let deadline = queue.closeDeadline
            let ready = Descriptor.wait(reader: queue.wakeup.reader, writer: destination, until: deadline)
            if ready.canWrite { return true }
            if ready.canRead { queue.wakeup.reader.drain() }
            if deadline <= .now() { return false }
        }
    }
}
