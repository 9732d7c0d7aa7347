import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// A worker's encoders. Making one costs zlib a quarter of a megabyte, so those that are done with wait for the next response.
struct GzipPool: ~Copyable {
    struct Stream: ~Copyable {
        var encoder: GzipEncoder
        /// In which round of the loop content came that the encoder still holds back; `never` when it holds none.
        var heldSince = MonotonicTime.never
        /// Its connection waits for its turn.
        var isWaiting = false
    }

    let streams: Slab<Stream>
    var turns = GzipTurns()
    /// By window.
    private var idle: [[Handle]] = GzipEncoder.Window.allCases.map { _ in [] }
    private var idleBytes = 0
    private var usedBytes = 0

    init() throws(MemoryRefusal) {
        streams = try Slab(capacity: Limits.slabSlotsMax)
    }

    /// An encoder for content of `length`; nil when the memory that those in use may take, `bytesMax`, is taken.
    mutating func take(level: Int, contentLength length: UInt64?, bytesMax: Int) -> Handle? {
        let window = GzipEncoder.Window(contentLength: length)
        if usedBytes + window.memoryBytes > bytesMax { return nil }
        if let waiting = idle[window.rawValue].popLast() {
            idleBytes -= window.memoryBytes
            usedBytes += window.memoryBytes
            streams[waiting].encoder.reset(level: level)
            return waiting
        }
        guard streams.hasRoom(for: streams.count + 1), let encoder = GzipEncoder(level: level, window: window) else { return nil }
        usedBytes += window.memoryBytes
        return streams.insert(Stream(encoder: encoder))
    }

    mutating func give(_ id: Handle) {
        let window = streams[id].encoder.window
        usedBytes -= window.memoryBytes
        if idleBytes + window.memoryBytes > Limits.gzipIdleBytesMax {
            streams.discard(id)
            return
        }
        streams[id].heldSince = .never
        streams[id].isWaiting = false
        idleBytes += window.memoryBytes
        idle[window.rawValue].append(id)
    }
}
