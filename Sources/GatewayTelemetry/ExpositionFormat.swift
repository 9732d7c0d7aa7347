/// The text formats that a scraper may ask for. They have the same series; where a label holds a number they spell it differently:
/// `le="1"` is `le="1.0"` in OpenMetrics.
public enum ExpositionFormat: Sendable {
    /// Prometheus' text format, version 0.0.4: for whoever asks for nothing else.
    case text
    /// OpenMetrics 1.0.0, which has units and exemplars as well.
    case openMetrics

    public var contentType: StaticString {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What HELP and TYPE call a family: in OpenMetrics a counter's samples have `_total`, and the family has not.
    func familyName(_ declaration: MetricFamily.Declaration) -> Substring {
        self == .openMetrics && declaration.kind == .counter ? declaration.name.dropLast("_total".count) : declaration.name[...]
    }

    /// The bound of a bucket as its label has it. OpenMetrics wants a fraction, so that whoever parses it as a float finds the same text.
    func bound(nanoseconds: UInt64) -> String {
        let text = ExpositionNumber.seconds(nanoseconds: nanoseconds)
        return self == .openMetrics && !text.contains(".") ? text + ".0" : text
    }

    /// In a label value a backslash, a quote and a line feed are escaped; in a help text the quote is so only in OpenMetrics.
    func escapedHelp(_ help: String) -> String {
        Self.escaped(help, quote: self == .openMetrics ? "\\\"" : "\"")
    }

    static func escapedValue(_ value: String) -> String {
        escaped(value, quote: "\\\"")
    }

    private static func escaped(_ text: String, quote: String) -> String {
        if !text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) { return text }
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
}
