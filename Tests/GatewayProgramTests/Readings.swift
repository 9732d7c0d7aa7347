import GatewayTelemetry

@testable import gateway

/// Readings to begin with, for tests of what is made of them.
enum Readings {
    static func statuses(_ good: UInt64, errors: UInt64 = 0) -> StatusClasses {
        StatusClasses { $0 == "2xx" ? good : $0 == "5xx" ? errors : 0 }
    }

    static func durations(_ counts: [UInt64]) -> Durations {
        Durations(bounds: [0.001, 0.01, 0.1, 1], counts: counts, sumSeconds: 1) ?? Durations()
    }

    static func server(_ name: String, state: String = "healthy", reason: String? = nil, version: String = "") -> LiveReading.Server {
        LiveReading.Server(
            version: version, name: name, state: state, check: nil, latencyMs: nil, reason: reason, returnsInMs: nil, hasWeight: true)
    }

    /// Two versions, a limit, a zone and a certificate, at a moment of the gateway's clock.
    static func reading(clock: Double, _ change: (inout LiveReading) -> Void = { _ in }) -> LiveReading {
        var reading = LiveReading()
        reading.time = 1_000_000 + clock
        reading.clock = clock
        reading.gateway = "1.2.3"
        reading.requests = statuses(1_000)
        reading.durations = durations([500, 400, 90, 10, 0])
        reading.refusals = ["rate_limited": 3]
        reading.upstreams = [
            LiveReading.Upstream(
                name: "chat", status: "ok",
                versions: [
                    LiveReading.Version(name: "stable", weight: 95, statuses: statuses(900), durations: durations([900, 0, 0, 0, 0])),
                    LiveReading.Version(name: "canary", weight: 5, statuses: statuses(50), durations: durations([0, 50, 0, 0, 0])),
                ],
                servers: [server("10.0.0.1:80", version: "stable"), server("10.0.0.2:80", version: "canary")])
        ]
        reading.zones = [
            LiveReading.Zone(
                name: "ai", entries: 12, bytes: 1_000, capacityBytes: 2_000, evicted: 0, results: ["hit": 60, "collapsed": 20, "miss": 20],
                savedInputTokens: 1_000, savedOutputTokens: 234, savedSeconds: 12.5)
        ]
        reading.limits = [LiveReading.Limit(name: "per_ip", passed: 900, refused: 3, dryRun: 0)]
        reading.certificates = [LiveReading.Certificate(server: "a.example", file: "a.pem", ends: 1_000_000 + 90 * 86_400)]
        reading.connectionsActive = 7
        reading.connectionsIdle = 70
        reading.connectionsAccepted = 77
        reading.loopLag = durations([1_000, 0, 0, 0, 0])
        reading.process = LiveReading.Process(
            cpuSeconds: clock / 2, memoryBytes: 64 * 1024 * 1024, files: 20, filesMax: 1_000, workers: 2, startedAt: 999_000,
            linesDropped: 0)
        change(&reading)
        return reading
    }
}
