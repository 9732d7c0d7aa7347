/// What the series hold, for those who show it otherwise than ``ExpositionWriter``: they are the same cells. Threads may count while it is
/// asked.
public struct MetricsReading {
    private let state: MetricsRegistry.State

    init(state: MetricsRegistry.State) {
        self.state = state
    }

    /// Counters: of time, nanoseconds.
    public func counts(_ family: MetricFamily) -> [(labels: [String], count: UInt64)] {
        series(family).compactMap { labels, cells in
            guard case .counter(let slot) = cells else { return nil }
            return (labels, sum(slot.index))
        }
    }

    /// Gauges, and what is set from elsewhere.
    public func values(_ family: MetricFamily) -> [(labels: [String], value: Double)] {
        series(family).compactMap { labels, cells in
            switch cells {
            case .gauge(let slot): (labels, Double(Int64(bitPattern: sum(slot.index))))
            case .value(let value): (labels, value)
            default: nil
            }
        }
    }

    public func durations(_ family: MetricFamily) -> [(labels: [String], durations: Durations)] {
        series(family).compactMap { labels, cells in
            guard case .histogram(let slot) = cells else { return nil }
            let bounds = slot.buckets.microseconds
            let counts = (0...bounds.count).map { sum(slot.index + $0) }
            let seconds = Double(sum(slot.index + HistogramBuckets.countMax + 1)) / 1e9
            return Durations(bounds: bounds.map { Double($0) / 1e6 }, counts: counts, sumSeconds: seconds).map { (labels, $0) }
        }
    }

    /// Counters by status, which is the last label; the labels are those before it.
    public func statuses(_ family: MetricFamily) -> [(labels: [String], statuses: StatusClasses)] {
        precondition(family.declaration.labels.last == "status")
        return series(family).compactMap { labels, cells in
            var classes = StatusClasses()
            switch cells {
            case .counter(let slot):
                classes.add(sum(slot.index), toLabel: labels.last ?? "")
                return (labels.dropLast(), classes)
            case .statusBlock(let slot):
                for (index, label) in StatusCodes.labels.enumerated() { classes.add(sum(slot.index + index), toLabel: label) }
                return (labels, classes)
            default: return nil
            }
        }
    }

    /// What the kernel says of the process: see ``ProcessMetrics``.
    public func process() -> [MetricFamily: Double] { ProcessMetrics.read() ?? [:] }

    /// In the order of their labels.
    private func series(_ family: MetricFamily) -> [(labels: [String], cells: MetricsRegistry.Cells)] {
        state.families[family.rawValue].sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
    }

    private func sum(_ index: Int) -> UInt64 {
        state.shards.reduce(0) { $0 &+ $1.value(at: index) }
    }
}

extension MetricsRegistry {
    /// The series as they are now. The lock is held only to copy their table.
    public func reading() -> MetricsReading {
        MetricsReading(state: copy())
    }
}
