/// Writes all that is counted in one of the text formats: families in the order of their declaration, series in the order of
/// their label values, so that two scrapes differ only in their numbers.
struct ExpositionWriter {
    private let shards: [MetricsShard]
    private let format: ExpositionFormat
    /// Where a histogram's exemplars begin, by its first cell.
    private let exemplars: [Int: Int]
    /// The ends of bucket labels, `0.001"} `, by the buckets and in their order.
    private let bounds: [[[UInt8]]]
    private(set) var bytes: [UInt8] = []

    init(_ format: ExpositionFormat, shards: [MetricsShard], exemplars: [Int: Int]) {
        self.shards = shards
        self.format = format
        // The text format has no place for them.
        self.exemplars = format == .openMetrics ? exemplars : [:]
        bounds = HistogramBuckets.allCases.map { buckets in
            let texts = buckets.microseconds.map { format.bound(nanoseconds: $0 * 1_000) } + ["+Inf"]
            return texts.map { Array("\($0)\"} ".utf8) }
        }
    }

    /// Appends a family, unless it has nothing to show.
    mutating func append(_ family: MetricFamily, _ series: [[String]: MetricsRegistry.Cells]) {
        let declaration = family.declaration
        let start = bytes.count
        appendHead(declaration)
        let headEnd = bytes.count
        for (labelValues, cells) in series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            append(declaration, labelValues, cells)
        }
        if bytes.count == headEnd { bytes.removeSubrange(start...) }
    }

    /// Behind the last family.
    mutating func end() {
        if format == .openMetrics { append("# EOF\n") }
    }

    private mutating func appendHead(_ declaration: MetricFamily.Declaration) {
        let name = format.familyName(declaration)
        append("# HELP \(name) \(format.escapedHelp(declaration.help))\n")
        append("# TYPE \(name) \(declaration.kind.rawValue)\n")
        if format == .openMetrics && declaration.unit != .none { append("# UNIT \(name) \(declaration.unit.rawValue)\n") }
    }

    private mutating func append(_ declaration: MetricFamily.Declaration, _ labelValues: [String], _ cells: MetricsRegistry.Cells) {
        switch cells {
        case .counter(let slot):
            // Time is counted in nanoseconds.
            let isTime = declaration.unit == .seconds
            let value = isTime ? ExpositionNumber.seconds(nanoseconds: sum(slot.index)) : String(sum(slot.index))
            sample(declaration.name, Self.pairs(declaration.labels, labelValues), value)
        case .gauge(let slot):
            sample(declaration.name, Self.pairs(declaration.labels, labelValues), String(Int64(bitPattern: sum(slot.index))))
        case .value(let value):
            sample(declaration.name, Self.pairs(declaration.labels, labelValues), ExpositionNumber.number(value))
        case .histogram(let slot):
            appendHistogram(declaration, labelValues, slot)
        case .statusBlock(let slot):
            appendBlock(declaration, labelValues, slot)
        }
    }

    /// The count is the sum of the buckets, so that it always equals the bucket "+Inf", whatever is counted meanwhile.
    private mutating func appendHistogram(_ declaration: MetricFamily.Declaration, _ labelValues: [String], _ slot: HistogramSlot) {
        let pairs = Self.pairs(declaration.labels, labelValues)
        let lineStart = Array("\(declaration.name)_bucket{\(pairs)\(pairs.isEmpty ? "" : ",")le=\"".utf8)
        let exemplars = exemplars[slot.index]
        var count: UInt64 = 0
        for (bucket, bound) in bounds[slot.buckets.rawValue].enumerated() {
            count &+= sum(slot.index + bucket)
            bytes += lineStart
            bytes += bound
            append(String(count))
            if let exemplars { appendExemplar(exemplars + bucket * Exemplar.cellsPerBucket) }
            append("\n")
        }
        let total = ExpositionNumber.seconds(nanoseconds: sum(slot.index + HistogramBuckets.countMax + 1))
        sample(declaration.name + "_sum", pairs, total)
        sample(declaration.name + "_count", pairs, String(count))
    }

    /// The last one of all threads.
    private mutating func appendExemplar(_ index: Int) {
        let known = shards.compactMap { $0.exemplar(at: index) }
        guard let last = known.max(by: { $0.exemplar.wallClockNs < $1.exemplar.wallClockNs }) else { return }
        let value = ExpositionNumber.seconds(nanoseconds: last.nanoseconds)
        let time = ExpositionNumber.seconds(nanoseconds: last.exemplar.wallClockNs / 1_000_000 * 1_000_000)
        append(" # {trace_id=\"\(last.exemplar.traceID)\"} \(value) \(time)")
    }

    private mutating func appendBlock(_ declaration: MetricFamily.Declaration, _ labelValues: [String], _ slot: StatusBlockSlot) {
        for (index, status) in StatusCodes.labels.enumerated() {
            let count = sum(slot.index + index)
            if count == 0 { continue }
            sample(declaration.name, Self.pairs(declaration.labels, labelValues + [status]), String(count))
        }
    }

    private func sum(_ index: Int) -> UInt64 {
        var sum: UInt64 = 0
        for shard in shards { sum &+= shard.value(at: index) }
        return sum
    }

    private mutating func sample(_ name: String, _ pairs: String, _ value: String) {
        append(name)
        if !pairs.isEmpty { append("{\(pairs)}") }
        append(" \(value)\n")
    }

    private mutating func append(_ text: String) {
        bytes += text.utf8
    }

    private static func pairs(_ names: [String], _ values: [String]) -> String {
        var text = ""
        for (name, value) in zip(names, values) {
            if !text.isEmpty { text += "," }
            text += name
            text += "=\""
            text += ExpositionFormat.escapedValue(value)
            text += "\""
        }
        return text
    }
}
