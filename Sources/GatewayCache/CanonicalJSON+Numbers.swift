import GatewayCore

/// RFC 8785 § 3.2.2.3 writes every number as ECMAScript writes the double nearest to it. Two numbers that are not the same may have the
/// same double: 9007199254740993 and 9007199254740992, 1e400 and 2e400. An origin may read them as they are written, so what a double
/// doesn't hold counts by its digits, in a form that ECMAScript never writes ("9007199254740993", "1E+400").
extension CanonicalJSON {
    /// So many digits every double keeps: the shortest text of the nearest double is the number's own (DBL_DIG).
    private static var digitsKept: Int { 15 }
    /// So many digits tell every double from all others: what is written with them and a fraction means the double nearest to it
    /// (RFC 8785 § 3.2.2: 333333333.33333329 is 333333333.3333333). More mean more than a double.
    private static var digitsMax: Int { 17 }

    /// The number that begins at `position`; returns the position behind it.
    @inline(__always)
    mutating func appendNumber(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> Int {
        // Most are short, and written as they came.
        let end = Self.plainEnd(body, position)
        if end == position { return try appendAnyNumber(body, position) }
        staging.append(body.extracting(position..<end))
        return end
    }

    /// Behind the number at `start` if that is its canonical form as it stands, whole or with a fraction; else, or if that takes a closer
    /// look, `start`.
    @inline(__always)
    private static func plainEnd(_ body: RawSpan, _ start: Int) -> Int {
        let isNegative = body[byte: start] == UInt8(ascii: "-")
        let whole = isNegative ? start &+ 1 : start
        var end = whole
        while end < body.byteCount, body[byte: end].isDigit { end &+= 1 }
        if end == whole || end == body.byteCount { return start }
        let isBelowOne = body[byte: whole] == 0x30
        if isBelowOne && end &- whole > 1 { return start }
        let point = end
        if body[byte: point] == UInt8(ascii: ".") {
            end &+= 1
            while end < body.byteCount, body[byte: end].isDigit { end &+= 1 }
            if end == body.byteCount || end == point &+ 1 || body[byte: end &- 1] == 0x30 { return start }
            // Less than 0.000001 would have an exponent. The last digit is none of these zeros.
            if isBelowOne && end &- point > 6 && isMillionth(body, point &+ 1) { return start }
        } else if isNegative && isBelowOne {
            return start
        }
        if end &- whole > digitsKept { return start }
        let next = body[byte: end]
        let isOver = next == UInt8(ascii: ",") || next == UInt8(ascii: "}") || next == UInt8(ascii: "]") || next <= 0x20
        return isOver ? end : start
    }

    /// Whether the six digits from `start` on are 0.
    private static func isMillionth(_ body: RawSpan, _ start: Int) -> Bool {
        for position in start..<(start &+ 6) where body[byte: position] != 0x30 { return false }
        return true
    }

    private mutating func appendAnyNumber(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> Int {
        let number = try JSONNumber(body, position)
        if number.digitCount == 0 {
            staging.append(UInt8(ascii: "0"))
            return number.end
        }
        if number.isNegative { staging.append(UInt8(ascii: "-")) }
        // Where doubles have all their digits: 2.2e-308 to 1.8e308.
        let magnitude = number.exponent &+ number.digitCount
        if number.digitCount <= Self.digitsKept, magnitude > -300, magnitude < 300 {
            append(number, body)
        } else if number.digitCount <= Self.digitsMax, magnitude > -330, magnitude < 310, try appendDouble(number, body) {
            return number.end
        } else {
            appendByDigits(number, body)
        }
        return number.end
    }

    /// As the nearest double, if that is what the number means.
    private mutating func appendDouble(_ number: JSONNumber, _ body: RawSpan) throws(CanonicalJSONFailure) -> Bool {
        longNumberCount += 1
        if longNumberCount > Limits.jsonLongNumbersMax { throw .tooCostly }
        var text = number.digitsAndExponent(in: body, numberText)
        let double = Double(String(decoding: text, as: UTF8.self))
        guard let double, double.isFinite, double > 0 else { return false }
        // The shortest digits that name it, and of these the nearest.
        text.removeAll(keepingCapacity: true)
        text.append(contentsOf: double.description.utf8)
        numberText = text
        guard let nearest = try? JSONNumber(text.rawSpan, 0) else { return false }
        let isSame = nearest.exponent == number.exponent && nearest.hasDigits(in: text.rawSpan, of: number, in: body)
        let isFraction = number.exponent < 0 && double.isNormal
        if !isSame && !isFraction { return false }
        append(nearest, text.rawSpan)
        return true
    }

    /// ECMA-262, Number::toString: the names are those of its steps.
    private mutating func append(_ number: JSONNumber, _ text: RawSpan) {
        let k = number.digitCount
        let n = k &+ number.exponent
        if k <= n && n <= 21 {
            appendDigits(number, text, point: k)
            appendZeros(n &- k)
        } else if n > 0 && n <= 21 {
            appendDigits(number, text, point: n)
        } else if n > -6 && n <= 0 {
            staging.append("0.")
            appendZeros(-n)
            appendDigits(number, text, point: k)
        } else {
            appendDigits(number, text, point: 1)
            staging.append(n > 0 ? "e+" : "e-")
            staging.append(decimal: UInt64((n &- 1).magnitude))
        }
    }

    /// What is written as a whole number is one to who reads it, with all its digits; what has a point or an exponent is a double to many,
    /// which holds another number. So these two are apart: the one stays as it came, the other gets a spelling that ECMAScript has not.
    private mutating func appendByDigits(_ number: JSONNumber, _ text: RawSpan) {
        if number.isInteger {
            appendDigits(number, text, point: number.digitCount)
            return appendZeros(number.exponent)
        }
        appendDigits(number, text, point: 1)
        let exponent = number.exponent &+ number.digitCount &- 1
        staging.append(exponent < 0 ? "E-" : "E+")
        staging.append(decimal: UInt64(exponent.magnitude))
    }

    /// With a point behind so many, if more follow.
    private mutating func appendDigits(_ number: JSONNumber, _ text: RawSpan, point: Int) {
        var count = 0
        for position in number.digits {
            let byte = text[byte: position]
            if byte == UInt8(ascii: ".") { continue }
            if count == point { staging.append(UInt8(ascii: ".")) }
            staging.append(byte)
            count &+= 1
        }
    }

    private mutating func appendZeros(_ count: Int) {
        var left = count
        while left >= 8 {
            staging.append("00000000")
            left &-= 8
        }
        while left > 0 {
            staging.append(UInt8(ascii: "0"))
            left &-= 1
        }
    }
}
