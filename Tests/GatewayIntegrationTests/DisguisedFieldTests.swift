import TestSupport
import Testing

/// An origin of the CGI kind takes x_forwarded_for for X-Forwarded-For (RFC 3875 § 4.1.18): strangers don't get to say it either way.
@Suite struct DisguisedFieldTests {
    private static let disguised = [
        "x_forwarded_for: 6.6.6.6", "X_Forwarded-For: 6.6.6.7", "x-forwarded_for: 6.6.6.8", "X_Request_ID: evil", "x-request_id: evil",
        "x_forwarded_proto: gopher", "X_FORWARDED_PROTO: gopher", "x_forwarded_host: evil.example",
    ]
    private static let plain = ["x_forwarded_fo: a", "X_Request_IDs: b", "my_field: c", "_: d", "x_forwarded_protocol: e", "x_api_key: f"]

    @Test func `strangers' disguised fields do not reach the origin, others do`() throws {
        let proxied = try ProxiedOrigin(answering: ScriptedOrigin.message("ok"))
        #expect(try proxied.gateway.get("/", fields: Self.disguised + Self.plain).status == 200)
        let received = try proxied.lastRequest()
        for line in Self.plain { #expect(received.fields.contains(line)) }
        for line in Self.disguised { #expect(!received.fields.contains(line), "\(line)") }
        #expect(!proxied.received.contains("evil") && !proxied.received.contains("6.6.6.") && !proxied.received.contains("gopher"))
        #expect(received["X-Forwarded-For"] == "127.0.0.1" && received["X-Forwarded-Proto"] == "http")
    }

    @Test func `a trusted proxy's go on as they are`() throws {
        let proxied = try ProxiedOrigin(answering: ScriptedOrigin.message("ok"), main: "trusted_proxies 127.0.0.1;")
        #expect(try proxied.gateway.get("/", fields: ["x_forwarded_for: 6.6.6.6"]).status == 200)
        #expect(try proxied.lastRequest().fields.contains("x_forwarded_for: 6.6.6.6"))
    }
}
