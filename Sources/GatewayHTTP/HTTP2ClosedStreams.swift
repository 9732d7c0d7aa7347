import GatewayCore

/// The last streams that were closed, and whether by us.
///
/// Who has not seen our RST_STREAM yet goes on sending, and does nothing wrong; who has ended a stream himself does (RFC 9113 § 5.1).
/// The numbers of a client are odd: the lowest bit is free to say which.
struct HTTP2ClosedStreams: ~Copyable {
    enum Memory { case resetByUs, ended, unknown }

    private var ring: PooledArray<Int32>
    private var next = 0
    /// The highest number that was forgotten.
    private(set) var forgotten: Int32 = 0

    init(pool: BufferPool) {
        ring = PooledArray(pool: pool)
    }

    mutating func note(_ number: Int32, byUs: Bool) {
        let entry = byUs ? number : number & ~1
        if ring.count < Limits.http2ClosedStreamsMax { return ring.append(entry) }
        forgotten = max(forgotten, ring[next] | 1)
        ring[next] = entry
        next = next + 1 == Limits.http2ClosedStreamsMax ? 0 : next + 1
    }

    /// What is known of a closed stream. Only frames that come late ask: the search need not be quick.
    func memory(of number: Int32) -> Memory {
        var index = ring.count - 1
        while index >= 0 {
            if ring[index] | 1 == number { return ring[index] == number ? .resetByUs : .ended }
            index -= 1
        }
        return number <= forgotten ? .ended : .unknown
    }
}
