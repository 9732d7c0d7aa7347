/// What is wrong with a word, said by those who read its text and don't know where it stands.
struct Complaint: Error, Equatable {
    let message: String
    let expected: String?
    /// The part of the text that is meant, in bytes; nil is all of it.
    let part: Range<Int>?

    init(_ message: String, expected: String? = nil, part: Range<Int>? = nil) {
        self.message = message
        self.expected = expected
        self.part = part
    }
}
