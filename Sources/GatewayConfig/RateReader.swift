/// What is said of rates: "100r/m", "10r/s", "100r/15m", and whom they count.
enum RateReader {
    /// So many requests in so many milliseconds.
    struct Rate: Sendable, Equatable {
        let requests: Int
        let windowMs: Int
    }

    private static let expected = "expected a rate such as 10r/s, 100r/m, 1000r/h or 100r/15m"
    private static let requestsMax = 1_000_000_000
    private static let windowMsMax = 365 * 86_400_000

    static func rate(_ word: Word) throws(Complaint) -> Rate {
        let halves = word.text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2, halves[0].hasSuffix("r"), let requests = try? Units.number(String(halves[0].dropLast())) else {
            throw Complaint("\(word.shown) is not a rate", expected: expected)
        }
        // "m" is "1m"; a number alone would be in seconds, which nobody can see.
        let window = halves[1].utf8.first?.isDigit == true ? halves[1] : "1" + halves[1]
        guard window.utf8.last?.isDigit == false, let windowMs = try? Units.timeMs(window) else {
            throw Complaint("\(word.shown) is not a rate", expected: expected)
        }
        if requests < 1 || requests > requestsMax || windowMs < 1 || windowMs > windowMsMax {
            throw Complaint("\(word.shown) is out of range", expected: "expected from 1 to \(requestsMax) requests in 1ms to 365d")
        }
        return Rate(requests: requests, windowMs: windowMs)
    }

    static func limitKey(_ word: Word) throws(Complaint) -> LimitKey {
        switch word.text {
        case "ip": return .address
        case "api_key": return .apiKey
        case "all": return .all
        default:
            if word.text.hasPrefix("header:") { return .header(try HeaderReader.name(word.suffix(from: "header:".utf8.count))) }
            let hint = Suggestion.hint(for: word.text, among: ["ip", "api_key", "all", "header:"])
            throw Complaint("\(word.shown) is nothing to count by", expected: hint ?? "expected ip, api_key, all or header:NAME")
        }
    }

    /// As it is written; the bits of IPv6 stand in an argument of their own.
    enum LimitKey: Sendable, Equatable {
        case address, apiKey, all
        case header(String)
    }

    /// It goes into documents that clients show to people.
    static func message(_ word: Word) throws(Complaint) -> String {
        if word.text.isEmpty || word.text.utf8.count > 500
            || word.text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
        {
            throw Complaint("\(word.shown) is not a message", expected: "expected up to 500 bytes of text, in one line")
        }
        return word.text
    }
}
