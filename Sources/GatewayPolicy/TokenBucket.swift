import GatewayCore

/// The size and the pace of a token bucket, in time: a token is the time in which it comes back.
public struct TokenBucket: Equatable, Sendable, BitwiseCopyable {
    /// The time that one token takes to come back, rounded up: never more than the limit.
    public let tokenNs: UInt64
    /// How many there are when it is full.
    public let burst: UInt64

    /// - Parameters:
    ///   - requests: How many tokens come back in a window of `windowNs`.
    ///   - burst: At most so many that the bucket fills up in ``Limits/bucketFillMsMax``.
    public init(requests: Int, windowNs: UInt64, burst: Int) {
        tokenNs = max(1, (windowNs + UInt64(requests) - 1) / UInt64(requests))
        self.burst = UInt64(burst)
    }

    /// From empty to full.
    @inlinable
    public var capacityNs: UInt64 { tokenNs * burst }

    /// What became of an attempt to take tokens.
    public struct Verdict: Equatable, Sendable, BitwiseCopyable {
        public let isTaken: Bool
        /// The theoretical arrival time (GCRA, ITU-T I.371): when the bucket is full again, with what was taken if it was.
        public let fullAtNs: UInt64
        /// Tokens that are left.
        public let remaining: UInt64
        /// Until it is full again if the tokens were taken; if not, until there are enough of them.
        public let waitNs: UInt64

        @inlinable
        init(isTaken: Bool, fullAtNs: UInt64, remaining: UInt64, waitNs: UInt64) {
            self.isTaken = isTaken
            self.fullAtNs = fullAtNs
            self.remaining = remaining
            self.waitNs = waitNs
        }
    }

    /// What `verdict` says when its tokens have been given back.
    @inlinable
    public func returning(_ cost: UInt64, of verdict: Verdict) -> Verdict {
        let tokensNs = cost * tokenNs
        return Verdict(
            isTaken: true, fullAtNs: verdict.fullAtNs - min(verdict.fullAtNs, tokensNs), remaining: min(burst, verdict.remaining + cost),
            waitNs: verdict.waitNs - min(verdict.waitNs, tokensNs))
    }

    /// What taking `cost` tokens comes to at `nowNs` in a bucket that is full from `fullAtNs` on; 0 for one that nobody has taken from.
    /// A clock that is behind the one that was asked before finds the bucket as empty as that left it.
    @inlinable
    public func take(_ cost: UInt64, fullAtNs: UInt64, nowNs: UInt64) -> Verdict {
        let before = max(fullAtNs, nowNs)
        let after = before + cost * tokenNs
        let horizon = nowNs + capacityNs
        if after > horizon {
            return Verdict(isTaken: false, fullAtNs: before, remaining: left(before, nowNs), waitNs: after - horizon)
        }
        return Verdict(isTaken: true, fullAtNs: after, remaining: left(after, nowNs), waitNs: after - nowNs)
    }

    @inlinable
    func left(_ fullAtNs: UInt64, _ nowNs: UInt64) -> UInt64 {
        let missing = fullAtNs - nowNs
        return missing >= capacityNs ? 0 : (capacityNs - missing) / tokenNs
    }
}
