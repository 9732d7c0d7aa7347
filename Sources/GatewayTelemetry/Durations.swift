/// How many took how long: the buckets of a histogram at one moment, or of several put together.
public struct Durations: Sendable, Equatable {
    /// As much as buckets tell of the time within which a share of them were done.
    public enum Quantile: Sendable, Equatable {
        /// Within the first bucket: less than so many seconds.
        case below(Double)
        case seconds(Double)
        /// Behind the last bound.
        case above(Double)

        /// The nearest number of seconds that can be told.
        public var seconds: Double {
            switch self {
            case .below(let seconds), .seconds(let seconds), .above(let seconds): seconds
            }
        }
    }

    /// Upper bounds in seconds, from small to large.
    public private(set) var bounds: [Double]
    /// One for each bound, and one for what lies above the last.
    public private(set) var counts: [UInt64]
    public private(set) var sumSeconds: Double

    public init() {
        (bounds, counts, sumSeconds) = ([], [], 0)
    }

    /// nil if these are no buckets.
    public init?(bounds: [Double], counts: [UInt64], sumSeconds: Double) {
        guard counts.count == bounds.count + 1, zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
        (self.bounds, self.counts, self.sumSeconds) = (bounds, counts, sumSeconds)
    }

    public var count: UInt64 { counts.reduce(0, &+) }

    /// Of histograms with the same bounds.
    public static func += (sum: inout Self, more: Self) {
        if sum.bounds.isEmpty {
            sum = more
        } else if sum.bounds == more.bounds {
            for index in sum.counts.indices { sum.counts[index] &+= more.counts[index] }
            sum.sumSeconds += more.sumSeconds
        }
    }

    /// What came since `earlier`; all of it where the counters have begun anew.
    public func since(_ earlier: Self) -> Self {
        guard earlier.bounds == bounds, zip(earlier.counts, counts).allSatisfy({ $0 <= $1 }) else { return self }
        var difference = self
        for index in counts.indices { difference.counts[index] -= earlier.counts[index] }
        difference.sumSeconds -= earlier.sumSeconds
        return difference
    }

    /// Within which time the share `share` of all were done, nil if there are none: between a bucket's bounds as Prometheus' histogram_quantile
    /// does it, in a straight line.
    public func quantile(_ share: Double) -> Quantile? {
        let total = count
        if total == 0 { return nil }
        let rank = share * Double(total)
        var before = 0.0
        for (index, bound) in bounds.enumerated() {
            let here = Double(counts[index])
            if here > 0, before + here >= rank {
                if index == 0 { return .below(bound) }
                return .seconds(bounds[index - 1] + (bound - bounds[index - 1]) * (rank - before) / here)
            }
            before += here
        }
        return bounds.last.map { .above($0) }
    }
}
