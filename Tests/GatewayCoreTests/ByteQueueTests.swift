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

    @Test func `small numbers are written like any others`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        for value in 0...1100 {
            queue.append(decimal: value)
            #expect(queue.bytes.string == String(value))
            queue.removeAll()
        }
    }

    @Test func `an empty queue has an empty span`() {
        let pool = BufferPool()
        let queue = ByteQueue(pool: pool)
        #expect(queue.bytes.byteCount == 0)
    }
}
