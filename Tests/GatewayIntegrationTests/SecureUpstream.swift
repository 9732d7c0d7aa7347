import TestSupport

/// A gateway before origins over TLS, with one worker, an access log and an admin listener.
struct SecureUpstream {
    /// Made once: keys take their time.
    static let authority = Result { try TestCertificates() }
    /// An authority that nobody trusts.
    static let stranger = Result { try TestCertificates(name: "Nobody's authority") }
    static let leaf = Result { try authority.get().leaf(["origin.test"]) }

    let origin: ScriptedOrigin
    let gateway: Gateway

    /// `tls` stands in the upstream, with `{CA}` for the authority's file.
    init(
        _ origin: ScriptedOrigin, tls: String = "tls name=origin.test ca={CA};", upstream: String = "", location: String = "",
        values: [String: String] = [:], environment: [String: String] = [:]
    ) throws {
        self.origin = origin
        gateway = try Gateway(
            conf: Self.conf(tls: tls, upstream: upstream, location: location),
            values: try Self.values(origin).merging(values) { $1 }, environment: environment)
    }

    static func conf(tls: String, upstream: String = "", location: String = "") -> String {
        """
        workers 1;
        error_log stderr debug;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        client_max_body_size 0;
        upstream secure { server 127.0.0.1:{ORIGIN}; \(tls) \(upstream) }
        server { listen 127.0.0.1:0; location / { proxy_pass http://secure; \(location) } }
        """
    }

    static func values(_ origin: ScriptedOrigin) throws -> [String: String] {
        ["ORIGIN": "\(origin.port)", "CA": try authority.get().authorityPath]
    }

    /// The answer of an origin that tells how the connection was made.
    static func telling(_ configure: @escaping (inout TLSServerSide.Options) -> Void = { _ in }, fields: String = "") throws
        -> ScriptedOrigin
    {
        try .tellingTLS(TLSServerSide(leaf.get(), configure), fields: fields)
    }

    func handshakes(_ labels: [String: String] = [:]) throws -> Double {
        try gateway.metrics().sum("gateway_upstream_tls_handshakes_total", labels.merging(["upstream": "secure"]) { $1 })
    }

    func failures(_ reason: String) throws -> Double {
        try gateway.metrics().sum("gateway_upstream_tls_handshake_failures_total", ["upstream": "secure", "reason": reason])
    }
}
