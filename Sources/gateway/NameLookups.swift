import GatewayNet
import Synchronization

/// Lookups under way: each on a thread of its own, because getaddrinfo(3) blocks, and the dead name must not hold up the others.
final class NameLookups: Sendable {
    struct Outcome: Sendable {
        let host: String
        let answer: Resolver.Answer
    }

    /// Wakes who asked when there are outcomes.
    let wakeup: Wakeup
    private let outcomes = Mutex<[Outcome]>([])

    init() throws(SystemError) {
        wakeup = try Wakeup()
    }

    func begin(_ host: String) {
        do {
            try Thread.begin(named: "resolver") { [self] in tell(host, Resolver.resolve(host: host)) }
        } catch {
            tell(host, .failed(reason: "\(error)"))
        }
    }

    private func tell(_ host: String, _ answer: Resolver.Answer) {
        outcomes.withLock { $0.append(Outcome(host: host, answer: answer)) }
        wakeup.signal()
    }

    func takeAll() -> [Outcome] {
        wakeup.clear()
        return outcomes.withLock { outcomes in
            defer { outcomes = [] }
            return outcomes
        }
    }
}
