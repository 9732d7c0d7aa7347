import GatewayCore

/// Bounds what a worker compresses in one round of its loop, and gives turns to the connections that have more.
///
/// Compression is the one work of a worker whose time depends on content and directives: two-letter text at level 9 takes thirty times as
/// long as at level 6. So the bound is one of time, counted in bytes, and one of all connections together: with a bound for each, a
/// few downloads would make every other client wait for the sum.
public struct GzipTurns: ~Copyable {
    private var waiting: [Handle] = []
    private var first = 0
    private var round = MonotonicTime.never
    /// What is left of the round, in bytes at level 1.
    private var left = 0
    private var current = Handle.none

    public init() {}

    /// Whether nobody waits.
    public var isEmpty: Bool { first == waiting.count }

    /// Whether `connection` may compress now: not before those who wait, unless it is its turn.
    public mutating func hasRoom(for connection: Handle, now: MonotonicTime) -> Bool {
        begin(now)
        return left > 0 && (isEmpty || connection == current)
    }

    /// How many bytes may be compressed at `level` now.
    public func bytesMax(level: Int) -> Int { max(Limits.gzipPieceBytesMin, left / Self.cost(level)) }

    public mutating func spend(_ count: Int, level: Int) {
        left -= count * Self.cost(level)
    }

    /// `connection` goes on in its turn. The caller sees to it that it doesn't wait twice.
    public mutating func wait(_ connection: Handle) {
        waiting.append(connection)
    }

    /// Whose turn it is; nil when nobody waits or the round has had its work. Until the next call the turn is theirs.
    public mutating func next(now: MonotonicTime) -> Handle? {
        begin(now)
        current = .none
        if left <= 0 || isEmpty { return nil }
        current = waiting[first]
        first += 1
        if first == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= 1024 && first * 2 >= waiting.count {
            waiting.removeFirst(first)
            first = 0
        }
        return current
    }

    private mutating func begin(_ now: MonotonicTime) {
        if round == now { return }
        round = now
        left = Limits.gzipRoundBytesMax
    }

    /// What a byte costs beside one at level 1, with content that is hard on zlib: few letters, many half-matches.
    private static func cost(_ level: Int) -> Int {
        switch level {
        case ...3: 1
        case 4, 5: 2
        case 6, 7: 4
        case 8: 16
        default: 32
        }
    }
}
