import Testing

@testable import GatewayCore

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
        queue.append(HexDigits(0x0123_4567_89ab_cdef))
        queue.append(LongHexDigits(0xfedc_ba98_7654_3210, 0xa09f))
        let last = "0123456789abcdeffedcba9876543210000000000000a09f"
        #expect(queue.bytes.string == "0 0 9 9 10 a 12345 3039 18446744073709551615 ffffffffffffffff " + last)
    }

    @Test func `bytes of any length are appended whole, alone and between literals`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        for count in 0...200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 + count) }
            let held = queue.bytes.array
            queue.append(bytes)
            queue.append("<", bytes.rawSpan, ">\n")
            #expect(queue.bytes.array == held + bytes + Array("<".utf8) + bytes + Array(">\n".utf8))
            if count % 7 == 0 { queue.removeAll() } else if count % 5 == 0 { queue.clear() }
        }
    }

    @Test func `a word and bytes of any length behind it are appended as one piece`() {
        let pool = BufferPool()
        for length in 0...130 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            var queue = ByteQueue(pool: pool)
            for _ in 0..<8 { queue.append(word: 0x0807_0605_0403_0201, bytes.rawSpan) }
            let all = queue.bytes.array
            #expect(all == (0..<8).flatMap { _ in [1, 2, 3, 4, 5, 6, 7, 8] + bytes })
        }
    }

    @Test func `a queue that is cleared keeps its memory`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        queue.append("abc")
        queue.replaceLast(with: 0x64)
        #expect(queue.bytes.string == "abd")
        queue.clear()
        #expect(queue.isEmpty && queue.capacity == 512)
        queue.append(decimal: 7)
        #expect(queue.bytes.string == "7")
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

    @Test func `numbers of any length are written with all their digits, and none before them`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        var bounds: [UInt64] = [.max, .max - 1]
        var power: UInt64 = 1
        for _ in 0..<20 {
            bounds += [power - 1, power, power + 1, power / 9, power / 7 * 5]
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        for value in bounds + (0..<10_000).map({ _ in UInt64.random(in: .min ... .max) >> UInt64.random(in: 0..<64) }) {
            queue.append(decimal: value)
            #expect(queue.bytes.string == String(value))
            queue.removeAll()
        }
    }

    @Test func `a queue that shrinks keeps its bytes, and moves only where that saves much`() {
        let pool = BufferPool()
        var queue = ByteQueue(pool: pool)
        queue.shrink()
        #expect(queue.isEmpty && queue.capacity == 0)
        queue.reserve(16 * 1024)
        queue.append(Array("0123456789".utf8))
        queue.consume(3)
        queue.shrink()
        #expect(queue.bytes.string == "3456789" && queue.capacity == 512)
        queue.append([UInt8](repeating: 0x78, count: 1_000))
        #expect(queue.count == 1_007 && queue.capacity == 1_024)
        queue.reserve(2_000)
        #expect(queue.capacity == 4_096)
        queue.shrink()
        #expect(queue.capacity == 1_024 && queue.bytes.string == "3456789" + String(repeating: "x", count: 1_000))
        queue.append([0x79])
        queue.reserve(1_024)
        queue.shrink()
        #expect(queue.count == 1_008 && queue.capacity == 2_048, "half of it is no reason")
    }

    @Test func `an empty queue has an empty span`() {
        let pool = BufferPool()
        let queue = ByteQueue(pool: pool)
        #expect(queue.bytes.byteCount == 0)
    }
}
