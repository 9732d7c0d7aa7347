import GatewayCore

/// How long a server stays out that failed: longer with each time (Envoy's outlier detection), up to ``Limits/ejectionMsMax`` or the first
/// term, whichever is more. For each first term that the server has then been in, the next is shorter by one.
public struct EjectionTerm: Sendable {
    /// Of the last term, in first terms.
    private var length = 0
    private var returnedAt = MonotonicTime.never

    public init() {}

    /// How long from now on, in milliseconds.
    public mutating func begin(firstMs: Int, now: MonotonicTime) -> Int {
        let longestMs = max(firstMs, Limits.ejectionMsMax)
        if !returnedAt.isNever {
            let healthyMs = Int(now.nanoseconds(since: returnedAt) / 1_000_000)
            length = max(0, length - healthyMs / firstMs)
        }
        // It grows no further than the term does: otherwise good times would be slow to shorten it.
        length = min(length + 1, (longestMs + firstMs - 1) / firstMs)
        returnedAt = .never
        return min(length * firstMs, longestMs)
    }

    /// The server is in again.
    public mutating func end(now: MonotonicTime) { returnedAt = now }

    /// How many of so many servers may be out at a time: one at the least, where any share is allowed.
    public static func outMax(of servers: Int, percent: Int) -> Int {
        percent == 0 ? 0 : max(1, servers * percent / 100)
    }
}
