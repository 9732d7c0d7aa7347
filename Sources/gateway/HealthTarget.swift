import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayProxy

/// One address of one server that is checked, and what its checks have said.
final class HealthTarget {
    struct Key: Hashable {
        let origin: OriginKey
        let address: SocketAddress
    }

    /// How it is asked.
    struct Settings {
        let rules: HealthCheckConfig
        /// The request's head, in HTTP/1's form.
        let request: [UInt8]
        let tls: TLSOrigin?
        let speaksHTTP2: Bool

        init(_ upstream: UpstreamConfig, _ server: UpstreamConfig.Server, _ rules: HealthCheckConfig, tls: TLSOrigin?) {
            self.rules = rules
            self.tls = tls
            speaksHTTP2 = upstream.speaksHTTP2
            let host = upstream.host ?? Self.host(of: server, isTLS: tls != nil)
            let end = upstream.speaksHTTP2 ? "" : "Connection: close\r\n"
            request = Array("GET \(rules.path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: gateway-health-check\r\n\(end)\r\n".utf8)
        }

        /// There is no client whose Host could be sent.
        private static func host(of server: UpstreamConfig.Server, isTLS: Bool) -> String {
            server.port == (isTLS ? 443 : 80) ? String(server.text.dropLast(isTLS ? 4 : 3)) : server.text
        }
    }

    let key: Key
    var settings: Settings
    var tally = CheckTally()
    /// When the next check begins.
    var nextAt: MonotonicTime
    /// The one that is under way.
    var probe = Handle.none
    /// Of the last check: how long it took, and why it failed.
    var latencyNs: UInt64?
    var failure: String?

    init(_ key: Key, _ settings: Settings, now: MonotonicTime) {
        self.key = key
        self.settings = settings
        // Somewhere within the first interval: those that begin together are not all asked together.
        nextAt = now.adding(milliseconds: Int.random(in: 0...settings.rules.intervalMs))
    }

    /// After an interval, a tenth more or less, so that checks that have come together part again.
    func schedule(from now: MonotonicTime) {
        let tenth = settings.rules.intervalMs / 10
        nextAt = now.adding(milliseconds: settings.rules.intervalMs + Int.random(in: -tenth...tenth))
    }
}
