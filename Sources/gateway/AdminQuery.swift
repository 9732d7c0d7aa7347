import GatewayCore

/// The parameters of a request to the admin listener: `zone=ai&path=%2Fv1%2F&all`. A plus sign is a plus sign.
struct AdminQuery {
    /// nil for a parameter without an equals sign.
    private var values: [String: String?] = [:]

    /// nil if a name stands twice, is none of `known`, or an escape is wrong.
    init?(_ query: String, known: Set<String>) {
        for parameter in query.split(separator: "&") {
            let halves = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(halves[0]), known.contains(name), values[name] == nil else { return nil }
            if halves.count == 1 {
                values[name] = .some(nil)
            } else {
                guard let value = Self.decode(halves[1]) else { return nil }
                values[name] = value
            }
        }
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    subscript(name: String) -> String? { values[name] ?? nil }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                guard let high = rest.popFirst()?.hexValue, let low = rest.popFirst()?.hexValue else { return nil }
                bytes.append(high << 4 | low)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The value with everything escaped that could mean something else (RFC 3986 § 2.3).
    static func encode(_ value: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let bytes = value.utf8.flatMap { byte -> [UInt8] in
            let isPlain = byte.isDigit || (byte | 0x20) &- UInt8(ascii: "a") < 26 || "-._~".utf8.contains(byte)
            return isPlain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
