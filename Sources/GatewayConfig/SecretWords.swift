/// Which parts of a statement's words must not be repeated in a diagnostic, since those end up in logs: told by the words alone, before it
/// is known whether the directive may stand there and whether all of it is right.
struct SecretWords {
    /// Whether the words are prose, but for those that are a directive behind a "#".
    private let isComment: Bool
    private var isFirst = true
    private var directive: Directive?
    /// How many words may still come before the secret one, by its place.
    private var plainCount = 0
    /// The last of those.
    private var subject = ""

    init(isComment: Bool = false) {
        self.isComment = isComment
    }

    /// From which byte of its text on the next word of the statement is a secret; nil if none of it is. The name is the first word.
    mutating func secretStart(of word: Word) -> Int? {
        let text = word.text
        defer { isFirst = false }
        // Not only the first word: before it a ";" may be missing.
        if let directive = directive(named: text) {
            self.directive = directive
            plainCount = directive.arguments.prefix { $0.isPositional && !$0.isSecret && !$0.isSecretByName }.count
            return nil
        }
        if let label = Self.pairLabel(text), Self.secretLabels.contains(label) {
            return Self.behindReference(text, from: label.utf8.count + 1)
        }
        guard let directive else { return nil }
        if let label = Self.pairLabel(text), directive.arguments.contains(where: { $0.isPair && $0.label == label }) { return nil }
        let isByName = directive.arguments.contains(where: \.isSecretByName)
        plainCount -= 1
        if plainCount >= 0 {
            subject = text
            return isByName ? Self.valueStart(inField: text) : nil
        }
        return isByName && !Self.isOfSecret(subject) ? nil : Self.behindReference(text, from: 0)
    }

    /// Whether a field of this name has a secret: Authorization, Proxy-Authorization, Cookie, X-API-Key, X-Auth-Token.
    private static func isOfSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["authorization", "cookie", "key", "token", "secret", "password"].contains { name.contains($0) }
    }

    /// Where the value begins if the word is a whole field by mistake: "Authorization: Bearer ...".
    private static func valueStart(inField text: String) -> Int? {
        guard let colon = text.firstIndex(of: ":"), isOfSecret(String(text[..<colon])) else { return nil }
        return text[...colon].utf8.count
    }

    /// A directive with a secret, also where its name is misspelt.
    private func directive(named text: String) -> Directive? {
        if isComment && !isFirst { return nil }
        if let directive = Self.directives.first(where: { $0.name == text }) { return directive }
        if !isFirst || isComment || !DirectiveTable.directives(named: text).isEmpty { return nil }
        let guess = Suggestion.nearest(to: text, among: Self.directives.lazy.map(\.name))
        return Self.directives.first { $0.name == guess }
    }

    private static func pairLabel(_ text: String) -> String? {
        text.utf8.firstIndex(of: UInt8(ascii: "=")).map { String(text[..<$0]) }
    }

    /// The name of an environment variable is none, its default is.
    private static func behindReference(_ text: String, from start: Int) -> Int? {
        let value = Array(text.utf8.dropFirst(start))
        if !value.starts(with: "env:".utf8) { return start }
        guard let end = value[4...].firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return start + min(end + 2, value.count)
    }

    private static let directives = DirectiveTable.all.filter { $0.arguments.contains { $0.isSecret || $0.isSecretByName } }
    private static let secretLabels = Set(DirectiveTable.all.flatMap(\.arguments).filter { $0.isPair && $0.isSecret }.map(\.label))
}
