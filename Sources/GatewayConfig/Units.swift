/// Numbers with units, in nginx's spelling: sizes and times.
enum Units {
    enum Failure: Error, Equatable {
        case notANumber, negative, tooLarge
        case unknownUnit(String)
    }

    static func number(_ text: String) throws(Failure) -> Int {
        let (value, unit) = try split(text)
        if !unit.isEmpty { throw .notANumber }
        return value
    }

    /// In bytes: "512", "16k", "4m", "1g".
    static func size(_ text: String) throws(Failure) -> Int {
        let (value, unit) = try split(text)
        switch unit {
        case "": return value
        case "k", "K": return try product(value, 1024)
        case "m", "M": return try product(value, 1024 * 1024)
        case "g", "G": return try product(value, 1024 * 1024 * 1024)
        default: throw .unknownUnit(unit)
        }
    }

    /// In milliseconds: "500ms", "30s", "1h30m", largest unit first; a number without a unit is in seconds, as in nginx.
    static func timeMs(_ text: String) throws(Failure) -> Int {
        var rest = Substring(text)
        var total = 0
        var smallest = Int.max
        repeat {
            let (value, unitAndRest) = try split(String(rest))
            let unit = unitAndRest.prefix { $0.isLetter }
            guard let unitMs = Self.unitMs[String(unit)] else { throw .unknownUnit(unitAndRest) }
            if unitMs >= smallest { throw .unknownUnit(unitAndRest) }
            smallest = unitMs
            let (sum, overflow) = total.addingReportingOverflow(try product(value, unitMs))
            if overflow { throw .tooLarge }
            total = sum
            rest = unitAndRest.dropFirst(unit.count).drop { $0 == " " }
        } while !rest.isEmpty
        return total
    }

    private static let unitMs: [String: Int] = [
        "ms": 1, "": 1_000, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
    ]

    /// The digits that the text begins with, and what follows them.
    private static func split(_ text: String) throws(Failure) -> (value: Int, rest: String) {
        if text.hasPrefix("-") { throw .negative }
        let digits = text.utf8.prefix { 0x30...0x39 ~= $0 }
        if digits.isEmpty { throw .notANumber }
        guard let value = Int(Substring(digits)) else { throw .tooLarge }
        return (value, String(text.utf8.dropFirst(digits.count)) ?? "")
    }

    private static func product(_ value: Int, _ unit: Int) throws(Failure) -> Int {
        let (product, overflow) = value.multipliedReportingOverflow(by: unit)
        if overflow { throw .tooLarge }
        return product
    }
}
