/// A request that a histogram's bucket remembers, by its trace: the way from a figure to what it was made of.
public struct Exemplar: Sendable, BitwiseCopyable, Equatable {
    /// The trace's id (W3C Trace Context), its first eight bytes first.
    public let traceHigh: UInt64
    public let traceLow: UInt64
    /// Since 1970, in nanoseconds.
    public let wallClockNs: UInt64

    public init(traceHigh: UInt64, traceLow: UInt64, wallClockNs: UInt64) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.wallClockNs = wallClockNs
    }

    /// As the label `trace_id` has it: 32 hexadecimal digits.
    var traceID: String {
        [traceHigh, traceLow].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }

    /// A sequence number, the trace's two halves, what was observed, and when.
    @inlinable static var cellsPerBucket: Int { 5 }
    /// Of one histogram.
    @inlinable static var cellCount: Int { (HistogramBuckets.countMax + 1) * cellsPerBucket }
}
