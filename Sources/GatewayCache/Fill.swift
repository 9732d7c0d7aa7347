import GatewayCore
import GatewayHTTP
import Synchronization

/// An answer on its way from the origin: one writes, many read along, each at its own pace, late ones from the first byte on.
///
/// Nothing here calls anybody: whoever has to be told is named in a ``Wake``. Every method may be called from any thread; one writes.
public final class Fill: Sendable {
    public let key: SHA256Digest
    /// 1, or 2 for the successor of one that failed: that one's outcome is everybody's.
    public let attempt: Int
    public let startedAt = MonotonicTime.now()
    /// The worker that writes, once there is one.
    private let writer = Atomic<Int>(-1)

    private let budget: FillBudget
    private let entryBytesMax: Int
    private let state: Mutex<FillState>
    private let span = Mutex<(trace: TraceID, id: UInt64)?>(nil)
    /// See ``isDecided``.
    private let decided = Atomic<Bool>(false)

    init(key: SHA256Digest, attempt: Int, entryBytesMax: Int, _ budget: FillBudget) {
        self.key = key
        self.attempt = attempt
        self.entryBytesMax = entryBytesMax
        self.budget = budget
        state = Mutex(FillState(attempt: attempt))
        budget.begin(Limits.fillOverheadBytes)
    }

    deinit {
        budget.end(Limits.fillOverheadBytes + state.withLock { $0.body.heldBytes + $0.head.count })
    }

    /// The span of its fetch, for those who read along; nil where that goes to no collector.
    public var fetchSpan: (trace: TraceID, id: UInt64)? { span.withLock { $0 } }

    public func note(fetchSpan: UInt64, of trace: TraceID) { span.withLock { $0 = (trace, fetchSpan) } }

    // MARK: The writer

    /// Who is told of what concerns the writer (``Wake/writer``, ``Wake/isUnread``); negative before it is known.
    public var writingWorker: Int {
        get { writer.load(ordering: .relaxed) }
        set { writer.store(newValue, ordering: .relaxed) }
    }

    /// Who may have the answer.
    public enum Sharing: Sendable {
        case all
        /// The leader alone; the others go alone.
        case leaderOnly
        /// The leader has this one, one of the others tries again (5xx, 429). On the second attempt as `all`.
        case leaderThenRetry
    }

    /// The answer's head has come. `keeps`: it may still be stored, so all of its bytes are kept for late readers. Otherwise, and when it
    /// has become too large, what every reader has read is dropped, and nobody may join from then on. `bodyBytes`: how many will come, as
    /// far as the head tells. The wake says `isUnread` when the answer is neither kept nor read by anybody, so that its fetch can end.
    public func begin(head: RawSpan, sharing: Sharing, keeps: Bool, bodyBytes: Int = 0) -> Wake {
        update { state in
            precondition(state.stage.isWaiting, "a head comes once")
            state.begin(head: head, sharing: sharing)
            budget.take(head.byteCount)
            if !keeps || state.sharing != .all || head.byteCount > entryBytesMax {
                _ = state.pass()
            } else if !budget.hasRoom(for: bodyBytes) {
                state.isCrowdedOut = true
                _ = state.pass()
            }
            state.isKept = !state.isPassing
            var wake = state.wake()
            wake.isUnread = state.isOfNoUse
            return wake
        }
    }

    /// What an answer is one variant of: to requests with the same values in the fields that `names` has.
    public struct Variant: Sendable {
        public let key: SHA256Digest
        public let base: SHA256Digest
        public let names: VariantNames

        public init(key: SHA256Digest, base: SHA256Digest, names: VariantNames) {
            self.key = key
            self.base = base
            self.names = names
        }
    }

    /// Before its head: the answer is for those readers alone whose request has that key.
    public func become(_ variant: Variant) {
        state.withLock { $0.variant = variant }
    }

    /// Of an answer whose head has come; nil where it is for all readers. A reader with another key leaves, and goes alone.
    public var onlyVariant: Variant? { state.withLock { $0.variant } }

    /// More of the body. When the answer stops being kept by that, the wake says `isUnread` as that of ``begin(head:sharing:keeps:)``, and
    /// `isOutgrown` where it is the answer itself that is too large.
    public func append(_ bytes: RawSpan) -> Wake {
        update { state in
            precondition(state.stage.isOpen, "the body stands between the head and the end")
            state.body.append(bytes)
            if state.isPassing {
                // Without readers nothing has to be kept.
                if state.listenerCount == 0 { _ = state.advance() }
            } else if state.head.count + state.body.end > entryBytesMax || !budget.hasRoom(for: 0) {
                state.isCrowdedOut = state.head.count + state.body.end <= entryBytesMax
                state.isKept = false
                _ = state.pass()
                var wake = state.wake()
                wake.isUnread = state.isOfNoUse
                wake.isOutgrown = !state.isCrowdedOut
                return wake
            }
            return state.wake()
        }
    }

    /// It turns out that the answer isn't to be stored. The wake, of use while the answer is still on its way, says whether it `isUnread`.
    @discardableResult
    public func keepNoMore() -> Wake {
        update { state in
            _ = state.pass()
            var wake = Wake()
            wake.isUnread = state.isOfNoUse
            return wake
        }
    }

    /// The slowest reader of an answer that isn't kept is ``Limits/fillWindowBytes`` behind: the writer waits for a ``Wake`` with `writer`
    /// or a ``Reading`` with `wakesWriter`, one of which comes for certain after this was true.
    public var isFull: Bool { state.withLock { $0.asksForRoom() } }

    /// For how long the writer may still wait before readers are left.
    public func patienceLeftMs(now: MonotonicTime) -> Int { state.withLock { Int($0.patienceLeftMs(now: now)) } }

    /// Ends the readers for whose sake the others have waited too long: see ``Limits/fillReaderPatienceMs``. They are told that they have
    /// failed.
    public func leaveLaggards(now: MonotonicTime) -> Wake {
        update { $0.leaveLaggards(now: now) }
    }

    /// Whether all bytes are here and may be stored.
    public var isStorable: Bool { state.withLock { $0.isComplete && !$0.isPassing && !$0.isClosed } }

    /// Whether the answer is to be stored, as far as can be told by now, or has been.
    public var isKept: Bool { state.withLock { $0.isKept } }

    /// Whether it is not kept because the answers under way take all that they may.
    public var isCrowdedOut: Bool { state.withLock { $0.isCrowdedOut } }

    public var bodyByteCount: Int { state.withLock { $0.body.end } }

    /// Readers that get the answer.
    public var readerCount: Int { state.withLock { $0.listenerCount } }

    public func finish() -> Wake {
        state.withLock { state in
            precondition(state.stage.isOpen, "an end follows a head")
            state.stage = .complete
            return state.wake()
        }
    }

    /// The answer is whole, and it is decided whether it is stored. Who reads it slowly goes on by itself from now on (see ``rest(of:)``):
    /// all are told, also those that were told before and have not read since.
    public func decide() -> Wake {
        decided.store(true, ordering: .releasing)
        return state.withLock { $0.wakeAll() }
    }

    /// Whether ``decide()`` has been called.
    public var isDecided: Bool { decided.load(ordering: .acquiring) }

    /// The answer fails, before its head or midway.
    public func fail(_ error: GatewayError) -> Wake {
        state.withLock { state in
            precondition(state.isUnderWay, "a fill ends once")
            state.stage = .failed(error)
            return state.wake()
        }
    }

    /// Whether the origin said of the answer that ``resolve(with:isRevalidated:)`` gave that it still holds.
    public var isRevalidated: Bool { state.withLock { $0.isRevalidated } }

    /// Instead of a head: readers go on with a stored answer (304, stale_if_error).
    public func resolve(with answer: StoredAnswer, isRevalidated: Bool = false) -> Wake {
        state.withLock { state in
            precondition(state.stage.isWaiting, "a head comes once")
            state.isRevalidated = isRevalidated
            state.stage = .answered(answer)
            return state.wake()
        }
    }

    /// Instead of a head: there will be none, and who waits asks the zone again. The fill has ended there.
    public func withdraw() -> Wake {
        state.withLock { state in
            precondition(state.stage.isWaiting, "a head comes once")
            state.stage = .withdrawn
            return state.wake()
        }
    }

    // MARK: Readers

    public struct ReaderID: Equatable, BitwiseCopyable, Sendable {
        let index: UInt32
        let generation: UInt32
    }

    /// A reader of `worker`, from the first byte on. nil: too late, bytes have been dropped or the fill is for others; ask the zone again.
    /// A worker beyond ``WorkerSet/capacity`` could not be told of anything, so it never joins.
    public func join(worker: Int, isLeader: Bool) -> ReaderID? {
        if worker < 0 || worker >= WorkerSet.capacity { return nil }
        return state.withLock { $0.join(worker: worker, isLeader: isLeader) }
    }

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
        /// The answer is the leader's alone, or goes on without this one: the reader leaves, and makes its request by itself.
        case goAlone
        /// The reader leaves, and asks the zone again.
        case askAgain
        /// The reader leaves, and goes on with ``ResponseCache/succeed(_:)``.
        case tryAgain
    }

    public struct Reading: Sendable {
        public let progress: Progress
        /// The caller tells the writer that there is room again.
        public let wakesWriter: Bool

        /// Of an answer without a writer, too: a stored one.
        public init(progress: Progress, wakesWriter: Bool = false) {
            self.progress = progress
            self.wakesWriter = wakesWriter
        }
    }

    /// Appends the head when it has come.
    public func readHead(_ reader: ReaderID, into queue: inout ByteQueue) -> Progress {
        state.withLock { $0.readHead(reader, into: &queue) }
    }

    /// Appends up to `atMost` bytes of the body behind what the reader has read.
    public func read(_ reader: ReaderID, into queue: inout ByteQueue, atMost: Int, now: MonotonicTime) -> Reading {
        update { $0.read(reader, into: &queue, atMost: atMost, now: now) }
    }

    /// What a reader of an answer that is decided still has to get: so many bytes of the body from `offset` on, and the stored answer that
    /// has them. nil for one that gets nothing of it.
    public func rest(of reader: ReaderID) -> (hasHead: Bool, offset: Int, byteCount: Int, stored: StoredAnswer?)? {
        state.withLock { $0.rest(of: reader) }
    }

    /// Ends the reader.
    public func leave(_ reader: ReaderID) -> Wake {
        update { $0.leave(reader) }
    }

    // MARK: The zone

    /// Whether who finds the fill may join it.
    var isOpenToAll: Bool { state.withLock { $0.isOpenToAll } }

    /// The fill's successor: made now if there is none yet. nil if none is needed.
    func successor(orElse make: () -> Fill) -> Fill? {
        state.withLock { state in
            if !state.needsSuccessor { return nil }
            if let known = state.successor { return known }
            let fresh = make()
            state.successor = fresh
            return fresh
        }
    }

    /// Closes the fill if nobody listens.
    func closeIfUnread() -> Bool {
        state.withLock { state in
            if state.listenerCount > 0 || !state.isUnderWay { return false }
            state.isClosed = true
            return true
        }
    }

    /// The bytes, if they are complete and may be stored: they don't change any more until ``keepNoMore()``.
    func storable() -> (head: [UInt8], body: FillBytes)? {
        state.withLock { state in
            state.isComplete && !state.isPassing && !state.isClosed ? (state.head, state.body) : nil
        }
    }

    /// What is stored has the bytes for those who still read. The lease ends with the fill: not under its lock, as the end of a lease takes
    /// that of its shard.
    func hold(_ stored: StoredAnswer) {
        update { $0.hold(stored) }
    }

    /// Changes the state, and counts what it holds then.
    private func update<Result>(_ change: (inout FillState) -> Result) -> Result {
        state.withLock { state in
            let before = state.body.heldBytes
            let result = change(&state)
            let grown = state.body.heldBytes - before
            if grown != 0 { budget.take(grown) }
            return result
        }
    }
}
