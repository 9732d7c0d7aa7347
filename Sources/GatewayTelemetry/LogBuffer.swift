import GatewayCore

/// A worker's log lines, gathered and handed to the sink many at a time.
///
/// One thread owns a buffer. At its end the thread calls ``flush()``; a buffer that is destroyed hands over what it holds.
public struct LogBuffer: ~Copyable {
    /// A line begun below this mark fits into the buffer's memory, unless it is unusually long (then the memory grows).
    @usableFromInline static let flushBytes = Limits.logBufferBytes - 4 * 1024
    /// What most lines fit into.
    @usableFromInline static var lineBytes: Int { 1024 }

    private let sink: LogSink
    /// A line is made in memory that was used a moment ago, and copied from there into the array that the sink gets: of the array no more
    /// is touched than what is written.
    @usableFromInline var line: ByteQueue
    /// Whole lines, each with its line feed.
    @usableFromInline var text: [UInt8] = []
    @usableFromInline var lines = 0
    @usableFromInline var oldest = MonotonicTime.never

    public init(sink: LogSink, pool: BufferPool) {
        self.sink = sink
        line = ByteQueue(pool: pool)
    }

    deinit {
        if !text.isEmpty { sink.submit(text, lines: lines) }
    }

    /// Adds a line. `body` only appends, and no line feed: that is added.
    @inlinable
    public mutating func withLine(now: MonotonicTime, _ body: (inout ByteQueue) -> Void) {
        if text.isEmpty {
            text.reserveCapacity(Limits.logBufferBytes)
            oldest = now
        }
        line.reserve(Self.lineBytes)
        body(&line)
        line.append(0x0a)
        Self.append(line, to: &text)
        line.clear()
        lines += 1
        if text.count >= Self.flushBytes { flush() }
    }

    @usableFromInline
    static func append(_ line: borrowing ByteQueue, to text: inout [UInt8]) {
        text.append(line.bytes)
    }

    /// When ``flush()`` must be called at the latest; never while the buffer is empty.
    @inlinable
    public var flushDue: MonotonicTime {
        oldest.isNever ? .never : oldest.adding(milliseconds: Limits.logBufferMs)
    }

    /// Hands all lines to the sink, and goes on in memory of earlier lines if there is some. It returns at once, whatever the sink's
    /// destination does.
    public mutating func flush() {
        if text.isEmpty { return }
        sink.exchange(&text, lines: lines)
        lines = 0
        oldest = .never
    }
}
