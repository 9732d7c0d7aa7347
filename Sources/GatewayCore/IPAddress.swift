/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) are the IPv4 address they name, so that
/// one caller is one address whichever way it came.
public struct IPAddress: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// The 128 bits in network order; an IPv4 address is kept in its mapped form.
    public let high: UInt64
    public let low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public init(v4: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(v4))
    }

    public var isV4: Bool { high == 0 && low >> 32 == 0xffff }
    public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }
}
