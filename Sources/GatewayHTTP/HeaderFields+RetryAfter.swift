import GatewayCore

extension HeaderFields {
    /// How long whoever answers wants to be left alone, in seconds (RFC 9110 § 10.2.3); nil if it doesn't say, says a date, or says more
    /// than a million.
    public var retryAfterSeconds: Int? {
        guard let index = firstIndex(of: .retryAfter), 1...6 ~= value(index).byteCount else { return nil }
        var seconds = 0
        for position in 0..<value(index).byteCount {
            let byte = value(index)[byte: position]
            guard byte.isDigit else { return nil }
            seconds = seconds * 10 + Int(byte - 0x30)
        }
        return seconds
    }
}
