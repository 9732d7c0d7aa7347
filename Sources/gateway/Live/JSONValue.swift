/// A JSON text as a value, for what the admin listener tells of itself and `gateway top` reads of it. Members keep their order.
enum JSONValue: Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    struct Member: Equatable {
        let name: String
        let value: JSONValue
    }

    /// null for what is not there.
    subscript(name: String) -> JSONValue {
        guard case .object(let members) = self else { return .null }
        return members.last { $0.name == name }?.value ?? .null
    }

    var isNull: Bool { self == .null }
    var isTrue: Bool { self == .bool(true) }
    var double: Double? { if case .number(let value) = self { value } else { nil } }
    /// A whole number from 0 on; 0 for what is none.
    var count: UInt64 { double.flatMap { UInt64(exactly: $0) } ?? 0 }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var array: [JSONValue] { if case .array(let values) = self { values } else { [] } }
    var members: [Member] { if case .object(let members) = self { members } else { [] } }

    // MARK: Writing

    /// RFC 8259. Nothing in it can end a line, a script or a comment of HTML.
    var text: String {
        var text = ""
        append(to: &text)
        return text
    }

    private func append(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let value): text += Self.text(of: value)
        case .string(let value): Self.append(value, to: &text)
        case .array(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                value.append(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                Self.append(member.name, to: &text)
                text += ":"
                member.value.append(to: &text)
            }
            text += "}"
        }
    }

    /// JSON has no infinity; up to 2^53 a Double holds every whole number.
    private static func text(of value: Double) -> String {
        if !value.isFinite { return "null" }
        if value == value.rounded(), abs(value) <= 9_007_199_254_740_992 { return String(Int64(value)) }
        return String(value)
    }

    private static func append(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            // Besides what must be escaped, what means something in HTML or ends a line of JavaScript.
            case "<", ">", "&", "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(members.map { Member(name: $0.0, value: $0.1) }) }

    static func count(_ value: some BinaryInteger) -> JSONValue { .number(Double(value)) }

    /// Members whose value is null are left out.
    static func present(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.filter { !$0.value.isNull }.map { Member(name: $0.key, value: $0.value) })
    }
}

extension Optional<String> {
    var json: JSONValue { map { .string($0) } ?? .null }
}

extension Optional<Double> {
    var json: JSONValue { map { .number($0) } ?? .null }
}
