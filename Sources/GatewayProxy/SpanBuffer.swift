import GatewayCore

/// A worker's spans, gathered and handed on many at a time. One thread owns it.
struct SpanBuffer: ~Copyable {
    /// A span is made in memory that was used a moment ago, and copied from there into the array that the queue gets.
    private var line: ByteQueue
    /// Whole spans, each with a comma behind it.
    private var text: [UInt8] = []
    private var count = 0
    /// When ``flush(to:)`` must be called at the latest; never while the buffer is empty.
    private(set) var flushDue = MonotonicTime.never

    init(pool: BufferPool) {
        line = ByteQueue(pool: pool)
    }

    /// Adds a span. `body` appends it, with a comma behind it.
    @inline(__always)
    mutating func withSpan(to queue: SpanQueue, now: MonotonicTime, _ body: (inout ByteQueue) -> Void) {
        line.reserve(Limits.spanBytes)
        body(&line)
        keep(to: queue, now: now)
    }

    private mutating func keep(to queue: SpanQueue, now: MonotonicTime) {
        if text.isEmpty {
            text.reserveCapacity(Limits.spanBufferBytes)
            flushDue = now.adding(milliseconds: Limits.spanBufferMs)
        }
        Self.append(line, to: &text)
        line.removeAll()
        count += 1
        if text.count >= Limits.spanBufferBytes - Limits.spanBytes { flush(to: queue) }
    }

    private static func append(_ line: borrowing ByteQueue, to text: inout [UInt8]) {
        text.append(line.bytes)
    }

    mutating func flush(to queue: SpanQueue) {
        if text.isEmpty { return }
        queue.exchange(&text, count: count)
        count = 0
        flushDue = .never
    }
}
