/// A word of the language: everything that the parser, the errors and the reference know of it.
struct Directive: Sendable {
    let name: String
    let contexts: Context
    let arguments: [Argument]
    /// Where the directives of its block stand; nil if it has no block.
    let block: Context?
    /// Whether it may stand without its block: then `syntaxes` tells each way to write it, the block's included.
    let isBlockOptional: Bool
    /// Whether it may stand several times in one block.
    let repeats: Bool
    /// The arguments it has where it does not stand at all.
    let fallback: String?
    /// What the reference shows for the arguments where they can't be made of `arguments`.
    let syntaxes: [String]?
    /// Whether it says something without any argument, where none is required.
    let standsAlone: Bool
    /// One sentence.
    let summary: String
    let example: String

    init(
        _ name: String, in contexts: Context, _ arguments: [Argument], syntax: [String]? = nil, default fallback: String? = nil,
        block: Context? = nil, isBlockOptional: Bool = false, repeats: Bool = false, standsAlone: Bool = false, _ summary: String,
        example: String
    ) {
        self.name = name
        self.contexts = contexts
        self.arguments = arguments
        self.block = block
        self.isBlockOptional = isBlockOptional
        self.repeats = repeats
        self.fallback = fallback
        syntaxes = syntax
        self.standsAlone = standsAlone
        self.summary = summary
        self.example = example
    }

    /// "listen ADDRESS [ssl] [default_server];", each way to write it.
    var syntax: [String] {
        let all = syntaxes ?? [arguments.map(\.syntax).joined(separator: " ")]
        return all.map { syntax in
            let words = [name, syntax].filter { !$0.isEmpty }.joined(separator: " ")
            return isBlockOptional && syntax.hasSuffix("}") ? words : words + (block == nil || isBlockOptional ? ";" : " { ... }")
        }
    }

    /// All ways to write it, for an error's hint.
    var form: String { syntax.joined(separator: " or ") }
}
