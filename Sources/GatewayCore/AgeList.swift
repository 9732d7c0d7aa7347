/// Handles in the order in which they came, any of which may leave, all in constant time: what is idle, the oldest first.
///
/// A doubly linked list whose links stand side by side in one array, by slot: so it is small, and the elements that the handles name
/// are not touched.
public struct AgeList {
    @usableFromInline
    struct Link: BitwiseCopyable {
        /// Of the handle that is in the list at this slot; 0 for none.
        @usableFromInline var generation: UInt32 = 0
        @usableFromInline var older = AgeList.nowhere
        @usableFromInline var newer = AgeList.nowhere

        @usableFromInline
        init() {}
    }

    @usableFromInline static var nowhere: UInt32 { .max }

    @usableFromInline var links: [Link] = []
    @usableFromInline var oldestSlot = AgeList.nowhere
    @usableFromInline var newestSlot = AgeList.nowhere

    public init() {}

    @inlinable
    public func contains(_ handle: Handle) -> Bool {
        Int(handle.slot) < links.count && !handle.isNone && links[Int(handle.slot)].generation == handle.generation
    }

    /// The one that has been in the list for longest.
    public var oldest: Handle? {
        oldestSlot == Self.nowhere ? nil : Handle(slot: oldestSlot, generation: links[Int(oldestSlot)].generation)
    }

    /// Puts `handle` behind all others, also if it is in the list already. Whoever had its slot before it must have left.
    @inlinable
    public mutating func append(_ handle: Handle) {
        let slot = Int(handle.slot)
        while links.count <= slot { links.append(Link()) }
        if links[slot].generation != 0 { unlink(slot) }
        links[slot].generation = handle.generation
        links[slot].older = newestSlot
        links[slot].newer = Self.nowhere
        if newestSlot == Self.nowhere { oldestSlot = handle.slot } else { links[Int(newestSlot)].newer = handle.slot }
        newestSlot = handle.slot
    }

    /// Takes `handle` out, if it is in the list.
    @inlinable
    public mutating func remove(_ handle: Handle) {
        if contains(handle) { unlink(Int(handle.slot)) }
    }

    @usableFromInline
    mutating func unlink(_ slot: Int) {
        let link = links[slot]
        if link.older == Self.nowhere { oldestSlot = link.newer } else { links[Int(link.older)].newer = link.newer }
        if link.newer == Self.nowhere { newestSlot = link.older } else { links[Int(link.newer)].older = link.older }
        links[slot] = Link()
    }
}
