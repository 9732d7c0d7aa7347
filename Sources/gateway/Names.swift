import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayTelemetry
import Logging

/// The names of servers and their addresses, looked up again and again. The supervisor owns it, and never waits for a lookup, but for a
/// bounded time at the start.
///
/// The last good addresses are kept, whatever a later lookup says: a name that is gone from the DNS for a moment, or a resolver that is
/// down, must not take origins away that are up (envoyproxy/envoy#2691).
final class Names {
    /// What the log is told, as soon as there is one.
    private struct Notice {
        let level: Logger.Level
        let message: Logger.Message
        let metadata: Logger.Metadata
    }

    private struct Name {
        /// In the resolver's order, as of when they last changed.
        var addresses: [IPAddress] = []
        var isAnswered = false
        /// The last lookup failed, and the log has been told.
        var isFailureLogged = false
        var warnedAt: MonotonicTime?
        /// Why the last lookup failed.
        var failure: String?
        /// The last lookup said that there is no such name.
        var isMissing = false
    }

    private let lookups: NameLookups
    private let registry: MetricsRegistry
    private var schedule = LookupSchedule()
    private var names: [String: Name] = [:]
    /// Lookups by host and result. Those of names that are gone stay, as their counters do in the registry: they must not fall when the
    /// names come back.
    private var counts: [String: [String: Int]] = [:]
    private var notices: [Notice] = []

    init(registry: MetricsRegistry) throws(SystemError) {
        lookups = try NameLookups()
        self.registry = registry
    }

    /// Readable when ``advance(now:)`` has something to take up.
    var fileDescriptor: Int32 { lookups.wakeup.fileDescriptor }

    /// When ``advance(now:)`` has something to begin.
    var nextDue: MonotonicTime { schedule.nextDue }

    func addresses(of host: String) -> [IPAddress] { names[host.lowercased()]?.addresses ?? [] }

    /// Looks up the names of these configurations from now on, and no others.
    func follow(_ configs: [ConfigSnapshot], anew: Bool = false) {
        var intervalsMs: [String: Int] = [:]
        for name in configs.flatMap(\.names) {
            intervalsMs[name.host] = min(intervalsMs[name.host] ?? .max, name.resolveIntervalMs)
        }
        let now = MonotonicTime.now()
        names = names.filter { intervalsMs[$0.key] != nil }
        for host in intervalsMs.keys where names[host] == nil { names[host] = Name() }
        schedule.follow(intervalsMs, now: now)
        if anew { schedule.makeAllDue(now: now) }
        beginLookups(now)
    }

    /// Takes up what lookups have brought and begins those that are due. True if the addresses of a name have changed.
    func advance(now: MonotonicTime) -> Bool {
        var hasChanged = false
        for outcome in lookups.takeAll() where take(outcome, now) { hasChanged = true }
        beginLookups(now)
        return hasChanged
    }

    private func beginLookups(_ now: MonotonicTime) {
        for host in schedule.begin(now: now) { lookups.begin(host) }
    }

    // MARK: The first answers

    /// The names of `config` that have had no answer yet, good or bad.
    func unanswered(in config: ConfigSnapshot) -> [NameConfig] {
        config.names.filter { names[$0.host]?.isAnswered != true }
    }

    /// Waits until every name of `config` has had an answer, but not longer than ``Limits/firstLookupWaitMs``.
    func awaitAnswers(for config: ConfigSnapshot) throws(SystemError) {
        if unanswered(in: config).isEmpty { return }
        var epoll = try Epoll()
        try epoll.addLevelTriggered(fileDescriptor, EventToken(kind: 0, handle: .none))
        let deadline = MonotonicTime.now().adding(milliseconds: Limits.firstLookupWaitMs)
        while !unanswered(in: config).isEmpty {
            let now = MonotonicTime.now()
            if now >= deadline { return }
            epoll.wait(timeoutMs: min(deadline, nextDue).milliseconds(after: now))
            _ = advance(now: .now())
        }
    }

    /// What is wrong with the names of `config`: those that look like a misspelt upstream's, and that no host has.
    func errors(in config: ConfigSnapshot) -> [ConfigDiagnostic] {
        config.names.compactMap { name in
            guard let hint = name.hint, let known = names[name.host], known.isMissing, known.addresses.isEmpty else { return nil }
            return ConfigDiagnostic(
                severity: .error, at: name.position, message: "there is neither an upstream nor a host of the name \"\(name.host)\"",
                expected: hint)
        }
    }

    /// What `gateway check` says of the names of `config`: an error or a warning for each that has no address now, in a bounded time.
    static func check(_ config: ConfigSnapshot) throws(SystemError) -> [ConfigDiagnostic] {
        let names = try Names(registry: MetricsRegistry())
        names.follow([config])
        try names.awaitAnswers(for: config)
        return names.errors(in: config) + names.warnings(for: config)
    }

    private func warnings(for config: ConfigSnapshot) -> [ConfigDiagnostic] {
        config.names.compactMap { name in
            guard let known = names[name.host], known.addresses.isEmpty, name.hint == nil || !known.isMissing else { return nil }
            let reason = known.failure ?? "no answer within \(Limits.firstLookupWaitMs / 1000) seconds"
            return ConfigDiagnostic(
                severity: .warning, at: name.position, message: "the name \"\(name.host)\" does not resolve now: \(reason)",
                expected: "its server gets no requests until it does")
        }
    }

    // MARK: Answers

    private func take(_ outcome: NameLookups.Outcome, _ now: MonotonicTime) -> Bool {
        let host = outcome.host
        guard var name = names[host] else {
            schedule.end(host, isFailure: false, hasAddresses: false, now: now)
            return false
        }
        name.isAnswered = true
        let before = name.addresses
        switch outcome.answer {
        case .addresses(let addresses):
            count(host, "success")
            // Resolvers turn the order with each answer: another order is no change.
            if Set(addresses) != Set(before) { name.addresses = addresses }
            name.isMissing = false
            noteSuccess(host, &name, hasChanged: name.addresses != before && !before.isEmpty)
        case .notFound(let reason):
            count(host, "not_found")
            name.isMissing = true
            noteFailure(host, reason, &name, now)
        case .failed(let reason):
            count(host, "failure")
            name.isMissing = false
            noteFailure(host, reason, &name, now)
        }
        let isFailure = if case .addresses = outcome.answer { false } else { true }
        schedule.end(host, isFailure: isFailure, hasAddresses: !name.addresses.isEmpty, now: now)
        names[host] = name
        return name.addresses != before
    }

    private func count(_ host: String, _ result: String) {
        let total = counts[host]?[result] ?? 0
        counts[host, default: [:]][result] = total + 1
        registry.set(.nameLookups, [host, result], to: Double(total + 1))
    }

    private func noteSuccess(_ host: String, _ name: inout Name, hasChanged: Bool) {
        let metadata: Logger.Metadata = ["host": "\(host)", "addresses": "\(name.addresses.count)"]
        if name.isFailureLogged {
            notices.append(Notice(level: .info, message: "a server's name resolves now", metadata: metadata))
        } else if hasChanged {
            notices.append(Notice(level: .info, message: "a server's name has other addresses", metadata: metadata))
        }
        name.isFailureLogged = false
        name.failure = nil
    }

    /// Once for each time that a name fails in a row, and not more often than ``Limits/lookupWarningIntervalMs`` for one that comes and
    /// goes.
    private func noteFailure(_ host: String, _ reason: String, _ name: inout Name, _ now: MonotonicTime) {
        name.failure = reason
        if name.isFailureLogged { return }
        if let warnedAt = name.warnedAt, now < warnedAt.adding(milliseconds: Limits.lookupWarningIntervalMs) { return }
        name.isFailureLogged = true
        name.warnedAt = now
        let remedy = name.addresses.isEmpty ? "it has no address yet" : "its last addresses are kept"
        notices.append(
            Notice(
                level: .warning, message: "a server's name does not resolve",
                metadata: ["host": "\(host)", "reason": "\(reason)", "remedy": "\(remedy)"]))
    }

    /// Notes for the log that names of `config` are served without addresses because their lookups take too long.
    func noteUnanswered(in config: ConfigSnapshot) {
        let now = MonotonicTime.now()
        for name in unanswered(in: config) {
            noteFailure(name.host, "no answer within \(Limits.firstLookupWaitMs / 1000) seconds", &names[name.host, default: Name()], now)
        }
    }

    /// Tells the log what has happened since it was last told.
    func report(to logger: Logger) {
        for notice in notices { logger.log(level: notice.level, notice.message, metadata: notice.metadata) }
        notices = []
    }
}
