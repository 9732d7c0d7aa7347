import GatewayCore

/// The streams of all HTTP/2 sessions of a worker, reached in place by handle.
public final class HTTP2Streams {
    public let slab: Slab<HTTP2Stream>
    let pool: BufferPool
    let pairs = HTTP2NameValues()
    let memory = HTTP2Memory()

    /// Room for at most `capacity` streams of all connections together; a request beyond it is refused with REFUSED_STREAM.
    public convenience init(capacity: Int, pool: BufferPool) throws(MemoryRefusal) {
        self.init(try Slab(capacity: capacity), pool: pool)
    }

    /// The same, with addresses that are reserved already.
    public init(_ slab: consuming Slab<HTTP2Stream>, pool: BufferPool) {
        self.slab = slab
        self.pool = pool
    }
}
