import GatewayCore

/// Which of a server's addresses is connected to next: each in turn, those that could not be connected to lately after the others.
/// One worker owns it.
public struct AddressTurn: Sendable {
    /// For each address until when the others go before it.
    @usableFromInline var avoidedUntil: [MonotonicTime]
    @usableFromInline var nextIndex: Int

    /// - Parameter first: whose turn is first, modulo `count`.
    public init(count: Int, from first: Int = 0) {
        nextIndex = count == 0 ? 0 : first % count
        avoidedUntil = Array(repeating: MonotonicTime(nanoseconds: 0), count: count)
    }

    /// The turn of other addresses: it goes on where `old` was, and begins with the `first`th if that had none.
    public init(count: Int, following old: AddressTurn, from first: Int) {
        self.init(count: count, from: old.avoidedUntil.isEmpty ? first : old.nextIndex)
    }

    /// An address's index; there must be one. If all are avoided, the one that has failed longest ago.
    @inlinable
    public mutating func next(now: MonotonicTime) -> Int {
        let count = avoidedUntil.count
        if count == 1 { return 0 }
        var best = nextIndex
        if avoidedUntil[best] > now {
            var candidate = best
            for _ in 1..<count {
                candidate = candidate + 1 == count ? 0 : candidate + 1
                if avoidedUntil[candidate] < avoidedUntil[best] { best = candidate }
                if avoidedUntil[best] <= now { break }
            }
        }
        nextIndex = best + 1 == count ? 0 : best + 1
        return best
    }

    /// The address could not be connected to.
    public mutating func avoid(_ index: Int, now: MonotonicTime) {
        avoidedUntil[index] = now.adding(milliseconds: Limits.addressAvoidanceMs)
    }

    /// Knows what `old` knew of its address `oldIndex`.
    public mutating func carryOver(_ index: Int, from old: AddressTurn, at oldIndex: Int) {
        avoidedUntil[index] = old.avoidedUntil[oldIndex]
    }
}
