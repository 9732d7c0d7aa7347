import GatewayCore

/// A cookie in a Cookie field (RFC 6265 § 4.2.1): `theme=dark; session=s3cret`.
public enum CookieValue {
    /// Where the value of the first cookie named `name` stands in the field; nil if there is none, or it is empty. Names have their case.
    public static func range(named name: RawSpan, in field: RawSpan) -> Range<Int>? {
        var start = 0
        while start < field.byteCount {
            let end = field.firstIndex(of: UInt8(ascii: ";"), from: start) ?? field.byteCount
            while start < end, isBlank(field[byte: start]) { start += 1 }
            let valueStart = start + name.byteCount + 1
            if valueStart <= end, field[byte: valueStart - 1] == UInt8(ascii: "="),
                field.extracting(start..<(valueStart - 1)).elementsEqual(name)
            {
                var valueEnd = end
                while valueEnd > valueStart, isBlank(field[byte: valueEnd - 1]) { valueEnd -= 1 }
                return valueStart < valueEnd ? valueStart..<valueEnd : nil
            }
            start = end + 1
        }
        return nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
