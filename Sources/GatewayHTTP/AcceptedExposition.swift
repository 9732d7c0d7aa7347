import GatewayCore

/// Which format of metrics a scraper would rather have (RFC 9110 § 12.5.1), of those that there are: OpenMetrics counts only where it is
/// named, and text wherever it is allowed.
struct AcceptedExposition {
    /// The greatest weights, in thousandths; of text for each range that takes it, nil where that isn't named.
    private var openMetrics = 0
    private var text: Int?
    private var anyText: Int?
    private var any: Int?

    /// Reads one line of Accept. What is malformed counts as not said.
    mutating func read(_ value: RawSpan) {
        var elements = ListElements()
        while let range = elements.next(in: value) {
            let element = value.extracting(range)
            let end = element.firstIndex(of: UInt8(ascii: ";")) ?? element.byteCount
            let type = element.extracting(element.trimmed(0..<end))
            let weight = AcceptedTypes.weight(element, behind: end)
            if type.equalsIgnoringCase("application/openmetrics-text") {
                if Self.hasVersion("1.0.0", element, behind: end) { openMetrics = max(openMetrics, weight) }
            } else if type.equalsIgnoringCase("text/plain") {
                if Self.hasVersion("0.0.4", element, behind: end) { text = max(text ?? 0, weight) }
            } else if type.equalsIgnoringCase("text/*") {
                anyText = max(anyText ?? 0, weight)
            } else if type.equals("*/*") {
                any = max(any ?? 0, weight)
            }
        }
    }

    var prefersOpenMetrics: Bool { openMetrics > 0 && openMetrics >= text ?? anyText ?? any ?? 0 }

    /// Whether an element asks for this version, or for none in particular.
    private static func hasVersion(_ version: StaticString, _ element: RawSpan, behind end: Int) -> Bool {
        guard let range = AcceptedTypes.parameter("version", of: element, behind: end) else { return true }
        var value = (range.lowerBound + "version=".utf8.count)..<range.upperBound
        if value.count >= 2, element[byte: value.lowerBound] == UInt8(ascii: "\""),
            element[byte: value.upperBound - 1] == UInt8(ascii: "\"")
        {
            value = (value.lowerBound + 1)..<(value.upperBound - 1)
        }
        return element.extracting(value).equals(version)
    }
}

extension HeaderFields {
    /// Whether metrics are wanted as OpenMetrics 1.0.0 rather than in Prometheus' text format 0.0.4.
    public var prefersOpenMetrics: Bool {
        var accepted = AcceptedExposition()
        var i = 0
        while let index = firstIndex(of: .accept, from: i) {
            accepted.read(value(index))
            i = index + 1
        }
        return accepted.prefersOpenMetrics
    }
}
