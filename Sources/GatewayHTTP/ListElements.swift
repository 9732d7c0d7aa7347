import GatewayCore

/// Walks over a comma-separated list (RFC 9110 § 5.6.1) whose elements have no quoted strings. Empty elements are passed over.
struct ListElements {
    private var position = 0

    /// The next element without the white space around it, nil at the end.
    mutating func next(in list: RawSpan) -> Range<Int>? {
        while position < list.byteCount {
            let end = list.firstIndex(of: UInt8(ascii: ","), from: position) ?? list.byteCount
            let element = list.trimmed(position..<end)
            position = end + 1
            if !element.isEmpty { return element }
        }
        return nil
    }
}

extension RawSpan {
    /// The part of `range` that is left without the spaces and tabs around it.
    @inline(__always)
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, self[byte: start].isBlank { start += 1 }
        while end > start, self[byte: end - 1].isBlank { end -= 1 }
        return start..<end
    }
}
