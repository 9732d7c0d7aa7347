import Foundation

/// A page of Prometheus' text format, read strictly.
public struct Metrics: Sendable {
    /// By the series as it is written: `gateway_requests_total{server="a",status="200"}`.
    public let series: [String: Double]
    /// The TYPE line of each family: "counter", "gauge", "histogram".
    public let types: [String: String]
    public let text: String

    public init(text: String) throws {
        var series: [String: Double] = [:]
        var types: [String: String] = [:]
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                guard words.count == 4, types.updateValue(String(words[3]), forKey: String(words[2])) == nil else {
                    throw TestError.invalid("a TYPE line that is wrong or there twice: \(line)")
                }
            } else if !line.hasPrefix("#") {
                guard let space = line.lastIndex(of: " "), let value = Self.number(line[line.index(after: space)...]) else {
                    throw TestError.invalid("not a sample: \(line)")
                }
                guard series.updateValue(value, forKey: String(line[..<space])) == nil else {
                    throw TestError.invalid("a series that is there twice: \(line)")
                }
            }
        }
        self.series = series
        self.types = types
        self.text = text
    }

    private static func number(_ text: Substring) -> Double? {
        text == "+Inf" ? .infinity : Double(text)
    }

    public subscript(series: String) -> Double? { self.series[series] }

    /// The sum of all series of this name that have these labels among theirs; 0 if there is none.
    public func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        series.filter { Self.fits($0.key, name, labels) }.values.reduce(0, +)
    }

    private static func fits(_ series: String, _ name: String, _ labels: [String: String]) -> Bool {
        guard series == name || series.hasPrefix(name + "{") else { return false }
        return labels.allSatisfy { label in
            let pair = "\(label.key)=\"\(label.value)\""
            return series.contains("{" + pair) || series.contains("," + pair)
        }
    }
}
