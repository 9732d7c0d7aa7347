import GatewayTelemetry

/// What happened between two readings.
struct LiveRates {
    struct Version {
        let upstream: String
        let version: LiveReading.Version
        /// Attempts a second.
        let rate: Double
        /// Of all attempts at the upstream's versions; nil without any.
        let share: Double?
        /// What the weights ask for; nil where there is but one version.
        let wantedShare: Double?
        let errorShare: Double?
        let p95: Durations.Quantile?
    }

    let now: LiveReading
    private let before: LiveReading
    private let seconds: Double

    /// `before` may be the same reading: then nothing has happened.
    init(_ now: LiveReading, since before: LiveReading) {
        self.now = now
        self.before = before
        seconds = max(now.clock - before.clock, 0.001)
    }

    private func rate(_ now: UInt64, _ before: UInt64) -> Double { Double(now - min(now, before)) / seconds }

    var requests: StatusClasses { now.requests.since(before.requests) }
    var requestRate: Double { Double(requests.total) / seconds }
    var statusRates: [Double] { requests.counts.map { Double($0) / seconds } }
    var durations: Durations { now.durations.since(before.durations) }
    var loopLag: Durations { now.loopLag.since(before.loopLag) }
    var acceptRate: Double { rate(now.connectionsAccepted, before.connectionsAccepted) }
    /// Of one CPU: several may be at work.
    var cpuShare: Double { max(0, now.process.cpuSeconds - before.process.cpuSeconds) / seconds }

    var hitShare: Double? {
        var (hits, lookups): (UInt64, UInt64) = (0, 0)
        for zone in now.zones {
            let old = before.zones.first { $0.name == zone.name }
            hits += zone.hits - min(zone.hits, old?.hits ?? 0)
            lookups += zone.lookups - min(zone.lookups, old?.lookups ?? 0)
        }
        return lookups > 0 ? Double(hits) / Double(lookups) : nil
    }

    func limit(_ limit: LiveReading.Limit) -> (passed: Double, refused: Double) {
        let old = before.limits.first { $0.name == limit.name }
        return (rate(limit.passed, old?.passed ?? 0), rate(limit.refused, old?.refused ?? 0))
    }

    var versions: [Version] { now.upstreams.flatMap(versions) }

    private func versions(of upstream: LiveReading.Upstream) -> [Version] {
        let earlier = before.upstreams.first { $0.name == upstream.name }
        func old(_ version: LiveReading.Version) -> LiveReading.Version? { earlier?.versions.first { $0.name == version.name } }
        let statuses = upstream.versions.map { $0.statuses.since(old($0)?.statuses ?? StatusClasses()) }
        let all = statuses.reduce(0) { $0 + $1.total }
        let weights = upstream.versions.reduce(0) { $0 + $1.weight }
        return zip(upstream.versions, statuses).map { version, statuses in
            let total = statuses.total
            let wanted = upstream.versions.count > 1 && weights > 0 ? Double(version.weight) / Double(weights) : nil
            return Version(
                upstream: upstream.name, version: version, rate: Double(total) / seconds,
                share: all > 0 ? Double(total) / Double(all) : nil, wantedShare: wanted,
                errorShare: total > 0 ? Double(statuses.errors) / Double(total) : nil,
                p95: version.durations.since(old(version)?.durations ?? Durations()).quantile(0.95))
        }
    }
}
