/// Deadlines, coarse and cheap: a hashed wheel of ticks (Varghese and Lauck, "Hashed and Hierarchical Timing
/// Wheels", 1987, scheme 6).
///
/// A timer is a word that its owner understands. Deadlines move with every byte, timers don't: the owner keeps
/// the deadline itself, leaves its timer in the wheel, and when that fires and the deadline has moved, arms it
/// again. One thread owns a wheel.
public struct TimerWheel: ~Copyable {
    /// How early or late a timer may fire.
    public static let tickMs = 16
    private static let slotCount = 1024

    /// What is armed: the owner's word, and the tick it is for, which names the timer when it fires.
    public struct Timer: Sendable, BitwiseCopyable {
        public let word: UInt64
        public let tick: UInt64
    }

    private var slots: [[Timer]]
    private let origin: MonotonicTime
    /// All ticks before this one have been collected.
    private var nextTick: UInt64 = 0
    /// There is no timer before this tick: where the search for the next one goes on.
    private var quietUntil: UInt64 = 0
    public private(set) var count = 0

    public init(now: MonotonicTime) {
        origin = now
        slots = Array(repeating: [], count: Self.slotCount)
    }

    /// Arms a timer for `deadline`, or for as far ahead as the wheel reaches (16 s). Returns its tick.
    public mutating func arm(_ word: UInt64, at deadline: MonotonicTime) -> UInt64 {
        let tick = min(max(self.tick(of: deadline), nextTick), nextTick + UInt64(Self.slotCount) - 1)
        slots[Int(tick % UInt64(Self.slotCount))].append(Timer(word: word, tick: tick))
        quietUntil = min(quietUntil, tick)
        count += 1
        return tick
    }

    /// The tick that a timer for `deadline` fires in: the one behind it, so that it never fires early.
    public func tick(of deadline: MonotonicTime) -> UInt64 {
        deadline.nanoseconds(since: origin) / (UInt64(Self.tickMs) * 1_000_000) + 1
    }

    /// Appends to `fired` every timer whose tick has come.
    public mutating func collect(now: MonotonicTime, into fired: inout [Timer]) {
        let current = now.nanoseconds(since: origin) / (UInt64(Self.tickMs) * 1_000_000)
        if current < nextTick { return }
        // After a long stop every slot is due, once.
        let last = min(current, nextTick + UInt64(Self.slotCount) - 1)
        for tick in nextTick...last {
            let index = Int(tick % UInt64(Self.slotCount))
            if slots[index].isEmpty { continue }
            fired.append(contentsOf: slots[index])
            count -= slots[index].count
            slots[index].removeAll(keepingCapacity: slots[index].count <= 64)
        }
        nextTick = current + 1
    }

    /// How long until the next timer, in milliseconds; nil if there is none.
    public mutating func millisecondsUntilNext(now: MonotonicTime) -> Int? {
        if count == 0 { return nil }
        quietUntil = max(quietUntil, nextTick)
        while slots[Int(quietUntil % UInt64(Self.slotCount))].isEmpty { quietUntil += 1 }
        let due = origin.adding(milliseconds: Int(quietUntil) * Self.tickMs)
        return Int(due.nanoseconds(since: now) / 1_000_000) + 1
    }
}
