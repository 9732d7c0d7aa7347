import TestSupport
import Testing

/// /metrics as scrapers ask for it, in both formats, and what Prometheus' own parsers say of them.
@Suite struct ScrapeTests {
    private static let conf = """
        workers 2;
        access_log off;
        admin 127.0.0.1:0 { allow 127.0.0.1; }
        rate_limit per_ip key=ip rate=1r/h burst=2;
        upstream api { version stable weight=1 { server 127.0.0.1:{ORIGIN}; } }
        server {
            listen 127.0.0.1:0;
            location /limited { limit per_ip; return 200 ok; }
            location / { proxy_pass http://api; }
            location /v1/ { api openai; proxy_pass http://api; }
        }
        """
    private static let openMetrics = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

    private let origin: DemoOrigin
    private let gateway: Gateway

    init() throws {
        origin = try DemoOrigin(name: "stable", ["--event-interval", "1ms"])
        gateway = try Gateway(conf: Self.conf, values: ["ORIGIN": "\(origin.port)"])
        let client = try TCPClient(port: gateway.port)
        for target in ["/limited", "/limited", "/limited", "/bytes?count=10", "/status/503"] { _ = try client.get(target) }
        let chat = #"{"model":"demo","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"a b"}]}"#
        let answer = try client.request("POST", "/v1/chat/completions", fields: ["Content-Type: application/json"], body: Array(chat.utf8))
        #expect(answer.status == 200)
        try gateway.waitForMetrics("all requests") { $0.sum("http_requests_total") == 6 }
    }

    private func scrape(_ fields: String...) throws -> HTTPResponse {
        try TCPClient(port: gateway.adminPort ?? 0).get("/metrics", fields: fields)
    }

    @Test func `OpenMetrics comes to whoever asks for it, text to all others`() throws {
        let plain = try scrape()
        #expect(plain["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8" && !plain.text.contains("# EOF"))
        #expect(try scrape("Accept: */*")["Content-Type"] == plain["Content-Type"])
        let asked = try scrape("Accept: \(Self.openMetrics)")
        #expect(asked["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(asked.text.hasSuffix("\n# EOF\n"))
        for page in [plain, asked] { #expect(page["Vary"] == "Accept, Accept-Encoding") }
    }

    @Test func `a page is compressed for whoever asks for that`() throws {
        #expect(try scrape("Accept-Encoding: gzip;q=0")["Content-Encoding"] == nil)
        for accept in ["*/*", Self.openMetrics] {
            let page = try scrape("Accept-Encoding: gzip", "Accept: \(accept)")
            #expect(page["Content-Encoding"] == "gzip" && page["Vary"] == "Accept, Accept-Encoding")
            let text = String(decoding: try Gunzip.content(of: page), as: UTF8.self)
            #expect(text.contains("http_requests_total{") && text.utf8.count > 3 * page.body.count)
        }
    }

    @Test func `both formats have the same series`() throws {
        func names(_ page: HTTPResponse) -> [String] {
            page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
                String(line.prefix { $0 != " " }).replacing(/le="(\d+)"/) { "le=\"\($0.1).0\"" }
            }
        }
        #expect(try names(scrape()) == names(scrape("Accept: application/openmetrics-text")))
    }

    @Test(.enabled(if: Program.isInstalled("promtool"))) func `promtool has no complaint about the text`() throws {
        let path = try gateway.directory.write(scrape().text, to: "metrics.txt")
        #expect(try Program.shell("/usr/bin/promtool check metrics < \(path); echo $?") == "0")
    }

    @Test func `Prometheus' Python library reads the OpenMetrics`() throws {
        let page = try scrape("Accept: application/openmetrics-text")
        let path = try gateway.directory.write(page.text, to: "metrics.om")
        let output = try Program.run("/usr/bin/python3", [Operations.file("Tests/ops/openmetrics.py"), path])
        #expect(Int(output) == page.text.split(separator: "\n").count { !$0.hasPrefix("#") })
    }

    @Test func `a bucket has the trace of the last request in it that is sampled, where a location traces`() throws {
        let traced = try Gateway(
            conf: """
                workers 1;
                access_log off;
                admin 127.0.0.1:0 { allow 127.0.0.1; }
                trusted_proxies 127.0.0.1;
                tracing http://127.0.0.1:1/v1/traces share=0%;
                server {
                    listen 127.0.0.1:0;
                    location /untraced { tracing off; return 200 ok; }
                    location / { return 200 ok; }
                }
                """)
        let client = try TCPClient(port: traced.port)
        for (target, trace) in [("/", "1-01"), ("/", "2-01"), ("/", "3-00"), ("/untraced", "4-01")] {
            let (number, flags) = (trace.prefix(1), trace.suffix(2))
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e473\(number)-00f067aa0ba902b7-\(flags)"
            #expect(try client.get(target, fields: ["traceparent: \(parent)"]).status == 200)
        }
        try traced.waitForMetrics("all requests") { $0.sum("http_requests_total") == 4 }
        let page = try TCPClient(port: traced.adminPort ?? 0).get("/metrics", fields: ["Accept: application/openmetrics-text"])
        let path = try traced.directory.write(page.text, to: "metrics.om")
        let output = try Program.run("/usr/bin/python3", [Operations.file("Tests/ops/openmetrics.py"), path])
        let exemplars = output.split(separator: "\n").dropLast()
        #expect(exemplars.contains { $0.hasPrefix("http_request_duration_seconds_bucket ") })
        #expect(exemplars.contains { $0.hasPrefix("http_time_to_first_byte_seconds_bucket ") })
        #expect(exemplars.allSatisfy { $0.contains(" 4bf92f3577b34da6a3ce929d0e0e473") && !$0.contains("4733 ") && !$0.contains("4734 ") })
        #expect(try !scrape().text.contains("trace_id"))
    }
}
