/// The bytes of a file, before they are text.
enum SourceText {
    /// The bytes as valid UTF-8. What is not is reported at its first place, and replaced so that reading can go on.
    static func check(_ bytes: [UInt8], path: String, diagnostics: DiagnosticList) -> [UInt8] {
        if let nul = bytes.firstIndex(of: 0) {
            diagnostics.error("NUL byte", at: position(of: nul, in: bytes, path: path), expected: "expected text in UTF-8")
        }
        if String(validating: bytes, as: UTF8.self) != nil { return bytes }
        if let invalid = firstInvalid(bytes) {
            diagnostics.error(
                "invalid UTF-8", at: position(of: invalid, in: bytes, path: path), expected: "expected text in UTF-8")
        }
        return Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    private static func firstInvalid(_ bytes: [UInt8]) -> Int? {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): offset += UTF8.width(scalar)
            case .error: return offset
            case .emptyInput: return nil
            }
        }
    }

    private static func position(of index: Int, in bytes: [UInt8], path: String) -> SourcePosition {
        let newline = UInt8(ascii: "\n")
        let start = bytes[..<index].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let end = bytes[index...].firstIndex(of: newline) ?? bytes.count
        return SourcePosition(
            path: path, line: bytes[..<index].count(where: { $0 == newline }) + 1,
            column: bytes[start..<index].scalarCount + 1, length: 1,
            sourceLine: String(decoding: bytes[start..<end], as: UTF8.self))
    }
}
