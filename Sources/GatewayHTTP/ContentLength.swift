import GatewayCore

/// The value of Content-Length (RFC 9110 § 8.6).
enum ContentLength {
    /// Digits and nothing else. A list of equal values, which RFC 9112 § 6.3 would let pass, is refused: it is how requests
    /// are smuggled. So is what does not fit a signed 64-bit number, for others may wrap there.
    static func parse(_ value: RawSpan) throws(GatewayError) -> UInt64 {
        if value.byteCount == 0 { throw GatewayError(.framingInvalid, "Content-Length is empty") }
        let max = UInt64(Int64.max)
        var length: UInt64 = 0
        var i = 0
        while i < value.byteCount {
            let digit = value[byte: i] &- 0x30
            if digit > 9 { throw GatewayError(.framingInvalid, "Content-Length is not one number") }
            if length > max / 10 { throw tooLarge }
            length = length &* 10 &+ UInt64(digit)
            i &+= 1
        }
        if length > max { throw tooLarge }
        return length
    }

    private static var tooLarge: GatewayError { GatewayError(.framingInvalid, "Content-Length is too large a number") }
}
