import Foundation

/// State that several threads share, and a way to wait until it is as wanted.
public final class Monitor<State>: @unchecked Sendable {
    private let condition = NSCondition()
    private var state: State

    public init(_ state: State) {
        self.state = state
    }

    @discardableResult
    public func update<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return try body(&state)
    }

    public var value: State { update { $0 } }

    /// What `body` finds in the state, as soon as it finds it; nil if the deadline passes first.
    public func wait<Found>(until deadline: Deadline, for body: (State) throws -> Found?) rethrows -> Found? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let found = try body(state) { return found }
            if deadline.hasPassed { return nil }
            _ = condition.wait(until: Date(timeIntervalSinceNow: deadline.seconds))
        }
    }
}

/// A thread of its own: tests run on few threads, which a server must not take away.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.name = name
    thread.stackSize = 1 << 20
    thread.start()
}
