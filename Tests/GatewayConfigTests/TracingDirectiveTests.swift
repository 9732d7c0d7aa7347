import GatewayConfig
import Testing

/// `tracing`: where spans go.
@Suite struct TracingDirectiveTests {
    private func tracing(_ arguments: String, environment: [String: String] = [:]) -> TracingConfig? {
        snapshot("tracing \(arguments);\n\(aServer)", environment: environment)?.tracing
    }

    @Test func `without the directive nobody traces`() {
        #expect(snapshot(aServer)?.tracing == nil)
        #expect(snapshot("tracing off;\n\(aServer)") != nil)
        #expect(tracing("off") == nil)
    }

    @Test func `a collector's URL is all that is needed`() throws {
        let config = try #require(tracing("http://127.0.0.1:4318/v1/traces"))
        #expect(config == TracingConfig(host: "127.0.0.1", port: 4318, path: "/v1/traces"))
        #expect((config.service, config.sampleMillionths, config.intervalMs) == ("gateway", 1_000_000, 5_000))
        #expect(config.endpoint == "http://127.0.0.1:4318/v1/traces")
    }

    @Test func `everything else can be said`() throws {
        let config = try #require(
            tracing(
                "https://otel.example/x/v1/traces service=edge share=0.5% interval=500ms header=Authorization:env:TOKEN",
                environment: ["TOKEN": "Bearer abc"]))
        #expect((config.host, config.port, config.path) == ("otel.example", 443, "/x/v1/traces"))
        #expect(config.tls?.verifies == true)
        #expect((config.service, config.sampleMillionths, config.intervalMs) == ("edge", 5_000, 500))
        #expect(config.header == FieldConfig("Authorization", "Bearer abc"))
        #expect(tracing("http://[::1]:4318/t header=\"X-Key: a b\"")?.header == FieldConfig("X-Key", "a b"))
        #expect(tracing("http://[::1]:4318/t header=env:LINE", environment: ["LINE": "X-Key: $1"])?.header == FieldConfig("X-Key", "$1"))
    }

    @Test func `the collector's name is looked up`() {
        #expect(snapshot("tracing http://Otel.example/t;\n\(aServer)")?.names.map(\.host) == ["otel.example"])
        #expect(snapshot("tracing http://127.0.0.1/t;\n\(aServer)")?.names.isEmpty == true)
    }

    @Test func `servers and locations may be left out`() throws {
        let text = """
            tracing http://127.0.0.1:4318/v1/traces;
            server { listen 8080; location /a { return 200; } location /b { tracing off; return 200; } }
            server { listen 8081; tracing off; location /a { return 200; } location /b { tracing on; return 200; } }
            """
        let servers = try #require(snapshot(text)).servers
        #expect(servers.map { $0.locations.map(\.isTraced) } == [[true, false], [false, true]])
        #expect(servers.map(\.fallback.isTraced) == [true, false])
    }

    @Test(arguments: [
        ("tracing;", "1:1: error: \"tracing\" is missing URL|off"),
        ("tracing 127.0.0.1:4318;", "1:9: error: \"127.0.0.1:4318\" is not the URL of a collector"),
        ("tracing http://127.0.0.1:4318;", "1:9: error: \"http://127.0.0.1:4318\" has no path"),
        ("tracing http://127.0.0.1:4318/;", "1:9: error: \"http://127.0.0.1:4318/\" has no path"),
        (
            "tracing http://me@host/t;",
            "1:9: error: \"http://me@host/t\" has no host, or more than a host and a port, before its path"
        ),
        ("tracing http://h/t share=10;", "1:26: error: \"10\" is not a share"),
        ("tracing http://h/t interval=1ms;", "1:29: error: \"1ms\" is too short"),
        ("tracing http://h/t colour=red;", "1:20: error: \"…\" is not an argument of \"tracing\""),
        ("tracing http://h/t ca=a.pem;", "1:23: error: \"ca\" is of no use without TLS"),
        ("tracing off share=5%;", "1:19: error: \"off\" takes no arguments"),
        ("tracing http://127.0.0.1/t header=Host:a;", "1:35: error: Host can't be set"),
    ])
    func `what is wrong is told with its place`(text: String, message: String) {
        #expect(messages("\(text)\n\(aServer)") == [message])
    }

    @Test func `what a field says is in no message`() {
        for text in ["header=Authorization:hunter2,\u{e9}", "header=:hunter2", "header=hunter2", "headr=hunter2 header=a:hunter2"] {
            let told = diagnose("tracing http://127.0.0.1/t \(text);\n\(aServer)").joined()
            #expect(!told.isEmpty)
            #expect(!told.contains("hunter2") || text.hasPrefix("headr"), "\(told)")
        }
        let unset = diagnose("tracing http://127.0.0.1/t header=Authorization:env:UNSET;\n\(aServer)").joined()
        #expect(unset.contains("UNSET is not set in the environment"))
    }

    @Test func `fields of traces can't count in a cache's key`() {
        let text = "cache_zone z memory=16m;\n\(location("proxy_pass http://127.0.0.1:1; cache z headers=accept,traceparent;"))"
        #expect(messages(text).contains { $0.hasSuffix("error: \"traceparent\" is not a name") })
    }
}
