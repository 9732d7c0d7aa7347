import GatewayCore

/// What is said of callers: keys and their ends.
enum CallerReader {
    static func digest(_ word: Word) throws(Complaint) -> SHA256Digest {
        if let digest = SHA256Digest(hex: word.text) { return digest }
        // Not shown: it may be the key itself.
        throw Complaint(
            "this is no SHA-256", expected: "expected 64 hexadecimal digits, as \"gateway key new NAME\" or sha256sum print them")
    }

    static func day(_ word: Word) throws(Complaint) -> Int {
        let parts = word.text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isDate = parts.map(\.count) == [4, 2, 2] && parts.joined().allSatisfy(\.isDigit)
        let numbers = parts.compactMap { Int(Substring($0)) }
        guard isDate, numbers.count == 3, let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2]) else {
            throw Complaint("\(word.shown) is not a date", expected: "expected a date such as 2027-03-31: the last day, in UTC")
        }
        return date.daysSince1970
    }
}

/// The line of a configuration for a key.
public enum APIKeyLine {
    /// nil if no key can have this name.
    public static func text(name: String, digest: SHA256Digest) -> String? {
        let word = Word(text: name, position: SourcePosition(path: ""))
        guard let name = try? NameReader.name(word) else { return nil }
        return "key \(name) sha256=\(digest);"
    }
}
