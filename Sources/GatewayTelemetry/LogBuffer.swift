import GatewayCore

/// A worker's log lines, gathered and handed to the sink many at a time.
///
/// One thread owns a buffer. At its end the thread calls ``flush()``; a buffer that is destroyed hands over what it holds.
public struct LogBuffer: ~Copyable {
    /// So much text leaves room for one more piece, with a last line that begins within it and is not unusually long.
    private static var flushBytes: Int { Limits.logBufferBytes - 2 * Limits.logPieceBytes }
    /// What most lines fit into.
    @usableFromInline static var lineBytes: Int { 1024 }

    private let sink: LogSink
    /// The last lines, made in memory that was used a moment ago, and copied from there into the array that the sink gets: of the array no
    /// more is touched than what is written.
    @usableFromInline var recent: ByteQueue
    /// Those before them. Whole lines, each with its line feed.
    @usableFromInline var text: [UInt8] = []
    @usableFromInline var lines = 0
    @usableFromInline var oldest = MonotonicTime.never

    public init(sink: LogSink, pool: BufferPool) {
        self.sink = sink
        recent = ByteQueue(pool: pool)
    }

    deinit {
        if lines == 0 { return }
        var rest = text
        Self.append(recent, to: &rest)
        sink.submit(rest, lines: lines)
    }

    /// Adds a line. `body` only appends, and no line feed: that is added.
    @inlinable
    public mutating func withLine(now: MonotonicTime, _ body: (inout ByteQueue) -> Void) {
        if lines == 0 { oldest = now }
        recent.reserve(Self.lineBytes)
        body(&recent)
        recent.append(0x0a)
        lines += 1
        if recent.count >= Limits.logPieceBytes { gather() }
    }

    @usableFromInline
    mutating func gather() {
        appendRecent()
        if text.count >= Self.flushBytes { flush() }
    }

    private mutating func appendRecent() {
        if text.isEmpty { text.reserveCapacity(Limits.logBufferBytes) }
        Self.append(recent, to: &text)
        if recent.count > 2 * Limits.logPieceBytes { recent.removeAll() } else { recent.clear() }
    }

    private static func append(_ lines: borrowing ByteQueue, to text: inout [UInt8]) {
        text.append(lines.bytes)
    }

    /// When ``flush()`` must be called at the latest; never while the buffer is empty.
    @inlinable
    public var flushDue: MonotonicTime {
        oldest.isNever ? .never : oldest.adding(milliseconds: Limits.logBufferMs)
    }

    /// Hands all lines to the sink, and goes on in memory of earlier lines if there is some. It returns at once, whatever the sink's
    /// destination does.
    public mutating func flush() {
        if lines == 0 { return }
        appendRecent()
        sink.exchange(&text, lines: lines)
        lines = 0
        oldest = .never
    }
}
