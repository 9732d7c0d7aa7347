import Testing

@testable import GatewayConfig

@Suite struct ProxyProtocolDirectiveTests {
    @Test func `a listener expects the header, beside others that don't`() throws {
        let text = "trusted_proxies 10.0.0.1; server { listen 8080; listen 8081 proxy_protocol default_server; return 200 ok; }"
        let listens = try #require(snapshot(text)).servers[0].listens
        #expect(listens.map(\.hasProxyHeader) == [false, true] && listens.map(\.isDefault) == [false, true])
        #expect(diagnose(text).isEmpty)
    }

    @Test func `all servers of an address say the same`() {
        let text = """
            trusted_proxies 10.0.0.1;
            server { listen 8080 proxy_protocol; server_name a; return 200 a; }
            server { listen 8080; server_name b; return 200 b; }
            """
        #expect(messages(text) == ["3:10: error: 0.0.0.0:8080 has \"proxy_protocol\" in one server and not in another"])
    }

    @Test func `somebody must be trusted`() {
        #expect(
            messages(server("listen 8081 proxy_protocol; return 200 ok;"))
                == ["1:23: error: \"proxy_protocol\" without trusted proxies: nobody may connect"])
        // What is wrong with them is said, and no more.
        #expect(messages("trusted_proxies here; " + server("listen 8081 proxy_protocol; return 200 ok;")).count == 1)
    }
}
