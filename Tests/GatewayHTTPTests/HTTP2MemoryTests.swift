import CNghttp2
import Testing

@Suite(.enabled(if: gateway_http2_keeps_blocks != 0, "a sanitizer is there: blocks go to malloc"))
struct HTTP2MemoryTests {
    /// Kept blocks, up to so many bytes, and what nghttp2 calls.
    private func withMemory(keeping byteCountMax: Int, _ body: (UnsafeMutablePointer<gateway_http2_memory>, nghttp2_mem) throws -> Void)
        rethrows
    {
        let memory = UnsafeMutablePointer<gateway_http2_memory>.allocate(capacity: 1)
        memory.initialize(to: gateway_http2_memory())
        memory.pointee.kept_bytes_max = byteCountMax
        defer {
            gateway_http2_release(memory)
            #expect(memory.pointee.kept_bytes == 0)
            memory.deallocate()
        }
        try body(memory, gateway_http2_functions(memory))
    }

    @Test func `a block that was given back is taken again for what fits into it`() throws {
        try withMemory(keeping: 4096) { memory, functions in
            let first = try #require(functions.malloc(100, memory))
            functions.free(first, memory)
            #expect(memory.pointee.kept_bytes == 128)
            let small = try #require(functions.malloc(90, memory))
            #expect(small != first, "a list of its own for each 32 bytes")
            let second = try #require(functions.malloc(128, memory))
            #expect(second == first)
            #expect(memory.pointee.kept_bytes == 0)
            functions.free(second, memory)
            functions.free(small, memory)
        }
    }

    @Test func `a block that is wanted zeroed is`() throws {
        try withMemory(keeping: 4096) { memory, functions in
            let first = try #require(functions.malloc(64, memory))
            memset(first, 0xff, 64)
            functions.free(first, memory)
            let second = try #require(functions.calloc(8, 8, memory))
            #expect(second == first)
            #expect(UnsafeRawBufferPointer(start: second, count: 64).allSatisfy { $0 == 0 })
            functions.free(second, memory)
            #expect(functions.calloc(.max, 2, memory) == nil, "more than there can be")
        }
    }

    @Test func `no more is kept than may be, and nothing large`() throws {
        try withMemory(keeping: 1000) { memory, functions in
            let blocks = try (0..<100).map { try #require(functions.malloc(1 + 20 * $0, memory)) }
            for block in blocks {
                functions.free(block, memory)
                #expect(memory.pointee.kept_bytes <= 1000)
            }
            #expect(memory.pointee.kept_bytes > 500)
            let large = try #require(functions.malloc(4000, memory))
            let kept = memory.pointee.kept_bytes
            functions.free(large, memory)
            #expect(memory.pointee.kept_bytes == kept)
        }
    }

    @Test func `a block that grows keeps what it holds, and is kept as what it has become`() throws {
        try withMemory(keeping: 4096) { memory, functions in
            let small = try #require(functions.malloc(32, memory))
            memset(small, 7, 32)
            let large = try #require(functions.realloc(small, 500, memory))
            #expect(UnsafeRawBufferPointer(start: large, count: 32).allSatisfy { $0 == 7 })
            functions.free(large, memory)
            #expect(memory.pointee.kept_bytes >= 480 && memory.pointee.kept_bytes <= 512)
        }
    }
}
