import GatewayCore
import Synchronization

/// When requests have changed what GET is answered with (RFC 9111 § 4.4), by the hash of the resource. Many share a place: what is taken
/// for changed though it isn't costs a request to the origin, and is never wrong.
final class ChangedResources: Sendable {
    private final class Part: Sendable {
        let times = Mutex([MonotonicTime](repeating: .init(nanoseconds: 0), count: Limits.changedResourcesMax / ChangedResources.partCount))
    }

    private static var partCount: Int { 16 }

    private let parts = (0..<ChangedResources.partCount).map { _ in Part() }
    /// The last of all: most answers have come since.
    private let latest = Atomic<UInt64>(0)

    func note(_ resource: UInt64, now: MonotonicTime) {
        let (part, index) = place(resource)
        part.times.withLock { $0[index] = now }
        latest.max(now.nanoseconds, ordering: .releasing)
    }

    /// Whether it may have changed at `moment` or later.
    func hasChanged(_ resource: UInt64, since moment: MonotonicTime) -> Bool {
        if !hasAnyChanged(since: moment) { return false }
        let (part, index) = place(resource)
        return part.times.withLock { $0[index] >= moment }
    }

    func hasAnyChanged(since moment: MonotonicTime) -> Bool { latest.load(ordering: .acquiring) >= moment.nanoseconds }

    private func place(_ resource: UInt64) -> (part: Part, index: Int) {
        let count = UInt64(Limits.changedResourcesMax / Self.partCount)
        return (parts[Int(truncatingIfNeeded: resource >> 60)], Int(truncatingIfNeeded: resource % count))
    }
}
