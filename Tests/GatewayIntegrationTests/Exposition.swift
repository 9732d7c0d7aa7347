import Foundation
import TestSupport

/// A page of Prometheus' text format 0.0.4, held to what its description asks: HELP and TYPE once and before a family's samples,
/// samples of a family together, well-formed names, labels and values, histograms that add up.
struct Exposition {
    private(set) var types: [String: String] = [:]
    private var helps: Set<String> = []
    private var finished: Set<String> = []
    private var current = ""
    private var histograms: [String: [(bound: Double, count: Double)]] = [:]
    private var counts: [String: Double] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw TestError.invalid("the last line has no end") }
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") { try read(comment: line) } else { try read(sample: String(line)) }
        }
        try checkHistograms()
    }

    private mutating func read(comment line: Substring) throws {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count == 4 else { throw TestError.invalid("a comment without content: \(line)") }
        let family = String(words[2])
        if family != current {
            guard finished.insert(current).inserted, !finished.contains(family) else { throw TestError.invalid("\(family) is torn apart") }
            current = family
        }
        if words[1] == "HELP" {
            guard helps.insert(family).inserted else { throw TestError.invalid("two HELP lines of \(family)") }
        } else {
            guard ["counter", "gauge", "histogram"].contains(words[3]), types.updateValue(String(words[3]), forKey: family) == nil else {
                throw TestError.invalid("a wrong or second TYPE: \(line)")
            }
        }
    }

    private mutating func read(sample line: String) throws {
        let pattern = /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*\})? (\+Inf|NaN|[-+0-9.eE]+)/
        guard let match = line.wholeMatch(of: pattern) else { throw TestError.invalid("not a sample: \(line)") }
        let name = String(match.1)
        let labels = match.2.map(String.init) ?? ""
        guard let value = match.3 == "+Inf" ? .infinity : Double(match.3) else { throw TestError.invalid("not a value: \(line)") }
        guard let type = types[current], helps.contains(current) else { throw TestError.invalid("a sample before its TYPE: \(line)") }
        guard type == "histogram" else {
            guard name == current else { throw TestError.invalid("a sample of \(name) among those of \(current)") }
            if type == "counter" && value < 0 { throw TestError.invalid("a counter below 0: \(line)") }
            return
        }
        try read(name: name, labels: labels, value)
    }

    private mutating func read(name: String, labels: String, _ value: Double) throws {
        switch name {
        case current + "_sum": break
        case current + "_count": counts[current + labels] = value
        case current + "_bucket":
            guard let match = labels.firstMatch(of: /,?le="([^"]+)"/), let bound = match.1 == "+Inf" ? .infinity : Double(match.1) else {
                throw TestError.invalid("a bucket without a bound: \(labels)")
            }
            var others = labels
            others.removeSubrange(match.range)
            histograms[current + (others == "{}" ? "" : others), default: []].append((bound, value))
        default: throw TestError.invalid("a sample of \(name) among those of \(current)")
        }
    }

    private func checkHistograms() throws {
        for (series, buckets) in histograms {
            let isOrdered = zip(buckets, buckets.dropFirst()).allSatisfy { $0.bound < $1.bound && $0.count <= $1.count }
            guard isOrdered, let last = buckets.last, last.bound == .infinity, last.count == counts[series] else {
                throw TestError.invalid("a histogram that does not add up: \(series) \(buckets) \(counts[series] ?? -1)")
            }
        }
    }
}
