import Testing

@testable import GatewayConfig

@Suite struct AddressLimitDirectiveTests {
    private func limits(_ text: String) throws -> AddressLimitsConfig {
        let result = ConfigLoader.load(text: text + " server { listen 80; return 200 ok; }", path: "gateway.conf", environment: [:])
        return try #require(result.snapshot).addressLimits
    }

    @Test func `handshakes are limited where nothing is said, connections are not`() throws {
        let limits = try limits("")
        #expect(limits.connectionsMax == 0)
        #expect(limits.handshakesPerSecond == 500 && limits.handshakesBurst == 1_000 && limits.handshakesPrefixBits == 64)
    }

    @Test func `both take an IPv6 prefix, and the burst is the rate's if none is given`() throws {
        let limits = try limits("limit_connections 20 ipv6_prefix=56; limit_handshakes 7 ipv6_prefix=48;")
        #expect(limits.connectionsMax == 20 && limits.connectionsPrefixBits == 56)
        #expect(limits.handshakesPerSecond == 7 && limits.handshakesBurst == 7 && limits.handshakesPrefixBits == 48)
        #expect(try self.limits("limit_handshakes 0;").handshakesPerSecond == 0)
    }

    @Test(arguments: ["limit_connections;", "limit_connections -1;", "limit_connections 5 ipv6_prefix=0;", "limit_handshakes 5 burst=0;"])
    func `what is no limit is an error`(_ text: String) {
        let result = ConfigLoader.load(text: text + " server { listen 80; return 200 ok; }", path: "gateway.conf", environment: [:])
        #expect(result.snapshot == nil && result.diagnostics.count == 1)
    }

    @Test func `request_timeout holds from where it is said`() throws {
        let text = "request_timeout 5m; server { listen 80; location / { return 200 a; } location /b { request_timeout 0; return 200 b; } }"
        let result = ConfigLoader.load(text: text, path: "gateway.conf", environment: [:])
        let server = try #require(result.snapshot).servers[0]
        #expect(server.locations.map(\.requestTimeoutMs) == [300_000, 0] && server.fallback.requestTimeoutMs == 300_000)
    }
}
