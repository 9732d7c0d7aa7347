import GatewayCore

/// A network of `allow` or `deny`.
public struct AccessRule: Sendable, Equatable {
    public var allows: Bool
    /// nil: `all`.
    public var network: CIDRBlock?

    public init(allows: Bool, network: CIDRBlock?) {
        self.allows = allows
        self.network = network
    }
}
