/// Names and values of header fields (RFC 9110 § 5).
enum HeaderReader {
    /// A token that is not one of the fields that the gateway writes itself.
    static func name(_ word: Word) throws(Complaint) -> String {
        let name = try anyName(word)
        if let reason = reserved[name.lowercased()] {
            throw Complaint("\(name) can't be set", expected: reason)
        }
        return name
    }

    /// A token.
    static func anyName(_ word: Word) throws(Complaint) -> String {
        if isToken(word.text) { return word.text }
        throw Complaint(
            "\(word.shown) is not the name of a header field", expected: "expected letters, digits and \"-\", such as X-Served-By")
    }

    static func isToken(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isTokenByte) }

    /// Text with variables that can't end the field and begin another (RFC 9110 § 5.5).
    static func value(_ word: Word) throws(Complaint) -> Template {
        if word.text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" || $0.value == 0x7f }) {
            throw Complaint("control character in the value of a header field", expected: "expected one line of text")
        }
        return try TemplateReader.read(word)
    }

    /// Text that stands in a field as it is: "$" means nothing in it.
    static func text(_ word: Word) throws(Complaint) -> String {
        let text = word.text
        if text.isEmpty || text.first == " " || text.last == " "
            || text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value > 0x7e })
        {
            throw Complaint(
                "\(word.shown) is not the value of a header field", expected: "expected one line of ASCII without blanks around it")
        }
        return text
    }

    private static let framing = "the gateway says itself where a message ends (RFC 9112 § 6)"
    private static let hop = "it is about one connection, and the gateway has another one on each side (RFC 9110 § 7.6.1)"

    private static let reserved: [String: String] = [
        "content-length": framing, "transfer-encoding": framing, "trailer": framing,
        "connection": hop, "keep-alive": hop, "proxy-connection": hop, "te": hop, "upgrade": hop, "http2-settings": hop,
        "expect": "the client's own is passed on, and answered by whoever reads the body (RFC 9110 § 10.1.1)",
    ]

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte.isNameByte || "!#$%&'*+-.^`|~".utf8.contains(byte)
    }
}
