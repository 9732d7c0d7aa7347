/// Where a counter or a gauge stands in every ``MetricsShard``. Only ``MetricsRegistry`` makes slots, and every slot
/// it makes lies within every shard.
public struct MetricSlot: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int

    init(index: Int) { self.index = index }
}

/// Where a histogram's cells begin: one for each of ``HistogramBuckets``, one for what lies above, then the sum.
public struct HistogramSlot: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int

    init(index: Int) { self.index = index }

    static var cellCount: Int { HistogramBuckets.count + 2 }
}

/// Where a block of counters begins that has a cell for every status, or for every method and status.
public struct StatusBlockSlot: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int
    /// The cells of one method; 0 if the block does not tell methods apart.
    @usableFromInline let methodStride: Int

    init(index: Int, hasMethods: Bool) {
        self.index = index
        methodStride = hasMethods ? StatusCodes.count : 0
    }

    /// The values of the label `method`, by raw index.
    static let methodNames = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"]

    static func cellCount(hasMethods: Bool) -> Int {
        hasMethods ? methodNames.count * StatusCodes.count : StatusCodes.count
    }
}

/// The upper bounds of the histogram of durations, from a cache hit to a long stream.
@usableFromInline
enum HistogramBuckets {
    static let microseconds: [UInt64] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 300_000_000,
    ]
    @inlinable static var count: Int { 16 }

    static func boundsNs() -> InlineArray<16, UInt64> {
        InlineArray { microseconds[$0] * 1_000 }
    }
}
