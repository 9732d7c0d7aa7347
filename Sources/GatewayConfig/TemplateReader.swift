/// Text with variables in it: "https://$host$request_uri", "${scheme}s". nginx has no way to write a "$" that is
/// none; here a value of the environment, which is never looked into, can hold one.
enum TemplateReader {
    static func read(_ word: Word) throws(Complaint) -> Template {
        let bytes = Array(word.text.utf8)
        guard word.environmentName == nil else { return Template(parts: bytes.isEmpty ? [] : [.literal(word.text)]) }
        var parts: [Template.Part] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "$") {
                let (variable, end) = try variable(in: bytes, from: index, isSecret: word.secretStart != nil)
                parts.append(.variable(variable))
                index = end
            } else {
                let end = bytes[index...].firstIndex(of: UInt8(ascii: "$")) ?? bytes.count
                parts.append(.literal(String(decoding: bytes[index..<end], as: UTF8.self)))
                index = end
            }
        }
        return Template(parts: parts)
    }

    /// The variable whose "$" stands at `start`, and where it ends.
    private static func variable(in bytes: [UInt8], from start: Int, isSecret: Bool) throws(Complaint) -> (Variable, end: Int) {
        let isBraced = start + 1 < bytes.count && bytes[start + 1] == UInt8(ascii: "{")
        let nameStart = start + (isBraced ? 2 : 1)
        let nameEnd = bytes[nameStart...].firstIndex { !$0.isNameByte } ?? bytes.count
        let end = nameEnd + (isBraced ? 1 : 0)
        if isBraced, nameEnd == bytes.count || bytes[nameEnd] != UInt8(ascii: "}") {
            throw Complaint("\"${\" without \"}\"", expected: "expected ${name}", part: start..<nameEnd)
        }
        let name = String(decoding: bytes[nameStart..<nameEnd], as: UTF8.self)
        if name.isEmpty {
            throw Complaint("\"$\" without a name", expected: "expected a variable such as $host", part: start..<end)
        }
        guard let variable = VariableTable.variable(named: name) else {
            // It may be a password with a "$" in it.
            if isSecret { throw Complaint("unknown variable", expected: "env:NAME takes a value with a \"$\" as it is", part: start..<end) }
            throw Complaint("unknown variable \"$\(name)\"", expected: VariableTable.hint(for: name), part: start..<end)
        }
        return (variable, end)
    }
}
