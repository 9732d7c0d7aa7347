import GatewayCore

/// Which names are to be looked up when: each again `resolve_interval` after its last answer, sooner while it has no address, never
/// twice at a time, and names that failed never so many at a time that the others have to wait for them.
public struct LookupSchedule: Sendable {
    private struct Name: Sendable {
        var intervalMs: Int
        var dueAt: MonotonicTime
        var hasFailed = false
    }

    private var names: [String: Name] = [:]
    /// Lookups under way, and whether the one before failed. Those of names that are no longer followed end by themselves.
    private var running: [String: Bool] = [:]

    public init() {}

    /// Follows these names from now on, and no others. New ones are due at once.
    public mutating func follow(_ intervalsMs: [String: Int], now: MonotonicTime) {
        let before = names
        names = [:]
        for (name, intervalMs) in intervalsMs {
            var entry = before[name] ?? Name(intervalMs: intervalMs, dueAt: now)
            entry.intervalMs = intervalMs
            entry.dueAt = min(entry.dueAt, now.adding(milliseconds: intervalMs))
            names[name] = entry
        }
    }

    /// Whoever asks for a reload may know that something has changed.
    public mutating func makeAllDue(now: MonotonicTime) {
        for name in names.keys { names[name]?.dueAt = now }
    }

    /// The names whose lookups begin now. Of those that are due the longest first, names that failed after the others.
    public mutating func begin(now: MonotonicTime) -> [String] {
        var room = Limits.lookupsMax - running.count
        var roomForFailed = Limits.lookupsOfFailedNamesMax - running.values.count { $0 }
        if room <= 0 { return [] }
        let due = names.filter { $0.value.dueAt <= now && running[$0.key] == nil }.sorted { left, right in
            if left.value.hasFailed != right.value.hasFailed { return right.value.hasFailed }
            return (left.value.dueAt, left.key) < (right.value.dueAt, right.key)
        }
        var begun: [String] = []
        for (name, entry) in due where room > 0 && (!entry.hasFailed || roomForFailed > 0) {
            if entry.hasFailed { roomForFailed -= 1 }
            room -= 1
            running[name] = entry.hasFailed
            begun.append(name)
        }
        return begun
    }

    /// The lookup of `name` has ended. `hasAddresses` says whether the name has any, from this lookup or from one before.
    public mutating func end(_ name: String, isFailure: Bool, hasAddresses: Bool, now: MonotonicTime) {
        running[name] = nil
        guard let entry = names[name] else { return }
        let waitMs = hasAddresses ? entry.intervalMs : min(entry.intervalMs, Limits.unresolvedRetryMs)
        names[name]?.dueAt = now.adding(milliseconds: waitMs)
        names[name]?.hasFailed = isFailure
    }

    /// When ``begin(now:)`` has something to begin, unless a lookup ends before.
    public var nextDue: MonotonicTime {
        if running.count >= Limits.lookupsMax { return .never }
        let isFullOfFailed = running.values.count { $0 } >= Limits.lookupsOfFailedNamesMax
        return names.reduce(.never) { earliest, entry in
            if running[entry.key] != nil || (entry.value.hasFailed && isFullOfFailed) { return earliest }
            return min(earliest, entry.value.dueAt)
        }
    }
}
