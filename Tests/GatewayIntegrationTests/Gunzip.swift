import CZlib
import TestSupport

/// Decodes a gzip stream piece by piece.
final class Gunzip {
    private var stream = z_stream()
    /// Whether the trailer has come, and its checksum and length were right.
    private(set) var isComplete = false

    init() throws {
        guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw TestError.invalid("inflateInit2")
        }
    }

    deinit {
        inflateEnd(&stream)
    }

    /// What `bytes` decode to, as far as they go.
    func decode(_ bytes: [UInt8]) throws -> [UInt8] {
        var input = bytes
        var decoded: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 256 * 1024)
        try input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while stream.avail_in > 0 || stream.avail_out == 0 {
                if isComplete { throw TestError.invalid("\(stream.avail_in) bytes behind the end of the gzip stream") }
                let count = try room.withUnsafeMutableBufferPointer { room in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    let result = inflate(&stream, Z_NO_FLUSH)
                    isComplete = result == Z_STREAM_END
                    guard isComplete || result == Z_OK || result == Z_BUF_ERROR else { throw TestError.invalid("inflate: \(result)") }
                    return room.count - Int(stream.avail_out)
                }
                decoded += room[..<count]
                if isComplete && stream.avail_in == 0 { break }
                if count == 0 && stream.avail_in == 0 { break }
            }
        }
        return decoded
    }

    /// The content of a whole response.
    static func content(of response: HTTPResponse) throws -> [UInt8] {
        let gunzip = try Gunzip()
        let content = try gunzip.decode(response.body)
        if !gunzip.isComplete || response.isTruncated { throw TestError.invalid("the response is not whole") }
        return content
    }
}
