import GatewayProxy

/// Spans on their way: one message to a collector (ExportTraceServiceRequest), sent from the memory in which workers wrote them.
struct SpanRequest {
    /// What stands before the spans.
    let head: [UInt8]
    /// The spans, and what stands behind the last of them.
    var batches: [SpanQueue.Batch]
    let byteCount: Int
    /// Of spans.
    let count: Int
    var attempts = 0

    /// One batch at least, and none of them empty.
    init(_ batches: consuming [SpanQueue.Batch], head: [UInt8], tail: [UInt8]) {
        // In the place of the last span's comma.
        batches[batches.count - 1].bytes.removeLast()
        batches[batches.count - 1].bytes += tail
        self.head = head
        self.batches = batches
        byteCount = self.batches.reduce(head.count) { $0 + $1.bytes.count }
        count = self.batches.reduce(0) { $0 + $1.count }
    }
}
