import GatewayConfig
import GatewayCore
import GatewayTelemetry

/// What `/events` tells, made on the main thread from the cells that `/metrics` shows. Readings go on while nobody watches: whoever comes
/// when something has happened is told of the minutes before.
final class LiveFeed {
    /// What is known beside the metrics.
    struct Sources {
        let config: ConfigSnapshot
        let health: HealthReport
        let zones: [CacheZoneStats]
        let isDraining: Bool
        let configuration: LiveReading.Configuration
    }

    private let registry: MetricsRegistry
    /// Readings of the last moments, for the sentence.
    private var recent: [LiveReading] = []
    /// Data of events of the last minutes, the oldest first, each with its ``LiveReading/clock``.
    private var past: [(clock: Double, data: [UInt8])] = []
    var sources: (() -> Sources)?

    init(registry: MetricsRegistry) {
        self.registry = registry
    }

    /// The data of the next event; nil as long as no configuration is in force.
    func next() -> [UInt8]? {
        guard let sources = sources?() else { return nil }
        let clock = Self.clock
        var reading = Self.reading(registry.reading(), sources, clock: clock)
        let window = Double(Limits.verdictWindowMs) / 1000
        recent.removeAll { $0.clock < clock - window }
        reading.verdict = LiveJudge.verdict(reading, since: recent.first)
        recent.append(reading)
        let data = Array(reading.json.text.utf8)
        keep(data, clock)
        return data
    }

    private static var clock: Double { Double(MonotonicTime.now().nanoseconds) / 1e9 }

    /// What was told in the last minutes, but for the last moment, which the next event tells better.
    var history: [[UInt8]] {
        let last = Self.clock - Double(Limits.eventIntervalMs) / 1000
        return past.prefix { $0.clock <= last }.map(\.data)
    }

    private func keep(_ data: [UInt8], _ clock: Double) {
        // A little less than the interval, which is not kept to the millisecond.
        if let last = past.last, clock - last.clock < 0.9 * Double(Limits.pastIntervalMs) / 1000 { return }
        past.append((clock, data))
        past.removeAll { clock - $0.clock > Double(Limits.pastMs) / 1000 }
        // Of large readings every second one goes, so that what is left still reaches as far back.
        while past.count > 1, past.reduce(0, { $0 + $1.data.count }) > Limits.pastBytesMax {
            let last = past.count - 1
            past = past.indices.filter { (last - $0).isMultiple(of: 2) }.map { past[$0] }
        }
    }

    /// The listener is closed.
    func forget() {
        recent.removeAll()
        past.removeAll()
    }

    // MARK: From the metrics

    static func reading(_ metrics: MetricsReading, _ sources: Sources, clock: Double) -> LiveReading {
        var reading = LiveReading()
        reading.time = Double(MonotonicTime.wallClockNanoseconds() / 1_000_000) / 1000
        reading.clock = clock
        reading.gateway = Version.gateway
        reading.isDraining = sources.isDraining
        for (_, statuses) in metrics.statuses(.requests) { reading.requests += statuses }
        for (_, durations) in metrics.durations(.requestDuration) { reading.durations += durations }
        for (_, durations) in metrics.durations(.eventLoopLag) { reading.loopLag += durations }
        reading.refusals = metrics.sums(.refusals, by: 0).filter { $0.value > 0 }
        for (labels, count) in metrics.counts(.aiTokens) {
            if labels[3] == "input" { reading.inputTokens += count } else { reading.outputTokens += count }
        }
        reading.upstreams = upstreams(metrics, sources)
        reading.zones = zones(metrics, sources.zones)
        reading.limits = limits(metrics, sources.config)
        reading.certificates = metrics.values(.certificateExpiry).map {
            LiveReading.Certificate(server: $0.labels[0], file: $0.labels[1], ends: $0.value)
        }
        for (labels, value) in metrics.values(.connections) {
            if labels[0] == "active" { reading.connectionsActive += Int(value) } else { reading.connectionsIdle += Int(value) }
        }
        reading.connectionsAccepted = metrics.counts(.connectionsAccepted).reduce(0) { $0 + $1.count }
        reading.connectionsRefused = metrics.counts(.connectionsRefused).reduce(0) { $0 + $1.count }
        reading.maintenance = metrics.values(.maintenance).filter { $0.value == 1 }.map {
            // A whole server's has no location.
            $0.labels.filter { !$0.isEmpty }.joined(separator: " ")
        }
        reading.configuration = sources.configuration
        reading.configuration.acceptedAt = metrics.values(.configLastReloadSuccessTime).first?.value ?? 0
        reading.process = process(metrics, workers: sources.config.workers)
        return reading
    }

    private static func upstreams(_ metrics: MetricsReading, _ sources: Sources) -> [LiveReading.Upstream] {
        var statuses: [[String]: StatusClasses] = [:]
        for (labels, classes) in metrics.statuses(.upstreamRequests) {
            statuses[Array(labels.prefix(2)), default: StatusClasses()] += classes
        }
        var durations: [[String]: Durations] = [:]
        for (labels, times) in metrics.durations(.upstreamResponseDuration) {
            durations[Array(labels.prefix(2)), default: Durations()] += times
        }
        var connections: [[String]: Double] = [:]
        for (labels, value) in metrics.values(.upstreamConnections) { connections[[labels[0], labels[2]], default: 0] += value }
        let diverted = Dictionary(metrics.counts(.upstreamDiverted).map { ($0.labels, $0.count) }) { $0 + $1 }
        let retries = metrics.sums(.upstreamRetries, by: 0)
        return zip(sources.config.upstreams, sources.health.upstreams).map { config, health in
            let versions = config.versions.map { version in
                let key = [config.name, version.name]
                return LiveReading.Version(
                    name: version.name, weight: version.weight, statuses: statuses[key] ?? StatusClasses(),
                    durations: durations[key] ?? Durations(), diverted: diverted[key] ?? 0)
            }
            return LiveReading.Upstream(
                name: config.name, status: health.status, versions: versions, servers: health.servers.map(LiveReading.Server.init),
                connectionsActive: Int(connections[[config.name, "active"]] ?? 0),
                connectionsIdle: Int(connections[[config.name, "idle"]] ?? 0), retries: retries[config.name] ?? 0)
        }
    }

    private static func zones(_ metrics: MetricsReading, _ stats: [CacheZoneStats]) -> [LiveReading.Zone] {
        let results = metrics.counts(.cacheRequests)
        let tokens = metrics.counts(.cacheSavedTokens)
        let seconds = metrics.sums(.cacheSavedOriginTime, by: 0)
        let evicted = Dictionary(metrics.values(.cacheEvicted).map { ($0.labels[0], UInt64($0.value)) }) { $1 }
        return stats.map { zone in
            let ours = results.filter { $0.labels[0] == zone.name && $0.count > 0 }
            return LiveReading.Zone(
                name: zone.name, entries: zone.entries, bytes: zone.bytes, capacityBytes: zone.capacityBytes,
                evicted: evicted[zone.name] ?? 0, results: Dictionary(ours.map { ($0.labels[1], $0.count) }) { $0 + $1 },
                savedInputTokens: tokens.filter { $0.labels == [zone.name, "input"] }.reduce(0) { $0 + $1.count },
                savedOutputTokens: tokens.filter { $0.labels == [zone.name, "output"] }.reduce(0) { $0 + $1.count },
                savedSeconds: Double(seconds[zone.name] ?? 0) / 1e9)
        }
    }

    private static func limits(_ metrics: MetricsReading, _ config: ConfigSnapshot) -> [LiveReading.Limit] {
        let passed = metrics.sums(.rateLimitPassed, by: 0)
        let limited = metrics.counts(.rateLimited)
        return config.rateLimits.map { limit in
            let ours = limited.filter { $0.labels[0] == limit.name }
            return LiveReading.Limit(
                name: limit.name, passed: passed[limit.name] ?? 0,
                refused: ours.filter { $0.labels[1] != "dry_run" }.reduce(0) { $0 + $1.count },
                dryRun: ours.filter { $0.labels[1] == "dry_run" }.reduce(0) { $0 + $1.count })
        }
    }

    private static func process(_ metrics: MetricsReading, workers: Int) -> LiveReading.Process {
        let values = metrics.process()
        let dropped = metrics.values(.logLinesDropped).reduce(0) { $0 + $1.value }
        return LiveReading.Process(
            cpuSeconds: values[.processCPU] ?? 0, memoryBytes: values[.processResidentMemory] ?? 0,
            files: Int(values[.processOpenFiles] ?? 0), filesMax: values[.processFilesMax].flatMap { Int(exactly: $0) } ?? 0,
            workers: workers, startedAt: values[.processStartTime] ?? 0, linesDropped: UInt64(dropped))
    }
}

extension LiveReading.Server {
    init(_ server: HealthReport.Server) {
        self.init(
            version: server.version, name: server.server, state: server.state.rawValue, check: server.check,
            latencyMs: server.latencyNs.map { Double($0 / 1_000) / 1_000 }, reason: server.reason, returnsInMs: server.returnsInMs,
            hasWeight: server.hasWeight)
    }
}

extension MetricsReading {
    /// Sums over all series that have the same value of one label.
    fileprivate func sums(_ family: MetricFamily, by label: Int) -> [String: UInt64] {
        Dictionary(counts(family).map { ($0.labels[label], $0.count) }) { $0 &+ $1 }
    }
}
