import GatewayCore

/// A number as JSON writes it (RFC 8259 § 6), taken apart: its value is that of its digits, as a whole number, times ten to the
/// power of `exponent`. Neither the first nor the last of its digits is 0; 0 has none.
struct JSONNumber {
    var isNegative = false
    /// Where the digits stand, a point perhaps among them.
    var digits = 0..<0
    var digitCount = 0
    var exponent = 0
    /// Written without a point and an exponent.
    var isInteger = false
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
        isInteger = end == point
        if digitCount > Limits.jsonNumberDigitsMax { throw .numberTooLong }
        if digitCount == 0 { exponent = 0 }
        // So that its canonical form is a number, too.
        if max(exponent.magnitude, (exponent &+ digitCount &- 1).magnitude) > Self.exponentMax { throw .numberTooLong }
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

    /// "12345e-3", in the memory of `scratch`.
    func digitsAndExponent(in text: RawSpan, _ scratch: consuming [UInt8]) -> [UInt8] {
        var result = scratch
        result.removeAll(keepingCapacity: true)
        for position in digits where text[byte: position] != UInt8(ascii: ".") { result.append(text[byte: position]) }
        result.append(UInt8(ascii: "e"))
        if exponent < 0 { result.append(UInt8(ascii: "-")) }
        // Of numbers near a double's range it has three digits at the most.
        let magnitude = exponent.magnitude
        if magnitude >= 100 { result.append(0x30 &+ UInt8(truncatingIfNeeded: magnitude / 100)) }
        if magnitude >= 10 { result.append(0x30 &+ UInt8(truncatingIfNeeded: magnitude / 10 % 10)) }
        result.append(0x30 &+ UInt8(truncatingIfNeeded: magnitude % 10))
        return result
    }

    /// Whether the digits, without a point among them, are those of `other`.
    func hasDigits(in text: RawSpan, of other: JSONNumber, in otherText: RawSpan) -> Bool {
        if digitCount != other.digitCount { return false }
        var (left, right) = (digits.lowerBound, other.digits.lowerBound)
        while left < digits.upperBound, right < other.digits.upperBound {
            if text[byte: left] == UInt8(ascii: ".") {
                left &+= 1
            } else if otherText[byte: right] == UInt8(ascii: ".") {
                right &+= 1
            } else {
                if text[byte: left] != otherText[byte: right] { return false }
                left &+= 1
                right &+= 1
            }
        }
        return true
    }
}
