import GatewayCore

/// Which of a page and a JSON document a client would rather have (RFC 9110 § 12.5.1): what it names counts, not what `*/*` would take.
struct AcceptedTypes {
    /// The greatest weights, in thousandths.
    private(set) var html = 0
    private(set) var json = 0

    /// Reads one line of Accept. What is malformed counts as not said.
    mutating func read(_ value: RawSpan) {
        var elements = ListElements()
        while let range = elements.next(in: value) {
            let element = value.extracting(range)
            let end = element.firstIndex(of: UInt8(ascii: ";")) ?? element.byteCount
            let type = element.extracting(element.trimmed(0..<end))
            let isHTML = type.equalsIgnoringCase("text/html") || type.equalsIgnoringCase("application/xhtml+xml")
            let isJSON = type.equalsIgnoringCase("application/json") || type.equalsIgnoringCase("application/problem+json")
            if !isHTML && !isJSON { continue }
            let weight = Self.weight(element, behind: end)
            if isHTML { html = max(html, weight) } else { json = max(json, weight) }
        }
    }

    /// The parameter `q` among the type's own; a weight that can't be read is none.
    static func weight(_ element: RawSpan, behind end: Int) -> Int {
        guard let range = parameter("q", of: element, behind: end) else { return 1000 }
        return AcceptEncoding.weight(element.extracting(range)) ?? 0
    }

    /// Where `name=value` stands in an element, among what comes behind its type.
    static func parameter(_ name: StaticString, of element: RawSpan, behind end: Int) -> Range<Int>? {
        let length = name.utf8CodeUnitCount
        var start = end + 1
        while start < element.byteCount {
            let next = element.firstIndex(of: UInt8(ascii: ";"), from: start) ?? element.byteCount
            let range = element.trimmed(start..<next)
            if range.count > length, element[byte: range.lowerBound + length] == UInt8(ascii: "="),
                element.extracting(range.lowerBound..<(range.lowerBound + length)).equalsIgnoringCase(name)
            {
                return range
            }
            start = next + 1
        }
        return nil
    }
}

extension HeaderFields {
    /// Whether a page is wanted and a JSON document not as much: a browser.
    public var prefersHTML: Bool {
        let types = acceptedTypes
        return types.html > types.json
    }

    /// Whether a JSON document is wanted, and a page no more.
    public var prefersJSON: Bool {
        let types = acceptedTypes
        return types.json > 0 && types.json >= types.html
    }

    private var acceptedTypes: AcceptedTypes {
        var types = AcceptedTypes()
        var i = 0
        while let index = firstIndex(of: .accept, from: i) {
            types.read(value(index))
            i = index + 1
        }
        return types
    }
}
