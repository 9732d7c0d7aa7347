import Foundation

/// A Swift file of the repository, by lines, as it is and without what the compiler does not see as code.
struct SourceFile: Sendable {
    struct Line: Sendable {
        let number: Int
        let text: String
        /// Without comments and the contents of string literals.
        let code: String
    }

    /// From the repository's root: "Sources/GatewayCore/Slab.swift".
    let path: String
    let lines: [Line]

    /// Below Sources: "GatewayCore/Slab.swift".
    var pathInSources: String { String(path.dropFirst("Sources/".count)) }
    var layer: String { String(pathInSources.prefix { $0 != "/" }) }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path

    static func all(in folder: String) throws -> [SourceFile] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)")
            .filter { $0.hasSuffix(".swift") }
            .sorted()
            .map { try SourceFile("\(folder)/\($0)") }
    }

    init(_ path: String) throws {
        self.init(path: path, text: try String(contentsOfFile: "\(Self.root)/\(path)", encoding: .utf8))
    }

    init(path: String, text: String) {
        self.path = path
        var scanner = CodeScanner()
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { index, line in
            Line(number: index + 1, text: String(line), code: scanner.code(of: line))
        }
    }

    /// The lines that fit, each as "path:number".
    func places(where fits: (Line) -> Bool) -> [String] {
        lines.filter(fits).map { "\(path):\($0.number)" }
    }
}

extension String {
    /// Whether one of `words` stands here and is no part of a longer name.
    func containsWord(_ words: String...) -> Bool {
        words.contains { word in
            var rest = self[...]
            // Two steps, as the first is quick and most lines end with it.
            while rest.contains(word), let found = rest.range(of: word) {
                let isStart = !(self[..<found.lowerBound].last.map(Self.isInName) ?? false)
                let isEnd = !(word.last.map(Self.isInName) ?? false) || !(self[found.upperBound...].first.map(Self.isInName) ?? false)
                if isStart && isEnd { return true }
                rest = self[found.upperBound...]
            }
            return false
        }
    }

    private static func isInName(_ character: Character) -> Bool {
        character == "_" || character.isLetter || character.isNumber
    }
}

/// Takes comments and string literals away, line by line. What is interpolated into a string goes with it.
struct CodeScanner {
    private enum Place: Equatable {
        case code
        case comment(depth: Int)
        case multilineString(closing: String)
    }

    private var place = Place.code

    mutating func code(of line: Substring) -> String {
        // Most lines have neither, and the scan below is slow in a debug build.
        if place == .code && !line.utf8.contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "/") }) { return String(line) }
        var code = ""
        var rest = line
        while !rest.isEmpty {
            switch place {
            case .comment(let depth): skipComment(&rest, depth)
            case .multilineString(let closing): skipMultilineString(&rest, closing)
            case .code: if !takeCode(&rest, &code) { return code }
            }
        }
        return code
    }

    private mutating func skipComment(_ rest: inout Substring, _ depth: Int) {
        if rest.hasPrefix("*/") {
            place = depth == 1 ? .code : .comment(depth: depth - 1)
            rest = rest.dropFirst(2)
        } else if rest.hasPrefix("/*") {
            place = .comment(depth: depth + 1)
            rest = rest.dropFirst(2)
        } else {
            rest = rest.dropFirst()
        }
    }

    private mutating func skipMultilineString(_ rest: inout Substring, _ closing: String) {
        if rest.hasPrefix(closing) {
            place = .code
            rest = rest.dropFirst(closing.count)
        } else {
            rest = rest.dropFirst(rest.hasPrefix("\\") && closing.hasPrefix("\"\"\"") && closing.count == 3 ? 2 : 1)
        }
    }

    /// Takes one character, or skips a string or the start of a comment; false at a comment that ends the line.
    private mutating func takeCode(_ rest: inout Substring, _ code: inout String) -> Bool {
        if rest.hasPrefix("//") { return false }
        if rest.hasPrefix("/*") {
            place = .comment(depth: 1)
            rest = rest.dropFirst(2)
            return true
        }
        let hashes = rest.prefix { $0 == "#" }
        let quote = rest.dropFirst(hashes.count)
        if quote.hasPrefix("\"\"\"") {
            place = .multilineString(closing: "\"\"\"" + hashes)
            rest = quote.dropFirst(3)
        } else if quote.hasPrefix("\"") {
            rest = Self.afterString(quote.dropFirst(), hashes: String(hashes))
            code += "\"\""
        } else {
            code.append(rest.removeFirst())
        }
        return true
    }

    private static func afterString(_ text: Substring, hashes: String) -> Substring {
        var rest = text
        while !rest.isEmpty && !rest.hasPrefix("\"" + hashes) {
            rest = rest.dropFirst(rest.hasPrefix("\\" + hashes) ? 2 + hashes.count : 1)
        }
        return rest.dropFirst(1 + hashes.count)
    }
}
