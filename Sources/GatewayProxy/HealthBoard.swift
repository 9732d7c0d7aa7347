import GatewayCore
import GatewayNet
import GatewayPolicy
import Synchronization

/// Where changes of servers' health meet: workers put servers out as soon as they have failed too often, the supervisor takes them in
/// again, and both tell the others by one number, which every worker that has to choose among servers looks at.
public final class HealthBoard: Sendable {
    /// Requests have put a server out, or would have if not too many were out.
    public struct Notice: Sendable {
        public let server: ServerKey
        public let failures: Int
        /// nil: it stays in, as `max` says.
        public let ejection: ServerHealth.Ejection?
    }

    private struct State: Sendable {
        var notices: [Notice] = []
        /// When a server that had to stay in may be told of again.
        var overflowDueAt = MonotonicTime(nanoseconds: 0)
    }

    /// Moves with every change. What it says was changed before it moved.
    private let epoch = Atomic<Int>(0)
    private let state = Mutex(State())
    /// Wakes the supervisor when there are notices.
    public let wakeup: Wakeup

    public init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    var currentEpoch: Int { epoch.load(ordering: .acquiring) }

    private func moveOn() { epoch.add(1, ordering: .releasing) }

    // MARK: Requests

    /// Puts the server out, if not as many of its upstream are out as may be. Rare: at the end of a row of failures.
    func eject(_ server: ServerHealth, of upstream: UpstreamHealth, failures: Int, reason: @autoclosure () -> String, now: MonotonicTime) {
        guard let rules = upstream.outlier, !server.isEjected else { return }
        let isNews = state.withLock { state in
            // Another worker may have come first.
            if server.isEjected { return false }
            let all = upstream.servers.joined()
            let outMax = EjectionTerm.outMax(of: all.count, percent: rules.maxPercent)
            if all.count(where: \.isEjected) >= outMax {
                if now < state.overflowDueAt { return false }
                state.overflowDueAt = now.adding(milliseconds: Limits.connectionLogMs)
                state.notices.append(Notice(server: server.key, failures: failures, ejection: nil))
                return true
            }
            let termMs = server.record.withLock { $0.term.begin(firstMs: rules.ejectMs, now: now) }
            let until = now.adding(milliseconds: termMs)
            let ejection = ServerHealth.Ejection(until: until, termMs: termMs, reason: reason())
            server.setEjected(ejection)
            state.notices.append(Notice(server: server.key, failures: failures, ejection: ejection))
            return true
        }
        if !isNews { return }
        moveOn()
        wakeup.signal()
    }

    // MARK: The supervisor

    /// What has happened since this was last asked.
    public func takeNotices() -> [Notice] {
        wakeup.clear()
        return state.withLock { state in
            defer { state.notices = [] }
            return state.notices
        }
    }

    /// The server is in again, as far as requests go.
    public func readmit(_ server: ServerHealth, now: MonotonicTime) {
        state.withLock { _ in
            server.record.withLock { $0.term.end(now: now) }
            server.setEjected(nil)
        }
        moveOn()
    }

    /// Checks say that the server is down, or up again.
    public func setDown(_ server: ServerHealth, _ isDown: Bool) {
        if server.setDown(isDown) { moveOn() }
    }
}
