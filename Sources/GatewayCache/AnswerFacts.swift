import GatewayCore

/// What the gateway knows of an answer besides its bytes.
public struct AnswerFacts: Equatable, BitwiseCopyable, Sendable {
    public var status: Int
    /// When the answer came, on the wall clock: milliseconds since 1970.
    public var storedAtMs: UInt64
    /// The same moment on the clock that freshness is counted by.
    public var storedAt: MonotonicTime
    /// When the origin was asked for it, or whether it still holds: by that is known which of two answers is the newer one.
    public var askedAt: MonotonicTime
    /// From `storedAt` on: the lifetime less the age that the answer came with.
    public var freshForMs: UInt64
    /// How long beyond that it may serve instead of an error (RFC 5861 § 4) ...
    public var staleIfErrorMs: UInt64 = 0
    /// ... and while a new one is fetched (§ 3).
    public var staleWhileRevalidateMs: UInt64 = 0
    /// The Age it came with, in seconds (RFC 9111 § 4.2.3).
    public var initialAgeS: UInt64 = 0
    public var inputTokens: UInt64 = 0
    public var outputTokens: UInt64 = 0
    /// How long the origin took for it.
    public var originMs: UInt64 = 0
    /// Not an answer: in place of its head are ``VariantNames``, and the answers have keys of their own.
    public var isVariants = false
    /// It has an ETag or Last-Modified: of use even when it is stale.
    public var hasValidator = false
    public var isEventStream = false
    /// So much of its head, all but how its content is framed and the empty line, may go out as it was kept, with the length behind it.
    /// 0 where the head has to be read first.
    public var plainHeadBytes = 0
    /// It may never be given stale (RFC 9111 § 4.2.4), whatever a request takes.
    public var mustRevalidate = false

    public init(status: Int, storedAtMs: UInt64, storedAt: MonotonicTime, freshForMs: UInt64) {
        self.status = status
        self.storedAtMs = storedAtMs
        self.storedAt = storedAt
        askedAt = storedAt
        self.freshForMs = freshForMs
    }

    /// Milliseconds since the answer was stored.
    public func residentMs(_ now: MonotonicTime) -> UInt64 { now.nanoseconds(since: storedAt) / 1_000_000 }

    /// The value of Age (RFC 9111 § 4.2.3), in seconds.
    public func ageS(_ now: MonotonicTime) -> UInt64 {
        let (sum, overflow) = initialAgeS.addingReportingOverflow(residentMs(now) / 1_000)
        return overflow ? .max : sum
    }

    /// Milliseconds that it is still fresh for; 0 when it is stale.
    public func freshMs(_ now: MonotonicTime) -> UInt64 {
        let residentMs = residentMs(now)
        return freshForMs > residentMs ? freshForMs - residentMs : 0
    }

    /// Milliseconds since it became stale; 0 as long as it is fresh.
    public func staleMs(_ now: MonotonicTime) -> UInt64 {
        let residentMs = residentMs(now)
        return residentMs > freshForMs ? residentMs - freshForMs : 0
    }

    /// Whether nothing may be made of it any more.
    public func isExpired(_ now: MonotonicTime) -> Bool {
        freshMs(now) == 0 && !hasValidator && staleMs(now) >= max(staleIfErrorMs, staleWhileRevalidateMs)
    }
}

/// What a request takes for fresh (RFC 9111 § 5.2.1).
public struct Freshness: BitwiseCopyable, Sendable {
    /// max-age: no answer older than this, in seconds.
    public var maxAgeS: UInt64 = .max
    /// min-fresh: fresh for so much longer.
    public var minFreshMs: UInt64 = 0
    /// max-stale: what is stale, but no longer than this, is as good as fresh.
    public var maxStaleMs: UInt64 = 0
    /// only-if-cached: no answer is fetched, so ``ResponseCache/find(_:now:accepting:)`` makes no fill.
    public var isOnlyIfCached = false

    public init() {}

    func accepts(_ facts: AnswerFacts, _ now: MonotonicTime) -> Bool {
        if facts.ageS(now) > maxAgeS { return false }
        let freshMs = facts.freshMs(now)
        if freshMs > 0 { return freshMs >= minFreshMs }
        return maxStaleMs > 0 && !facts.mustRevalidate && facts.staleMs(now) <= maxStaleMs
    }
}
