import GatewayCore

/// X-Forwarded-For: each proxy appends the address it was called from, so the list is true from its right end as far as the proxies
/// are trusted; what stands further left anybody may have written.
public enum ForwardedFor {
    /// Moves `believed`, at first the peer, along one field line, from the right: to the first address that is not a trusted proxy's,
    /// or the leftmost if all are. An element that is no address ends the walk: the last believed address counts. Returns whether
    /// everything in the line was trusted, so that an earlier line of the same name may be followed, too.
    public static func follow(_ value: RawSpan, from believed: inout IPAddress, trusted: NetworkList) -> Bool {
        var end = value.byteCount
        while trusted.contains(believed) {
            while end > 0, isSeparator(value[byte: end - 1]) { end -= 1 }
            if end == 0 { return true }
            var start = end
            while start > 0, !isSeparator(value[byte: start - 1]) { start -= 1 }
            guard let address = address(value.extracting(start..<end)) else { return false }
            believed = address
            end = start
        }
        return false
    }

    /// Empty elements count for nothing (RFC 9110 § 5.6.1.2).
    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// An address, which some proxies write with a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`, `[2001:db8::1]`.
    private static func address(_ text: RawSpan) -> IPAddress? {
        if text[byte: 0] == UInt8(ascii: "[") {
            guard let bracket = text.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            guard bracket + 1 == text.byteCount || isPort(text, from: bracket + 1) else { return nil }
            return IPAddress(parsing: text.extracting(1..<bracket))
        }
        if let colon = text.firstIndex(of: UInt8(ascii: ":")), isPort(text, from: colon) {
            return IPAddress(parsing: text.extracting(0..<colon))
        }
        return IPAddress(parsing: text)
    }

    /// Whether a colon and one to five digits stand from `start` to the end.
    private static func isPort(_ text: RawSpan, from start: Int) -> Bool {
        guard (2...6).contains(text.byteCount - start), text[byte: start] == UInt8(ascii: ":") else { return false }
        for index in (start + 1)..<text.byteCount where text[byte: index] &- UInt8(ascii: "0") > 9 { return false }
        return true
    }
}
