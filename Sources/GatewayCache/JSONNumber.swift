import GatewayCore

/// A number as JSON writes it (RFC 8259 § 6), taken apart: its value is that of its digits, as a whole number, times ten to the
/// power of `exponent`. Neither the first nor the last of its digits is 0; 0 has none.
struct JSONNumber {
    var isNegative = false
    /// Where the digits stand, a point perhaps among them.
    var digits = 0..<0
    var digitCount = 0
    var exponent = 0
    /// Behind the whole text.
    var end = 0

    /// An exponent beyond it is no number that anybody computes.
    private static var exponentMax: UInt { 999_999_999 }
    private static var exponentDigitsMax: Int { 9 }

    /// The number that begins at `start`.
    init(_ text: RawSpan, _ start: Int) throws(CanonicalJSONFailure) {
        var position = start
        if position < text.byteCount, text[byte: position] == UInt8(ascii: "-") {
            isNegative = true
            position &+= 1
        }
        let whole = position
        let point = Self.skipDigits(text, position)
        if point == whole || (point &- whole > 1 && text[byte: whole] == 0x30) { throw .invalid }
        position = point
        if position < text.byteCount, text[byte: position] == UInt8(ascii: ".") {
            position = Self.skipDigits(text, point &+ 1)
            if position == point &+ 1 { throw .invalid }
        }
        setDigits(text, whole..<position, point)
        end = try readExponent(text, position)
        if digitCount > Limits.jsonNumberDigitsMax { throw .numberTooLong }
        if digitCount == 0 { exponent = 0 }
        // So that its canonical form is a number, too.
        if exponent.magnitude > Self.exponentMax { throw .numberTooLong }
    }

    private static func skipDigits(_ text: RawSpan, _ start: Int) -> Int {
        var position = start
        while position < text.byteCount, text[byte: position].isDigit { position &+= 1 }
        return position
    }

    private mutating func setDigits(_ text: RawSpan, _ range: Range<Int>, _ point: Int) {
        var (first, last) = (range.lowerBound, range.upperBound &- 1)
        while first <= last, text[byte: first] == 0x30 || first == point { first &+= 1 }
        if first > last { return }
        while text[byte: last] == 0x30 || last == point { last &-= 1 }
        digits = first..<(last &+ 1)
        digitCount = digits.count &- (first < point && point < last ? 1 : 0)
        exponent = last < point ? point &- 1 &- last : point &- last
    }

    private mutating func readExponent(_ text: RawSpan, _ start: Int) throws(CanonicalJSONFailure) -> Int {
        if start == text.byteCount || text[byte: start] | 0x20 != UInt8(ascii: "e") { return start }
        var position = start &+ 1
        var isMinus = false
        if position < text.byteCount, text[byte: position] == UInt8(ascii: "-") || text[byte: position] == UInt8(ascii: "+") {
            isMinus = text[byte: position] == UInt8(ascii: "-")
            position &+= 1
        }
        let end = Self.skipDigits(text, position)
        if end == position { throw .invalid }
        while position < end, text[byte: position] == 0x30 { position &+= 1 }
        if digitCount == 0 { return end }
        if end &- position > Self.exponentDigitsMax { throw .numberTooLong }
        var value = 0
        while position < end {
            value = value &* 10 &+ Int(text[byte: position] &- 0x30)
            position &+= 1
        }
        exponent &+= isMinus ? -value : value
        return end
    }

    /// The digits without a point among them.
    func forEachDigit(in text: RawSpan, _ body: (UInt8) -> Void) {
        for position in digits where text[byte: position] != UInt8(ascii: ".") { body(text[byte: position]) }
    }
}
