import Synchronization

/// `max_conns` of a server: how many requests may be at it at a time, over all workers. The one thing that workers share when they choose
/// a server, and only for servers that have such a limit.
public struct ConnectionLimit: Sendable {
    /// Requests at the server now. It outlives reloads: what began before still counts. Each request refers to it by its route.
    public final class Count: Sendable {
        fileprivate let value = Atomic<Int>(0)

        public init() {}
    }

    let max: Int
    private let count: Count

    public init(max: Int, count: Count) {
        self.max = max
        self.count = count
    }

    /// What another worker does in this moment may make it wrong: ``take()`` has the last word.
    var isFull: Bool { count.value.load(ordering: .relaxed) >= max }

    /// Takes a place; false if there is none. Never more than `max` are taken, and none is refused while one is free: that is why it is
    /// no addition that is taken back.
    func take() -> Bool {
        var seen = count.value.load(ordering: .relaxed)
        while seen < max {
            let (isTaken, current) = count.value.weakCompareExchange(expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if isTaken { return true }
            seen = current
        }
        return false
    }

    func release() {
        count.value.subtract(1, ordering: .acquiringAndReleasing)
    }
}
