import GatewayCore

/// What a client says of content codings (RFC 9110 § 12.5.3), as far as gzip is concerned.
struct AcceptEncoding {
    /// Weights in thousandths; nil where the coding isn't named.
    private var gzip: Int?
    private var any: Int?
    private var identity: Int?

    /// Reads one line of the field. What is malformed counts as not said.
    mutating func read(_ value: RawSpan) {
        var elements = ListElements()
        while let range = elements.next(in: value) {
            let element = value.extracting(range)
            let end = element.firstIndex(of: UInt8(ascii: ";")) ?? element.byteCount
            guard let weight = end == element.byteCount ? 1000 : Self.weight(element.extracting((end + 1)..<element.byteCount)) else {
                continue
            }
            let coding = element.extracting(element.trimmed(0..<end))
            // RFC 9110 § 8.4.1.3: x-gzip is another name for it.
            if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
                gzip = max(weight, gzip ?? 0)
            } else if coding.equals("*") {
                any = weight
            } else if coding.equalsIgnoringCase("identity") {
                identity = weight
            }
        }
    }

    /// Whether gzip is acceptable, and not less wanted than the content as it is.
    var takesGzip: Bool {
        let weight = gzip ?? any ?? 0
        return weight > 0 && weight >= identity ?? 0
    }

    /// `q=0.5`, the only parameter there is (RFC 9110 § 12.4.2).
    static func weight(_ parameter: RawSpan) -> Int? {
        let text = parameter.extracting(parameter.trimmed(0..<parameter.byteCount))
        guard text.byteCount >= 3, text.byteCount <= 7, text[byte: 0] | 0x20 == UInt8(ascii: "q"), text[byte: 1] == UInt8(ascii: "=") else {
            return nil
        }
        let whole = Int(text[byte: 2]) - 0x30
        if whole != 0 && whole != 1 { return nil }
        if text.byteCount > 3 && text[byte: 3] != UInt8(ascii: ".") { return nil }
        var weight = whole * 1000
        var unit = 100
        for index in 4..<max(4, text.byteCount) {
            let digit = Int(text[byte: index]) - 0x30
            if digit < 0 || digit > 9 { return nil }
            weight += digit * unit
            unit /= 10
        }
        return weight <= 1000 ? weight : nil
    }
}

extension HeaderFields {
    /// Whether a client that sent these fields is to get gzip where it can be had. Without Accept-Encoding nothing is said, and
    /// clients that say nothing rarely decode.
    public var takesGzip: Bool {
        if !contains(.acceptEncoding) { return false }
        var accepted = AcceptEncoding()
        var i = 0
        while let index = firstIndex(of: .acceptEncoding, from: i) {
            accepted.read(value(index))
            i = index + 1
        }
        return accepted.takesGzip
    }
}
