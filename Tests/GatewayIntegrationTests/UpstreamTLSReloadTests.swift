import TestSupport
import Testing

/// A request that began before a reload goes to its origin as the configuration says that it began with. Nothing that it leaves behind,
/// neither connection nor session, serves the requests of the new one.
@Suite struct UpstreamTLSReloadTests {
    /// What the reload changes of an origin that the new configuration doesn't accept.
    enum Change: String, CaseIterable {
        case verification, encryption, name, certificate, applicationProtocol

        func origin(closes: Bool) throws -> ScriptedOrigin {
            let fields = closes ? "Connection: close\r\n" : ""
            switch self {
            case .verification:
                let leaf = try SecureUpstream.stranger.get().leaf(["origin.test"])
                return try .tellingTLS(TLSServerSide(leaf), fields: fields)
            case .encryption: return try .answering("HTTP/1.1 200 OK\r\n\(fields)Content-Length: 5\r\n\r\nplain")
            case .name, .applicationProtocol: return try SecureUpstream.telling(fields: fields)
            case .certificate:
                let path = try SecureUpstream.authority.get().authorityPath
                return try SecureUpstream.telling({ $0.clientAuthorityPath = path }, fields: fields)
            }
        }

        var before: String {
            switch self {
            case .verification: "tls name=origin.test verify=off;"
            case .encryption: ""
            case .name, .applicationProtocol: "tls name=origin.test ca={CA};"
            case .certificate: "tls name=origin.test ca={CA} cert={OWN} key={OWNKEY};"
            }
        }

        var after: String {
            switch self {
            case .verification, .certificate: "tls name=origin.test ca={CA};"
            case .encryption: "tls name=origin.test ca={CA}; connect_timeout 200ms;"
            case .name: "tls name=other.test ca={CA};"
            case .applicationProtocol: "tls name=origin.test ca={CA}; protocol h2;"
            }
        }
    }

    @Test(arguments: Change.allCases, [false, true])
    func `a request from before a reload leaves no way to its origin to those behind it`(change: Change, closes: Bool) throws {
        let own = try SecureUpstream.authority.get().leaf(["gateway.test"])
        let secure = try SecureUpstream(
            change.origin(closes: closes), tls: change.before, upstream: "keepalive_timeout 60s;",
            values: ["OWN": own.certificatePath, "OWNKEY": own.keyPath])
        let client = try secure.gateway.connect()
        try client.send("GET /old HTTP/1.1\r\nHost: localhost\r\n")
        try secure.gateway.waitForMetrics("half a head") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
        #expect(try secure.gateway.reload(conf: SecureUpstream.conf(tls: change.after)).contains("reloaded"))
        try client.send("\r\n")
        #expect(try client.readResponse().status == 200, "as the configuration says that it began with")
        for _ in 0..<2 { #expect(try secure.gateway.get("/new").status > 500) }
        // It was closed, not kept aside.
        try secure.gateway.waitForMetrics("no connection") { $0.sum("gateway_upstream_connections") == 0 }
    }
}
