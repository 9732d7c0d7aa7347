import Glibc

/// A steady load: each connection sends its next request as soon as its last one has been answered.
///
/// Whatever a client could complain about is a failure: a status other than 200, an answer that breaks off, a connection that
/// ends or is reset with a request on it. A connection is opened anew when an answer says `Connection: close`.
public final class LoadClient: Sendable {
    public struct Tally: Sendable {
        public fileprivate(set) var answered = 0
        /// Answers by their X-Version.
        public fileprivate(set) var versions: [String: Int] = [:]
        public fileprivate(set) var failures: [String] = []
        /// Answers that said `Connection: close`.
        public fileprivate(set) var closes = 0
        public fileprivate(set) var connects = 0
        /// Connections that could not be opened: the ordinary end of a load on a gateway that ends.
        public fileprivate(set) var refusedConnects = 0
        fileprivate var started = 0
        fileprivate var running = 0
        fileprivate var isStopped = false
    }

    public typealias Open = @Sendable () throws -> any ByteStream

    private let state: Monitor<Tally>
    private let requestsMax: Int
    private let target: String
    private let open: Open

    /// Begins at once, and goes on until ``stop()``, or until `requests` have been sent.
    public init(connections: Int, requests: Int = .max, target: String = "/", open: @escaping Open) {
        state = Monitor(Tally())
        requestsMax = requests
        self.target = target
        self.open = open
        state.update { $0.running = connections }
        for _ in 0..<connections { startThread("load") { [self] in run() } }
    }

    public var tally: Tally { state.value }

    /// Lets running requests be answered, and tells what came of all.
    @discardableResult
    public func stop(timeout: Double = 30) throws -> Tally {
        state.update { $0.isStopped = true }
        return try waitForEnd(timeout: timeout)
    }

    /// Waits until every connection has ended: all requests are answered, or the gateway takes no connections any more.
    @discardableResult
    public func waitForEnd(timeout: Double = 30) throws -> Tally {
        guard let tally = state.wait(until: Deadline(seconds: timeout), for: { $0.running == 0 ? $0 : nil }) else {
            throw TestError.timedOut("the load has not ended: \(state.value)")
        }
        return tally
    }

    /// Waits until `count` more requests have been answered than now: so much load was there meanwhile.
    public func waitForAnswers(_ count: Int, timeout: Double = 30) throws {
        let wanted = state.value.answered + count
        guard state.wait(until: Deadline(seconds: timeout), for: { $0.answered >= wanted || $0.running == 0 ? true : nil }) != nil else {
            throw TestError.timedOut("the load stands still: \(state.value)")
        }
    }

    // MARK: One connection after the other

    private func run() {
        while mayStart() {
            let connection: any ByteStream
            do {
                connection = try open()
                state.update { $0.connects += 1 }
            } catch {
                state.update { note(opening: error, &$0) }
                break
            }
            use(connection)
            connection.close()
        }
        state.update { $0.running -= 1 }
    }

    private func note(opening error: any Error, _ tally: inout Tally) {
        if case TestError.system(_, let number) = error, number == ECONNREFUSED {
            tally.refusedConnects += 1
        } else {
            tally.failures.append("opening: \(error)")
        }
    }

    private func mayStart() -> Bool {
        state.update { !$0.isStopped && $0.started < requestsMax }
    }

    /// Takes one of the requests that are left to send.
    private func takeRequest() -> Bool {
        state.update {
            if $0.isStopped || $0.started >= requestsMax { return false }
            $0.started += 1
            return true
        }
    }

    private func use(_ connection: any ByteStream) {
        while takeRequest() {
            do {
                let answer = try connection.get(target)
                let isLast = answer["Connection"]?.lowercased() == "close"
                state.update { note(answer, isLast: isLast, &$0) }
                if isLast { return }
            } catch {
                state.update { $0.failures.append("\(error)") }
                return
            }
        }
    }

    private func note(_ answer: HTTPResponse, isLast: Bool, _ tally: inout Tally) {
        tally.answered += 1
        tally.versions[answer["X-Version"] ?? "", default: 0] += 1
        if isLast { tally.closes += 1 }
        if answer.status != 200 || answer.isTruncated { tally.failures.append("\(answer.startLine) \(answer.text.prefix(200))") }
    }
}
