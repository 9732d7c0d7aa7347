import GatewayCore
import Glibc

/// A log's destination: lines go in from any thread at once, and one background thread writes them.
///
/// What waits is bounded: when the destination cannot keep up or fails (a disk is full, a reader has gone), lines are
/// dropped and counted, and writing goes on with the lines that come later.
///
/// The unsafe expressions begin and join that thread. It owns what it works on: the argument is retained for it, and
/// released by it.
public final class LogSink: Sendable {
    private let queue: LogQueue
    private let path: String?
    private let closeMs: Int
    private let thread: pthread_t
    /// Its other end is closed when the thread ends.
    private let ended: Descriptor

    /// Appends to the file at `path`, or writes to standard output if that is nil.
    public convenience init(path: String?, queueBytesMax: Int = Limits.logQueueBytesMax) throws(LogSinkError) {
        let destination = if let path { try Descriptor.open(log: path) } else { Descriptor.standardOutput }
        try self.init(destination, path: path, queueBytesMax: queueBytesMax)
    }

    /// Writes to standard error.
    public static func standardError() throws(LogSinkError) -> LogSink {
        try LogSink(.standardError, path: nil, queueBytesMax: Limits.logQueueBytesMax)
    }

    init(_ destination: Descriptor, path: String?, queueBytesMax: Int, closeMs: Int = Limits.logCloseMs) throws(LogSinkError) {
        self.path = path
        self.closeMs = closeMs
        queue = try LogQueue(bytesMax: queueBytesMax)
        let pipe = try Descriptor.pipe()
        ended = pipe.reader
        thread = try LogThread(queue: queue, destination: destination, end: pipe.writer).start()
    }

    /// The thread writes what waits, for ``Limits/logCloseMs`` at most, and ends by itself: who lets go of a log last may be a
    /// worker, which must not wait for a slow destination.
    deinit {
        if queue.close(deadline: MonotonicTime.now().adding(milliseconds: closeMs)) { pthread_detach(thread) }
    }

    /// Takes `bytes`, which are `lines` whole lines, each with its line feed. Returns at once.
    public func submit(_ bytes: consuming [UInt8], lines: Int) {
        var taken = bytes
        queue.append(&taken, lines: lines)
    }

    /// Like ``submit(_:lines:)``, and leaves an empty array in `bytes`, with memory of earlier lines if there is some to spare.
    func exchange(_ bytes: inout [UInt8], lines: Int) {
        queue.append(&bytes, lines: lines)
        if bytes.capacity == 0, let spare = queue.takeSpare() { bytes = spare }
    }

    /// Opens the path again, after a rotation. Lines submitted before still go to the old file, all later ones to the new.
    /// On an error nothing changes. Standard output and standard error stay what they are.
    public func reopen() throws(LogSinkError) {
        guard let path else { return }
        queue.append(try Descriptor.open(log: path))
    }

    /// Writes what waits, for ``Limits/logCloseMs`` at most, and ends the thread. Lines submitted later are dropped.
    public func close() {
        let deadline = MonotonicTime.now().adding(milliseconds: closeMs)
        guard queue.close(deadline: deadline) else { return }
        // A thread that is still held in a system call (a network file system that hangs) is left to itself.
        let hasEnded = Descriptor.wait(reader: ended, until: deadline.adding(milliseconds: Limits.logCloseMs)).canRead
        if hasEnded { pthread_join(thread, nil) } else { pthread_detach(thread) }
    }

    /// Lines that were not written, since the beginning.
    public var droppedLines: UInt64 { queue.droppedLines }
}

/// What the thread of a log holds.
private final class LogThread {
    private let queue: LogQueue
    private let destination: Descriptor
    /// Closed with this object, which the thread releases last.
    private let end: Descriptor

    init(queue: LogQueue, destination: Descriptor, end: Descriptor) {
        self.queue = queue
        self.destination = destination
        self.end = end
    }

    func start() throws(LogSinkError) -> pthread_t {
        // The thread inherits the mask: signals are the main thread's, and a SIGPIPE here is only an EPIPE.
        var all = sigset_t()
        var previous = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(self)
        let result = unsafe pthread_create(&thread, nil, { unsafe LogThread.main($0) }, argument.toOpaque())
        if result != 0 {
            unsafe argument.release()
            throw LogSinkError(operation: "begin the thread of a log", errorNumber: result)
        }
        return thread
    }

    private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        if let argument = unsafe argument {
            let thread = unsafe Unmanaged<LogThread>.fromOpaque(argument).takeRetainedValue()
            var writer = LogWriter(queue: thread.queue, destination: thread.destination)
            // Not released, and so not ended, before the work is done.
            withExtendedLifetime(thread) { writer.run() }
        }
        return nil
    }
}
