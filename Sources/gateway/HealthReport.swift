import GatewayTelemetry

/// What `/health` of the admin listener tells of the servers behind the gateway.
struct HealthReport {
    enum State: String {
        case healthy
        /// Requests to it have failed: `outlier`.
        case ejected
        /// Its checks fail: `health_check`.
        case down
        /// Its name has no address.
        case unresolved
    }

    struct Server {
        let version: String
        let server: String
        let state: State
        /// passed, failed, pending; nil where it is not checked.
        let check: String?
        /// How long its last check took, the longest of its addresses.
        let latencyNs: UInt64?
        /// Why it is out, or why its last check has failed.
        let reason: String?
        /// How long it stays ejected.
        let returnsInMs: Int?
        /// Whether any request may come to it by weight.
        let hasWeight: Bool
    }

    struct Upstream {
        let name: String
        let servers: [Server]

        /// failing: no server that might have requests is healthy.
        var status: String {
            let able = servers.filter(\.hasWeight)
            if able.allSatisfy({ $0.state == .healthy }) { return "ok" }
            return able.contains { $0.state == .healthy } ? "degraded" : "failing"
        }
    }

    let upstreams: [Upstream]

    var status: String {
        let all = upstreams.map(\.status)
        return all.contains("failing") ? "failing" : all.contains("degraded") ? "degraded" : "ok"
    }

    // MARK: JSON

    /// 503 when an upstream has no healthy server left.
    var page: AdminPage {
        let upstreams = upstreams.map { upstream in
            Self.members([("name", upstream.name), ("status", upstream.status)]) + "\"servers\":[" + Self.json(upstream.servers) + "]"
        }
        let body =
            "{" + Self.members([("status", status), ("version", Version.gateway)]) + "\"upstreams\":["
            + upstreams.map { "{\($0)}" }.joined(separator: ",") + "]}\n"
        return AdminPage(status: status == "failing" ? 503 : 200, contentType: "application/json", body: Array(body.utf8))
    }

    private static func json(_ servers: [Server]) -> String {
        servers.map { server in
            var members = server.version.isEmpty ? [] : [("version", server.version)]
            members += [("server", server.server), ("state", server.state.rawValue)]
            if let check = server.check { members.append(("check", check)) }
            if let reason = server.reason { members.append(("reason", reason)) }
            var text = Self.members(members)
            if let latency = server.latencyNs { text += "\"latency_ms\":\(Double(latency / 1_000) / 1_000)," }
            if let returns = server.returnsInMs { text += "\"returns_in_ms\":\(returns)," }
            return "{\(text.dropLast())}"
        }.joined(separator: ",")
    }

    /// Each with its comma.
    private static func members(_ members: [(key: String, value: String)]) -> String {
        String(decoding: JSONLine.members(members), as: UTF8.self)
    }
}
