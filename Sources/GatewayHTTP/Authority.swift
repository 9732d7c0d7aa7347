import GatewayCore

/// An authority without userinfo: `host`, `host:port`, `[v6]`, `[v6]:port` (RFC 3986 § 3.2).
///
/// Of reg-names only those that a name server could know pass: letters, digits, `-`, `_`, `.`. The escapes and sub-delims
/// that RFC 3986 adds have no use but to spell a host in a way that somebody else reads differently.
struct Authority: BitwiseCopyable {
    /// The longest name of the DNS, with its trailing dot.
    private static let hostBytesMax = 254

    /// The host's bytes, from the authority's first one on: without the port and without a trailing dot.
    var hostLength: Int
    /// False if lower case would change nothing. Letters in upper case lack a bit that all others have, but `_`.
    var mayHaveUpperCase: Bool

    /// Reads all of `bytes`; what does not conform throws an error of `type`.
    static func parse(_ bytes: RawSpan, _ type: ErrorType) throws(GatewayError) -> Authority {
        if bytes.byteCount == 0 { throw GatewayError(type, "the host is empty") }
        if bytes[byte: 0] == UInt8(ascii: "[") { return try parseIPv6(bytes, type) }
        var seen: UInt8 = 0xff
        var isLabel: UInt8 = 0
        var i = 0
        while i < bytes.byteCount {
            let byte = bytes[byte: i]
            if ByteClass.of(byte) & ByteClass.host == 0 { break }
            // Of the bytes of a host only the dot has this bit.
            let isDot = ByteClass.of(byte) & ByteClass.slashOrDot
            if isDot > isLabel { throw GatewayError(type, "a label of the host is empty") }
            isLabel = isDot ^ ByteClass.slashOrDot
            seen &= byte
            i &+= 1
        }
        if i == 0 { throw GatewayError(type, "the host is not a valid name") }
        if i > hostBytesMax { throw GatewayError(type, "the host is too long") }
        if i < bytes.byteCount { try checkPort(bytes, from: i, type) }
        return Authority(hostLength: isLabel == 0 ? i - 1 : i, mayHaveUpperCase: seen & 0x20 == 0)
    }

    private static func parseIPv6(_ bytes: RawSpan, _ type: ErrorType) throws(GatewayError) -> Authority {
        guard let close = bytes.firstIndex(of: UInt8(ascii: "]")), isIPv6(bytes.extracting(1..<close)) else {
            throw GatewayError(type, "the host is not a valid IPv6 address")
        }
        var hasUpperCase = false
        for i in 1..<close where bytes[byte: i] &- 0x41 < 26 { hasUpperCase = true }
        try checkPort(bytes, from: close + 1, type)
        return Authority(hostLength: close + 1, mayHaveUpperCase: hasUpperCase)
    }

    /// Nothing, or a colon and up to five digits that make a port (none at all stand for the scheme's own: RFC 3986 § 3.2.3).
    private static func checkPort(_ bytes: RawSpan, from start: Int, _ type: ErrorType) throws(GatewayError) {
        if start == bytes.byteCount { return }
        if bytes[byte: start] != UInt8(ascii: ":") { throw GatewayError(type, "the host holds a byte that is not allowed there") }
        var port = 0
        var isValid = bytes.byteCount &- start <= 6
        var i = start &+ 1
        while i < bytes.byteCount && isValid {
            let byte = bytes[byte: i]
            port = port &* 10 &+ Int(byte &- 0x30)
            isValid = byte.isDigit
            i &+= 1
        }
        if !isValid || port > 65535 { throw GatewayError(type, "the port is not valid") }
    }

    /// The reader takes no zone, which no other host would understand, but takes IPv4 as well, which does not stand in brackets.
    private static func isIPv6(_ bytes: RawSpan) -> Bool {
        bytes.firstIndex(of: UInt8(ascii: ":")) != nil && IPAddress(parsing: bytes) != nil
    }
}
