/// Writes Prometheus' text format, version 0.0.4: families in the order of their declaration, series in the order of
/// their label values, so that two scrapes differ only in their numbers.
struct PrometheusText {
    let shards: [MetricsShard]
    private(set) var bytes: [UInt8] = []

    init(shards: [MetricsShard]) {
        self.shards = shards
    }

    /// Appends a family, unless it has nothing to show.
    mutating func append(_ family: MetricFamily, _ series: [[String]: MetricsRegistry.Cells]) {
        let declaration = family.declaration
        let start = bytes.count
        append("# HELP \(declaration.name) \(Self.escapedHelp(declaration.help))\n")
        append("# TYPE \(declaration.name) \(declaration.kind.rawValue)\n")
        let headEnd = bytes.count
        for (labelValues, cells) in series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            append(declaration, labelValues, cells)
        }
        if bytes.count == headEnd { bytes.removeSubrange(start...) }
    }

    private mutating func append(_ declaration: MetricFamily.Declaration, _ labelValues: [String], _ cells: MetricsRegistry.Cells) {
        switch cells {
        case .counter(let slot):
            // Time is counted in nanoseconds.
            let value = declaration.unit == .seconds ? Self.seconds(nanoseconds: sum(slot.index)) : String(sum(slot.index))
            sample(declaration.name, Self.pairs(declaration.labels, labelValues), value)
        case .gauge(let slot):
            sample(declaration.name, Self.pairs(declaration.labels, labelValues), String(Int64(bitPattern: sum(slot.index))))
        case .value(let value):
            sample(declaration.name, Self.pairs(declaration.labels, labelValues), Self.number(value))
        case .histogram(let slot):
            appendHistogram(declaration, labelValues, slot)
        case .statusBlock(let slot):
            appendBlock(declaration, labelValues, slot)
        }
    }

    /// The count is the sum of the buckets, so that it always equals the bucket "+Inf", whatever is counted meanwhile.
    private mutating func appendHistogram(_ declaration: MetricFamily.Declaration, _ labelValues: [String], _ slot: HistogramSlot) {
        let pairs = Self.pairs(declaration.labels, labelValues)
        let prefix = pairs.isEmpty ? "" : pairs + ","
        var count: UInt64 = 0
        let bounds = slot.buckets.microseconds
        for bucket in 0...bounds.count {
            count &+= sum(slot.index + bucket)
            let bound = bucket < bounds.count ? Self.seconds(nanoseconds: bounds[bucket] * 1_000) : "+Inf"
            sample(declaration.name + "_bucket", prefix + "le=\"\(bound)\"", String(count))
        }
        sample(declaration.name + "_sum", pairs, Self.seconds(nanoseconds: sum(slot.index + HistogramBuckets.countMax + 1)))
        sample(declaration.name + "_count", pairs, String(count))
    }

    private mutating func appendBlock(_ declaration: MetricFamily.Declaration, _ labelValues: [String], _ slot: StatusBlockSlot) {
        let hasMethods = slot.methodStride > 0
        for method in 0..<(hasMethods ? StatusBlockSlot.methodNames.count : 1) {
            for (index, status) in StatusCodes.labels.enumerated() {
                let count = sum(slot.index + method * slot.methodStride + index)
                if count == 0 { continue }
                let last = hasMethods ? [StatusBlockSlot.methodNames[method], status] : [status]
                sample(declaration.name, Self.pairs(declaration.labels, labelValues + last), String(count))
            }
        }
    }

    private func sum(_ index: Int) -> UInt64 {
        shards.reduce(0) { $0 &+ $1.value(at: index) }
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
        zip(names, values).map { "\($0)=\"\(escapedValue($1))\"" }.joined(separator: ",")
    }

    /// In a label value a backslash, a quote and a line feed are escaped; in a help text the quote is not.
    static func escapedValue(_ value: String) -> String {
        escaped(value, quote: "\\\"")
    }

    static func escapedHelp(_ help: String) -> String {
        escaped(help, quote: "\"")
    }

    private static func escaped(_ text: String, quote: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"": result += quote
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Decimal seconds without a rounding: "0.0025", "1", "12.345678901".
    static func seconds(nanoseconds: UInt64) -> String {
        let fraction = nanoseconds % 1_000_000_000
        let whole = String(nanoseconds / 1_000_000_000)
        if fraction == 0 { return whole }
        var digits = Array(String(fraction + 1_000_000_000).dropFirst())
        while digits.last == "0" { digits.removeLast() }
        return whole + "." + String(digits)
    }

    /// The format's spelling of a floating-point number; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Up to here a Double holds every whole number.
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
        return String(value)
    }
}
