import GatewayCore

/// Max-Forwards (RFC 9110 § 7.6.2): each recipient of OPTIONS and TRACE takes one off, and who gets 0 is the last.
extension RequestHead {
    /// What larger numbers count as: no way has so many hops.
    private static let forwardsMax: UInt64 = 0x7fff_ffff

    /// Whether the field limits this request; for other methods it says nothing.
    @inlinable
    public var hasForwardsLimit: Bool { fields.contains(.maxForwards) && (method == .options || method == .trace) }

    /// How many more recipients the request may have; nil if that is not one number.
    public var forwardsLeft: UInt64? {
        guard let index = fields.firstIndex(of: .maxForwards), fields.firstIndex(of: .maxForwards, from: index + 1) == nil else {
            return nil
        }
        let count = fields.value(index).byteCount
        var left: UInt64 = 0
        for position in 0..<count {
            let byte = fields.value(index)[byte: position]
            if !byte.isDigit { return nil }
            left = min(left * 10 + UInt64(byte - 0x30), Self.forwardsMax)
        }
        return count == 0 ? nil : left
    }
}
