import GatewayCore

/// `maintenance`: when requests are turned away, with what, and whose are not.
public struct MaintenanceConfig: Sendable, Equatable {
    public var isOn: Bool
    /// While a file of that name is there, it is as good as on.
    public var flagPath: String?
    /// nil: the gateway's own.
    public var page: PageConfig?
    public var retryAfterS: Int
    public var bypassFrom: [CIDRBlock]
    /// A field of the request and the value that lets it through; nil lets none.
    public var bypassHeader: FieldConfig?
    /// Whether an outer level says when, and this one nothing.
    public var isInherited: Bool
}
