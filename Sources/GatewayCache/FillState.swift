import GatewayCore

/// What a ``Fill`` knows, under its lock.
///
///     waiting ─ begin ─▶ open ─ finish ─▶ complete
///        │                 └─── fail ───▶ failed
///        ├── fail ─▶ failed
///        ├── resolve ─▶ answered
///        └── withdraw ─▶ withdrawn
struct FillState {
    enum Stage {
        case waiting, open, complete, withdrawn
        case failed(GatewayError)
        case answered(StoredAnswer)

        var isWaiting: Bool {
            if case .waiting = self { return true }
            return false
        }

        var isOpen: Bool {
            if case .open = self { return true }
            return false
        }
    }

    struct Reader {
        let worker: Int
        let isLeader: Bool
        var generation: UInt32
        var isActive = true
        /// Nobody waits for it any more: it gets nothing further.
        var isLeftBehind = false
        var hasHead = false
        var offset = 0
        /// Since when there has been much for it to read without its taking ``Limits/fillReaderBytesMin``, and from where on, as far as
        /// others wait for it; never otherwise.
        var behindSince = MonotonicTime.never
        var behindFrom = 0
    }

    let attempt: Int
    var stage = Stage.waiting
    var sharing = Fill.Sharing.all
    /// What all have read is dropped.
    var isPassing = false
    /// To be stored, or stored.
    var isKept = false
    /// Not kept, as too much is under way.
    var isCrowdedOut = false
    /// What has become of it in the zone, in the place of the bytes.
    private var stored: StoredAnswer?
    /// Nobody may join.
    var isClosed = false
    /// The stored answer that stands in for one from the origin does so by its word (304).
    var isRevalidated = false
    var successor: Fill?
    /// The answer is for those readers alone whose requests have its key; nil for all.
    var variant: Fill.Variant?
    var head: [UInt8] = []
    var body = FillBytes()

    private(set) var readers: [Reader] = []
    private var freeReaders: [UInt32] = []
    /// Readers that are there, by worker.
    private var readersOfWorker: [Int] = []
    private var present = WorkerSet()
    private var told = WorkerSet()
    /// Readers that get the answer.
    private(set) var listenerCount = 0
    /// None of them is before this: where the slowest was when it was last looked for.
    private var slowestOffset = 0
    /// So many of them are before this: when it is none, the slowest is looked for again.
    private var slowEnd = Limits.fillStrideBytes
    private var slowCount = 0
    private var writerWaits = false
    var patience = LaggardPatience()

    init(attempt: Int) {
        self.attempt = attempt
    }

    var isUnderWay: Bool {
        switch stage {
        case .waiting, .open: true
        case .complete, .failed, .answered, .withdrawn: false
        }
    }

    var isComplete: Bool {
        if case .complete = stage { return true }
        return false
    }

    var hasFailed: Bool {
        if case .failed = stage { return true }
        return false
    }

    /// Who finds this fill may join it.
    var isOpenToAll: Bool { !isClosed && hasFirstByte && sharing == .all && !hasFailed }

    private var hasFirstByte: Bool { body.start == 0 || stored != nil }

    /// On its way to nobody, and not to be stored.
    var isOfNoUse: Bool { isPassing && listenerCount == 0 && isUnderWay }

    /// One of those who don't get this answer leads another attempt.
    var needsSuccessor: Bool { attempt == 1 && (hasFailed || sharing == .leaderThenRetry) }

    // MARK: Readers

    mutating func join(worker: Int, isLeader: Bool) -> Fill.ReaderID? {
        if isClosed || !hasFirstByte { return nil }
        if !isLeader && (sharing != .all || hasFailed && attempt == 1) { return nil }
        let index: Int
        if let free = freeReaders.popLast() {
            index = Int(free)
            readers[index] = Reader(worker: worker, isLeader: isLeader, generation: readers[index].generation &+ 1)
        } else {
            index = readers.count
            readers.append(Reader(worker: worker, isLeader: isLeader, generation: 0))
        }
        while readersOfWorker.count <= worker { readersOfWorker.append(0) }
        readersOfWorker[worker] += 1
        present.insert(worker)
        listenerCount += 1
        slowestOffset = 0
        slowCount += 1
        return Fill.ReaderID(index: UInt32(index), generation: readers[index].generation)
    }

    /// The index of a reader that is about to read: from now on its worker has to be told again.
    mutating func index(_ reader: Fill.ReaderID) -> Int {
        let index = Int(reader.index)
        precondition(readers[index].isActive && readers[index].generation == reader.generation, "a reader that has left")
        told.remove(readers[index].worker)
        return index
    }

    func listens(_ reader: Reader) -> Bool {
        reader.isActive && !reader.isLeftBehind && (sharing == .all || reader.isLeader)
    }

    mutating func readHead(_ reader: Fill.ReaderID, into queue: inout ByteQueue) -> Fill.Progress {
        let index = index(reader)
        switch stage {
        case .waiting: return .waiting
        case .answered(let answer): return .answered(answer)
        case .withdrawn: return .askAgain
        case .failed(let error): return attempt > 1 || readers[index].isLeader ? .failed(error) : .tryAgain
        case .open, .complete: break
        }
        // Its client was too slow for what came before this answer. Its request is whole still.
        if readers[index].isLeftBehind { return .goAlone }
        if !listens(readers[index]) { return sharing == .leaderOnly ? .goAlone : .tryAgain }
        queue.append(head.rawSpan)
        readers[index].hasHead = true
        return .head
    }

    mutating func read(_ reader: Fill.ReaderID, into queue: inout ByteQueue, atMost: Int, now: MonotonicTime) -> Fill.Reading {
        let index = index(reader)
        precondition(readers[index].hasHead, "the head comes first")
        if readers[index].isLeftBehind { return Fill.Reading(progress: .failed(Self.leftBehind)) }
        let offset = readers[index].offset
        let count: Int
        if let stored {
            count = stored.appendBody(from: offset, atMost: max(atMost, 0), to: &queue)
        } else {
            count = body.copy(from: offset, atMost: max(atMost, 0), to: &queue)
        }
        if count > 0 {
            readers[index].offset = offset + count
            readers[index].noteRead(end: body.end, now: now)
            if offset < slowEnd && offset + count >= slowEnd { slowCount -= 1 }
            return Fill.Reading(progress: .bytes(count), wakesWriter: isPassing && slowCount == 0 && advance())
        }
        if offset < body.end { return Fill.Reading(progress: .bytes(0), wakesWriter: false) }
        switch stage {
        case .complete: return Fill.Reading(progress: .complete, wakesWriter: false)
        case .failed(let error): return Fill.Reading(progress: .failed(error), wakesWriter: false)
        default: return Fill.Reading(progress: .waiting, wakesWriter: false)
        }
    }

    func rest(of reader: Fill.ReaderID) -> (hasHead: Bool, offset: Int, byteCount: Int, stored: StoredAnswer?)? {
        let index = Int(reader.index)
        precondition(readers[index].isActive && readers[index].generation == reader.generation, "a reader that has left")
        if !isComplete || !listens(readers[index]) { return nil }
        let offset = readers[index].offset
        return (readers[index].hasHead, offset, body.end - offset, stored)
    }

    /// The bytes are there.
    mutating func hold(_ answer: StoredAnswer) {
        precondition(stored == nil && isComplete && answer.bodyByteCount == body.end, "the answer is stored once, and whole")
        stored = answer
        body.dropAll()
    }

    mutating func leave(_ reader: Fill.ReaderID) -> Wake {
        let index = index(reader)
        let worker = readers[index].worker
        let listened = listens(readers[index])
        readers[index].isActive = false
        freeReaders.append(reader.index)
        readersOfWorker[worker] -= 1
        if readersOfWorker[worker] == 0 { present.remove(worker) }
        var wake = Wake()
        if !listened { return wake }
        listenerCount -= 1
        if readers[index].offset < slowEnd { slowCount -= 1 }
        wake.isUnread = listenerCount == 0 && isUnderWay
        if isPassing && slowCount == 0 { wake.writer = advance() }
        return wake
    }

    // MARK: What passes

    /// Finds the slowest reader, and lets go what all have read. Whether the writer has waited for that.
    mutating func advance() -> Bool {
        slowestOffset = body.end
        if listenerCount > 0 {
            for reader in readers where listens(reader) { slowestOffset = min(slowestOffset, reader.offset) }
        }
        slowEnd = slowestOffset + Limits.fillStrideBytes
        slowCount = 0
        if listenerCount > 0 { slowCount = readers.count { listens($0) && $0.offset < slowEnd } }
        if stored == nil { body.drop(before: slowestOffset) }
        if !writerWaits || isBehind { return false }
        writerWaits = false
        patience.endWait(now: .now())
        return true
    }

    private var isBehind: Bool { isPassing && listenerCount > 0 && body.end - slowestOffset >= Limits.fillWindowBytes }

    mutating func asksForRoom() -> Bool {
        if !isBehind { return false }
        if !writerWaits { beginWait(now: .now()) }
        return true
    }

    private mutating func beginWait(now: MonotonicTime) {
        writerWaits = true
        patience.beginWait(now: now)
        for index in 0..<readers.count { readers[index].noteWait(end: body.end, now: now) }
    }

    /// Nobody waits any more for those who are meant; whether there are any.
    mutating func leaveBehind(_ isMeant: (Reader) -> Bool) -> Bool {
        let before = listenerCount
        for index in 0..<readers.count where listens(readers[index]) && isMeant(readers[index]) {
            readers[index].isLeftBehind = true
            listenerCount -= 1
        }
        return listenerCount < before
    }

    private static var leftBehind: GatewayError {
        GatewayError(.sendTimeout, "others that read the same answer could wait for this client no longer")
    }

    mutating func pass() -> Bool {
        if isPassing { return false }
        isPassing = true
        return advance()
    }

    // MARK: The writer

    mutating func begin(head: RawSpan, sharing: Fill.Sharing) {
        self.head = head.array
        self.sharing = sharing == .leaderThenRetry && attempt > 1 ? .all : sharing
        stage = .open
        if self.sharing == .all { return }
        // None has read anything yet.
        listenerCount = readers.count { listens($0) }
        slowCount = listenerCount
    }

    /// Names all workers that have readers.
    mutating func wakeAll() -> Wake {
        told = present
        var wake = Wake()
        wake.workers = present
        return wake
    }

    /// Names the workers that have to be told of a change.
    mutating func wake() -> Wake {
        var wake = Wake()
        wake.workers = present.subtracting(told)
        told.formUnion(wake.workers)
        return wake
    }
}
