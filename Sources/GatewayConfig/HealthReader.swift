/// What `outlier` and `health_check` are given.
enum HealthReader {
    /// "50%": of a hundred.
    static func share(_ word: Word) throws(Complaint) -> Int {
        let expected = "expected a share such as 50%, from 0% to 100%"
        guard word.text.hasSuffix("%"), let share = try? Units.number(String(word.text.dropLast())) else {
            throw Complaint("\(word.shown) is not a share", expected: expected)
        }
        if share > 100 { throw Complaint("\(word.shown) is out of range", expected: expected) }
        return share
    }

    /// A request's path, with a query or without, as it is sent.
    static func path(_ word: Word) throws(Complaint) -> String {
        let expected = "expected a path such as /health or /health?full=1"
        let isSendable = word.text.utf8.allSatisfy { 0x21...0x7e ~= $0 && $0 != UInt8(ascii: "#") }
        guard word.text.hasPrefix("/"), isSendable else { throw Complaint("\(word.shown) is not a path", expected: expected) }
        return word.text
    }
}
