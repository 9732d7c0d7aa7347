/// The names in an expression of PromQL, as far as alerts and dashboards use the language.
struct PromQLNames {
    /// Metrics, each with the labels that its braces name.
    private(set) var metrics: [(name: String, labels: [String])] = []
    /// Labels that results are grouped or matched by.
    private(set) var grouping: [String] = []

    private static let groupings: Set = ["by", "without", "on", "ignoring", "group_left", "group_right"]
    private static let keywords: Set = ["and", "or", "unless", "bool", "offset"]

    init(_ expression: String) {
        let tokens = Self.tokens(expression)
        // Grafana's function for the values of a variable: its last argument is a label.
        let isQuery = tokens.first == "label_values"
        var index = 0
        while index < tokens.count {
            let token = tokens[index]
            let next = index + 1 < tokens.count ? tokens[index + 1] : ""
            index += 1
            guard Self.isName(token), !Self.keywords.contains(token) else { continue }
            if Self.groupings.contains(token), next == "(" {
                grouping += Self.names(tokens, &index, until: ")")
            } else if isQuery, next == ")" {
                grouping.append(token)
            } else if next == "{" {
                metrics.append((token, Self.names(tokens, &index, until: "}")))
            } else if next != "(", !Self.groupings.contains(next) {
                metrics.append((token, []))
            }
        }
    }

    private static func names(_ tokens: [String], _ index: inout Int, until end: String) -> [String] {
        var names: [String] = []
        while index < tokens.count, tokens[index] != end {
            if isName(tokens[index]) { names.append(tokens[index]) }
            index += 1
        }
        return names
    }

    private static func isName(_ token: String) -> Bool {
        token.first.map { $0.isLetter || $0 == "_" } ?? false
    }

    /// Names and single characters; strings, numbers, ranges and Grafana's variables are left out.
    private static func tokens(_ expression: String) -> [String] {
        var tokens: [String] = []
        var rest = expression[...]
        while let first = rest.popFirst() {
            if first == "\"" {
                while let next = rest.popFirst(), next != "\"" { if next == "\\" { rest = rest.dropFirst() } }
            } else if first == "[" {
                rest = rest.drop { $0 != "]" }.dropFirst()
            } else if first == "$" || first.isNumber {
                rest = rest.drop { isWord($0) || $0 == "." || $0 == "{" }
            } else if isWord(first) {
                let name = rest.prefix(while: isWord)
                tokens.append(String(first) + name)
                rest = rest.dropFirst(name.count)
            } else if !first.isWhitespace {
                tokens.append(String(first))
            }
        }
        return tokens
    }

    private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" }
}
