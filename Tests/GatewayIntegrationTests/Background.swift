import Foundation
import TestSupport

/// Work on a thread of its own, whose outcome the test waits for.
final class Background<Value: Sendable>: Sendable {
    private let outcome = Monitor<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) {
        let outcome = outcome
        let thread = Thread {
            let result = Result { try body() }
            outcome.update { $0 = result }
        }
        thread.stackSize = 1 << 20
        thread.start()
    }

    func value(timeout: Double = Deadline.defaultSeconds) throws -> Value {
        guard let result = outcome.wait(until: Deadline(seconds: timeout), for: { $0 }) else {
            throw TestError.timedOut("the work in the background")
        }
        return try result.get()
    }
}

/// A door that one thread opens, once or several times, and another waits at.
final class Signal: Sendable {
    private let count = Monitor(0)

    func send() { count.update { $0 += 1 } }

    /// Waits until it has been sent `wanted` times in all.
    func wait(_ wanted: Int = 1, timeout: Double = Deadline.defaultSeconds) throws {
        if count.wait(until: Deadline(seconds: timeout), for: { $0 >= wanted ? true : nil }) == nil {
            throw TestError.timedOut("signal \(wanted)")
        }
    }
}
