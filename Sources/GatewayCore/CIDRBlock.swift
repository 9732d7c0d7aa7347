/// A range of addresses: `10.0.0.0/8`, `::1`.
public struct CIDRBlock: Equatable, Hashable, Sendable, BitwiseCopyable {
    public let address: IPAddress
    /// Counted over the 128 bits of the mapped form: an IPv4 /8 is 104.
    public let prefixBits: Int

    public init(address: IPAddress, prefixBits: Int) {
        self.address = address
        self.prefixBits = prefixBits
    }

    /// Networks of IPv6 contain no IPv4: "::/0" is all of IPv6, although mapped addresses are bits of it.
    @inlinable
    public func contains(_ other: IPAddress) -> Bool {
        let highMask: UInt64 = prefixBits >= 64 ? .max : ~(.max >> UInt64(prefixBits))
        let lowBits = max(0, prefixBits - 64)
        let lowMask: UInt64 = lowBits >= 64 ? .max : ~(.max >> UInt64(lowBits))
        return (address.high ^ other.high) & highMask == 0 && (address.low ^ other.low) & lowMask == 0
            && (prefixBits >= 96 || other.high != 0 || other.low >> 32 != 0xffff)
    }
}

// MARK: Text

extension CIDRBlock: CustomStringConvertible {
    /// Reads "10.0.0.0/8" or "2001:db8::/32"; an address alone is a block of one. Bits behind the prefix are cleared.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
        // "::ffff:10.0.0.0/104" is written as IPv6, so its prefix counts over 128 bits already.
        let isWrittenV4 = !parts[0].utf8.contains(UInt8(ascii: ":"))
        guard let prefix = parts.count == 1 ? (isWrittenV4 ? 32 : 128) : Self.prefixLength(parts[1]) else { return nil }
        if prefix > (isWrittenV4 ? 32 : 128) { return nil }
        self = CIDRBlock(address: address, prefixBits: isWrittenV4 ? prefix + 96 : prefix).network
    }

    /// The same block with the bits behind the prefix cleared.
    public var network: CIDRBlock {
        let highMask: UInt64 = prefixBits >= 64 ? .max : ~(.max >> UInt64(prefixBits))
        let lowMask: UInt64 = prefixBits <= 64 ? 0 : ~(.max >> UInt64(prefixBits - 64))
        return CIDRBlock(
            address: IPAddress(high: address.high & highMask, low: address.low & lowMask), prefixBits: prefixBits)
    }

    /// "10.0.0.0/8"; of a block of one address the address alone.
    public var description: String {
        if prefixBits == 128 { return address.description }
        return "\(address)/\(address.isV4 && prefixBits >= 96 ? prefixBits - 96 : prefixBits)"
    }

    private static func prefixLength(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 3, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(text)
    }
}
