import Synchronization

/// A field that makes the struct which holds it be borrowed by its address.
///
/// To borrow a large struct out of a ``Slab`` the compiler copies it to the stack first, a kilobyte for an exchange and its
/// connection with each call; a struct that holds an atomic is address-only while it is borrowed. That is a property of
/// today's compiler, and only speed depends on it, never soundness. The field is never read.
public struct InPlace: ~Copyable, Sendable {
    @usableFromInline let marker = Atomic<UInt8>(0)

    @inlinable
    public init() {}
}
