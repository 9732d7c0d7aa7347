import GatewayCore

/// Networks, and whether an address is in one of them: whose word is believed, who is let through.
public struct NetworkList: Sendable {
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
