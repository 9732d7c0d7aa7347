import GatewayCore

/// A worker's log lines, gathered and handed to the sink many at a time.
///
/// One thread owns a buffer. At its end the thread calls ``flush()``; a buffer that is destroyed hands over what it holds.
public struct LogBuffer: ~Copyable {
    /// A line begun below this mark fits into the buffer's memory, unless it is unusually long (then the memory grows).
    @usableFromInline static let flushBytes = Limits.logBufferBytes - 4 * 1024

    private let sink: LogSink
    @usableFromInline var text: ByteQueue
    @usableFromInline var lines = 0
    @usableFromInline var oldest = MonotonicTime.never
    /// An empty array with memory that earlier lines were written from.
    private var spare: [UInt8] = []

    public init(sink: LogSink, pool: BufferPool) {
        self.sink = sink
        text = ByteQueue(pool: pool)
    }

    deinit {
        submit()
    }

    private func submit() {
        if !text.isEmpty { sink.submit(text.bytes.array, lines: lines) }
    }

    /// Adds a line. `body` only appends, and no line feed: that is added.
    @inlinable
    public mutating func withLine(now: MonotonicTime, _ body: (inout ByteQueue) -> Void) {
        if text.isEmpty {
            text.reserve(Limits.logBufferBytes)
            oldest = now
        }
        body(&text)
        text.append(0x0a)
        lines += 1
        if text.count >= Self.flushBytes { flush() }
    }

    /// When ``flush()`` must be called at the latest; never while the buffer is empty.
    @inlinable
    public var flushDue: MonotonicTime {
        oldest.isNever ? .never : oldest.adding(milliseconds: Limits.logBufferMs)
    }

    /// Hands all lines to the sink. It returns at once, whatever the sink's destination does.
    public mutating func flush() {
        if text.isEmpty { return }
        var chunk: [UInt8] = []
        swap(&chunk, &spare)
        chunk.append(text.bytes)
        sink.exchange(&chunk, lines: lines)
        swap(&chunk, &spare)
        text.removeAll()
        lines = 0
        oldest = .never
    }
}
