import CNghttp2
import GatewayCore

#if canImport(Glibc)
    import Glibc
#endif

/// Memory for the HTTP/2 sessions of a worker. Each request takes and gives back a dozen small blocks, and hundreds of streams begin and
/// end together: malloc(3) holds seven of a size at hand, and searches and merges for the rest. Here they are laid aside by size, up to
/// a bound. One thread uses it.
///
/// What malloc would notice is noticed here more surely, since it is strangers' frames that decide when nghttp2 gives back what: before
/// each block is a header that says whether the block is lent, under a seal. A block that is given back twice before it is lent again, one
/// that was never lent, or whose header was written over stops the program. Under a sanitizer nghttp2 uses malloc itself.
///
/// Safe although built on pointers: whoever gives ``functions`` to nghttp2 keeps this until that has given back its last block.
@safe
final class HTTP2Memory {
    private struct Header: BitwiseCopyable {
        static let byteCount = 16

        /// Number, address of the block and one of the two secrets, added by bits: nor is a header good that was copied from elsewhere.
        var seal: UInt
        /// Of a block that is lent how many bytes it has; of one that is kept where the next is, 0 for none.
        var number: UInt
    }

    /// Blocks of a list differ by less than so much from what was asked for.
    private static let stepBytes = 64
    /// Larger ones are taken with a connection, not with a stream.
    static let keptBlockBytesMax = 1024

    /// By the size divided by the step: the first of those kept.
    private var kept = InlineArray<17, UInt>(repeating: 0)
    private(set) var keptBytes = 0
    private let keptBytesMax: Int
    private let lentSecret = UInt.random(in: .min ... .max)
    private let keptSecret = UInt.random(in: .min ... .max)

    init(keeping byteCountMax: Int = Limits.http2KeptBytesMax) {
        keptBytesMax = byteCountMax
    }

    deinit {
        for list in kept.indices {
            while let block = unsafe popKept(list) { unsafe free(block - Header.byteCount) }
        }
    }

    /// What nghttp2 calls, for a session; nil where it shall use malloc.
    var functions: nghttp2_mem? {
        if gateway_http2_memory_is_watched() { return nil }
        return unsafe nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { size, user in unsafe HTTP2Memory.with(user) { unsafe $0.take(size) } },
            free: { block, user in unsafe HTTP2Memory.with(user) { unsafe $0.give(block) } },
            calloc: { count, size, user in unsafe HTTP2Memory.with(user) { unsafe $0.takeZeroed(count, size) } },
            realloc: { block, size, user in unsafe HTTP2Memory.with(user) { unsafe $0.resize(block, size) } })
    }

    /// The memory whose function is called: alive, for the session that calls has it.
    @inline(__always)
    private static func with<Result>(_ user: UnsafeMutableRawPointer?, _ body: (HTTP2Memory) -> Result) -> Result {
        guard let user = unsafe user else { fatalError("nghttp2 has lost its memory") }
        return unsafe Unmanaged<HTTP2Memory>.fromOpaque(user)._withUnsafeGuaranteedRef { body($0) }
    }

    // MARK: As of malloc(3)

    @inline(__always)
    func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        if byteCount < 0 { return nil }
        if byteCount > Self.keptBlockBytesMax { return unsafe make(byteCount) }
        // One of no bytes is as large as the smallest, and counts.
        let list = (max(1, byteCount) &+ (Self.stepBytes &- 1)) / Self.stepBytes
        let size = list &* Self.stepBytes
        guard let block = unsafe popKept(list) else { return unsafe make(size) }
        keptBytes &-= size &+ Header.byteCount
        unsafe seal(block, UInt(bitPattern: size), lentSecret)
        return unsafe block
    }

    @inline(__always)
    func give(_ block: UnsafeMutableRawPointer?) {
        guard let block = unsafe block else { return }
        let size = unsafe Int(bitPattern: open(block, lentSecret))
        let held = size &+ Header.byteCount
        if size > Self.keptBlockBytesMax || keptBytes &+ held > keptBytesMax {
            unsafe seal(block, 0, 0)
            return unsafe free(block - Header.byteCount)
        }
        let list = size / Self.stepBytes
        unsafe seal(block, kept[list], keptSecret)
        kept[list] = UInt(bitPattern: block)
        keptBytes &+= held
    }

    func takeZeroed(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
        let (byteCount, isTooMuch) = count.multipliedReportingOverflow(by: size)
        guard !isTooMuch, let block = unsafe take(byteCount) else { return nil }
        return unsafe memset(block, 0, byteCount)
    }

    func resize(_ block: UnsafeMutableRawPointer?, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard let block = unsafe block else { return unsafe take(byteCount) }
        let size = unsafe Int(bitPattern: open(block, lentSecret))
        guard let fresh = unsafe take(byteCount) else { return nil }
        unsafe memcpy(fresh, block, min(size, byteCount))
        unsafe give(block)
        return unsafe fresh
    }

    // MARK: Blocks

    private func make(_ size: Int) -> UnsafeMutableRawPointer? {
        let (byteCount, isTooMuch) = size.addingReportingOverflow(Header.byteCount)
        guard !isTooMuch, let memory = unsafe malloc(byteCount) else { return nil }
        let block = unsafe memory + Header.byteCount
        unsafe seal(block, UInt(bitPattern: size), lentSecret)
        return unsafe block
    }

    @inline(__always)
    private func popKept(_ list: Int) -> UnsafeMutableRawPointer? {
        guard let block = unsafe UnsafeMutableRawPointer(bitPattern: kept[list]) else { return nil }
        kept[list] = unsafe open(block, keptSecret)
        return unsafe block
    }

    private func seal(_ block: UnsafeMutableRawPointer, _ number: UInt, _ secret: UInt) {
        let header = Header(seal: number ^ UInt(bitPattern: block) ^ secret, number: number)
        unsafe (block - Header.byteCount).storeBytes(of: header, as: Header.self)
    }

    /// The header's number, if the seal is the secret's.
    private func open(_ block: UnsafeMutableRawPointer, _ secret: UInt) -> UInt {
        let header = unsafe (block - Header.byteCount).load(as: Header.self)
        if header.seal ^ header.number ^ UInt(bitPattern: block) != secret {
            fatalError("a block of nghttp2's was given back twice, or what stands before it was written over")
        }
        return header.number
    }
}
