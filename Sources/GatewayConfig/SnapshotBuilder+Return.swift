import GatewayCore

extension SnapshotBuilder {
    /// `return STATUS [TEXT]`, `return STATUS URL` or `return URL`, as in nginx.
    func returnAction(_ entry: Entry) -> LocationAction {
        guard let word = entry.arguments.word("STATUS|URL"), let first = entry.arguments.template("STATUS|URL") else { return .none }
        let text = entry.arguments.template("TEXT|URL")
        if word.text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) || text != nil {
            return answer(status: word, text: text, entry)
        }
        if ["http://", "https://", "$scheme"].contains(where: word.text.hasPrefix) {
            checkLocation(entry.arguments.word("STATUS|URL"))
            return .return(status: 302, body: .redirect(first))
        }
        diagnostics.error(
            "\(word.shown) is neither a status nor a URL", at: word.position,
            expected: "expected a status such as 404, or a URL that begins with http://, https:// or $scheme")
        return .none
    }

    private func answer(status word: Word, text: Template?, _ entry: Entry) -> LocationAction {
        guard let status = Int(word.text), 200...599 ~= status, status != 444 else {
            let isClose = word.text == "444"
            diagnostics.error(
                isClose ? "444 is not supported" : "\(word.shown) is not the status of a response",
                at: word.position, expected: "expected a status from 200 to 599")
            return .none
        }
        if [301, 302, 303, 307, 308].contains(status) {
            guard let text, !text.parts.isEmpty else {
                diagnostics.error("a redirect needs a URL", at: word.position, expected: "expected return \(status) URL;")
                return .none
            }
            checkLocation(entry.arguments.word("TEXT|URL"))
            return .return(status: status, body: .redirect(text))
        }
        guard let text, !text.parts.isEmpty else { return .return(status: status, body: .empty) }
        if [204, 205, 304].contains(status) {
            diagnostics.error(
                "a response with status \(status) has no content",
                at: entry.arguments.word("TEXT|URL")?.position ?? word.position,
                expected: "expected return \(status);")
        }
        checkLength(text, entry.arguments.word("TEXT|URL"))
        return .return(status: status, body: .text(text))
    }

    /// A text without variables is the same for all.
    private func checkLength(_ text: Template, _ word: Word?) {
        guard let word, text.parts.count > 1, text.literalByteCount > Limits.returnTemplateBytesMax else { return }
        diagnostics.error(
            "a text with variables is longer than \(Limits.returnTemplateBytesMax / 1024) KB", at: word.position,
            expected: "leave the variables out, or have an origin serve it")
    }

    /// The URL becomes a header field.
    private func checkLocation(_ word: Word?) {
        guard let word, word.text.unicodeScalars.contains(where: { $0.value < 0x21 || $0.value > 0x7e }) else { return }
        diagnostics.error("a URL is ASCII without blanks and control characters", at: word.position, expected: "write them as %XX")
    }
}

extension Template {
    fileprivate var literalByteCount: Int {
        parts.reduce(0) { count, part in if case .literal(let text) = part { count + text.utf8.count } else { count } }
    }
}
