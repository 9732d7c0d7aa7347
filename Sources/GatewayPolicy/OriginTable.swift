import GatewayCore

/// The origins that `cors` lists.
struct OriginTable: Sendable {
    private struct Pattern: Sendable {
        /// "https://"
        let scheme: [UInt8]
        /// ".studio.example.com", with its port.
        let domain: [UInt8]
    }

    let takesAny: Bool
    private let exact: ByteKeyTable
    private let patterns: [Pattern]

    init(_ origins: [String]) {
        takesAny = origins.contains("*")
        exact = ByteKeyTable(origins.filter { !$0.contains("*") }.map { Array($0.utf8) })
        patterns = origins.compactMap { origin in
            guard let star = origin.firstRange(of: "*.") else { return nil }
            return Pattern(scheme: Array(origin[..<star.lowerBound].utf8), domain: Array(".\(origin[star.upperBound...])".utf8))
        }
    }

    /// Whether a page of this origin may read answers. Browsers send origins in lower case and without the port that the scheme implies
    /// (RFC 6454 § 6.2): what reads otherwise is none that is listed.
    func contains(_ origin: RawSpan) -> Bool {
        if takesAny { return true }
        if origin.byteCount > Limits.originBytesMax { return false }
        if exact.index(of: origin) != nil { return true }
        for pattern in patterns where Self.matches(origin, pattern) { return true }
        return false
    }

    private static func matches(_ origin: RawSpan, _ pattern: Pattern) -> Bool {
        let (start, end) = (pattern.scheme.count, origin.byteCount - pattern.domain.count)
        guard start < end, origin.extracting(0..<start).elementsEqual(pattern.scheme.rawSpan),
            origin.extracting(end..<origin.byteCount).elementsEqual(pattern.domain.rawSpan)
        else { return false }
        return areLabels(origin.extracting(start..<end))
    }

    /// Labels with dots between them, none empty: no port, no user, no path can stand there.
    private static func areLabels(_ text: RawSpan) -> Bool {
        var isAfterDot = true
        for index in 0..<text.byteCount {
            let byte = text[byte: index]
            if byte == UInt8(ascii: ".") {
                if isAfterDot { return false }
                isAfterDot = true
            } else {
                guard byte.isDigit || byte &- 0x61 < 26 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") else { return false }
                isAfterDot = false
            }
        }
        return !isAfterDot
    }
}
