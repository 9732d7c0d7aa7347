/// How long it holds that a peer's certificate was verified: on a connection that stays, and in sessions that are resumed, neither of
/// which looks at the certificate again.
public enum VerificationAge {
    public static func isOver(_ verifiedAt: MonotonicTime, now: MonotonicTime, limitMs: Int) -> Bool {
        now.nanoseconds(since: verifiedAt) >= UInt64(limitMs) * 1_000_000
    }

    /// When it holds no longer: with the limit, or with the certificate, which ends `certificateLeftMs` after `now`.
    public static func end(_ verifiedAt: MonotonicTime, now: MonotonicTime, certificateLeftMs: Int, limitMs: Int) -> MonotonicTime {
        // Certificates end as late as the year 9999, which this clock has not.
        min(verifiedAt.adding(milliseconds: limitMs), now.adding(milliseconds: min(max(0, certificateLeftMs), limitMs)))
    }
}
