import Foundation
import TestSupport
import Testing

/// What the metrics say of connections, TLS, times and limits.
@Suite struct FigureTests {
    private static let conf = """
        workers 1;
        access_log off;
        admin 127.0.0.1:0 { allow 127.0.0.1; }
        rate_limit two key=all rate=1r/h burst=2;
        rate_limit many key=all rate=1r/h burst=100;
        rate_limit trial key=all rate=1r/h burst=1 dry_run;
        upstream api { version stable weight=1 { server 127.0.0.1:{ORIGIN}; } }
        server {
            listen 127.0.0.1:0 ssl;
            listen 127.0.0.2:0;
            http2 on;
            server_name a.localhost;
            ssl_certificate {CERT};
            ssl_certificate_key {KEY};
            location /limited { limit two many trial; return 200 ok; }
            location /local { return 200 local; }
            location / { proxy_pass http://api; }
        }
        """

    private let origin: DemoOrigin
    private let certificates: TestCertificates
    private let gateway: Gateway

    init() throws {
        origin = try DemoOrigin()
        certificates = try TestCertificates()
        gateway = try Gateway(
            conf: Self.conf, certificate: certificates.leaf(["a.localhost"]), values: ["ORIGIN": "\(origin.port)"])
    }

    private func get(_ path: String) throws -> Int {
        try gateway.connect(1).get(path, host: "a.localhost").status
    }

    @Test func `every request with an answer has a first byte, and every whole answer of an origin a time`() throws {
        for path in ["/local", "/bytes?count=10", "/bytes?count=300000", "/status/503"] { _ = try get(path) }
        try gateway.waitForMetrics("the requests") { $0.sum("http_requests_total") == 4 }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("http_time_to_first_byte_seconds_count", ["location": "/local"]) == 1)
        #expect(metrics.sum("http_time_to_first_byte_seconds_count", ["location": "/"]) == 3)
        for name in ["http_time_to_first_byte_seconds_sum", "http_request_duration_seconds_sum"] {
            #expect(metrics.sum(name, ["location": "/"]) > 0, "\(name)")
        }
        #expect(
            metrics.sum("http_time_to_first_byte_seconds_sum", ["location": "/"])
                <= metrics.sum("http_request_duration_seconds_sum", ["location": "/"]))
        let server = ["upstream": "api", "version": "stable", "server": "127.0.0.1:\(origin.port)"]
        #expect(metrics.sum("gateway_upstream_response_duration_seconds_count", server) == 3)
        let opened = metrics.sum("gateway_upstream_connects_total", server)
        #expect(opened >= 1 && metrics.sum("gateway_upstream_connect_duration_seconds_count", server) == opened)
        #expect(metrics.sum("gateway_event_loop_lag_seconds_count", ["worker": "0"]) > 0)
    }

    @Test func `a request passes a limit when it passes all, and every verdict is counted by name`() throws {
        #expect(try (0..<5).map { _ in try get("/limited") } == [200, 200, 429, 429, 429])
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_rate_limit_passed_total", ["limit": "two"]) == 2)
        #expect(metrics.sum("gateway_rate_limit_passed_total", ["limit": "many"]) == 2)
        #expect(metrics.sum("gateway_rate_limit_passed_total", ["limit": "trial"]) == 1)
        #expect(metrics.sum("gateway_rate_limited_total", ["limit": "two", "mode": "enforced"]) == 3)
        #expect(metrics.sum("gateway_rate_limited_total", ["limit": "many"]) == 0)
        #expect(metrics.sum("gateway_rate_limited_total", ["limit": "trial", "mode": "dry_run"]) > 0)
    }

    @Test func `connections are counted by protocol, handshakes by cipher`() throws {
        let plain = try gateway.connect(1)
        #expect(try plain.get("/local", host: "a.localhost").status == 200)
        let http2 = try gateway.connectTLS {
            $0.serverName = "a.localhost"
            $0.alpn = ["h2"]
        }
        let old = try gateway.connectTLS {
            $0.serverName = "a.localhost"
            $0.maximum = .tls12
        }
        #expect(try old.get("/local", host: "a.localhost").status == 200)
        try gateway.waitForMetrics("three connections") {
            $0.sum("gateway_connections", ["protocol": "http/1.1", "state": "idle"]) == 2
                && $0.sum("gateway_connections", ["protocol": "h2", "state": "idle"]) == 1
        }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_tls_handshakes_total") == 2)
        #expect(metrics.sum("gateway_tls_handshakes_total", ["version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"]) == 1)
        #expect(metrics.series.keys.contains { $0.contains("version=\"TLSv1.2\",cipher=\"ECDHE-") })
        http2.close()
        old.close()
        plain.close()
        try gateway.waitForMetrics("none") { $0.sum("gateway_connections") == 0 }
    }

    @Test func `a certificate's end is told by its server and file, and goes with it`() throws {
        let metrics = try gateway.metrics()
        let series = metrics.series.filter { $0.key.hasPrefix("gateway_certificate_expiry_timestamp_seconds") }
        let (name, end) = try #require(series.first)
        #expect(series.count == 1 && name.contains("server=\"a.localhost\",certificate=\""))
        let path = try #require(name.components(separatedBy: "certificate=\"").last?.components(separatedBy: "\"").first)
        let told = try Program.shell("date -u -d \"$(openssl x509 -enddate -noout -in \(path) | cut -d= -f2)\" +%s")
        #expect(end == Double(told.trimmingCharacters(in: .whitespacesAndNewlines)))
        _ = try gateway.reload(
            conf: "workers 1; access_log off; admin 127.0.0.1:0 { allow 127.0.0.1; } server { listen 127.0.0.1:0; return 200; }")
        #expect(try gateway.metrics().sum("gateway_certificate_expiry_timestamp_seconds") == 0)
    }
}
