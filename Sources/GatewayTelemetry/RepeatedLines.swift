import GatewayCore
import Logging
import Synchronization

/// Keeps a line that is said again and again from filling the operational log: of the same message from the same place so many pass in
/// a period, the others are counted, and at its end one line tells how many there were.
public final class RepeatedLines: Sendable {
    struct Key: Hashable {
        let message: String
        let file: String
        let line: UInt

        /// In whose place those stand that find the table full.
        static let others = Key(message: "further lines", file: "", line: 0)
    }

    private struct Entry {
        let endsAt: MonotonicTime
        var passed = 0
        var kept = 0
        var level: Logger.Level
    }

    /// What was kept back in a period that is over.
    struct Summary {
        let message: String
        let level: Logger.Level
        let count: Int
    }

    private let state = Mutex<[Key: Entry]>([:])
    private let wake: @Sendable () -> Void

    /// - Parameter wake: makes somebody look at ``nextDue`` anew, and call ``report(to:now:)`` then.
    public init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// Whether the line is said; else it is counted.
    func passes(_ key: Key, _ level: Logger.Level, now: MonotonicTime) -> Bool {
        let (passes, isFirstKept) = state.withLock { entries -> (Bool, Bool) in
            var key = key
            if entries[key] == nil && entries.count >= Limits.logRepeatPlacesMax {
                for (old, entry) in entries where entry.endsAt <= now && entry.kept == 0 { entries[old] = nil }
                if entries.count >= Limits.logRepeatPlacesMax { key = .others }
            }
            var entry = entries[key] ?? Entry(endsAt: now.adding(milliseconds: Limits.logRepeatMs), level: level)
            if entry.endsAt <= now && entry.kept == 0 {
                entry = Entry(endsAt: now.adding(milliseconds: Limits.logRepeatMs), level: level)
            }
            let passes = entry.passed < Limits.logRepeatsMax
            if passes { entry.passed += 1 } else { entry.kept += 1 }
            entry.level = max(entry.level, level)
            entries[key] = entry
            return (passes, !passes && entry.kept == 1)
        }
        if isFirstKept { wake() }
        return passes
    }

    /// When the first period ends in which a line was kept back.
    public var nextDue: MonotonicTime {
        state.withLock { entries in entries.values.reduce(.never) { $1.kept > 0 ? min($0, $1.endsAt) : $0 } }
    }

    func takeEnded(now: MonotonicTime) -> [Summary] {
        state.withLock { entries in
            var ended: [Summary] = []
            for (key, entry) in entries where entry.endsAt <= now {
                if entry.kept > 0 { ended.append(Summary(message: key.message, level: entry.level, count: entry.kept)) }
                entries[key] = nil
            }
            return ended
        }
    }

    /// Says what was kept back in the periods that are over.
    public func report(to sink: LogSink, now: MonotonicTime) {
        for summary in takeEnded(now: now) {
            OperationalLogHandler.write("\(summary.message) … and \(summary.count) more", summary.level, [:], to: sink)
        }
    }
}
