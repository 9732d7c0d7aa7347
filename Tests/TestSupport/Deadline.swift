import Foundation
import Glibc

/// A moment after which waiting is given up.
public struct Deadline: Sendable {
    private let nanoseconds: UInt64

    /// Generous: a wait ends when its state is there, so only a test that fails waits for so long.
    public static let defaultSeconds = 30.0

    /// By how much waits are longer where programs are slow: GATEWAY_TEST_PATIENCE, which `make test-asan` and `make test-tsan` set.
    public static let patience = ProcessInfo.processInfo.environment["GATEWAY_TEST_PATIENCE"].flatMap(Double.init) ?? 1

    /// Who takes nothing for so long is taken to be blocked, and not just busy.
    public static let quietSeconds = 0.3 * patience
    /// A `send_timeout` that ends after that.
    public static let sendTimeoutMs = Int(4_000 * quietSeconds)

    /// From here on a wait is for something that will come, however long that takes. Shorter ones are what a test does, or how it sees
    /// that nothing comes, and stay as they are.
    private static let patientSeconds = 5.0

    public init(seconds: Double = Self.defaultSeconds) {
        nanoseconds = Self.now() + UInt64(seconds * (seconds < Self.patientSeconds ? 1 : Self.patience) * 1e9)
    }

    public var hasPassed: Bool { Self.now() >= nanoseconds }

    public var seconds: Double {
        let now = Self.now()
        return now >= nanoseconds ? 0 : Double(nanoseconds - now) / 1e9
    }

    /// For poll(2): rounded up, so that a wait that has time left is never a busy loop.
    var milliseconds: Int32 { Int32(min((seconds * 1e3).rounded(.up), 1e9)) }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Waits until `condition` holds; asks again every few milliseconds. What `condition` throws counts as "not yet".
public func eventually(_ what: String = "the condition", timeout: Double = Deadline.defaultSeconds, _ condition: () throws -> Bool) throws {
    let deadline = Deadline(seconds: timeout)
    while true {
        let result = Result { try condition() }
        if case .success(true) = result { return }
        if deadline.hasPassed {
            if case .failure(let error) = result { throw TestError.timedOut("\(what): \(error)") }
            throw TestError.timedOut(what)
        }
        usleep(3_000)
    }
}
