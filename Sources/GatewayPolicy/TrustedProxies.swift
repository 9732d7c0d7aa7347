import GatewayCore

/// The proxies in front of the gateway: only what they say of a client is believed.
public struct TrustedProxies: Sendable {
    @usableFromInline let blocks: [CIDRBlock]

    public init(_ blocks: [CIDRBlock]) {
        self.blocks = blocks
    }

    @inlinable
    public func contains(_ address: IPAddress) -> Bool {
        var index = 0
        while index < blocks.count {
            if blocks[index].contains(address) { return true }
            index += 1
        }
        return false
    }
}
