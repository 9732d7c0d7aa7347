/// The canonical spelling of a path, told a second time and as plainly as can be.
enum ReferencePath {
    /// nil for what must be refused: an escape that is none, NUL, a backslash, a way out of the root.
    static func canonical(_ path: [UInt8], mergesSlashes: Bool) -> [UInt8]? {
        // An absolute-form may have no path.
        let segments = path.isEmpty ? [[]] : path.dropFirst().split(separator: slash, omittingEmptySubsequences: false).map(Array.init)
        var kept: [[UInt8]] = []
        for (index, segment) in segments.enumerated() {
            guard let decoded = decode(segment) else { return nil }
            let isLast = index == segments.count - 1
            if decoded == dotDot {
                if kept.isEmpty { return nil }
                kept.removeLast()
            } else if decoded != dot && !(decoded.isEmpty && (mergesSlashes || isLast)) {
                kept.append(encode(decoded))
                if isLast { return join(kept) }
            }
            if isLast { return join(kept + [[]]) }
        }
        return nil
    }

    private static let slash = UInt8(ascii: "/")
    private static let dot = Array(".".utf8)
    private static let dotDot = Array("..".utf8)
    private static let literals = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@".utf8)
    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func join(_ segments: [[UInt8]]) -> [UInt8] { segments.flatMap { [slash] + $0 } }

    private static func decode(_ segment: [UInt8]) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = segment[...]
        while var byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
                if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { return nil }
                if value == 0 || value == UInt8(ascii: "\\") { return nil }
                byte = value
                rest.removeFirst(2)
            }
            decoded.append(byte)
        }
        return decoded
    }

    private static func encode(_ segment: [UInt8]) -> [UInt8] {
        segment.flatMap { literals.contains($0) ? [$0] : [UInt8(ascii: "%"), digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
