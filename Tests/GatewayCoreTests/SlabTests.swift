@testable import GatewayCore
import Glibc
import Testing

@Suite struct SlabTests {
    struct Owner: ~Copyable {
        let number: Int
        let gone: Counter
        deinit { gone.count += 1 }
    }
    final class Counter { var count = 0 }

    @Test func `a handle is stale once its element is gone, also when the slot has a new tenant`() throws {
        let gone = Counter()
        do {
            let slab = try Slab<Owner>(capacity: 1000)
            var handles: [Handle] = []
            for number in 0..<1000 { handles.append(slab.insert(Owner(number: number, gone: gone))) }
            let isFull = slab.isFull
            #expect(isFull)
            slab.discard(handles[500])
            let next = slab.insert { Owner(number: -1, gone: gone) }
            #expect(next.slot == handles[500].slot)
            let stale = slab.contains(handles[500]) || slab.contains(.none)
            #expect(!stale)
            let numbers = (slab[next].number, slab[handles[999]].number)
            #expect(numbers == (-1, 999))
        }
        #expect(gone.count == 1001)
    }

    @Test func `no handle reaches a slot that has not been made`() throws {
        let slab = try Slab<Owner>(capacity: 1000)
        let foreign = [
            Handle.none, Handle(slot: 0, generation: 1), Handle(slot: 600, generation: 1), Handle(slot: 999, generation: 3),
            Handle(slot: 1000, generation: 1), Handle(slot: .max, generation: 1),
        ]
        for handle in foreign {
            let isThere = slab.contains(handle)
            #expect(!isThere, "\(handle)")
        }
        let gone = Counter()
        let first = slab.insert(Owner(number: 1, gone: gone))
        let isNoneThere = slab.contains(.none)
        #expect(first.slot == 0 && !isNoneThere)
    }

    @Test func `what is walked through may be removed on the way`() throws {
        let slab = try Slab<Owner>(capacity: 1000)
        let gone = Counter()
        for number in 0..<600 { _ = slab.insert(Owner(number: number, gone: gone)) }
        var numbers: [Int] = []
        slab.forEachHandle { handle in
            numbers.append(slab[handle].number)
            if slab[handle].number % 3 == 0 { slab.discard(handle) }
        }
        #expect(numbers == Array(0..<600) && gone.count == 200)
        var left: [Int] = []
        slab.forEachHandle { left.append(slab[$0].number) }
        #expect(left == (0..<600).filter { $0 % 3 != 0 })
    }

    @Test func `a slot retires when its generations are used up`() throws {
        let slab = try Slab<Owner>(capacity: 1)
        let gone = Counter()
        let first = slab.insert(Owner(number: 1, gone: gone))
        slab.discard(first)
        // As after two billion tenants.
        slab.setGeneration(.max - 3, ofSlot: 0)
        let last = slab.insert(Owner(number: 2, gone: gone))
        #expect(last.generation == UInt32.max - 2)
        slab.discard(last)
        let isThere = slab.contains(last) || slab.contains(first) || slab.contains(.none)
        let hasPlace = slab.hasFreeSlot
        #expect(!isThere && !hasPlace && gone.count == 2)
    }

    @Test func `room is for as many as there is capacity for`() throws {
        let slab = try Slab<Owner>(capacity: 300)
        let answers = [slab.hasRoom(for: 1), slab.hasRoom(for: 256), slab.hasRoom(for: 300), slab.hasRoom(for: 301)]
        #expect(answers == [true, true, true, false])
        let gone = Counter()
        for number in 0..<300 { _ = slab.insert(Owner(number: number, gone: gone)) }
        let isFull = slab.isFull
        #expect(isFull)
    }

    @Test func `addresses that are not there are an error, not the end`() {
        #expect(throws: MemoryRefusal(code: ENOMEM)) { _ = try Slab<InlineArray<1_000_000, UInt64>>(capacity: 1 << 30).count }
    }
}

extension Slab where Element: ~Copyable {
    fileprivate func setGeneration(_ generation: UInt32, ofSlot slot: Int) { generations[slot] = generation }

    fileprivate var hasFreeSlot: Bool { state.pointee.freeCount > 0 }
}
