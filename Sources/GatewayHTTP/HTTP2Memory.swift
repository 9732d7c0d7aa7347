import CNghttp2
import GatewayCore

/// The small blocks that the sessions of a worker take and give back with every stream, kept for reuse up to
/// ``Limits/http2KeptBytesMax``: see shim.h. One thread uses it.
///
/// Safe although built on a pointer: whoever gives the functions to nghttp2 keeps this until that has given back its last block.
@safe
final class HTTP2Memory {
    private let kept: UnsafeMutablePointer<gateway_http2_memory>

    init() {
        unsafe kept = .allocate(capacity: 1)
        unsafe kept.initialize(to: gateway_http2_memory())
        unsafe kept.pointee.kept_bytes_max = Limits.http2KeptBytesMax
    }

    deinit {
        unsafe gateway_http2_release(kept)
        unsafe kept.deallocate()
    }

    /// What nghttp2 calls, for a session.
    var functions: nghttp2_mem { unsafe gateway_http2_functions(kept) }
}
