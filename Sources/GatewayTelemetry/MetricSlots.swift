/// Where a counter or a gauge stands in every ``MetricsShard``. Only ``MetricsRegistry`` makes slots, and every slot
/// it makes lies within every shard.
public struct MetricSlot: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int

    init(index: Int) { self.index = index }
}

/// Where a histogram's cells begin: one for each bound of its ``HistogramBuckets``, one for what lies above, then the sum.
public struct HistogramSlot: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int
    /// Where its bounds begin among those of all.
    @usableFromInline let firstBound: Int
    let buckets: HistogramBuckets

    init(index: Int, _ buckets: HistogramBuckets) {
        self.index = index
        self.buckets = buckets
        firstBound = buckets.rawValue * HistogramBuckets.countMax
    }

    /// The same for all.
    static var cellCount: Int { HistogramBuckets.countMax + 2 }
}

/// Where a block of counters begins that has a cell for every status.
public struct StatusBlockSlot: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int

    init(index: Int) { self.index = index }

    static var cellCount: Int { StatusCodes.count }
}

/// The upper bounds of a histogram's buckets, by what it measures.
@usableFromInline
enum HistogramBuckets: Int, CaseIterable, BitwiseCopyable, Sendable {
    /// From a cache hit to a long stream.
    case requests
    /// What should be over at once: a connection, a round of the loop.
    case moments
    /// Those that OpenTelemetry's conventions for generative AI have for gen_ai.server.time_to_first_token ...
    case firstToken
    /// ... and for gen_ai.server.time_per_output_token.
    case outputToken

    var microseconds: [UInt64] {
        switch self {
        case .requests:
            [
                1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
                1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 300_000_000,
            ]
        case .moments:
            [
                100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
                1_000_000, 2_500_000, 5_000_000, 10_000_000,
            ]
        case .firstToken:
            [
                1_000, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000,
                1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000,
            ]
        case .outputToken:
            [10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000, 750_000, 1_000_000, 2_500_000]
        }
    }

    @inlinable static var countMax: Int { 16 }

    /// Those of all, one behind the other; what has fewer is filled up with bounds that nothing lies above.
    static func boundsNs() -> InlineArray<64, UInt64> {
        var bounds = InlineArray<64, UInt64>(repeating: .max)
        for buckets in allCases {
            for (index, bound) in buckets.microseconds.enumerated() { bounds[buckets.rawValue * countMax + index] = bound * 1_000 }
        }
        return bounds
    }
}
