import TestSupport
import Testing

/// The admin listener: its pages, whom it answers, and what it does with nonsense.
@Suite struct AdminTests {
    private static let conf = """
        workers 2;
        access_log off;
        admin 127.0.0.1:0 { allow 127.0.0.1 127.0.0.7; }
        upstream api { version stable weight=1 { server 127.0.0.1:1; } }
        server {
            listen 127.0.0.1:0 ssl;
            server_name "a.localhost";
            ssl_certificate {CERT};
            ssl_certificate_key {KEY};
            location /local { return 200 local; }
            location / { proxy_pass http://api; }
        }
        """

    private let certificates: TestCertificates
    private let gateway: Gateway

    init() throws {
        certificates = try TestCertificates()
        gateway = try Gateway(conf: Self.conf, certificate: certificates.leaf(["a.localhost"]))
    }

    private func connect(from source: String? = nil) throws -> TCPClient {
        try TCPClient(port: gateway.adminPort ?? 0, from: source)
    }

    // MARK: /metrics

    @Test func `the metrics are Prometheus' text format, and all that was promised is there`() throws {
        let client = try gateway.connectTLS { $0.serverName = "a.localhost" }
        #expect(try client.get("/local", host: "a.localhost").status == 200)
        #expect(try client.get("/x", host: "a.localhost").status == 502)
        #expect(throws: TestError.self) {
            try gateway.connectTLS {
                $0.maximum = .tls11; $0.minimum = .tls10
            }
        }
        try gateway.waitForMetrics("both requests") { $0.sum("http_requests_total") == 2 }
        let page = try gateway.admin("/metrics")
        #expect(page["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        let exposition = try Exposition(page.text)
        let metrics = try Metrics(text: page.text)
        for (family, type) in Self.promised { #expect(exposition.types[family] == type, "\(family)") }
        let labels = "location=\"/local\",method=\"GET\",status=\"200\""
        #expect(metrics["http_requests_total{server=\"a.localhost\",\(labels)}"] == 1)
        #expect(metrics.sum("http_request_duration_seconds_count", ["location": "/", "method": "GET", "status": "502"]) == 1)
        #expect(
            metrics["gateway_upstream_requests_total{upstream=\"api\",version=\"stable\",server=\"127.0.0.1:1\",status=\"502\"}"] == 1)
        #expect(metrics.sum("gateway_tls_handshakes_total", ["version": "TLSv1.3", "resumed": "false"]) == 1)
        #expect(metrics.sum("gateway_tls_handshake_failures_total") >= 1)
        #expect(metrics.sum("gateway_refusals_total", ["error_type": "connect_failed"]) == 1)
        #expect(metrics.sum("gateway_build_info", ["version": "0.1.0"]) == 1)
        #expect(metrics["process_open_fds"] ?? 0 > 5 && metrics["process_resident_memory_bytes"] ?? 0 > 1_000_000)
    }

    private static let promised = [
        "http_requests_total": "counter", "http_request_duration_seconds": "histogram", "gateway_upstream_requests_total": "counter",
        "gateway_connections": "gauge", "gateway_connections_accepted_total": "counter", "gateway_tls_handshakes_total": "counter",
        "gateway_tls_handshake_failures_total": "counter", "gateway_refusals_total": "counter",
        "gateway_config_last_reload_successful": "gauge", "gateway_config_last_reload_success_timestamp_seconds": "gauge",
        "gateway_build_info": "gauge", "process_cpu_seconds_total": "counter", "process_resident_memory_bytes": "gauge",
        "process_virtual_memory_bytes": "gauge", "process_open_fds": "gauge", "process_max_fds": "gauge",
        "process_start_time_seconds": "gauge",
    ]

    // MARK: Who may ask

    @Test func `an address that is not allowed gets 403, whatever it asks for`() throws {
        for target in ["/metrics", "/healthz", "/readyz", "/"] {
            #expect(try connect(from: "127.0.0.8").get(target).status == 403)
        }
        #expect(try connect(from: "127.0.0.7").get("/metrics").status == 200)
    }

    // MARK: Pages and requests

    @Test func `health and readiness are told`() throws {
        #expect(try gateway.admin("/healthz").text == "ok\n")
        #expect(try gateway.admin("/readyz").text == "ready\n")
        #expect(try gateway.admin("/healthz?probe=1").status == 200)
        #expect(try gateway.admin("/nothing").status == 404)
    }

    @Test func `HEAD gets the head that GET would get, and nothing behind it`() throws {
        let client = try connect()
        for target in ["/metrics", "/healthz", "/readyz", "/nothing"] {
            let answer = try client.request("HEAD", target)
            #expect(answer.body.isEmpty && Int(answer["Content-Length"] ?? "") ?? 0 > 0)
        }
        #expect(try client.get("/healthz").text == "ok\n")
    }

    @Test func `a connection carries many requests, pipelined too`() throws {
        let client = try connect()
        for _ in 0..<3 { #expect(try client.get("/metrics").status == 200) }
        try client.send(String(repeating: "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", count: 20))
        for _ in 0..<20 { #expect(try client.readResponse().text == "ok\n") }
    }

    @Test func `a head that comes in pieces is read`() throws {
        let client = try connect()
        for piece in ["GET /hea", "lthz HTTP/1.1\r", "\nHost: a\r\n", "\r"] {
            try client.send(piece)
            #expect(try gateway.admin("/healthz").status == 200, "others are answered meanwhile")
        }
        try client.send("\n")
        #expect(try client.readResponse().status == 200)
    }

    @Test func `an HTTP/1.0 client is answered, and its connection ended`() throws {
        let client = try connect()
        try client.send("GET /healthz HTTP/1.0\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 200 && answer.text == "ok\n")
        #expect(client.isEndedByPeer())
    }

    /// Requests that are wrong, by what is wrong with them, with the status they get.
    private static let wrongRequests: [String: (text: String, status: Int)] = [
        "a body": ("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405),
        "a method": ("DELETE /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
        "no Host": ("GET /metrics HTTP/1.1\r\n\r\n", 400),
        "NUL in the path": ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        "nonsense": ("nonsense\r\n\r\n", 400),
        "a long head": ("GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
    ]

    @Test(arguments: wrongRequests.keys.sorted())
    func `what is malformed or unwanted is refused, and its connection ended`(wrong: String) throws {
        let request = try #require(Self.wrongRequests[wrong])
        let client = try connect()
        try client.send(request.text)
        #expect(try client.readResponse().status == request.status)
        #expect(client.isEndedByPeer())
        #expect(try gateway.admin("/healthz").status == 200)
    }

    @Test func `connections that say nothing make room for those that do`() throws {
        let silent = try (0..<200).map { _ in try connect() }
        #expect(try gateway.admin("/healthz").status == 200)
        // The oldest are the ones that went.
        #expect(silent[0].isEndedByPeer())
        #expect(silent.count == 200)
    }

    @Test func `a scrape that is not read does not stand in anybody's way`() throws {
        let slow = try TCPClient(port: gateway.adminPort ?? 0, receiveBufferBytes: 1)
        try slow.send(String(repeating: "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", count: 200))
        for _ in 0..<5 { #expect(try gateway.admin("/metrics").status == 200) }
        for _ in 0..<200 { #expect(try slow.readResponse().status == 200) }
    }
}
