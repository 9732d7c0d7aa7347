import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayProxy
import GatewayTelemetry
import Logging

/// The health of all servers of the configuration in force: it takes servers in again whose time is over, and tells the log and the
/// metrics of what changes.
final class HealthKeeper {
    let board: HealthBoard
    private(set) var upstreams: [UpstreamHealth] = []
    private var known: [ServerKey: ServerHealth] = [:]
    private let registry: MetricsRegistry
    private let shard: MetricsShard
    /// The series of the gauge.
    private var series: Set<[String]> = []
    /// When the first of the servers that are out is in again.
    private(set) var nextDue = MonotonicTime.never

    init(registry: MetricsRegistry) throws(SystemError) {
        board = try HealthBoard()
        self.registry = registry
        shard = registry.makeShard()
    }

    // MARK: Configuration

    /// The health of a configuration's servers, in the order of its upstreams: that of servers it shares with the one in force is the same.
    func health(for config: ConfigSnapshot) -> [UpstreamHealth] {
        config.upstreams.map { upstream in
            let keys = upstream.versions.map { version in
                version.servers.map { ServerKey(upstream: upstream.name, version: version.name, server: $0.text) }
            }
            let rules = upstream.outlier.map {
                UpstreamHealth.OutlierRules(errors: $0.errors, ejectMs: $0.ejectMs, maxPercent: $0.maxPercent)
            }
            return UpstreamHealth(upstream.name, keys: keys, outlier: rules, board: board, known: known)
        }
    }

    /// `health` is that of the configuration in force from now on.
    func follow(_ health: [UpstreamHealth], _ config: ConfigSnapshot, now: MonotonicTime) {
        upstreams = health
        known = [:]
        for server in servers { known[server.key] = server }
        for (upstream, config) in zip(health, config.upstreams) where config.outlier == nil {
            for server in upstream.servers.joined() where server.isEjected { board.readmit(server, now: now) }
        }
        for upstream in health where upstream.hasOutlier {
            for server in upstream.servers.joined() { shard.increment(registry.counter(.upstreamEjections, server.key.labels), by: 0) }
        }
        findNextDue()
    }

    // MARK: Checks

    /// The addresses of a configuration that are to be checked, and how.
    func targets(
        in config: ConfigSnapshot, _ origins: [OriginKey: TLSOrigin], addresses: (UpstreamConfig.Server) -> [SocketAddress]
    ) -> [HealthTarget.Key: HealthTarget.Settings] {
        var targets: [HealthTarget.Key: HealthTarget.Settings] = [:]
        for upstream in config.upstreams {
            guard let rules = upstream.healthCheck else { continue }
            for server in upstream.versions.flatMap(\.servers) {
                let origin = OriginKey(upstream: upstream.name, host: server.host, port: server.port)
                let settings = HealthTarget.Settings(upstream, server, rules, tls: origins[origin])
                for address in addresses(server) { targets[HealthTarget.Key(origin: origin, address: address)] = settings }
            }
        }
        return targets
    }

    /// Takes up what checks have found: a server is down where all of its addresses are.
    func follow(_ checks: HealthChecks, _ config: ConfigSnapshot, addresses: (UpstreamConfig.Server) -> [SocketAddress]) {
        for (upstream, config) in zip(upstreams, config.upstreams) {
            for (servers, version) in zip(upstream.servers, config.versions) {
                for (server, serverConfig) in zip(servers, version.servers) {
                    let origin = OriginKey(upstream: config.name, host: serverConfig.host, port: serverConfig.port)
                    let keys = addresses(serverConfig).map { HealthTarget.Key(origin: origin, address: $0) }
                    let isDown = config.healthCheck != nil && !keys.isEmpty && keys.allSatisfy { checks.target($0)?.tally.isUp == false }
                    board.setDown(server, isDown)
                }
            }
        }
    }

    private var servers: [ServerHealth] { upstreams.flatMap { $0.servers.joined() } }

    private func findNextDue() {
        nextDue = servers.compactMap { $0.ejection?.until }.min() ?? .never
    }

    // MARK: Changes

    /// Takes up what workers have found, and takes in whose time is over.
    func tend(now: MonotonicTime, _ logger: Logger) {
        let notices = board.takeNotices()
        for notice in notices { tell(notice, logger) }
        if !notices.isEmpty { findNextDue() }
        if now < nextDue { return }
        for server in servers {
            guard let ejection = server.ejection, ejection.until <= now else { continue }
            board.readmit(server, now: now)
            // What checks have found holds on.
            if !server.isDown { logger.info("a server is taken again", metadata: server.key.metadata) }
        }
        findNextDue()
    }

    private func tell(_ notice: HealthBoard.Notice, _ logger: Logger) {
        var metadata = notice.server.metadata
        metadata["failures"] = "\(notice.failures)"
        guard let ejection = notice.ejection else {
            logger.warning("a server fails, and stays in: as many are out as max allows", metadata: metadata)
            return
        }
        shard.increment(registry.counter(.upstreamEjections, notice.server.labels))
        metadata["reason"] = "\(ejection.reason)"
        metadata["seconds"] = "\(Double(ejection.termMs) / 1000)"
        logger.warning("a server is put out: requests to it fail", metadata: metadata)
    }

    // MARK: Metrics

    /// - Parameter hasAddress: whether a server can be reached at all.
    func updateGauge(_ config: ConfigSnapshot, hasAddress: (UpstreamConfig.Server) -> Bool) {
        var healthy: [[String]: Bool] = [:]
        for (upstream, config) in zip(upstreams, config.upstreams) {
            for (version, servers) in zip(upstream.servers, config.versions) {
                for (server, config) in zip(version, servers.servers) { healthy[server.key.labels] = !server.isOut && hasAddress(config) }
            }
        }
        for gone in series where healthy[gone] == nil { registry.remove(.upstreamServerHealthy, gone) }
        for (labels, isHealthy) in healthy { registry.set(.upstreamServerHealthy, labels, to: isHealthy ? 1 : 0) }
        series = Set(healthy.keys)
    }
}

extension ServerKey {
    var labels: [String] { [upstream, version, server] }

    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["upstream": "\(upstream)", "server": "\(server)"]
        if !version.isEmpty { metadata["version"] = "\(version)" }
        return metadata
    }
}
