/// One argument that a directive takes: how it is called in the reference, what it is, and whether it may be missing.
struct Argument: Sendable {
    enum Shape: Sendable {
        case required, optional
        /// One or more; the last of the positional arguments.
        case list
        /// A fixed word before the others.
        case leadingMark
        /// A fixed word behind the others.
        case flag
        /// `key=value`.
        case pair(isRequired: Bool)
    }

    /// What accessors and the reference call it; of a flag the flag itself, of a pair its key.
    let label: String
    let shape: Shape
    let kind: ValueKind
    /// What the reference shows in the value's place.
    let placeholder: String
    /// Whether diagnostics must not repeat it: see ``SecretWords``.
    private(set) var isSecret = false

    /// The same, where the argument before it names a field that has secrets: Authorization, X-API-Key.
    private(set) var isSecretByName = false

    /// The same, as a secret.
    var secret: Argument {
        var argument = self
        argument.isSecret = true
        return argument
    }

    /// The same, as a secret where the name before it is one of a secret.
    var secretByName: Argument {
        var argument = self
        argument.isSecretByName = true
        return argument
    }

    static func one(_ label: String, _ kind: ValueKind) -> Argument {
        Argument(label: label, shape: .required, kind: kind, placeholder: label)
    }

    static func optional(_ label: String, _ kind: ValueKind) -> Argument {
        Argument(label: label, shape: .optional, kind: kind, placeholder: label)
    }

    static func list(_ label: String, _ kind: ValueKind) -> Argument {
        Argument(label: label, shape: .list, kind: kind, placeholder: label)
    }

    static func mark(_ word: String) -> Argument {
        Argument(label: word, shape: .leadingMark, kind: .choice([word]), placeholder: word)
    }

    static func flag(_ word: String) -> Argument {
        Argument(label: word, shape: .flag, kind: .choice([word]), placeholder: word)
    }

    static func pair(_ key: String, _ placeholder: String, _ kind: ValueKind, isRequired: Bool = false) -> Argument {
        Argument(label: key, shape: .pair(isRequired: isRequired), kind: kind, placeholder: placeholder)
    }

    /// As the reference shows it: "NAME", "[level]", "CIDR ...", "[weight=NUMBER]".
    var syntax: String {
        switch shape {
        case .required: placeholder
        case .optional, .leadingMark, .flag: "[\(placeholder)]"
        case .list: "\(placeholder) ..."
        case .pair(let isRequired): isRequired ? "\(label)=\(placeholder)" : "[\(label)=\(placeholder)]"
        }
    }

    var isRequired: Bool {
        switch shape {
        case .required, .list, .pair(isRequired: true): true
        default: false
        }
    }
}
