import CZlib
import GatewayCore

/// Compresses content in gzip's format (RFC 1952), piece by piece.
///
/// Safe although built on pointers: the stream stays where it is (zlib keeps its address), and the pointers it is given to
/// input and output are read and written only within the call that gives them.
@safe
public struct GzipEncoder: ~Copyable {
    /// What is remembered of the content to find repetitions in, and so what an encoder weighs: short content needs no more.
    public enum Window: Int, CaseIterable, Sendable {
        case small, medium, full

        /// What content of `length` needs; of unknown length, all there is. zlib looks 262 bytes ahead inside its window.
        public init(contentLength length: UInt64?) {
            guard let length else {
                self = .full
                return
            }
            self = Self.allCases.first { length + 262 <= 1 << UInt64($0.bits) } ?? .full
        }

        /// Sizes are powers of two of these (zconf.h), less for less content as in nginx.
        var bits: Int32 {
            switch self {
            case .small: 11
            case .medium: 13
            case .full: 15
            }
        }

        var memoryLevel: Int32 { bits - 7 }

        /// As zconf.h counts: window and hash chains, hash table and pending output, and the state itself.
        public var memoryBytes: Int { 1 << (Int(bits) + 2) + 1 << (Int(memoryLevel) + 9) + 8 * 1024 }
    }

    public enum Flush: Sendable {
        /// zlib may keep what it has, to compress it together with what comes.
        case none
        /// All content so far can be decoded from what is written. Costs some bytes each time.
        case sync
        /// The end of the content.
        case finish

        fileprivate var code: Int32 {
            switch self {
            case .none: Z_NO_FLUSH
            case .sync: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        }
    }

    public let window: Window
    public private(set) var level: Int
    private let stream: UnsafeMutablePointer<z_stream>

    /// `level` is zlib's, 1 to 9. Nil without memory for it.
    public init?(level: Int, window: Window) {
        self.level = level
        self.window = window
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        if unsafe gateway_deflate_init_gzip(stream, Int32(level), window.bits, window.memoryLevel) != Z_OK {
            // zlib has given back what it had; what is left to the deinit is the struct.
            return nil
        }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Bytes taken and given since the last ``reset(level:)``.
    public var bytesIn: UInt64 { unsafe UInt64(stream.pointee.total_in) }
    public var bytesOut: UInt64 { unsafe UInt64(stream.pointee.total_out) }

    /// Makes ready for other content. Its memory stays.
    public mutating func reset(level: Int) {
        unsafe deflateReset(stream)
        if level == self.level { return }
        self.level = level
        // Before the first byte this only notes the level.
        unsafe deflateParams(stream, Int32(level), Z_DEFAULT_STRATEGY)
    }

    /// Takes all of `input` and appends what comes of it, perhaps nothing, to `output`.
    public mutating func encode(_ input: RawSpan, _ flush: Flush, into output: inout ByteQueue) {
        unsafe input.withUnsafeBytes { bytes in
            let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: Bytef.self)
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
            unsafe stream.pointee.avail_in = UInt32(bytes.count)
            // zlib has more to give for as long as it fills whatever it gets.
            while deflateOnce(flush, into: &output) {}
            unsafe stream.pointee.next_in = nil
            unsafe stream.pointee.next_out = nil
        }
    }

    private func deflateOnce(_ flush: Flush, into output: inout ByteQueue) -> Bool {
        var isFull = false
        _ = unsafe output.appendFrom(reserving: Limits.gzipOutputBytes) { room in
            let count = min(room.count, Int(UInt32.max))
            unsafe stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: Bytef.self)
            unsafe stream.pointee.avail_out = UInt32(count)
            // Z_BUF_ERROR says that there was nothing to do, which is no error (zlib.h).
            let result = unsafe deflate(stream, flush.code)
            precondition(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR, "zlib's state is broken")
            isFull = unsafe stream.pointee.avail_out == 0
            return unsafe count - Int(stream.pointee.avail_out)
        }
        return isFull
    }
}
