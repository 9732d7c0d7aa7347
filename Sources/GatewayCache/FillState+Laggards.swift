import GatewayCore

/// Readers for whose sake the others of an answer that is not kept wait.
extension FillState.Reader {
    private static var lagBytes: Int { Limits.fillWindowBytes / 2 }

    /// Whether there is much for it to read.
    func isBehind(_ end: Int) -> Bool { end - offset >= Self.lagBytes }

    /// The others begin to wait.
    mutating func noteWait(end: Int, now: MonotonicTime) {
        if behindSince.isNever && isBehind(end) { begin(now) }
    }

    /// It has read.
    mutating func noteRead(end: Int, now: MonotonicTime) {
        if behindSince.isNever { return }
        if !isBehind(end) {
            behindSince = .never
        } else if offset - behindFrom >= Limits.fillReaderBytesMin {
            begin(now)
        }
    }

    private mutating func begin(_ now: MonotonicTime) {
        behindSince = now
        behindFrom = offset
    }

    /// For how long it is still waited for, should it not read; nil while there is not much for it.
    func patienceLeftMs(_ now: MonotonicTime) -> UInt64? {
        if behindSince.isNever { return nil }
        let waitedMs = now.nanoseconds(since: behindSince) / 1_000_000
        return waitedMs < UInt64(Limits.fillReaderPatienceMs) ? UInt64(Limits.fillReaderPatienceMs) - waitedMs : 0
    }

    func hasStalled(_ now: MonotonicTime) -> Bool { patienceLeftMs(now) == 0 }
}

extension FillState {
    /// For how long the writer may still wait before readers are left: what all may be made to wait together, and what each is given.
    func patienceLeftMs(now: MonotonicTime) -> UInt64 {
        var leastMs = UInt64.max
        for reader in readers where listens(reader) { leastMs = min(leastMs, reader.patienceLeftMs(now) ?? .max) }
        let leftMs = patience.leftMs(now: now)
        return leastMs == .max ? leftMs : max(leftMs, leastMs)
    }

    /// Where the others have waited long enough, those that have stalled get nothing further. Only of an answer that is not kept: else
    /// nobody waits for anybody.
    mutating func leaveLaggards(now: MonotonicTime) -> Wake {
        if !isPassing || patienceLeftMs(now: now) > 0 { return Wake() }
        let isSomebodyAhead = readers.contains { listens($0) && !$0.isBehind(body.end) }
        let hasLeft = isSomebodyAhead && leaveBehind { $0.hasStalled(now) }
        patience.begin(now: now, hasLeft: hasLeft)
        if !hasLeft { return Wake() }
        var wake = wake()
        wake.writer = advance()
        return wake
    }
}
