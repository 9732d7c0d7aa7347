import GatewayTelemetry

/// What the gateway knows of itself at one moment: totals since its start, and states. Rates and percentiles of a span of time come from the
/// difference of two. ``/events`` of the admin listener tells one each second, as JSON.
struct LiveReading: Equatable {
    struct Version: Equatable {
        let name: String
        let weight: Int
        /// Attempts at its servers; one without an answer counts as 5xx.
        var statuses = StatusClasses()
        /// Of attempts with a whole answer.
        var durations = Durations()
        /// Requests of its share that went elsewhere because its servers were out.
        var diverted: UInt64 = 0
    }

    struct Server: Equatable {
        let version: String
        let name: String
        /// healthy, ejected, down, unresolved: see ``HealthReport/State``.
        let state: String
        /// passed, failed, pending; nil where it is not checked.
        let check: String?
        let latencyMs: Double?
        let reason: String?
        let returnsInMs: Int?
        let hasWeight: Bool
    }

    struct Upstream: Equatable {
        let name: String
        /// ok, degraded, failing: see ``HealthReport/Upstream/status``.
        let status: String
        var versions: [Version]
        let servers: [Server]
        var connectionsActive: Int = 0
        var connectionsIdle: Int = 0
        var retries: UInt64 = 0
    }

    struct Zone: Equatable {
        let name: String
        let entries: Int
        let bytes: Int
        let capacityBytes: Int
        let evicted: UInt64
        /// By the label `result` of `gateway_cache_requests_total`.
        var results: [String: UInt64] = [:]
        var savedInputTokens: UInt64 = 0
        var savedOutputTokens: UInt64 = 0
        var savedSeconds = 0.0

        /// Given from what is stored, at once or along with another's answer that was under way.
        static let hitResults = ["hit", "stale", "revalidated", "collapsed"]
        static let missResults = ["miss", "expired", "refresh"]

        var hits: UInt64 { Self.hitResults.reduce(0) { $0 + (results[$1] ?? 0) } }
        var lookups: UInt64 { Self.missResults.reduce(hits) { $0 + (results[$1] ?? 0) } }
    }

    struct Limit: Equatable {
        let name: String
        var passed: UInt64 = 0
        var refused: UInt64 = 0
        /// Would have been refused.
        var dryRun: UInt64 = 0
    }

    struct Certificate: Equatable {
        let server: String
        let file: String
        /// Seconds since 1970.
        let ends: Double
    }

    struct Configuration: Equatable {
        /// Grows with each attempt to reload, so that a reader knows when to ask for `/config` again.
        var number = 0
        /// When the one in force was taken up, in seconds since 1970.
        var acceptedAt = 0.0
        var warnings = 0
        /// The last reload, if it was refused: when, and the first reason.
        var refusedAt: Double?
        var refusal: String?
    }

    struct Process: Equatable {
        var cpuSeconds = 0.0
        var memoryBytes = 0.0
        var files = 0
        var filesMax = 0
        var workers = 0
        var startedAt = 0.0
        var linesDropped: UInt64 = 0
    }

    /// Seconds since 1970.
    var time = 0.0
    /// Of a clock that nobody sets, in seconds: what rates are made of.
    var clock = 0.0
    var gateway = ""
    var isDraining = false
    var requests = StatusClasses()
    var durations = Durations()
    /// By the label `error_type` of `gateway_refusals_total`.
    var refusals: [String: UInt64] = [:]
    var upstreams: [Upstream] = []
    var zones: [Zone] = []
    var limits: [Limit] = []
    var inputTokens: UInt64 = 0
    var outputTokens: UInt64 = 0
    var certificates: [Certificate] = []
    var connectionsActive = 0
    var connectionsIdle = 0
    var connectionsAccepted: UInt64 = 0
    var connectionsRefused: UInt64 = 0
    var loopLag = Durations()
    var maintenance: [String] = []
    var configuration = Configuration()
    var process = Process()
    var verdict = LiveVerdict()
}
