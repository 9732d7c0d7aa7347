/// A JSON document by chance, which can be written in many ways.
indirect enum RandomDocument {
    case object([(name: String, value: RandomDocument)])
    case array([RandomDocument])
    case string(String)
    /// Digits times ten to the power of.
    case number(Int, exponent: Int)
    case literal(String)

    static func make(_ generator: inout SeededGenerator, depth: Int = 0) -> RandomDocument {
        let kind = Int.random(in: depth > 3 ? 2..<8 : 0..<8, using: &generator)
        // A few have so many members that they are sorted in another way.
        let count = Int.random(in: 0..<32, using: &generator) == 0 ? 40 : Int.random(in: 0..<6, using: &generator)
        switch kind {
        case 0:
            var names: Set<[UInt16]> = []
            var members: [(name: String, value: RandomDocument)] = []
            for _ in 0..<count {
                let name = text(&generator)
                if names.insert(Array(name.utf16)).inserted { members.append((name, make(&generator, depth: count > 6 ? 4 : depth + 1))) }
            }
            return .object(members)
        case 1: return .array((0..<min(count, 6)).map { _ in make(&generator, depth: depth + 1) })
        case 2, 3: return .string(text(&generator))
        case 4, 5:
            return .number(Int.random(in: -999_999...999_999, using: &generator), exponent: Int.random(in: -3...5, using: &generator))
        default: return .literal(["true", "false", "null"].randomElement(using: &generator) ?? "null")
        }
    }

    private static let scalars = Array(
        "abcdeABC012 /\\\"\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}éß€\u{fb33}\u{e000}\u{ffff}😀\u{10000}\u{10ffff}".unicodeScalars)

    private static func text(_ generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<12, using: &generator) {
            if let scalar = scalars.randomElement(using: &generator) { text.append(scalar) }
        }
        return String(text)
    }

    // MARK: One value changed

    var nodeCount: Int {
        switch self {
        case .object(let members): 1 + members.reduce(0) { $0 + $1.value.nodeCount }
        case .array(let values): 1 + values.reduce(0) { $0 + $1.nodeCount }
        default: 1
        }
    }

    /// The `index`th value in the document's order becomes another one.
    func changed(at index: Int, _ generator: inout SeededGenerator) -> RandomDocument {
        if index == 0 { return changed(&generator) }
        var rest = index - 1
        switch self {
        case .object(var members):
            for place in members.indices {
                let count = members[place].value.nodeCount
                if rest < count {
                    members[place].value = members[place].value.changed(at: rest, &generator)
                    break
                }
                rest -= count
            }
            return .object(members)
        case .array(var values):
            for place in values.indices {
                let count = values[place].nodeCount
                if rest < count {
                    values[place] = values[place].changed(at: rest, &generator)
                    break
                }
                rest -= count
            }
            return .array(values)
        default: return self
        }
    }

    private func changed(_ generator: inout SeededGenerator) -> RandomDocument {
        let other = Bool.random(using: &generator)
        switch self {
        case .object(let members):
            if other || members.isEmpty { return .array([self]) }
            return .object(Array(members.dropLast()))
        case .array(let values): return .array(other || values.isEmpty ? values + [.literal("null")] : Array(values.dropFirst()))
        case .string(let text): return .string(other || text.isEmpty ? text + "a" : String(text.unicodeScalars.dropLast()))
        case .number(let digits, let exponent):
            if other || digits == 0 { return .number(digits + 1, exponent: exponent) }
            return .number(digits, exponent: exponent + 1)
        case .literal(let name): return .literal(name == "true" ? "false" : "true")
        }
    }

    // MARK: As bytes

    /// As RFC 8785 says it, but plainly.
    var canonical: String {
        switch self {
        case .object(let members):
            let sorted = members.sorted { Array($0.name.utf16).lexicographicallyPrecedes(Array($1.name.utf16)) }
            return "{" + sorted.map { Self.quoted($0.name) + ":" + $0.value.canonical }.joined(separator: ",") + "}"
        case .array(let values): return "[" + values.map(\.canonical).joined(separator: ",") + "]"
        case .string(let text): return Self.quoted(text)
        case .number(let digits, let exponent):
            let text = (Double("\(digits)e\(exponent)") ?? .nan).description
            return text == "-0.0" || text == "0.0" ? "0" : text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        case .literal(let name): return name
        }
    }

    private static let shortEscapes: [Unicode.Scalar: Character] = [
        "\"": "\"", "\\": "\\", "\u{8}": "b", "\u{c}": "f", "\n": "n", "\r": "r", "\t": "t",
    ]

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if let short = shortEscapes[scalar] {
                result += "\\\(short)"
            } else if scalar.value < 0x20 {
                result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// One of its many spellings.
    func spelt(_ generator: inout SeededGenerator) -> String {
        func space() -> String { ["", "", "", " ", "\n", "\t", "\r\n  "].randomElement(using: &generator) ?? "" }
        switch self {
        case .object(let members):
            let spelt = members.shuffled(using: &generator).map { member in
                space() + Self.speltText(member.name, &generator) + space() + ":" + space() + member.value.spelt(&generator) + space()
            }
            return "{" + (spelt.isEmpty ? space() : spelt.joined(separator: ",")) + "}"
        case .array(let values):
            let spelt = values.map { space() + $0.spelt(&generator) + space() }
            return "[" + (spelt.isEmpty ? space() : spelt.joined(separator: ",")) + "]"
        case .string(let text): return Self.speltText(text, &generator)
        case .number(let digits, let exponent): return Self.speltNumber(digits, exponent, &generator)
        case .literal(let name): return name
        }
    }

    private static func speltText(_ text: String, _ generator: inout SeededGenerator) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if let short = shortEscapes[scalar], Bool.random(using: &generator) {
                result += "\\\(short)"
            } else if scalar == "/" && Bool.random(using: &generator) {
                result += "\\/"
            } else if mustEscape || Int.random(in: 0..<4, using: &generator) == 0 {
                for unit in String(Character(scalar)).utf16 {
                    let digits = String(unit, radix: 16, uppercase: Bool.random(using: &generator))
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func speltNumber(_ digits: Int, _ exponent: Int, _ generator: inout SeededGenerator) -> String {
        let sign = digits < 0 ? "-" : ""
        let text = String(digits.magnitude)
        // A point anywhere, zeros behind it, and an exponent that makes up for it.
        let shift = Int.random(in: 0..<text.count, using: &generator)
        let zeros = String(repeating: "0", count: Int.random(in: 0..<3, using: &generator))
        let mark = Bool.random(using: &generator) ? "e" : "E"
        let power = exponent + shift
        let plus = power >= 0 && Bool.random(using: &generator) ? "+" : ""
        let fraction = text.suffix(shift) + zeros
        let value = fraction.isEmpty ? "\(sign)\(text)" : "\(sign)\(text.dropLast(shift)).\(fraction)"
        return power == 0 && Bool.random(using: &generator) ? value : "\(value)\(mark)\(plus)\(power)"
    }
}

/// SplitMix64: a test that fails can be run again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
