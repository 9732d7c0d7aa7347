/// How both formats spell numbers.
enum ExpositionNumber {
    /// Decimal seconds without a rounding: "0.0025", "1", "12.345678901".
    static func seconds(nanoseconds: UInt64) -> String {
        let fraction = nanoseconds % 1_000_000_000
        let whole = String(nanoseconds / 1_000_000_000)
        if fraction == 0 { return whole }
        var digits = Array(String(fraction + 1_000_000_000).utf8.dropFirst())
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return whole + "." + String(decoding: digits, as: UTF8.self)
    }

    /// Whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Up to here a Double holds every whole number.
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
        return String(value)
    }
}
