import GatewayCore
import Testing

@Suite struct ByteQueueTests {
    @Test func `bytes leave in the order they came, across growth`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        var expected: [UInt8] = []
        for round in 0..<500 {
            let piece = (0..<(round % 97)).map { UInt8(truncatingIfNeeded: round &+ $0) }
            queue.append(piece)
            expected += piece
            let gone = min(expected.count, round % 41)
            #expect(queue.bytes.extracting(0..<gone).array == Array(expected.prefix(gone)))
            queue.consume(gone)
            expected.removeFirst(gone)
        }
        #expect(queue.bytes.array == expected)
    }

    @Test func `numbers are written in decimal and in hexadecimal`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        for value: UInt64 in [0, 9, 10, 12345, .max] {
            queue.append(decimal: value)
            queue.append(" ")
            queue.append(hex: value)
            queue.append(" ")
        }
        queue.append(hex16: 0x0123_4567_89ab_cdef)
        #expect(queue.bytes.string == "0 0 9 9 10 a 12345 3039 18446744073709551615 ffffffffffffffff 0123456789abcdef")
    }

    @Test func `an empty queue has an empty span`() {
        let pool = BufferPool()
        let queue = ByteQueue(pool: pool)
        #expect(queue.bytes.byteCount == 0)
    }
}

@Suite struct SlabTests {
    struct Owner: ~Copyable {
        let number: Int
        let gone: Counter
        deinit { gone.count += 1 }
    }
    final class Counter { var count = 0 }

    @Test func `a handle is stale once its element is gone, also when the slot has a new tenant`() {
        let gone = Counter()
        do {
            let slab = Slab<Owner>(capacity: 1000)
            var handles: [Handle] = []
            for number in 0..<1000 { handles.append(slab.insert(Owner(number: number, gone: gone))) }
            let isFull = slab.isFull
            #expect(isFull)
            slab.discard(handles[500])
            let next = slab.insert(Owner(number: -1, gone: gone))
            #expect(next.slot == handles[500].slot)
            let stale = slab.contains(handles[500]) || slab.contains(.none)
            #expect(!stale)
            let numbers = (slab[next].number, slab[handles[999]].number)
            #expect(numbers == (-1, 999))
        }
        #expect(gone.count == 1001)
    }
}
