/// The last exemplar of each bucket: written by the thread that counts, read by the one that renders, without a lock.
///
/// A sequence number stands before each, odd while it is being written. The writer makes it odd, stores the parts, each with release, and
/// makes it even, with release. The reader loads the number with acquire, the parts with acquire, and the number again: if a part is of a
/// later writing than the first number told of, its load has synchronised with its store, so the second number is at least that
/// writing's odd one, and differs. So what is read between two equal, even numbers is of one writing. There is one writer, so
/// two can't mix, and the number doesn't come round to itself within a scrape: it has 64 bits.
extension MetricsShard {
    /// Counts a duration into its bucket, of which `exemplar` is the last from now on. `exemplars` is where the histogram's begin.
    @inlinable
    func observe(_ firstCell: Int, firstBound: Int, nanoseconds: UInt64, _ exemplar: Exemplar?, _ exemplars: Int) {
        let bucket = count(firstCell, firstBound: firstBound, nanoseconds: nanoseconds)
        guard exemplars != 0, let exemplar else { return }
        remember(exemplar, nanoseconds, at: exemplars + bucket * Exemplar.cellsPerBucket)
    }

    @inlinable
    func remember(_ exemplar: Exemplar, _ nanoseconds: UInt64, at index: Int) {
        let sequence = value(at: index)
        set(index, to: sequence | 1)
        publish(index + 1, exemplar.traceHigh)
        publish(index + 2, exemplar.traceLow)
        publish(index + 3, nanoseconds)
        publish(index + 4, exemplar.wallClockNs)
        publish(index, (sequence | 1) &+ 1)
    }

    /// nil if there is none yet, or if the writer was in the way each time.
    func exemplar(at index: Int) -> (exemplar: Exemplar, nanoseconds: UInt64)? {
        for _ in 0..<8 {
            let sequence = acquire(index)
            if sequence == 0 { return nil }
            if sequence & 1 == 1 { continue }
            let high = acquire(index + 1)
            let low = acquire(index + 2)
            let nanoseconds = acquire(index + 3)
            let wallClockNs = acquire(index + 4)
            if value(at: index) == sequence {
                return (Exemplar(traceHigh: high, traceLow: low, wallClockNs: wallClockNs), nanoseconds)
            }
        }
        return nil
    }
}
