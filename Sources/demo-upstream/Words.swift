/// The model: what it says depends on what it was asked, and a word is a token.
struct Words {
    /// Each word carries the space before it, so that the words of a stream, put together, are the text.
    let words: [String]
    let isCutShort: Bool

    private static let phrases = [
        "A gateway stands between many callers and the models they ask.",
        "Every request is read once, decided once, and sent once.",
        "What was measured is worth more than what was believed.",
        "The edge is where limits are kept, and where nothing is lost.",
        "Small parts with clear names are easy to trust.",
        "A stream arrives word by word, and each word counts.",
    ]

    /// Three sentences chosen by `hash` after the question's own first words.
    init(question: String, hash: StableHash, tokensMax: Int?) {
        let asked = question.split(whereSeparator: \.isWhitespace).prefix(12).joined(separator: " ")
        let start = Int(hash.fraction * Double(Self.phrases.count))
        let answer = (0..<3).map { Self.phrases[(start + $0) % Self.phrases.count] }.joined(separator: " ")
        let all = "You asked: \(asked) — \(answer)".split(separator: " ").enumerated().map { $0 == 0 ? String($1) : " \($1)" }
        words = Array(all.prefix(max(1, tokensMax ?? all.count)))
        isCutShort = words.count < all.count
    }

    var text: String { words.joined() }
    var count: Int { words.count }

    static func count(_ text: String) -> Int {
        text.split(whereSeparator: \.isWhitespace).count
    }
}
