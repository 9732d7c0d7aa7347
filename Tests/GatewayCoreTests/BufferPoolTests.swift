@testable import GatewayCore
import Testing

@Suite(.serialized) struct BufferPoolTests {
    @Test func `freed buffers of one class alone stay within the limit`() {
        let pool = BufferPool()
        for capacity in [512, 4096, 256 * 1024] {
            let count = Limits.pooledBytesMax / capacity + 10
            let buffers = (0..<count).map { _ in pool.take(capacity) }
            for buffer in buffers { pool.give(buffer, capacity) }
            let kept = (bytes: pool.pooledBytes, buffers: pool.pooledCount(ofCapacity: capacity))
            #expect(kept == (Limits.pooledBytesMax, Limits.pooledBytesMax / capacity))
            let again = (0..<count).map { _ in pool.take(capacity) }
            #expect(pool.pooledBytes == 0)
            for buffer in again { buffer.deallocate() }
        }
    }

    @Test func `a pool whose thread has ended is the next one's, and empty`() {
        // Suites run side by side, and make pools as well: they may get some of these.
        let ended = (0..<100).map { _ in BufferPool() }
        for pool in ended {
            do {
                var queue = ByteQueue(pool: pool)
                queue.append("bytes")
            }
            #expect(pool.pooledBytes == 512)
        }
        for pool in ended { pool.retire() }
        let next = (0..<100).map { _ in BufferPool() }.filter { pool in ended.contains { $0.state == pool.state } }
        #expect(!next.isEmpty && next.allSatisfy { $0.pooledBytes == 0 })
    }
}

extension BufferPool {
    fileprivate var pooledBytes: Int { state.pointee.pooledBytes }

    fileprivate func pooledCount(ofCapacity capacity: Int) -> Int { state.pointee.counts[Self.classIndex(capacity)] }
}
