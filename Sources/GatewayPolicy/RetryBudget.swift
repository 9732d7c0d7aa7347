import GatewayCore

/// How many retries there may be: a share of the requests lately, and a few a second whatever those are, so that quiet upstreams have
/// some, too (Finagle's RetryBudget). Without it every request to an origin that fails becomes two, just when there is too much to do. One
/// worker owns it.
public struct RetryBudget: Sendable {
    /// Both are halved with the end of each ``Limits/retryWindowMs``, so that what was long ago counts for little.
    private var requests = 0
    private var retries = 0
    private var windowEnd = MonotonicTime(nanoseconds: 0)
    /// Retries within the second that ends then.
    private var recent = 0
    private var secondEnd = MonotonicTime(nanoseconds: 0)

    public init() {}

    public mutating func noteRequest(now: MonotonicTime) {
        passTime(now)
        requests += 1
    }

    /// Whether there may be one more, which counts then.
    public mutating func take(percent: Int, floorPerSecond: Int, now: MonotonicTime) -> Bool {
        passTime(now)
        if now >= secondEnd {
            secondEnd = now.adding(milliseconds: 1_000)
            recent = 0
        }
        guard (retries + 1) * 100 <= requests * percent || recent < floorPerSecond else { return false }
        retries += 1
        recent += 1
        return true
    }

    private mutating func passTime(_ now: MonotonicTime) {
        if now < windowEnd { return }
        // After a whole window without any, nothing of it is lately.
        let isLongAgo = now.nanoseconds(since: windowEnd) >= UInt64(Limits.retryWindowMs) * 1_000_000
        requests = isLongAgo ? 0 : requests / 2
        retries = isLongAgo ? 0 : retries / 2
        windowEnd = now.adding(milliseconds: Limits.retryWindowMs)
    }
}
