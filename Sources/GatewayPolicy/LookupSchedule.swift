import GatewayCore

/// Which names are to be looked up when: each again `resolve_interval` after its last answer, sooner while it has no address, never
/// twice at a time, and names that failed or have never had an answer never so many at a time that the others have to wait for them.
public struct LookupSchedule: Sendable {
    private struct Name: Sendable {
        var intervalMs: Int
        var dueAt: MonotonicTime
        var standing = Standing.unknown
    }

    /// What the lookup before said of a name; unknown before the first.
    private enum Standing: Int, Sendable { case proven, unknown, failed }

    /// How many more lookups may begin.
    private struct Room {
        var places = Limits.lookupsMax
        var forDoubtful = Limits.lookupsOfDoubtfulNamesMax
        var forFailed = Limits.lookupsOfFailedNamesMax

        init(_ running: some Sequence<Standing>) {
            for standing in running { take(standing) }
        }

        func holds(_ standing: Standing) -> Bool {
            places > 0 && (standing == .proven || forDoubtful > 0) && (standing != .failed || forFailed > 0)
        }

        mutating func take(_ standing: Standing) {
            places -= 1
            if standing != .proven { forDoubtful -= 1 }
            if standing == .failed { forFailed -= 1 }
        }
    }

    private var names: [String: Name] = [:]
    /// Lookups under way, with how their names stood when they began. Those of names that are no longer followed end by themselves.
    private var running: [String: Standing] = [:]

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

    /// The names whose lookups begin now: those that have addresses first, then new ones, then those that failed, and of each the
    /// longest due first.
    public mutating func begin(now: MonotonicTime) -> [String] {
        var room = Room(running.values)
        if room.places <= 0 { return [] }
        let due = names.filter { $0.value.dueAt <= now && running[$0.key] == nil }.sorted { left, right in
            (left.value.standing.rawValue, left.value.dueAt, left.key) < (right.value.standing.rawValue, right.value.dueAt, right.key)
        }
        var begun: [String] = []
        for (name, entry) in due where room.holds(entry.standing) {
            room.take(entry.standing)
            running[name] = entry.standing
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
        names[name]?.standing = isFailure ? .failed : .proven
    }

    /// When ``begin(now:)`` has something to begin, unless a lookup ends before.
    public var nextDue: MonotonicTime {
        let room = Room(running.values)
        return names.reduce(.never) { earliest, entry in
            if running[entry.key] != nil || !room.holds(entry.value.standing) { return earliest }
            return min(earliest, entry.value.dueAt)
        }
    }
}
