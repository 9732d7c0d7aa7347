import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayProxy
import GatewayTelemetry
import Glibc
import Logging
import Synchronization

/// Why the gateway does not start.
struct StartRefusal: Error {
    let text: String
}

/// The main thread: it reads the configuration, keeps the workers, answers signals and the admin listener. No request waits for it.
final class Supervisor {
    private enum Kind {
        static let signals: UInt8 = 0
        static let workers: UInt8 = 1
        static let admin: UInt8 = 2
        static let adminConnection: UInt8 = 3
        static let names: UInt8 = 4
        static let health: UInt8 = 5
        static let healthProbe: UInt8 = 6
        static let spans: UInt8 = 7
        static let collector: UInt8 = 8
    }

    /// A configuration that was read and waits for the first answers about its names.
    private struct Candidate {
        let snapshot: ConfigSnapshot
        let certificates: Certificates
        let sources: [ConfigSource]
        let diagnostics: [ConfigDiagnostic]
        let deadline: MonotonicTime
    }

    private let configPath: String
    private let registry = MetricsRegistry()
    private let signals: SignalSource
    private var epoll: Epoll
    private(set) var logs: Logs
    private var listeners = Listeners()
    private var endpoints = Endpoints()
    private var connectionCounts = ConnectionCounts()
    private var rateLimits = RateLimitTables()
    private var caches: CacheZoneTable
    private let names: Names
    private var candidate: Candidate?
    private(set) var record: ConfigRecord
    private let addresses = AddressLimits()
    private let failures = OriginFailures()
    private let maintenance = MaintenanceFlags()
    private let health: HealthKeeper
    private let checks: HealthChecks
    private let exporter: SpanExporter
    /// TLS of the servers of the configuration in force.
    private var origins: [OriginKey: TLSOrigin] = [:]
    /// When the workers got addresses last, and when they are due to get those that have changed since.
    private var tableSentAt = MonotonicTime(nanoseconds: 0)
    private var tableDue = MonotonicTime.never
    /// The listeners that the log has been told of, by number, and whether they speak TLS.
    private var announced: [Int: Bool] = [:]
    private var announcedAdmin: SocketAddress?
    private let admin: AdminServer
    private(set) var config: ConfigSnapshot
    private var generation = 0
    /// A reload that some worker has yet to take up: until then it is not called done.
    private var pendingReload: Int?

    /// The workers' places; one that is told to end leaves its place at once.
    private var mailboxes: [WorkerMailbox] = []
    private let roster = WorkerRoster()
    private var isDraining = false

    /// Reads the configuration, binds, and begins the workers: when it returns, requests are answered.
    init(configPath: String) throws {
        self.configPath = configPath
        record = ConfigRecord(path: configPath)
        try Privileges.forbidMore()
        DescriptorLimit.raise()
        signals = try SignalSource([SIGHUP, SIGTERM, SIGQUIT, SIGINT, SIGUSR1])
        epoll = try Epoll()
        let roster = roster
        logs = try Logs { roster.wakeup.signal() }
        caches = CacheZoneTable { roster.sendAll(.forgetKeys) }
        let loaded = ConfigLoader.load(path: configPath, environment: Environment.current)
        guard let snapshot = loaded.snapshot else { throw StartRefusal(loaded.diagnostics) }
        config = snapshot
        admin = try AdminServer(registry: registry)
        names = try Names(registry: registry)
        health = try HealthKeeper(registry: registry)
        checks = try HealthChecks(registry: registry)
        exporter = try SpanExporter(registry: registry)
        let certificates = Certificates(snapshot)
        if certificates.diagnostics.contains(where: { $0.severity == .error }) {
            throw StartRefusal(loaded.diagnostics + certificates.diagnostics)
        }
        for diagnostic in loaded.diagnostics + certificates.diagnostics { Console.error(diagnostic.text) }
        names.follow([snapshot])
        do {
            try names.awaitAnswers(for: snapshot)
            let errors = names.errors(in: snapshot)
            if !errors.isEmpty { throw StartRefusal(errors) }
            try adopt(snapshot, certificates)
            registry.replace(.certificateExpiry, with: certificates.expiries)
            record.accept(loaded.sources, loaded.diagnostics + certificates.diagnostics)
        } catch let refusal as StartRefusal {
            throw refusal
        } catch {
            throw StartRefusal(text: "\(error)")
        }
        try epoll.addLevelTriggered(names.fileDescriptor, EventToken(kind: Kind.names, handle: .none))
        try epoll.addLevelTriggered(health.board.wakeup.fileDescriptor, EventToken(kind: Kind.health, handle: .none))
        try epoll.addLevelTriggered(exporter.queue.wakeup.fileDescriptor, EventToken(kind: Kind.spans, handle: .none))
        try epoll.addLevelTriggered(signals.fileDescriptor, EventToken(kind: Kind.signals, handle: .none))
        try epoll.addLevelTriggered(roster.wakeup.fileDescriptor, EventToken(kind: Kind.workers, handle: .none))
        admin.noteStart()
        admin.health = { [unowned self] in healthReport() }
        admin.record = { [unowned self] in record }
        admin.live.sources = { [unowned self] in liveSources() }
        warnOfUser()
        registry.set(.buildInfo, [Version.gateway, Version.swift, Version.openSSL], to: 1)
        logAddresses()
        logs.announcer.info("ready", metadata: ["workers": "\(config.workers)"])
    }

    /// Until a signal ends the process and the last worker has gone.
    func run() {
        while !(isDraining && roster.running == 0 && exporter.mayEnd(now: .now())) {
            epoll.wait(timeoutMs: waitTimeoutMs())
            for index in 0..<epoll.eventCount {
                let (token, readiness) = epoll.event(index)
                switch token.kind {
                case Kind.signals: while let number = signals.next() { receive(number) }
                case Kind.workers:
                    roster.wakeup.clear()
                    tellReload()
                case Kind.names, Kind.health, Kind.spans: break
                case Kind.collector: exporter.drive(token.handle, readiness)
                case Kind.healthProbe: checks.drive(token.handle, readiness)
                case Kind.admin: admin.hasNewcomers = true
                default: admin.note(token.handle, readiness)
                }
            }
            admin.serve(&epoll, connectionKind: Kind.adminConnection) { self.updateGauges() }
            admin.tick(epoll)
            tendHealth()
            tendNames()
            tendSpans()
            maintenance.look(now: .now(), logs.logger)
        }
        exporter.report(to: logs.logger)
        logs.announcer.info("ended")
        logs.close()
    }

    private func waitTimeoutMs() -> Int32 {
        let due = min(
            names.nextDue, tableDue, candidate?.deadline ?? .never, maintenance.nextLook, health.nextDue, checks.nextDue,
            exporter.nextDue, logs.repeatsDue
        ).milliseconds(after: .now())
        if due < 0 || admin.timeoutMs < 0 { return max(due, admin.timeoutMs) }
        return min(due, admin.timeoutMs)
    }

    // MARK: Names

    /// Takes up what lookups have brought: the workers get other addresses, at once but not each time anew when names change in quick
    /// succession, and a reload that waits for them goes on.
    private func tendNames() {
        let now = MonotonicTime.now()
        if names.advance(now: now) {
            followChecks(now: now)
            noteAddresses()
        }
        if now >= tableDue {
            roster.sendAll(.endpoints(endpoints.table(config, names, isDown: isDown)))
            tableSentAt = now
            tableDue = .never
        }
        names.report(to: logs.announcer)
        if let waiting = candidate, now >= waiting.deadline || names.unanswered(in: waiting.snapshot).isEmpty { adoptCandidate() }
    }

    /// Workers get other addresses, at once but not each time anew when they change in quick succession.
    private func noteAddresses() {
        tableDue = min(tableDue, tableSentAt.adding(milliseconds: Limits.endpointTableIntervalMs))
    }

    private func tendSpans() {
        exporter.advance(epoll, kind: Kind.collector, now: .now()) { host in IPAddress(host).map { [$0] } ?? names.addresses(of: host) }
        exporter.report(to: logs.logger)
        logs.tendRepeats(now: .now())
    }

    // MARK: Health

    private func tendHealth() {
        let now = MonotonicTime.now()
        if checks.advance(epoll, kind: Kind.healthProbe, now: now) {
            health.follow(checks, config, addresses: addresses(of:))
            noteAddresses()
            checks.report(to: logs.announcer)
        }
        health.tend(now: now, logs.announcer)
    }

    /// The servers or their addresses have changed.
    private func followChecks(now: MonotonicTime) {
        checks.follow(health.targets(in: config, origins, addresses: addresses(of:)), now: now)
        health.follow(checks, config, addresses: addresses(of:))
    }

    private func addresses(of server: UpstreamConfig.Server) -> [SocketAddress] {
        let found = IPAddress(server.host).map { [$0] } ?? names.addresses(of: server.host)
        return found.map { SocketAddress(address: $0, port: server.port) }
    }

    private func isDown(_ key: HealthTarget.Key) -> Bool { checks.target(key)?.tally.isUp == false }

    private func receive(_ signal: Int32) {
        switch signal {
        case SIGHUP: reload()
        case SIGUSR1: logs.reopen()
        default: end(signal)
        }
    }

    // MARK: Reload

    private func reload() {
        if isDraining { return }
        // One that still waits for its names has waited long enough.
        adoptCandidate()
        let loaded = ConfigLoader.load(path: configPath, environment: Environment.current)
        var diagnostics = loaded.diagnostics
        var failure: String?
        if let snapshot = loaded.snapshot {
            let certificates = Certificates(snapshot)
            diagnostics += certificates.diagnostics
            if certificates.diagnostics.contains(where: { $0.severity == .error }) {
                failure = "a certificate or key cannot be used"
            } else {
                let deadline = MonotonicTime.now().adding(milliseconds: Limits.firstLookupWaitMs)
                candidate = Candidate(
                    snapshot: snapshot, certificates: certificates, sources: loaded.sources, diagnostics: diagnostics, deadline: deadline)
            }
        } else {
            failure = "the configuration has errors"
        }
        for diagnostic in diagnostics { log(diagnostic) }
        if let failure {
            record.refuse(failure, diagnostics)
            endReload(failure: failure)
        } else if let waiting = candidate {
            names.follow([config, waiting.snapshot], anew: true)
            tendNames()
        }
    }

    /// What the file says is taken up, as far as its names are known.
    private func adoptCandidate() {
        guard let candidate else { return }
        self.candidate = nil
        let errors = names.errors(in: candidate.snapshot)
        for diagnostic in errors { log(diagnostic) }
        do {
            if errors.isEmpty {
                try adopt(candidate.snapshot, candidate.certificates)
                registry.replace(.certificateExpiry, with: candidate.certificates.expiries)
                record.accept(candidate.sources, candidate.diagnostics)
            }
            let failure = errors.isEmpty ? nil : "a name is that of no upstream and of no host"
            if let failure { record.refuse(failure, candidate.diagnostics + errors) }
            endReload(failure: failure)
        } catch {
            record.refuse("\(error)", candidate.diagnostics)
            endReload(failure: "\(error)")
        }
        names.follow([config])
    }

    private func endReload(failure: String?) {
        if let failure {
            admin.noteReload(isSuccess: false)
            logs.announcer.error("reload failed: the configuration before it stays", metadata: ["reason": "\(failure)"])
        } else {
            admin.noteReload(isSuccess: true)
            pendingReload = generation
            tellReload()
        }
    }

    /// Says that a reload is done as soon as every worker serves by it.
    private func tellReload() {
        guard let pending = pendingReload, mailboxes.allSatisfy({ $0.adoptedGeneration >= pending }) else { return }
        pendingReload = nil
        logAddresses()
        logs.announcer.info("reloaded", metadata: ["generation": "\(generation)", "workers": "\(config.workers)"])
    }

    private func log(_ diagnostic: ConfigDiagnostic) {
        let level: Logger.Level = diagnostic.severity == .error ? .error : .warning
        for line in diagnostic.text.split(separator: "\n") { logs.announcer.log(level: level, "\(line)") }
    }

    /// Makes `snapshot` the configuration in force. Whatever can fail comes before the first change.
    private func adopt(_ snapshot: ConfigSnapshot, _ certificates: Certificates) throws {
        var numbered = endpoints
        numbered.secure(snapshot, certificates.origins)
        let resolved = numbered.table(snapshot, names, isDown: isDown)
        connectionCounts.dropUnused()
        var counts = connectionCounts
        let limits = counts.limits(for: snapshot)
        var tables = rateLimits
        let buckets = tables.tables(for: snapshot)
        var cacheZones = caches
        let zones = try cacheZones.zones(for: snapshot)
        let serversHealth = health.health(for: snapshot)
        let addresses = snapshot.servers.flatMap(\.listens).map(\.address).uniqued()
        let kept = min(mailboxes.count, snapshot.workers)
        let change = try listeners.prepare(addresses, workers: snapshot.workers, newWorkers: kept..<snapshot.workers)
        let logsBefore = logs
        var fresh: [WorkerMailbox] = []
        let deployment: Deployment
        let flags: [String: MaintenanceFlag]
        do {
            try admin.prepare(snapshot.admin, &epoll, EventToken(kind: Kind.admin, handle: .none))
            if generation == 0 { try giveUpRoot(snapshot.user, change) }
            try logs.prepare(snapshot)
            flags = maintenance.flags(for: snapshot)
            deployment = makeDeployment(
                snapshot, listeners.open(addresses, after: change), resolved, limits, buckets, zones, certificates, flags, serversHealth)
            for index in kept..<snapshot.workers {
                fresh.append(try roster.begin(index: index, RouteTable(deployment, registry: registry), registry: registry))
            }
        } catch {
            for mailbox in fresh { mailbox.send(.drain(deadline: .now())) }
            listeners.undo(change)
            admin.cancel()
            logs = logsBefore
            throw error
        }
        listeners.commit(change)
        admin.commit()
        if generation > 0 && snapshot.user != config.user {
            logs.announcer.warning("user has changed: that takes a restart")
        }
        config = snapshot
        endpoints = numbered
        connectionCounts = counts
        rateLimits = tables
        caches = cacheZones
        admin.caches = cacheZones
        maintenance.follow(flags, now: .now())
        origins = certificates.origins
        exporter.follow(snapshot.tracing, certificates.collector)
        health.follow(serversHealth, snapshot, now: .now())
        followChecks(now: .now())
        generation += 1
        names.noteUnanswered(in: snapshot)
        names.report(to: logs.announcer)
        hand(deployment, change, kept: kept, fresh)
    }

    private func makeDeployment(
        _ snapshot: ConfigSnapshot, _ open: [(ListenAddress, Listeners.Open)], _ resolved: EndpointTable,
        _ limits: [ServerKey: ConnectionLimit], _ buckets: [BucketTable], _ zones: [ResponseCache], _ certificates: Certificates,
        _ flags: [String: MaintenanceFlag], _ serversHealth: [UpstreamHealth]
    ) -> Deployment {
        let listeners = open.map { address, listener in
            Deployment.Listener(id: listener.id, address: address, bound: listener.bound, tls: certificates.listenerContext(address))
        }
        let watched = zip(snapshot.upstreams, serversHealth).filter { $0.0.outlier != nil || $0.0.healthCheck != nil }
        return Deployment(
            generation: generation + 1, config: snapshot, listeners: listeners, endpoints: resolved, limits: limits,
            origins: certificates.origins, clientVerifications: certificates.contexts.map { $0?.clients }, addresses: addresses,
            failures: failures, health: Dictionary(uniqueKeysWithValues: watched.map { ($0.0.name, $0.1) }), maintenance: flags,
            buckets: buckets, caches: zones, accessLog: logs.access, logger: logs.logger, spans: exporter.queue)
    }

    private func hand(_ deployment: Deployment, _ change: Listeners.Change, kept: Int, _ fresh: [WorkerMailbox]) {
        for index in 0..<kept {
            let table = RouteTable(deployment, registry: registry)
            mailboxes[index].send(.snapshot(table, opened: change.sockets[index], closed: change.closed))
        }
        for (index, mailbox) in fresh.enumerated() { mailbox.send(.listen(change.sockets[kept + index])) }
        // A worker that is no longer wanted finishes what it has, however long that takes.
        for mailbox in mailboxes.dropFirst(kept) { mailbox.send(.drain(deadline: .never)) }
        mailboxes = mailboxes.prefix(kept) + fresh
    }

    /// Says where the gateway listens, as far as that is news.
    private func logAddresses() {
        var listening: [Int: Bool] = [:]
        for listen in config.servers.flatMap(\.listens) {
            guard let open = listeners.open[listen.address], listening.updateValue(listen.isTLS, forKey: open.id) == nil,
                announced[open.id] != listen.isTLS
            else { continue }
            logs.announcer.info("listening", metadata: ["address": "\(open.bound)", "tls": "\(listen.isTLS)"])
        }
        announced = listening
        if let bound = admin.bound, bound != announcedAdmin { logs.announcer.info("admin listening", metadata: ["address": "\(bound)"]) }
        announcedAdmin = admin.bound
    }

    // MARK: The end

    /// The first signal lets running requests finish, the second ends them.
    private func end(_ signal: Int32) {
        let now = MonotonicTime.now()
        let deadline = isDraining ? now : now.adding(milliseconds: config.shutdownTimeoutMs)
        if candidate != nil {
            candidate = nil
            endReload(failure: "the gateway ends")
        }
        if isDraining { exporter.hurry(now: now) }
        if !isDraining { logs.announcer.info("ending: running requests have shutdown_timeout to finish") }
        isDraining = true
        admin.isReady = false
        roster.sendAll(.drain(deadline: deadline))
    }

    // MARK: What the admin listener tells

    private func healthReport() -> HealthReport {
        health.report(checks, config, now: .now(), addresses: addresses(of:))
    }

    private func liveSources() -> LiveFeed.Sources {
        updateGauges()
        return LiveFeed.Sources(
            config: config, health: healthReport(), zones: caches.stats(), isDraining: isDraining, configuration: record.summary)
    }

    private func updateGauges() {
        registry.set(.logLinesDropped, ["access"], to: Double(logs.droppedAccessLines))
        maintenance.updateGauge(config, registry)
        caches.updateGauges(registry)
        health.updateGauge(config) { !addresses(of: $0).isEmpty }
        registry.set(.logLinesDropped, ["error"], to: Double(logs.droppedErrorLines))
    }
}

extension StartRefusal {
    init(_ diagnostics: [ConfigDiagnostic]) {
        text = diagnostics.map(\.text).joined(separator: "\n")
    }
}

extension Array where Element: Hashable {
    /// Each element once, at its first place.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
