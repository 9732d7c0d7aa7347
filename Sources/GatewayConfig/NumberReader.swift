/// Numbers, sizes and times, with what was expected where they are none.
enum NumberReader {
    static func number(_ word: Word, _ range: ClosedRange<Int>) throws(Complaint) -> Int {
        let expected = "expected a number from \(range.lowerBound) to \(range.upperBound)"
        let number = try read(word, "a number", expected, Units.number)
        if !range.contains(number) { throw Complaint("\(word.shown) is out of range", expected: expected) }
        return number
    }

    static func size(_ word: Word) throws(Complaint) -> Int {
        try read(word, "a size", "expected a size in bytes, k, m or g, such as 512, 16k, 4m, 1g", Units.size)
    }

    /// In millionths: "1%", "0.25%".
    static func percent(_ word: Word) throws(Complaint) -> Int {
        let expected = "expected a share from 0% to 100% with no more than four decimals, such as 1% or 0.25%"
        let complaint = Complaint("\(word.shown) is not a share", expected: expected)
        let text = word.text
        guard text.hasSuffix("%") else { throw complaint }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(\.isDigit) }) else {
            throw complaint
        }
        let decimals = parts.count == 2 ? String(parts[1]) : ""
        guard decimals.count <= 4, whole.count <= 3, let value = Int(whole + decimals + String(repeating: "0", count: 4 - decimals.count)),
            value <= 1_000_000
        else { throw complaint }
        return value
    }

    static func timeMs(_ word: Word, _ range: ClosedRange<Int>) throws(Complaint) -> Int {
        let expected = "expected a time in ms, s, m, h, d or w, such as 500ms, 30s, 5m, 1h30m; a number alone is in seconds"
        let timeMs = try read(word, "a time", expected, Units.timeMs)
        if timeMs < range.lowerBound {
            throw Complaint(
                "\(word.shown) is too short", expected: range.lowerBound > 1 ? "expected at least \(range.lowerBound)ms" : expected)
        }
        if timeMs > range.upperBound { throw Complaint("\(word.shown) is too long", expected: "expected at most 365d") }
        return timeMs
    }

    private static func read(
        _ word: Word, _ what: String, _ expected: String, _ units: (String) throws(Units.Failure) -> Int
    ) throws(Complaint) -> Int {
        do {
            return try units(word.text)
        } catch {
            let wrong =
                switch error {
                case .notANumber: "is not \(what)"
                case .negative: "is negative"
                case .tooLarge: "is too large"
                case .unknownUnit(let unit): word.environmentName == nil ? "has an unknown unit: \(quote(unit))" : "is not \(what)"
                }
            throw Complaint("\(word.shown) \(wrong)", expected: expected)
        }
    }
}
