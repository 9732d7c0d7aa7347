import GatewayCache
import GatewayCore

/// What has a canonical form is JSON, its form is the form's own, and white space doesn't change it.
enum CanonicalJSONFuzzing {
    nonisolated(unsafe) private static var json = CanonicalJSON(pool: FuzzTarget.pool)
    private static let ignored: [[UInt8]] = [Array("user".utf8), Array("a".utf8)]

    static func run(_ input: RawSpan) {
        let left = try? form(input, ignoring: ignored)
        guard let whole = try? form(input) else {
            // What is left out is JSON all the same.
            precondition(left == nil, "what has no form has one without some members")
            return
        }
        precondition((try? form(whole.rawSpan)) == whole, "the form has another form")
        precondition(String(validating: whole, as: UTF8.self) != nil, "not UTF-8")
        precondition((try? form(spaced(whole).rawSpan)) == whole, "white space counts")
        guard let left else { preconditionFailure("without some members it has no form") }
        precondition((try? form(whole.rawSpan, ignoring: ignored)) == left, "what is left out depends on the spelling")
        precondition((try? form(left.rawSpan, ignoring: ignored)) == left && left.count <= whole.count)
    }

    private static func form(_ input: RawSpan, ignoring: [[UInt8]] = []) throws(CanonicalJSONFailure) -> [UInt8] {
        var output = ByteQueue(pool: FuzzTarget.pool)
        try json.encode(input, ignoring: ignoring, into: &output)
        return output.bytes.array
    }

    /// White space around everything that no string holds.
    private static func spaced(_ form: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x20]
        var (isString, isEscape) = (false, false)
        for byte in form {
            let isStructure = !isString && [0x5b, 0x5d, 0x7b, 0x7d, 0x2c, 0x3a].contains(byte)
            result += isStructure ? [0x0a, byte, 0x09] : [byte]
            if isEscape {
                isEscape = false
            } else if byte == 0x22 {
                isString.toggle()
            } else {
                isEscape = isString && byte == 0x5c
            }
        }
        return result + [0x0d]
    }
}
