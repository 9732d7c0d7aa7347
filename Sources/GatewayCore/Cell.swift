/// One value on the heap, reached in place like an element of a ``Slab``: for the state of a loop, which as properties of a class would
/// cost a dynamic exclusivity check with every access.
///
/// The same rules: one thread owns a cell, and no two accesses to its value overlap. Safe although built on a pointer:
/// the memory is the cell's own, from its first to its last moment.
@safe
public struct Cell<Value: ~Copyable>: ~Copyable {
    @usableFromInline let pointer: UnsafeMutablePointer<Value>

    @inlinable
    public init(_ value: consuming Value) {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: value)
    }

    @inlinable
    deinit {
        unsafe pointer.deinitialize(count: 1)
        unsafe pointer.deallocate()
    }

    @inlinable
    public var value: Value {
        unsafeAddress { return unsafe UnsafePointer(pointer) }
        nonmutating unsafeMutableAddress { return unsafe pointer }
    }
}
