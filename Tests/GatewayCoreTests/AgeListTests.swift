import GatewayCore
import Testing

@Suite struct AgeListTests {
    private static func handle(_ slot: UInt32, _ generation: UInt32 = 1) -> Handle { Handle(slot: slot, generation: generation) }

    private static func drain(_ list: inout AgeList) -> [UInt32] {
        var slots: [UInt32] = []
        while let oldest = list.oldest {
            slots.append(oldest.slot)
            list.remove(oldest)
        }
        return slots
    }

    @Test func `the oldest comes first`() {
        var list = AgeList()
        for slot in [3, 0, 7] as [UInt32] { list.append(Self.handle(slot)) }
        #expect(Self.drain(&list) == [3, 0, 7])
        #expect(list.oldest == nil)
    }

    @Test func `any of them may leave`() {
        for gone in 0..<5 as Range<UInt32> {
            var list = AgeList()
            for slot in 0..<5 as Range<UInt32> { list.append(Self.handle(slot)) }
            list.remove(Self.handle(gone))
            #expect(!list.contains(Self.handle(gone)))
            #expect(Self.drain(&list) == (0..<5).filter { $0 != gone })
        }
    }

    @Test func `what comes again is the newest`() {
        var list = AgeList()
        for slot in 0..<3 as Range<UInt32> { list.append(Self.handle(slot)) }
        list.append(Self.handle(0))
        #expect(Self.drain(&list) == [1, 2, 0])
    }

    @Test func `a stale handle takes nobody out`() {
        var list = AgeList()
        list.append(Self.handle(2, 3))
        list.remove(Self.handle(2, 1))
        list.remove(Self.handle(9, 1))
        list.remove(.none)
        #expect(list.oldest == Self.handle(2, 3))
        #expect(!list.contains(Self.handle(2, 1)))
    }

    @Test func `it agrees with an array, whatever happens`() {
        var list = AgeList()
        var model: [UInt32] = []
        var seed: UInt64 = 42
        for _ in 0..<10_000 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let slot = UInt32(seed >> 33) % 20
            model.removeAll { $0 == slot }
            if seed >> 60 & 1 == 0 {
                list.append(Self.handle(slot))
                model.append(slot)
            } else {
                list.remove(Self.handle(slot))
            }
            #expect(list.oldest?.slot == model.first)
        }
        #expect(Self.drain(&list) == model)
    }
}
