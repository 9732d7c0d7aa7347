import CZlib
import GatewayCore
import GatewayHTTP
import Testing

@Suite struct GzipEncoderTests {
    private static func gunzip(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: 4 << 20)
        return input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output -> [UInt8]? in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                guard inflate(&stream, Z_FINISH) == Z_STREAM_END, stream.avail_in == 0 else { return nil }
                return Array(output.prefix(Int(stream.total_out)))
            }
        }
    }

    private func text(_ count: Int, seed: Int = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* $0 &* seed) >> 7) & 0x1f + 0x41 }
    }

    @Test(arguments: GzipEncoder.Window.allCases, 1...9)
    func `what was compressed in pieces can be read back, with every window and level`(window: GzipEncoder.Window, level: Int) throws {
        try withPool { pool in
            guard var encoder = GzipEncoder(level: level, window: window) else { throw NoMemory() }
            let content = text(300_000)
            var output = ByteQueue(pool: pool)
            var position = 0
            for size in [0, 1, 70_000, 3, 100_000, content.count - 170_004] {
                encoder.encode(content[position..<position + size].span.bytes, .none, into: &output)
                position += size
            }
            encoder.encode(RawSpan(), .finish, into: &output)
            let (bytes, bytesIn, bytesOut) = (output.bytes.array, encoder.bytesIn, encoder.bytesOut)
            #expect(Self.gunzip(bytes) == content)
            #expect(bytesIn == 300_000 && bytesOut == UInt64(bytes.count))
            #expect(bytes.count < content.count)
        }
    }

    @Test func `after a sync flush all content so far can be decoded`() throws {
        try withPool { pool in
            guard var encoder = GzipEncoder(level: 6, window: .full) else { throw NoMemory() }
            var output = ByteQueue(pool: pool)
            encoder.encode(Array("one".utf8).span.bytes, .none, into: &output)
            encoder.encode(RawSpan(), .sync, into: &output)
            // What a flush ends with (zlib.h).
            #expect(output.bytes.array.suffix(4) == [0, 0, 0xff, 0xff])
            let count = output.count
            encoder.encode(RawSpan(), .sync, into: &output)
            #expect(output.count == count, "there was nothing to flush")
            encoder.encode(RawSpan(), .finish, into: &output)
            #expect(Self.gunzip(output.bytes.array) == Array("one".utf8))
        }
    }

    @Test func `an encoder begins anew at another level, whatever it was in the middle of`() throws {
        try withPool { pool in
            guard var encoder = GzipEncoder(level: 9, window: .medium) else { throw NoMemory() }
            var dropped = ByteQueue(pool: pool)
            encoder.encode(text(50_000).span.bytes, .none, into: &dropped)
            for level in [1, 1, 6, 9] {
                encoder.reset(level: level)
                var output = ByteQueue(pool: pool)
                guard var fresh = GzipEncoder(level: level, window: .medium) else { throw NoMemory() }
                var expected = ByteQueue(pool: pool)
                let content = text(20_000, seed: level)
                encoder.encode(content.span.bytes, .finish, into: &output)
                fresh.encode(content.span.bytes, .finish, into: &expected)
                #expect(output.bytes.array == expected.bytes.array)
                #expect(Self.gunzip(output.bytes.array) == content)
            }
        }
    }

    @Test func `short content gets a small window, content of unknown length the whole`() {
        #expect(GzipEncoder.Window(contentLength: nil) == .full)
        #expect(GzipEncoder.Window(contentLength: 0) == .small)
        #expect(GzipEncoder.Window(contentLength: 2048 - 262) == .small)
        #expect(GzipEncoder.Window(contentLength: 2048 - 261) == .medium)
        #expect(GzipEncoder.Window(contentLength: 8192 - 261) == .full)
        #expect(GzipEncoder.Window(contentLength: UInt64(Int64.max)) == .full)
        #expect(GzipEncoder.Window.allCases.map(\.memoryBytes) == [24 << 10, 72 << 10, 264 << 10])
    }
}

private struct NoMemory: Error {}

extension RawSpan {
    fileprivate var array: [UInt8] { (0..<byteCount).map { self[byte: $0] } }
}
