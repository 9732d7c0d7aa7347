import GatewayCore

/// A worker's spans, gathered and handed on many at a time. One thread owns it.
struct SpanBuffer: ~Copyable {
    /// The latest spans are made in memory that was used a moment ago, and copied from there, many in one piece, to those before them.
    private var latest: ByteQueue
    /// What the queue gets: whole spans, each with a comma behind it.
    private var text: [UInt8] = []
    private var count = 0
    /// When ``flush(to:)`` must be called at the latest; never while the buffer is empty.
    private(set) var flushDue = MonotonicTime.never

    init(pool: BufferPool) {
        latest = ByteQueue(pool: pool)
    }

    /// Adds a span. `body` appends it, with a comma behind it.
    @inline(__always)
    mutating func withSpan(to queue: SpanQueue, now: MonotonicTime, _ body: (inout ByteQueue) -> Void) {
        if count == 0 { flushDue = now.adding(milliseconds: Limits.spanBufferMs) }
        latest.reserve(latest.isEmpty ? Limits.spanPieceBytes + Limits.spanBytes : Limits.spanBytes)
        body(&latest)
        count += 1
        if latest.count >= Limits.spanPieceBytes { gather(to: queue) }
    }

    @inline(never)
    private mutating func gather(to queue: SpanQueue) {
        if text.isEmpty { text.reserveCapacity(Limits.spanBufferBytes) }
        Self.append(latest, to: &text)
        if latest.count > Limits.spanPieceBytes + Limits.spanBytes { latest.removeAll() } else { latest.clear() }
        if text.count > Limits.spanBufferBytes - Limits.spanPieceBytes - Limits.spanBytes { handOn(to: queue) }
    }

    private static func append(_ latest: borrowing ByteQueue, to text: inout [UInt8]) {
        text.append(latest.bytes)
    }

    mutating func flush(to queue: SpanQueue) {
        if count == 0 { return }
        gather(to: queue)
        handOn(to: queue)
    }

    private mutating func handOn(to queue: SpanQueue) {
        if count == 0 { return }
        queue.exchange(&text, count: count)
        count = 0
        flushDue = .never
    }
}
