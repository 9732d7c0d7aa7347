import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayProxy

/// What is known, for people and for those who ask `/health`.
extension HealthKeeper {
    func report(
        _ checks: HealthChecks, _ config: ConfigSnapshot, now: MonotonicTime, addresses: (UpstreamConfig.Server) -> [SocketAddress]
    ) -> HealthReport {
        HealthReport(
            upstreams: zip(upstreams, config.upstreams).map { health, upstream in
                let servers = zip(health.servers, upstream.versions).flatMap { servers, version in
                    zip(servers, version.servers).map { server, serverConfig in
                        let targets = upstream.healthCheck == nil ? nil : self.targets(checks, upstream, serverConfig, addresses)
                        let hasWeight = version.weight > 0 && serverConfig.weight > 0
                        let isResolved = !addresses(serverConfig).isEmpty
                        return report(server, targets, isResolved: isResolved, hasWeight: hasWeight, now: now)
                    }
                }
                return HealthReport.Upstream(name: upstream.name, servers: servers)
            })
    }

    private func targets(
        _ checks: HealthChecks, _ upstream: UpstreamConfig, _ server: UpstreamConfig.Server,
        _ addresses: (UpstreamConfig.Server) -> [SocketAddress]
    ) -> [HealthTarget] {
        let origin = OriginKey(upstream: upstream.name, host: server.host, port: server.port)
        return addresses(server).compactMap { checks.target(HealthTarget.Key(origin: origin, address: $0)) }
    }

    private func report(
        _ server: ServerHealth, _ targets: [HealthTarget]?, isResolved: Bool, hasWeight: Bool, now: MonotonicTime
    ) -> HealthReport.Server {
        let ejection = server.ejection
        let failed = targets?.first { $0.failure != nil }
        let isPending = targets?.contains { $0.latencyNs == nil } == true
        let state: HealthReport.State = !isResolved ? .unresolved : server.isDown ? .down : ejection != nil ? .ejected : .healthy
        var reason: String?
        switch state {
        case .unresolved: reason = "its name has no address"
        case .ejected: reason = ejection?.reason
        // Of several addresses: which one.
        case .down, .healthy:
            let isOneOfSeveral = (targets?.count ?? 0) > 1
            reason = failed.map { (isOneOfSeveral ? "\($0.key.address): " : "") + ($0.failure ?? "") }
        }
        return HealthReport.Server(
            version: server.key.version, server: server.key.server, state: state,
            check: targets.map { _ in failed != nil ? "failed" : isPending ? "pending" : "passed" },
            latencyNs: targets?.compactMap(\.latencyNs).max(), reason: reason,
            returnsInMs: ejection.map { Int($0.until.nanoseconds(since: now) / 1_000_000) }, hasWeight: hasWeight)
    }
}
