import CNghttp2
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@testable import GatewayHTTP

struct HTTP2MemoryTests {
    @Test func `a block that was given back is taken again for what fits into it`() throws {
        let memory = HTTP2Memory(keeping: 4096)
        let first = try #require(memory.take(100))
        memory.give(first)
        #expect(memory.keptBytes == 128 + 16)
        let small = try #require(memory.take(60))
        #expect(small != first, "a list of its own for each 64 bytes")
        let second = try #require(memory.take(128))
        #expect(second == first)
        #expect(memory.keptBytes == 0)
        memory.give(second)
        memory.give(small)
    }

    @Test(arguments: [0, 1, 63, 64, 65, 1023, 1024, 1025, 5000])
    func `a block has as many bytes as were asked for, apart from others`(byteCount: Int) throws {
        let memory = HTTP2Memory(keeping: 65536)
        for _ in 0..<2 {
            let blocks = try (0..<4).map { _ in try #require(memory.take(byteCount)) }
            for (number, block) in blocks.enumerated() { memset(block, Int32(number), byteCount) }
            for (number, block) in blocks.enumerated() {
                #expect(UInt(bitPattern: block) % 16 == 0)
                #expect(UnsafeRawBufferPointer(start: block, count: byteCount).allSatisfy { $0 == UInt8(number) })
                memory.give(block)
            }
        }
    }

    @Test func `a block that is wanted zeroed is`() throws {
        let memory = HTTP2Memory(keeping: 4096)
        let first = try #require(memory.take(64))
        memset(first, 0xff, 64)
        memory.give(first)
        let second = try #require(memory.takeZeroed(8, 8))
        #expect(second == first)
        #expect(UnsafeRawBufferPointer(start: second, count: 64).allSatisfy { $0 == 0 })
        memory.give(second)
    }

    @Test func `more than there can be is refused, and what was lent stays`() throws {
        let memory = HTTP2Memory(keeping: 4096)
        #expect(memory.takeZeroed(.max, 2) == nil)
        #expect(memory.take(.max) == nil)
        let block = try #require(memory.take(16))
        memset(block, 7, 16)
        #expect(memory.resize(block, .max - 16) == nil)
        #expect(UnsafeRawBufferPointer(start: block, count: 16).allSatisfy { $0 == 7 })
        memory.give(block)
    }

    @Test func `no more is kept than may be, and nothing large`() throws {
        let memory = HTTP2Memory(keeping: 1000)
        let blocks = try (0..<100).map { try #require(memory.take(1 + 10 * $0)) }
        for block in blocks {
            memory.give(block)
            #expect(memory.keptBytes <= 1000)
        }
        #expect(memory.keptBytes > 500)
        let roomy = HTTP2Memory(keeping: 100_000)
        roomy.give(roomy.take(1025))
        #expect(roomy.keptBytes == 0)
    }

    @Test func `a block that grows or shrinks keeps what it holds`() throws {
        let memory = HTTP2Memory(keeping: 4096)
        var block = try #require(memory.resize(nil, 32))
        memset(block, 7, 32)
        for byteCount in [500, 3000, 32] {
            block = try #require(memory.resize(block, byteCount))
            #expect(UnsafeRawBufferPointer(start: block, count: 32).allSatisfy { $0 == 7 })
        }
        memory.give(block)
        memory.give(nil)
    }

    // MARK: What stops the program, at once: what comes of it later is too late

    @Test func `a block that is given back twice stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let memory = HTTP2Memory(keeping: 4096)
            let block = memory.take(100)
            memory.give(block)
            memory.give(block)
            exit(EXIT_SUCCESS)
        }
    }

    @Test func `a block that is given back twice where none is kept stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let memory = HTTP2Memory(keeping: 0)
            let block = memory.take(100)
            memory.give(block)
            memory.give(block)
            exit(EXIT_SUCCESS)
        }
    }

    @Test func `a block that was never lent stops the program`() async {
        await #expect(processExitsWith: .failure) {
            let memory = HTTP2Memory(keeping: 4096)
            memory.give(memory.take(256).map { $0 + 64 })
            exit(EXIT_SUCCESS)
        }
    }

    @Test func `a block of another worker stops the program`() async {
        await #expect(processExitsWith: .failure) {
            HTTP2Memory(keeping: 4096).give(HTTP2Memory(keeping: 4096).take(100))
            exit(EXIT_SUCCESS)
        }
    }

    @Test(arguments: [-16, -8, -1])
    func `a lent block before which something was written stops the program`(offset: Int) async {
        await #expect(processExitsWith: .failure) { [offset] in
            let memory = HTTP2Memory(keeping: 4096)
            let block = memory.take(100)
            block?.storeBytes(of: 0x55, toByteOffset: offset, as: UInt8.self)
            memory.give(block)
            exit(EXIT_SUCCESS)
        }
    }

    @Test(arguments: [-16, -8, -1])
    func `a kept block before which something was written stops the program`(offset: Int) async {
        await #expect(processExitsWith: .failure) { [offset] in
            let memory = HTTP2Memory(keeping: 4096)
            let block = memory.take(100)
            memory.give(block)
            block?.storeBytes(of: 0x55, toByteOffset: offset, as: UInt8.self)
            _ = memory.take(100)
            exit(EXIT_SUCCESS)
        }
    }

    @Test(.enabled(if: !gateway_http2_memory_is_watched(), "a sanitizer is there: sessions use malloc"))
    func `a session's memory is kept for the next one`() throws {
        let memory = HTTP2Memory()
        _ = HTTP2Engine(.server, memory)
        let kept = memory.keptBytes
        #expect(kept > 0)
        _ = HTTP2Engine(.server, memory)
        #expect(memory.keptBytes == kept)
    }
}
