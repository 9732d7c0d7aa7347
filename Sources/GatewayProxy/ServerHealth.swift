import GatewayCore
import GatewayPolicy
import Synchronization

/// What is known of one server's health: one for the process, shared by all workers and kept over reloads.
public final class ServerHealth: Sendable {
    /// Why requests have put it out.
    public struct Ejection: Sendable {
        public let until: MonotonicTime
        public let termMs: Int
        /// What the last of the failures was.
        public let reason: String
    }

    struct Record: Sendable {
        var term = EjectionTerm()
        var ejection: Ejection?
    }

    private enum Flag {
        static let ejected: UInt8 = 1
        static let down: UInt8 = 2
    }

    public let key: ServerKey
    let record = Mutex(Record())
    private let flags = Atomic<UInt8>(0)
    private let failures = Atomic<Int>(0)

    init(key: ServerKey) {
        self.key = key
    }

    /// Whether it gets no requests, as long as another server can take them.
    public var isOut: Bool { flags.load(ordering: .relaxed) != 0 }
    /// By what became of requests.
    public var isEjected: Bool { flags.load(ordering: .relaxed) & Flag.ejected != 0 }
    /// By what it answered to checks, at all of its addresses.
    public var isDown: Bool { flags.load(ordering: .relaxed) & Flag.down != 0 }

    public var ejection: Ejection? { record.withLock { $0.ejection } }

    // MARK: Requests

    /// A request was answered as it should be. A load in most cases: the line stays in the caches of all cores.
    func noteSuccess() {
        if failures.load(ordering: .relaxed) != 0 { failures.store(0, ordering: .relaxed) }
    }

    /// One more has failed; returns how many that are in a row.
    func noteFailure() -> Int { failures.add(1, ordering: .relaxed).newValue }

    // MARK: What the board changes

    func setEjected(_ ejection: Ejection?) {
        record.withLock { $0.ejection = ejection }
        failures.store(0, ordering: .relaxed)
        set(Flag.ejected, ejection != nil)
    }

    /// False if nothing has changed.
    func setDown(_ isDown: Bool) -> Bool {
        if self.isDown == isDown { return false }
        set(Flag.down, isDown)
        return true
    }

    private func set(_ flag: UInt8, _ isOn: Bool) {
        if isOn { flags.bitwiseOr(flag, ordering: .relaxed) } else { flags.bitwiseAnd(~flag, ordering: .relaxed) }
    }
}

/// The health of the servers of one upstream, as one configuration has them.
public final class UpstreamHealth: Sendable {
    let board: HealthBoard
    public let name: String
    let outlier: OutlierRules?
    public var hasOutlier: Bool { outlier != nil }
    /// Of each version.
    public let servers: [[ServerHealth]]

    public struct OutlierRules: Sendable {
        let errors: Int
        let ejectMs: Int
        let maxPercent: Int

        public init(errors: Int, ejectMs: Int, maxPercent: Int) {
            self.errors = errors
            self.ejectMs = ejectMs
            self.maxPercent = maxPercent
        }
    }

    /// - Parameter known: what is known already of a server.
    public init(_ name: String, keys: [[ServerKey]], outlier: OutlierRules?, board: HealthBoard, known: [ServerKey: ServerHealth]) {
        self.name = name
        self.outlier = outlier
        self.board = board
        servers = keys.map { $0.map { known[$0] ?? ServerHealth(key: $0) } }
    }
}
