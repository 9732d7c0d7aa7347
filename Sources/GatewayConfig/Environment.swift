/// `env:NAME` and `env:NAME:-default`: words whose text comes from the environment when the file is read.
struct Environment: Sendable {
    private let variables: [String: String]

    init(_ variables: [String: String]) {
        self.variables = variables
    }

    /// The word itself, or what it names. The value is not looked at again: no word in it is syntax, no "$" a variable.
    func resolve(_ word: Word) throws(Complaint) -> Word {
        guard word.environmentName == nil, word.text.hasPrefix("env:") else { return word }
        let (name, fallback) = Self.parts(of: word.text)
        if name.isEmpty || !name.utf8.allSatisfy(\.isNameByte) || 0x30...0x39 ~= name.utf8.first ?? 0 {
            throw Complaint("\(word.shown) is not the name of an environment variable", expected: Self.expected)
        }
        if let value = variables[name], !value.isEmpty {
            return Word(text: value, position: word.position, environmentName: name)
        }
        guard let fallback else {
            let state = variables[name] == nil ? "is not set" : "is empty"
            throw Complaint("\(name) \(state) in the environment", expected: "set it, or give a default: env:\(name):-default")
        }
        return Word(text: fallback, position: word.position, environmentName: name)
    }

    /// For where a list is wanted: a value of the environment is split at its commas.
    func resolveList(_ word: Word) throws(Complaint) -> [Word] {
        let resolved = try resolve(word)
        guard resolved.environmentName != nil else { return [resolved] }
        return resolved.text.split(separator: ",").compactMap { element in
            let bare = element.drop { $0 == " " || $0 == "\t" }
            let end = bare.lastIndex { $0 != " " && $0 != "\t" }
            guard let end else { return nil }
            return Word(text: String(bare[...end]), position: word.position, environmentName: resolved.environmentName)
        }
    }

    private static let expected = "expected env:NAME or env:NAME:-default, the NAME of letters, digits and \"_\""

    private static func parts(of text: String) -> (name: String, fallback: String?) {
        let reference = Array(text.utf8.dropFirst(4))
        let end = reference.firstIndex(of: UInt8(ascii: ":")) ?? reference.count
        guard reference[end...].starts(with: ":-".utf8) else { return (String(decoding: reference, as: UTF8.self), nil) }
        return (
            String(decoding: reference[..<end], as: UTF8.self), String(decoding: reference[(end + 2)...], as: UTF8.self)
        )
    }
}
