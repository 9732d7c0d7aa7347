import GatewayCore

/// Some of the workers, by their index.
public struct WorkerSet: BitwiseCopyable, Sendable {
    private static var wordCount: Int { 16 }

    private var words = InlineArray<16, UInt64>(repeating: 0)

    public init() {}

    /// How many different workers a set tells apart.
    public static var capacity: Int { wordCount * 64 }

    public var isEmpty: Bool {
        for index in 0..<Self.wordCount where words[index] != 0 { return false }
        return true
    }

    public func contains(_ worker: Int) -> Bool {
        words[worker >> 6] & (1 << UInt64(worker & 63)) != 0
    }

    public mutating func insert(_ worker: Int) {
        words[worker >> 6] |= 1 << UInt64(worker & 63)
    }

    public mutating func remove(_ worker: Int) {
        words[worker >> 6] &= ~(1 << UInt64(worker & 63))
    }

    /// Takes the worker with the lowest index out: `while let worker = set.popFirst() { ... }`. nil when there is none.
    public mutating func popFirst() -> Int? {
        for index in 0..<Self.wordCount where words[index] != 0 {
            let bit = words[index].trailingZeroBitCount
            words[index] &= words[index] &- 1
            return index << 6 | bit
        }
        return nil
    }

    mutating func formUnion(_ other: WorkerSet) {
        for index in 0..<Self.wordCount { words[index] |= other.words[index] }
    }

    func subtracting(_ other: WorkerSet) -> WorkerSet {
        var result = self
        for index in 0..<Self.wordCount { result.words[index] &= ~other.words[index] }
        return result
    }
}

/// Whom a change of a ``Fill`` concerns: the caller posts to their mailboxes.
public struct Wake: Sendable {
    /// Workers that have readers of the fill and were not told since one of these last read. A worker that is told goes through all its
    /// readers of the fill that wait.
    public var workers = WorkerSet()
    /// The worker that writes: there is room again (see ``Fill/isFull``).
    public var writer = false
    /// The last reader has gone, or there is none and the answer isn't kept any more: the writer may give up (see
    /// ``ResponseCache/abandonIfUnread(_:)``). The caller tells it.
    public var isUnread = false
    /// The answer has become larger than any that is kept: the writer, who alone is told, lets nobody else wait for it.
    public var isOutgrown = false

    public init() {}

    public var isNeeded: Bool { writer || isUnread || !workers.isEmpty }
}
