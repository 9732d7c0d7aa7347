import GatewayCore

/// How long the readers of an answer that is not kept have waited for those behind, and still do.
///
/// Each time that some had to be left the others are half as patient: who has stalled before that need not be waited for as long again.
/// Who has not is waited for, whatever others did: see ``FillState/Reader/hasStalled(_:)``.
struct LaggardPatience {
    private(set) var ms = UInt64(Limits.fillPatienceMs)
    /// Since when the writer waits; never while it doesn't. And how long it has waited since readers were last looked at.
    private var waitsSince = MonotonicTime.never
    private var waitedNs: UInt64 = 0

    mutating func beginWait(now: MonotonicTime) {
        waitsSince = now
    }

    mutating func endWait(now: MonotonicTime) {
        waitedNs += now.nanoseconds(since: waitsSince)
        waitsSince = .never
    }

    func leftMs(now: MonotonicTime) -> UInt64 {
        let waitedMs = waited(now) / 1_000_000
        return waitedMs < ms ? ms - waitedMs : 0
    }

    /// Readers have been looked at.
    mutating func begin(now: MonotonicTime, hasLeft: Bool) {
        waitedNs = 0
        if !waitsSince.isNever { waitsSince = now }
        if hasLeft { ms = max(ms / 2, UInt64(Limits.fillPatienceMsMin)) }
    }

    private func waited(_ now: MonotonicTime) -> UInt64 {
        waitsSince.isNever ? waitedNs : waitedNs + now.nanoseconds(since: waitsSince)
    }
}
