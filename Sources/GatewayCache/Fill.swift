import GatewayCore

/// An answer on its way from the origin: one writes, many read along, each at its own pace, late ones from the first byte on.
///
/// Nothing here calls anybody: whoever has to be told is named in a ``Wake``. Every method may be called from any thread; one writes.
public final class Fill: Sendable {
    public let key: SHA256Digest
    /// 1, or 2 for the successor of one that failed: that one's outcome is everybody's.
    public let attempt: Int

    init(key: SHA256Digest, attempt: Int) {
        self.key = key
        self.attempt = attempt
    }

    // MARK: The writer

    /// Who may have the answer.
    public enum Sharing: Sendable {
        case all
        /// The leader alone; the others go alone.
        case leaderOnly
        /// The leader has this one, one of the others tries again (5xx, 429). On the second attempt as `all`.
        case leaderThenRetry
    }

    /// The answer's head has come. `keeps`: it may still be stored, so all of its bytes are kept for late readers. Otherwise, and when it has
    /// become too large, what every reader has read is dropped, and nobody may join from then on.
    public func begin(head: RawSpan, sharing: Sharing, keeps: Bool) -> Wake { Wake() }

    /// More of the body.
    public func append(_ bytes: RawSpan) -> Wake { Wake() }

    /// It turns out that the answer isn't to be stored.
    public func keepNoMore() {}

    /// The slowest reader of an answer that isn't kept is ``Limits/fillWindowBytes`` behind: the writer waits for a `Wake` with `writer`, which
    /// comes for certain after this was true.
    public var isFull: Bool { false }

    /// Whether all bytes are here and may be stored.
    public var isStorable: Bool { false }

    public var bodyByteCount: Int { 0 }

    /// Readers that get the answer.
    public var readerCount: Int { 0 }

    public func finish() -> Wake { Wake() }

    /// The answer fails, before its head or midway.
    public func fail(_ error: GatewayError) -> Wake { Wake() }

    /// Instead of a head: readers go on with a stored answer (304, stale_if_error).
    public func resolve(with answer: StoredAnswer) -> Wake { Wake() }

    // MARK: Readers

    public struct ReaderID: Equatable, BitwiseCopyable, Sendable {
        let index: UInt32
        let generation: UInt32
    }

    /// A reader of `worker`, from the first byte on. nil: too late, bytes have been dropped or the fill is for others; ask the zone again.
    public func join(worker: Int, isLeader: Bool) -> ReaderID? { nil }

    public enum Progress: Sendable {
        /// Nothing yet: a `Wake` of the worker follows.
        case waiting
        /// The head was appended.
        case head
        /// So many bytes of the body were appended, more than 0.
        case bytes(Int)
        /// That was all.
        case complete
        case failed(GatewayError)
        /// Instead of a head: a stored one. The reader leaves and goes on with it.
        case answered(StoredAnswer)
        /// The answer is the leader's alone: the reader leaves, and makes its request by itself.
        case goAlone
        /// The reader leaves, and goes on with ``ResponseCache/succeed(_:)``.
        case tryAgain
    }

    public struct Reading: Sendable {
        public let progress: Progress
        /// The caller tells the writer that there is room again.
        public let wakesWriter: Bool
    }

    /// Appends the head when it has come.
    public func readHead(_ reader: ReaderID, into queue: inout ByteQueue) -> Progress { .waiting }

    /// Appends up to `atMost` bytes of the body behind what the reader has read.
    public func read(_ reader: ReaderID, into queue: inout ByteQueue, atMost: Int) -> Reading {
        Reading(progress: .waiting, wakesWriter: false)
    }

    /// Ends the reader.
    public func leave(_ reader: ReaderID) -> Wake { Wake() }
}
