import Synchronization

/// Memory for buffers, in classes of powers of two, kept for reuse. One thread uses a pool; copies of it are the same pool.
///
/// A freed buffer goes onto the stack of its class; up to ``Limits/pooledBytesMax`` stay, the rest goes back to the system.
/// (A list linked through the buffers would wait for the cold memory of each, which is to be overwritten anyway: 2 % of a request.)
///
/// Safe although built on a pointer: a pool is never freed, so queues may refer to it without counting. There is
/// one for each worker; a worker that ends leaves it to the next, by ``retire()``. (A class would pay for
/// reference counts and exclusivity checks with every buffer: a tenth of all instructions of a request.)
@safe
public struct BufferPool: BitwiseCopyable {
    @unsafe @usableFromInline
    struct State {
        /// For each class a stack with room for all that may be pooled; memory is taken as it is touched.
        @usableFromInline var free: InlineArray<10, UnsafeMutablePointer<UnsafeMutableRawPointer>>
        @usableFromInline var counts = InlineArray<10, Int>(repeating: 0)
        @usableFromInline var pooledBytes = 0

        @usableFromInline
        init() {
            unsafe free = .init { index in .allocate(capacity: Limits.pooledBytesMax >> (9 + index)) }
        }
    }

    @usableFromInline static var classCount: Int { 10 }  // up to 256 KB; larger ones are not kept

    @usableFromInline let state: UnsafeMutablePointer<State>

    /// The addresses of pools whose threads have ended.
    private static let retired = Mutex<[UInt]>([])

    /// A pool for this thread: one that another has left, or a new one.
    public init() {
        if let address = Self.retired.withLock({ $0.popLast() }), let left = unsafe UnsafeMutablePointer<State>(bitPattern: address) {
            unsafe state = left
        } else {
            unsafe state = .allocate(capacity: 1)
            unsafe state.initialize(to: State())
        }
    }

    /// Gives the kept buffers back to the system, and the pool to whoever makes the next. Nothing that was made with it may be left.
    public func retire() {
        removeAll()
        let address = unsafe UInt(bitPattern: state)
        Self.retired.withLock { $0.append(address) }
    }

    /// Gives the kept buffers back to the system.
    public func removeAll() {
        unsafe state.pointee.pooledBytes = 0
        for index in 0..<Self.classCount {
            for position in unsafe 0..<state.pointee.counts[index] { unsafe state.pointee.free[index][position].deallocate() }
            unsafe state.pointee.counts[index] = 0
        }
    }

    @inlinable
    @inline(__always)
    static func classIndex(_ capacity: Int) -> Int {
        max(0, Int.bitWidth &- (capacity &- 1).leadingZeroBitCount &- 9)
    }

    /// The capacity that ``take(_:)`` gives for `capacity`.
    @inlinable
    @inline(__always)
    static func roundedCapacity(_ capacity: Int) -> Int {
        bytes(inClass: classIndex(capacity))
    }

    @inlinable
    @inline(__always)
    static func bytes(inClass index: Int) -> Int {
        1 &<< (index &+ 9)
    }

    /// Uninitialised memory of ``roundedCapacity(_:)`` bytes, aligned to 16.
    @inlinable
    func take(_ capacity: Int) -> UnsafeMutableRawPointer {
        unsafe take(fromClass: Self.classIndex(capacity))
    }

    @inlinable
    @inline(__always)
    func take(fromClass index: Int) -> UnsafeMutableRawPointer {
        unsafe takeKept(fromClass: index) ?? .allocate(byteCount: Self.bytes(inClass: index), alignment: 16)
    }

    /// A buffer that was given back; nil if none is left.
    @inlinable
    @inline(__always)
    func takeKept(fromClass index: Int) -> UnsafeMutableRawPointer? {
        guard index < Self.classCount else { return nil }
        let left = unsafe state.pointee.counts[index] &- 1
        if left < 0 { return nil }
        unsafe state.pointee.counts[index] = left
        unsafe state.pointee.pooledBytes &-= Self.bytes(inClass: index)
        return unsafe state.pointee.free[index][left]
    }

    /// Takes back what ``take(_:)`` gave for the same capacity.
    @inlinable
    func give(_ buffer: UnsafeMutableRawPointer, _ capacity: Int) {
        let index = Self.classIndex(capacity)
        guard index < Self.classCount, unsafe state.pointee.pooledBytes &+ Self.bytes(inClass: index) <= Limits.pooledBytesMax else {
            unsafe buffer.deallocate()
            return
        }
        let count = unsafe state.pointee.counts[index]
        unsafe state.pointee.free[index][count] = buffer
        unsafe state.pointee.counts[index] = count &+ 1
        unsafe state.pointee.pooledBytes &+= Self.bytes(inClass: index)
    }
}
