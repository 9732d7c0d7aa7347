/// A growable array of plain values in memory from a ``BufferPool``: no reference count, no copy on write.
///
/// Safe for the reasons of ``ByteQueue``; every index is checked.
@safe
public struct PooledArray<Element: BitwiseCopyable>: ~Copyable {
    /// The pool's smallest class.
    @usableFromInline static var firstBytes: Int { 512 }

    @usableFromInline let pool: BufferPool
    @usableFromInline var base: UnsafeMutableRawPointer?
    @usableFromInline var capacity = 0
    @usableFromInline var filled = 0

    @inlinable
    public init(pool: BufferPool) {
        self.pool = pool
        unsafe base = nil
    }

    @inlinable @inline(__always)
    deinit {
        if let base = unsafe base { unsafe pool.give(base, capacity &* MemoryLayout<Element>.stride) }
    }

    @inlinable
    public var count: Int { filled }

    @inlinable
    public var isEmpty: Bool { filled == 0 }

    @inlinable
    public subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count)
            return unsafe base.unsafelyUnwrapped.load(fromByteOffset: index &* MemoryLayout<Element>.stride, as: Element.self)
        }
        set {
            precondition(index >= 0 && index < count)
            unsafe base.unsafelyUnwrapped.storeBytes(of: newValue, toByteOffset: index &* MemoryLayout<Element>.stride, as: Element.self)
        }
    }

    @inlinable
    public mutating func append(_ element: Element) {
        if count == capacity { grow() }
        unsafe base.unsafelyUnwrapped.storeBytes(of: element, toByteOffset: count &* MemoryLayout<Element>.stride, as: Element.self)
        filled &+= 1
    }

    @inlinable
    public mutating func removeAll() {
        filled = 0
        if let held = unsafe base {
            unsafe pool.give(held, capacity * MemoryLayout<Element>.stride)
            unsafe base = nil
            capacity = 0
        }
    }

    /// Inlinable to be specialised where it is used; inlined it would only be in the way.
    @inlinable
    @inline(never)
    mutating func grow() {
        let stride = MemoryLayout<Element>.stride
        guard let held = unsafe base else {
            unsafe base = pool.take(fromClass: BufferPool.classIndex(Self.firstBytes))
            capacity = Self.firstBytes / stride
            return
        }
        // A class is a power of two; what is asked for when giving back must round up to the same one.
        let wanted = BufferPool.roundedCapacity(capacity * stride * 2) / stride
        let fresh = unsafe pool.take(wanted * stride)
        unsafe fresh.copyMemory(from: held, byteCount: count * stride)
        unsafe pool.give(held, capacity * stride)
        unsafe base = fresh
        capacity = wanted
    }
}
