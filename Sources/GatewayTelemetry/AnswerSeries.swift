/// Where the series of the answers at one place (a server's location) are found: a cell for each method and status, in each shard, which
/// holds where their cells begin. Nothing of a pair that has never been answered takes room, or is shown.
public struct AnswerTableSlot: Sendable, BitwiseCopyable, Equatable {
    /// 0: there was no room for it.
    @usableFromInline let index: Int
    /// Whether its durations remember the traces of requests.
    let hasExemplars: Bool

    init(index: Int, hasExemplars: Bool) {
        self.index = index
        self.hasExemplars = hasExemplars
    }

    /// The values of the label `method`, by raw index.
    static let methodNames = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other"]

    static var cellCount: Int { methodNames.count * StatusCodes.count }
}

/// Where the cells of the answers with one method and one status, at one place, begin: requests, bytes of both ways, then the histograms of
/// duration and time to first byte; elsewhere the exemplars of both.
public struct AnswerSeries: Sendable, BitwiseCopyable, Equatable {
    @usableFromInline let index: Int
    /// 0: none.
    @usableFromInline let exemplars: Int

    init(index: Int, exemplars: Int) {
        self.index = index
        self.exemplars = exemplars
    }

    /// What a cell of ``AnswerTableSlot`` holds of it; never 0.
    @usableFromInline var packed: UInt64 { 1 << 63 | UInt64(exemplars) << 32 | UInt64(index) }

    @usableFromInline init(packed: UInt64) {
        index = Int(packed & 0xFFFF_FFFF)
        exemplars = Int(packed >> 32 & 0x7FFF_FFFF)
    }

    @usableFromInline static var none: AnswerSeries { AnswerSeries(index: 0, exemplars: 0) }

    @inlinable var requests: Int { index }
    @inlinable var requestBytes: Int { index + 1 }
    @inlinable var responseBytes: Int { index + 2 }
    @inlinable var duration: Int { index + 3 }
    @inlinable var timeToFirstByte: Int { index + 3 + HistogramBuckets.countMax + 2 }
    @inlinable var durationExemplars: Int { exemplars }
    @inlinable var timeToFirstByteExemplars: Int { exemplars + Exemplar.cellCount }

    static let families = [MetricFamily.requests, .requestBytes, .responseBytes, .requestDuration, .timeToFirstByte]
    static var cellCount: Int { 3 + 2 * HistogramSlot.cellCount }
    static var exemplarCellCount: Int { 2 * Exemplar.cellCount }
}
