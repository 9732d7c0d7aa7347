import GatewayCore

/// How long the readers of an answer that is not kept still wait for those behind.
///
/// Each time that some had to be left the others are half as patient: however many stall, and one after another, in all they hold the
/// others up for no more than twice ``Limits/fillPatienceMs``, and ``Limits/fillPatienceMsMin`` for each that times itself to it.
struct LaggardPatience {
    private(set) var ms = UInt64(Limits.fillPatienceMs)
    /// Since when the writer waits; never while it doesn't. And how long it has waited since readers were last looked at.
    private var waitsSince = MonotonicTime.never
    private var waitedNs: UInt64 = 0

    /// Whether readers are looked at from here on.
    mutating func beginWait(now: MonotonicTime) -> Bool {
        waitsSince = now
        return waitedNs == 0
    }

    mutating func endWait(now: MonotonicTime) {
        // One that took no time has begun all the same.
        waitedNs += max(1, now.nanoseconds(since: waitsSince))
        waitsSince = .never
    }

    func leftMs(now: MonotonicTime) -> UInt64 {
        let waitedMs = waited(now) / 1_000_000
        return waitedMs < ms ? ms - waitedMs : 0
    }

    /// What a reader has to have read meanwhile for the others to go on waiting for it.
    var bytesMin: Int { Int(ms) * Limits.fillBytesPerSecondMin / 1000 }

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

extension FillState {
    mutating func beginWait(now: MonotonicTime) {
        if patience.beginWait(now: now) { markPlaces() }
    }

    private mutating func markPlaces() {
        for index in 0..<readers.count { readers[index].waitedFrom = readers[index].offset }
    }

    /// Where the others have waited long enough, those that are far behind and hardly read get nothing further. Only of an answer that is
    /// not kept: else nobody waits for anybody.
    mutating func leaveLaggards(now: MonotonicTime) -> Wake {
        if !isPassing || patience.leftMs(now: now) > 0 { return Wake() }
        let lag = Limits.fillWindowBytes / 2
        let isSomebodyAhead = readers.contains { listens($0) && body.end - $0.offset < lag }
        var hasLeft = false
        if isSomebodyAhead {
            for index in 0..<readers.count where listens(readers[index]) && body.end - readers[index].offset >= lag {
                if readers[index].offset - readers[index].waitedFrom >= patience.bytesMin { continue }
                readers[index].isLeftBehind = true
                listenerCount -= 1
                hasLeft = true
            }
        }
        patience.begin(now: now, hasLeft: hasLeft)
        markPlaces()
        if !hasLeft { return Wake() }
        var wake = wake()
        wake.writer = advance()
        return wake
    }
}
