/// `error_page` and `api`.
extension SnapshotBuilder {
    func api(_ block: Scope) -> APIStyle? { block.effective("api").text().flatMap(APIStyle.init) }

    /// This level's, and those of the outer levels for other statuses.
    func errorPages(_ block: Scope) -> [ErrorPageConfig] {
        var pages: [ErrorPageConfig] = []
        for entry in block.all("error_page") where entry.isSound {
            guard entry.arguments.items.count > 1, let target = entry.arguments.items.last?.word, let content = content(of: target) else {
                continue
            }
            for status in entry.arguments.items.dropLast().compactMap({ Self.status($0.word) })
            where !pages.contains(where: { $0.status == status }) {
                pages.append(ErrorPageConfig(status: status, content: content))
            }
        }
        let outer = block.outer.map(errorPages) ?? []
        return pages + outer.filter { page in !pages.contains { $0.status == page.status } }
    }

    private func content(of target: Word) -> ErrorPageConfig.Content? {
        if Self.isURL(target) { return .redirect(target.text) }
        return page(target).map { .page($0) }
    }

    /// A page's file, which is read now: no worker ever waits for a disk.
    func page(_ word: Word) -> PageConfig? {
        pageFiles.page(resolve(word.text)) { failure in
            switch failure {
            case .unknownKind:
                diagnostics.error(
                    "\(word.shown) is no page", at: word.position, expected: "expected a file that ends in .html, .json or .txt, or a URL")
            case .unreadable(let reason):
                diagnostics.error(
                    "\(word.shown) can't be read: \(reason)", at: word.position,
                    expected: "expected a file, from the configuration's directory on; paths of the server's own are not looked up")
            }
        }
    }

    private static func isURL(_ word: Word) -> Bool { word.text.hasPrefix("http://") || word.text.hasPrefix("https://") }

    private static func status(_ word: Word) -> Int? { Int(word.text).flatMap { 400...599 ~= $0 && $0 != 499 ? $0 : nil } }

    // MARK: What can't be meant

    func checkErrorPages(_ block: Scope) {
        for entry in block.all("error_page") where entry.isSound {
            let words = entry.arguments.items.map(\.word)
            guard words.count > 1, let target = words.last else {
                diagnostics.error(
                    "\"error_page\" is missing its status or its page", at: entry.name.position,
                    expected: "syntax: \(entry.arguments.directive.form)")
                continue
            }
            for word in words.dropLast() where Self.status(word) == nil {
                diagnostics.error(
                    "\(word.shown) is not the status of an error", at: word.position, expected: "expected statuses from 400 to 599")
            }
            if Self.isURL(target), target.text.unicodeScalars.contains(where: { $0.value < 0x21 || $0.value > 0x7e }) {
                diagnostics.error(
                    "a URL is ASCII without blanks and control characters", at: target.position, expected: "write them as %XX")
            }
        }
    }
}
