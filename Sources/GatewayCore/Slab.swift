#if canImport(Glibc)
    import Glibc
#endif

/// The kernel gave no memory or no addresses: errno says why.
public struct MemoryRefusal: Error, Equatable, Sendable {
    public let code: Int32
}

/// A table of elements that never move, addressed by ``Handle``.
///
/// Elements are reached in place, without a copy, a reference count or a dynamic exclusivity check (a mutation
/// through a class costs 11 ns, through a slab 2 ns). In exchange the caller sees to it that no two accesses to
/// the same element overlap; accesses to different elements may. One thread owns a slab.
///
/// The addresses for all elements are reserved at once, their memory is taken as it is needed: an element is found by one
/// multiplication, which counts where a request makes hundreds of accesses.
///
/// Safe although built on pointers: a slot is reached only through a handle whose generation is that of the slot. The
/// generation of a slot is odd exactly while it holds an element, that of a handle is odd or, for none, one that no slot has; and the
/// mapping lives as long as the slab.
@safe
public struct Slab<Element: ~Copyable>: ~Copyable {
    @usableFromInline
    struct State {
        @usableFromInline var slotsMade = 0
        @usableFromInline var count = 0
        @usableFromInline var freeCount = 0

        @usableFromInline
        init() {}
    }

    @usableFromInline static var slotsPerGrowth: Int { 256 }

    /// First, as it is an address: with ThreadSanitizer the compiler (6.3.1) hands on the first word of a slab as the place that an
    /// element's mutation writes to, and stops over its own code if that word is a number.
    @usableFromInline let elements: UnsafeMutablePointer<Element>
    /// The most elements the slab holds at a time.
    public let capacity: Int
    @usableFromInline let generations: UnsafeMutablePointer<UInt32>
    /// The free ones of the slots made so far, as a stack.
    @usableFromInline let free: UnsafeMutablePointer<UInt32>
    @usableFromInline let state: UnsafeMutablePointer<State>

    /// A slab for at most `capacity` elements, for which addresses are reserved now. Memory is taken for 256 elements at a time.
    public init(capacity: Int) throws(MemoryRefusal) {
        precondition(capacity > 0 && capacity < Int(UInt32.max))
        let memory = unsafe try Self.reserve(Self.elementBytes(capacity), PROT_NONE)
        let numbers: UnsafeMutableRawPointer
        do throws(MemoryRefusal) {
            unsafe numbers = try Self.reserve(Self.numberBytes(capacity), PROT_READ | PROT_WRITE)
        } catch {
            unsafe munmap(memory, Self.elementBytes(capacity))
            throw error
        }
        // Two huge pages would be 4 MB, for what a few connections leave in the first bytes of it. Kernels without them refuse.
        unsafe madvise(numbers, Self.numberBytes(capacity), MADV_NOHUGEPAGE)
        self.capacity = capacity
        unsafe elements = memory.bindMemory(to: Element.self, capacity: capacity)
        unsafe generations = numbers.bindMemory(to: UInt32.self, capacity: 2 * capacity)
        unsafe free = generations + capacity
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State())
        // The kernel gives zeroes, and 0 is the generation of ``Handle/none``, which names slot 0.
        unsafe generations[0] = 2
    }

    deinit {
        for slot in unsafe 0..<state.pointee.slotsMade where unsafe generations[slot] & 1 == 1 {
            unsafe (elements + slot).deinitialize(count: 1)
        }
        unsafe munmap(elements, Self.elementBytes(capacity))
        unsafe munmap(generations, Self.numberBytes(capacity))
        unsafe state.deallocate()
    }

    /// How many elements there are now.
    @inlinable
    public var count: Int { unsafe state.pointee.count }

    @inlinable
    public var isFull: Bool { count == capacity }

    /// Whether the slab has places, and memory, for `count` elements in all; takes the memory if it must.
    @inlinable
    public func hasRoom(for count: Int) -> Bool {
        while unsafe state.pointee.slotsMade < count { if !grow() { return false } }
        return true
    }

    /// Moves `element` in. The slab must have room: where memory may be short, ``hasRoom(for:)`` is asked before.
    @inlinable @inline(__always)
    public func insert(_ element: consuming Element) -> Handle {
        let slot = takeSlot()
        unsafe (elements + slot).initialize(to: element)
        return occupy(slot)
    }

    /// The same with an element that is made in its place: a large one would be copied twice on its way there.
    @inlinable @inline(__always)
    public func insert(making element: () -> Element) -> Handle {
        let slot = takeSlot()
        unsafe (elements + slot).initialize(to: element())
        return occupy(slot)
    }

    @inlinable @inline(__always)
    func takeSlot() -> Int {
        if unsafe state.pointee.freeCount == 0 && !grow() { preconditionFailure("no room in the slab") }
        unsafe state.pointee.freeCount &-= 1
        return unsafe Int(free[state.pointee.freeCount])
    }

    @inlinable @inline(__always)
    func occupy(_ slot: Int) -> Handle {
        unsafe generations[slot] &+= 1
        unsafe state.pointee.count &+= 1
        return unsafe Handle(slot: UInt32(truncatingIfNeeded: slot), generation: generations[slot])
    }

    /// Ends the element where it is; its handle is stale from now on.
    @inlinable
    public func discard(_ handle: Handle) {
        let pointer = unsafe address(handle)
        let slot = Int(handle.slot)
        unsafe generations[slot] &+= 1
        unsafe state.pointee.count &-= 1
        unsafe pointer.deinitialize(count: 1)
        // After two billion tenants a slot retires rather than let an old handle become valid again.
        if unsafe generations[slot] == UInt32.max - 1 { return }
        unsafe free[state.pointee.freeCount] = handle.slot
        unsafe state.pointee.freeCount &+= 1
    }

    @inlinable
    public func contains(_ handle: Handle) -> Bool {
        unsafe Int(handle.slot) < capacity && generations[Int(handle.slot)] == handle.generation
    }

    /// The element, in place. A stale handle is a defect of ours and stops the program.
    @inlinable
    public subscript(handle: Handle) -> Element {
        unsafeAddress { return unsafe UnsafePointer(address(handle)) }
        nonmutating unsafeMutableAddress { return unsafe address(handle) }
    }

    /// Calls `body` with the handle of every element; `body` may remove the element it is given.
    @inlinable
    public func forEachHandle(_ body: (Handle) -> Void) {
        for slot in unsafe 0..<state.pointee.slotsMade {
            let generation = unsafe generations[slot]
            if generation & 1 == 1 { body(Handle(slot: UInt32(slot), generation: generation)) }
        }
    }

    @inlinable
    func address(_ handle: Handle) -> UnsafeMutablePointer<Element> {
        precondition(contains(handle), "a stale handle")
        return unsafe elements + Int(handle.slot)
    }

    /// Makes more slots. False if all are made, or the kernel gives no memory for more.
    @usableFromInline
    func grow() -> Bool {
        let first = unsafe state.pointee.slotsMade
        let end = min(first + Self.slotsPerGrowth, capacity)
        // Slots share pages with those before them; to allow what is allowed already changes nothing.
        guard first < end, unsafe mprotect(elements, Self.elementBytes(end), PROT_READ | PROT_WRITE) == 0 else { return false }
        unsafe state.pointee.slotsMade = end
        for slot in (first..<end).reversed() {
            unsafe free[state.pointee.freeCount] = UInt32(slot)
            unsafe state.pointee.freeCount += 1
        }
        return true
    }

    /// What so many elements take, in whole pages.
    private static func elementBytes(_ count: Int) -> Int {
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        return (count * MemoryLayout<Element>.stride + pageBytes - 1) / pageBytes * pageBytes
    }

    private static func numberBytes(_ count: Int) -> Int { 2 * count * MemoryLayout<UInt32>.stride }

    /// Addresses; the kernel adds zeroed pages as they are touched, where `protection` allows it. What may not be written yet is
    /// not counted as memory that the process has asked for (mmap(2), overcommit).
    private static func reserve(_ byteCount: Int, _ protection: Int32) throws(MemoryRefusal) -> UnsafeMutableRawPointer {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = unsafe mmap(nil, byteCount, protection, flags, -1, 0), unsafe memory != MAP_FAILED else {
            throw MemoryRefusal(code: errno)
        }
        return unsafe memory
    }
}
