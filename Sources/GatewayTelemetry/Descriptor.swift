import GatewayCore
import Glibc

/// A file descriptor, closed with its last reference if it is ours: the few system calls that logs and /proc need.
///
/// The unsafe expressions lend memory to system calls that are done with it when they return: spans for as long as
/// their closure runs, local variables, and buffers whose length is passed with them.
final class Descriptor: Sendable {
    let number: Int32
    private let isOwned: Bool

    static let standardOutput = Descriptor(number: STDOUT_FILENO, isOwned: false)
    static let standardError = Descriptor(number: STDERR_FILENO, isOwned: false)

    init(number: Int32, isOwned: Bool) {
        self.number = number
        self.isOwned = isOwned
    }

    deinit {
        if isOwned { close(number) }
    }

    /// Opens a log. Appending, so that several writers don't overwrite each other; without blocking, should it be a FIFO.
    static func open(log path: String) throws(LogSinkError) -> Descriptor {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let number = unsafe Glibc.open(path, flags, 0o644)
        if number < 0 { throw LogSinkError(operation: "open \(path)", errorNumber: errno) }
        return Descriptor(number: number, isOwned: true)
    }

    /// A pipe that never blocks.
    static func pipe() throws(LogSinkError) -> (reader: Descriptor, writer: Descriptor) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { unsafe Glibc.pipe($0.bindMemory(to: Int32.self).baseAddress) }
        if result < 0 { throw LogSinkError(operation: "pipe", errorNumber: errno) }
        for number in [ends.0, ends.1] {
            _ = fcntl(number, F_SETFL, O_NONBLOCK)
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        }
        return (Descriptor(number: ends.0, isOwned: true), Descriptor(number: ends.1, isOwned: true))
    }

    /// Whether write(2) never waits for a reader.
    var isRegularFile: Bool {
        var status = stat()
        return unsafe fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Writes once. Returns how many bytes were taken, or the negative error number.
    func write(_ bytes: RawSpan) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            let written = unsafe Glibc.write(number, buffer.baseAddress, buffer.count)
            return written < 0 ? -Int(errno) : written
        }
    }

    /// Takes what a pipe holds, a few bytes that only wake.
    func drain() {
        var bytes: UInt64 = 0
        while unsafe Glibc.read(number, &bytes, MemoryLayout<UInt64>.size) > 0 {}
    }

    /// Waits until `reader` has something, `writer` takes something, or the deadline. Errors count as ready: the next
    /// call on the descriptor reports them.
    static func wait(reader: Descriptor, writer: Descriptor? = nil, until deadline: MonotonicTime) -> (canRead: Bool, canWrite: Bool) {
        // poll(2) passes over a negative descriptor.
        var entries = (
            pollfd(fd: reader.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: writer?.number ?? -1, events: Int16(POLLOUT), revents: 0)
        )
        let timeoutMs = deadline.isNever ? -1 : Int32(clamping: (deadline.nanoseconds(since: .now()) + 999_999) / 1_000_000)
        let ready = unsafe withUnsafeMutableBytes(of: &entries) { unsafe poll($0.bindMemory(to: pollfd.self).baseAddress, 2, timeoutMs) }
        return ready > 0 ? (entries.0.revents != 0, entries.1.revents != 0) : (false, false)
    }

    /// A small file as text, for /proc; nil if it cannot be read.
    static func contents(of path: String) -> String? {
        let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if number < 0 { return nil }
        let file = Descriptor(number: number, isOwned: true)
        let pieceBytes = 16 * 1024
        var bytes: [UInt8] = []
        while true {
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: pieceBytes) { buffer, count in
                count = unsafe max(0, Glibc.read(file.number, buffer.baseAddress, pieceBytes))
            }
            if piece.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece
        }
    }

    /// How many descriptors the process has open; nil if /proc cannot be read.
    static func openCount() -> Int? {
        guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
        // The directory's own descriptor, "." and ".." are not counted.
        var count = -3
        while unsafe readdir(directory) != nil { count += 1 }
        unsafe closedir(directory)
        return count
    }
}
