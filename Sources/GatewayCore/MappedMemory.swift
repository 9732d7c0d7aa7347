#if canImport(Glibc)
    import Glibc
#endif

/// A region of memory from the kernel: the addresses are reserved at once, memory is taken as it is touched, and all of it is 0 at first.
///
/// Safe although built on a pointer: every access is checked against the region's bounds, which never change, any bytes are valid
/// words, and bytes go in and out as copies. Sendable as raw storage is: two threads that write one place, or write and read it, without
/// something that orders them get wrong bytes, never broken memory.
@safe
public struct MappedMemory: ~Copyable, @unchecked Sendable {
    @usableFromInline let base: UnsafeMutableRawPointer
    public let byteCount: Int

    /// `byteCount` is a multiple of 8, above 0.
    public init(byteCount: Int) throws(MemoryRefusal) {
        precondition(byteCount > 0 && byteCount & 7 == 0)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), unsafe memory != MAP_FAILED else {
            throw MemoryRefusal(code: errno)
        }
        // What is looked up lies anywhere in it: with pages of 4 KB most look-ups would wait for the page table, too. Kernels without large
        // ones refuse.
        unsafe madvise(memory, byteCount, MADV_HUGEPAGE)
        unsafe base = memory
        self.byteCount = byteCount
    }

    deinit {
        unsafe munmap(base, byteCount)
    }

    /// Where the `index`th of the pieces is that have two to the power of `shift` bytes each.
    @inlinable
    @inline(__always)
    func offset(_ index: Int, _ shift: Int) -> Int {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: byteCount &>> shift))
        return index &<< shift
    }

    @inlinable
    @inline(__always)
    func check(_ offset: Int, _ count: Int) {
        precondition(offset >= 0 && offset <= byteCount && count >= 0 && count <= byteCount &- offset)
    }

    /// The `index`th word of eight bytes.
    @inlinable
    public func word(_ index: Int) -> UInt64 { unsafe base.load(fromByteOffset: offset(index, 3), as: UInt64.self) }

    @inlinable
    public func setWord(_ index: Int, _ value: UInt64) {
        unsafe base.storeBytes(of: value, toByteOffset: offset(index, 3), as: UInt64.self)
    }

    /// The `index`th word of four bytes.
    @inlinable
    public func half(_ index: Int) -> UInt32 { unsafe base.load(fromByteOffset: offset(index, 2), as: UInt32.self) }

    @inlinable
    public func setHalf(_ index: Int, _ value: UInt32) {
        unsafe base.storeBytes(of: value, toByteOffset: offset(index, 2), as: UInt32.self)
    }

    /// Writes `bytes` from `offset` on.
    @inlinable
    public func write(_ bytes: RawSpan, at offset: Int) {
        check(offset, bytes.byteCount)
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe (base + offset).copyMemory(from: from, byteCount: source.count) }
        }
    }

    /// Appends the `count` bytes from `offset` on.
    @inlinable
    public func append(from offset: Int, _ count: Int, to queue: inout ByteQueue) {
        check(offset, count)
        unsafe queue.append(RawSpan(_unsafeStart: UnsafeRawPointer(base) + offset, byteCount: count))
    }

    /// Whether `bytes` stand at `offset`.
    public func holds(_ bytes: RawSpan, at offset: Int) -> Bool {
        check(offset, 0)
        if bytes.byteCount > byteCount - offset { return false }
        return unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base) + offset, byteCount: bytes.byteCount).elementsEqual(bytes)
    }
}
