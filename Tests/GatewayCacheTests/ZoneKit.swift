import Glibc
import GatewayCache
import GatewayCore
import Synchronization

/// What the tests of zones share.
enum ZoneKit {
    static func zone(memoryBytes: Int = 4 << 20, entryBytesMax: Int = 256 << 10) throws -> ResponseCache {
        try ResponseCache(name: "answers", memoryBytes: memoryBytes, entryBytesMax: entryBytesMax)
    }

    static func key(_ number: Int) -> SHA256Digest {
        var dice = ZoneDice(state: UInt64(number))
        return SHA256Digest(dice.next(), dice.next(), dice.next(), dice.next())
    }

    static let error = GatewayError(.upstreamClosed, "the origin ended early")
    static let start = MonotonicTime(nanoseconds: 1 << 40)

    static func moment(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: start.nanoseconds + UInt64(seconds * 1e9)) }

    static func facts(at seconds: Double = 0, freshForS: UInt64 = 3600) -> AnswerFacts {
        AnswerFacts(status: 200, storedAtMs: 1_000, storedAt: moment(seconds), freshForMs: freshForS * 1000)
    }

    /// Bytes that belong to `number`, none like those of another or of another place.
    static func bytes(_ number: Int, _ count: Int) -> [UInt8] {
        var dice = ZoneDice(state: UInt64(number) << 32)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: dice.next()) { bytes.append(contentsOf: $0) } }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    static func head(_ number: Int) -> [UInt8] { Array("HTTP/1.1 200 OK\r\nnumber: \(number)\r\n\r\n".utf8) }

    /// Fetches and stores an answer whose body has `count` bytes. Whether it was stored.
    @discardableResult
    static func put(
        _ zone: ResponseCache, _ number: Int, _ count: Int, path: String = "example.com/v1", facts: AnswerFacts = facts()
    ) -> Bool {
        let fill = zone.fetchAnew(key(number))
        complete(fill, number, count)
        return zone.keep(fill, path: path, facts)
    }

    static func complete(_ fill: Fill, _ number: Int, _ count: Int) {
        _ = fill.begin(head: head(number).rawSpan, sharing: .all, keeps: true)
        _ = fill.append(bytes(number, count).rawSpan)
        _ = fill.finish()
    }

    static func stored(_ zone: ResponseCache, _ number: Int, at seconds: Double = 0) -> StoredAnswer? {
        var wanted = Freshness()
        wanted.isOnlyIfCached = true
        let lookup = zone.find(key(number), now: moment(seconds), accepting: wanted)
        return lookup.isFresh ? lookup.stored : nil
    }

    static func isStored(_ zone: ResponseCache, _ number: Int) -> Bool { stored(zone, number) != nil }

    /// What `write` puts into a queue.
    static func written(_ write: (inout ByteQueue) -> Void) -> [UInt8] {
        let pool = BufferPool()
        defer { pool.retire() }
        var queue = ByteQueue(pool: pool)
        write(&queue)
        return queue.take().bytes.array
    }

    static func body(_ answer: StoredAnswer, piece: Int = .max) -> [UInt8] {
        written { queue in
            var offset = 0
            while true {
                let count = answer.appendBody(from: offset, atMost: piece, to: &queue)
                if count == 0 { return }
                offset += count
            }
        }
    }

    static func head(_ answer: StoredAnswer) -> [UInt8] { written { answer.appendHead(to: &$0) } }

    /// Runs `body` on `count` threads of the kernel's at a time, and returns what each returned.
    static func onThreads<Result: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Result) -> [Result] {
        let results = Mutex<[Int: Result]>([:])
        let gate = Atomic<Int>(0)
        withoutActuallyEscaping({ (index: Int) in
            // All begin at once.
            gate.add(1, ordering: .acquiringAndReleasing)
            while gate.load(ordering: .acquiring) < count { sched_yield() }
            let result = body(index)
            results.withLock { $0[index] = result }
        }) { run in
            var threads: [pthread_t] = []
            for index in 0..<count {
                var thread = pthread_t()
                let box = Unmanaged.passRetained(ThreadBody { run(index) })
                let code = pthread_create(
                    &thread, nil,
                    { argument in
                        if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
                        return nil
                    }, box.toOpaque())
                precondition(code == 0)
                threads.append(thread)
            }
            for thread in threads { pthread_join(thread, nil) }
        }
        return results.withLock { results in (0..<count).compactMap { results[$0] } }
    }

    private final class ThreadBody {
        let run: () -> Void

        init(_ run: @escaping () -> Void) {
            self.run = run
        }
    }
}

/// Numbers that are the same in every run.
struct ZoneDice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}

/// Reads a fill to its end, as far as it goes.
struct FillReader {
    let fill: Fill
    let id: Fill.ReaderID
    var head: [UInt8]?
    var body: [UInt8] = []

    init?(_ fill: Fill, worker: Int, isLeader: Bool = false) {
        guard let id = fill.join(worker: worker, isLeader: isLeader) else { return nil }
        self.fill = fill
        self.id = id
    }

    /// Reads until nothing more comes, and returns why.
    mutating func read(piece: Int = .max) -> Fill.Progress {
        let pool = BufferPool()
        defer { pool.retire() }
        var queue = ByteQueue(pool: pool)
        if head == nil {
            let progress = fill.readHead(id, into: &queue)
            guard case .head = progress else { return progress }
            head = queue.bytes.array
            queue.removeAll()
        }
        while true {
            let progress = fill.read(id, into: &queue, atMost: piece, now: .now()).progress
            guard case .bytes = progress else {
                queue.removeAll()
                return progress
            }
            body.append(queue.bytes)
            queue.removeAll()
        }
    }

    mutating func readOnce(atMost: Int, now: MonotonicTime = .now()) -> Fill.Reading {
        let pool = BufferPool()
        defer { pool.retire() }
        var queue = ByteQueue(pool: pool)
        if head == nil {
            _ = fill.readHead(id, into: &queue)
            head = queue.bytes.array
            queue.removeAll()
        }
        let reading = fill.read(id, into: &queue, atMost: atMost, now: now)
        body.append(queue.bytes)
        queue.removeAll()
        return reading
    }

    @discardableResult
    func leave() -> Wake { fill.leave(id) }
}

extension Fill.Progress {
    /// For expectations.
    var name: String {
        switch self {
        case .waiting: "waiting"
        case .head: "head"
        case .bytes(let count): "bytes \(count)"
        case .complete: "complete"
        case .failed(let error): "failed \(error.type.name)"
        case .answered: "answered"
        case .goAlone: "goAlone"
        case .askAgain: "askAgain"
        case .tryAgain: "tryAgain"
        }
    }
}

extension WorkerSet {
    var all: [Int] {
        var set = self
        var workers: [Int] = []
        while let worker = set.popFirst() { workers.append(worker) }
        return workers
    }
}

// Spans don't go through the macros of expectations.
extension Fill {
    func add(_ bytes: [UInt8]) -> Wake { append(bytes.rawSpan) }
}

extension ResponseCache {
    func keep(_ fill: Fill, path: String = "example.com/v1", _ facts: AnswerFacts = ZoneKit.facts()) -> Bool {
        (try? store(fill, facts, path: Array(path.utf8).rawSpan)) != nil
    }

    func keep(_ number: Int, _ body: some Sequence<UInt8>, path: String = "example.com/v1") -> Bool {
        let stored: Void? = try? store(
            ZoneKit.key(number), head: ZoneKit.head(number).rawSpan, body: Array(body).rawSpan, ZoneKit.facts(),
            path: Array(path.utf8).rawSpan, purgeCount: purgeCount)
        return stored != nil
    }

    func purge(prefix: String) -> Int { purge(pathPrefix: Array(prefix.utf8).rawSpan) }
}
