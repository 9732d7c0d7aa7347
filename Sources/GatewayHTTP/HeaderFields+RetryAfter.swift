import GatewayCore

extension HeaderFields {
    /// How long whoever answers wants to be left alone, in seconds (RFC 9110 § 10.2.3); nil if it doesn't say, says a date, or says more
    /// than a million.
    public var retryAfterSeconds: Int? {
        guard let index = firstIndex(of: .retryAfter), value(index).byteCount <= 6 else { return nil }
        return value(index).seconds.map { Int($0) }
    }
}
