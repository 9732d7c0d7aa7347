/// Names an element of a ``Slab``: which slot, and which of the slot's tenants.
///
/// Every tenant of a slot has a generation of its own, so that a handle kept too long (in an epoll event, a
/// timer, a queue) is recognised as stale instead of reaching the next tenant.
public struct Handle: Equatable, Hashable, Sendable, BitwiseCopyable {
    public let slot: UInt32
    /// Odd: a slot without a tenant has an even one.
    public let generation: UInt32

    @inlinable
    public init(slot: UInt32, generation: UInt32) {
        precondition(generation & 1 == 1)
        self.slot = slot
        self.generation = generation
    }

    @inlinable
    init() {
        slot = 0
        generation = 0
    }

    /// No element: generation 0 is never given to a tenant.
    @inlinable
    public static var none: Handle { Handle() }

    @inlinable
    public var isNone: Bool { generation == 0 }
}
