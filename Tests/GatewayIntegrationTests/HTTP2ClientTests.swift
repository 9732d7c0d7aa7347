import Foundation
import TestSupport
import Testing

/// Clients that are not ours and speak HTTP/2: curl, nghttp, h2load, Python's httpx, the SDKs of OpenAI, Anthropic and Google.
@Suite struct HTTP2ClientTests {
    /// demo-upstream behind a gateway, with TLS on the first listener and without on the second.
    private struct Site {
        let origin: DemoOrigin
        let certificates: TestCertificates
        let gateway: Gateway

        init() throws {
            origin = try DemoOrigin(["--event-interval", "2ms"])
            certificates = try TestCertificates()
            gateway = try Gateway(
                conf: """
                    workers 1;
                    error_log stderr debug;
                    access_log {DIR}/access.log json;
                    admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                    client_max_body_size 0;
                    cache_zone answers memory=16m;
                    server {
                        listen 127.0.0.1:0 ssl; listen 127.0.0.2:0; ssl_certificate {CERT}; ssl_certificate_key {KEY};
                        location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /cached/openai/ { api openai; cache answers scope=shared; proxy_pass http://127.0.0.1:{ORIGIN}/; }
                        location /cached/anthropic/ { api anthropic; cache answers scope=shared; proxy_pass http://127.0.0.1:{ORIGIN}/; }
                        location /told/openai/ { api openai; proxy_pass http://127.0.0.1:{ORIGIN}/; }
                        location /told/anthropic/ { api anthropic; proxy_pass http://127.0.0.1:{ORIGIN}/; }
                        location /told/gemini/ { api gemini; proxy_pass http://127.0.0.1:{ORIGIN}/; }
                        location /full/openai/ { api openai; client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /full/anthropic/ { api anthropic; client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /full/gemini/ { api gemini; client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    }
                    """, certificate: certificates.leaf(["localhost", "127.0.0.1"]), values: ["ORIGIN": "\(origin.port)"])
        }

        var secure: String { "https://127.0.0.1:\(gateway.ports[0])" }
        var clear: String { "http://127.0.0.2:\(gateway.ports[1])" }
        var curl: String { "curl -sS --max-time 60 --cacert \(certificates.authorityPath) " }

        func expectHTTP2(_ count: Int) throws {
            let entries = try gateway.accessLog(waitingFor: count)
            #expect(entries.count == count)
            #expect(entries.allSatisfy { $0["protocol"] == "HTTP/2.0" })
        }
    }

    // MARK: curl

    @Test(.enabled(if: Program.isInstalled("curl"))) func `curl agrees on HTTP/2, or speaks it without asking`() throws {
        let site = try Site()
        let format = "-o /dev/null -w '%{http_version} %{http_code} %{size_download}'"
        #expect(try Program.shell(site.curl + "--http2 \(format) '\(site.secure)/bytes?count=100000'") == "2 200 100000")
        #expect(try Program.shell(site.curl + "--http2-prior-knowledge \(format) '\(site.clear)/bytes?count=100000'") == "2 200 100000")
        try site.expectHTTP2(2)
        // Who offers only HTTP/1.1 gets it, on the same listeners.
        #expect(try Program.shell(site.curl + "--http1.1 \(format) '\(site.secure)/bytes?count=10'") == "1.1 200 10")
        #expect(try Program.shell(site.curl + "--http1.1 \(format) '\(site.clear)/bytes?count=10'") == "1.1 200 10")
        // The upgrade from HTTP/1.1 is no more (RFC 9113 § 3.1): it is answered as if it had not been asked for.
        #expect(try Program.shell(site.curl + "--http2 \(format) '\(site.clear)/bytes?count=10'") == "1.1 200 10")
    }

    @Test(.enabled(if: Program.isInstalled("curl"))) func `curl sends thirty requests at once on one connection`() throws {
        let site = try Site()
        let answers = try Program.shell(
            site.curl + "--http2 -Z --parallel-max 30 -w '%{http_version} %{http_code} %{size_download}\\n' "
                + (0..<30).map { "-o /dev/null '\(site.secure)/bytes?count=\(1000 + $0)'" }.joined(separator: " "))
        let sizes = answers.split(separator: "\n").compactMap { $0.hasPrefix("2 200 ") ? Int($0.dropFirst(6)) : nil }
        #expect(sizes.sorted() == (0..<30).map { 1000 + $0 })
        try site.expectHTTP2(30)
    }

    @Test(.enabled(if: Program.isInstalled("curl")), arguments: ["", "-H 'Expect: 100-continue'"])
    func `curl uploads over HTTP/2`(_ options: String) throws {
        let site = try Site()
        let files = try TemporaryDirectory()
        let body = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        try body.write(to: URL(fileURLWithPath: files.file("body")))
        for (protocolOption, url) in [("--http2", site.secure), ("--http2-prior-knowledge", site.clear)] {
            let status = try Program.shell(
                site.curl + "\(protocolOption) \(options) --data-binary @\(files.file("body")) -o \(files.file("echo")) "
                    + "-w '%{http_version} %{http_code}' \(url)/echo")
            #expect(status == "2 200")
            #expect(try Data(contentsOf: URL(fileURLWithPath: files.file("echo"))) == body)
        }
    }

    // MARK: nghttp2's own

    @Test(.enabled(if: Program.isInstalled("nghttp"))) func `nghttp sees the settings and well-formed frames`() throws {
        let site = try Site()
        for url in [site.secure, site.clear] {
            let log = try Program.shell("nghttp -nv --no-verify-peer '\(url)/bytes?count=100000' '\(url)/events?count=3&interval=1ms'")
            for piece in [
                "recv SETTINGS frame", "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100", "SETTINGS_MAX_HEADER_LIST_SIZE(0x06)",
                "SETTINGS_ENABLE_CONNECT_PROTOCOL(0x08):1", ":status: 200", "content-length: 100000", "; END_STREAM",
            ] {
                #expect(log.contains(piece), "\(piece) in \(log)")
            }
            #expect(!log.contains("[ERROR]") && !log.contains("RST_STREAM") && !log.lowercased().contains("connection: "))
        }
        try site.expectHTTP2(4)
    }

    @Test(.enabled(if: Program.isInstalled("h2load"))) func `h2load gets an answer to each of two thousand requests`() throws {
        let site = try Site()
        for url in [site.secure, site.clear] {
            let result = try Program.shell("h2load -n 2000 -c 10 -m 20 '\(url)/bytes?count=3000'")
            #expect(result.contains("2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(result)")
            #expect(result.contains("2000 2xx"))
            // With small windows every answer waits for the client several times.
            let narrow = try Program.shell("h2load -n 200 -c 5 -m 10 -w 10 -W 12 '\(url)/bytes?count=100000'")
            #expect(narrow.contains("200 total, 200 started, 200 done, 200 succeeded"), "\(narrow)")
            #expect(narrow.contains("(20000000) data"), "\(narrow)")
        }
        try site.expectHTTP2(4400)
    }

    // MARK: Python

    private static let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".build-clients/bin/python").path

    private static func script(_ name: String, _ site: Site) throws -> Program {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("clients/\(name)").path
        return try Program(python, ["-B", path, "\(site.gateway.ports[0])", site.certificates.authorityPath])
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: python), "`make test` installs the clients"))
    func `httpx and the SDKs of OpenAI, Anthropic and Google are served over HTTP/2, streams too`() throws {
        let site = try Site()
        let client = try Self.script("sdk_client.py", site)
        try client.waitForExit(timeout: 300)
        try client.stdout.waitForEnd()
        let lines = client.stdout.lines.filter { !$0.isEmpty }
        for line in lines.dropLast() { #expect(line.hasPrefix("ok ")) }
        #expect(lines.last == "\(lines.count - 1) cases", "\(client.stderr.text)")
        #expect(lines.count > 15)
        #expect(try site.gateway.accessLog(waitingFor: 1).allSatisfy { $0["protocol"] == "HTTP/2.0" })
    }
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: python), "`make test` installs the clients"))
    func `tokens are counted as the SDKs report them, for each shape, streamed and not`() throws {
        let site = try Site()
        let client = try Self.script("sdk_tokens.py", site)
        try client.waitForExit(timeout: 300)
        try client.stdout.waitForEnd()
        var told: [String: [Double]] = [:]
        let lines = client.stdout.lines.filter { !$0.isEmpty }
        for line in lines {
            let words = line.split(separator: " ")
            let counts = words.dropFirst().compactMap { Double($0) }
            try #require(counts.count == 2 && counts.allSatisfy { $0 > 0 }, "\(line)")
            told[String(words[0]), default: [0, 0]] = zip(told[String(words[0])] ?? [0, 0], counts).map(+)
        }
        #expect(lines.count == 8, "\(client.stderr.text)")
        #expect(told.keys.sorted() == ["/told/anthropic/", "/told/gemini/", "/told/openai/"])
        for (location, tokens) in told {
            let counted = { (metrics: Metrics) in
                ["input", "output"].map {
                    metrics.sum("gateway_ai_tokens_total", ["location": location, "model": "demo", "direction": $0])
                }
            }
            try site.gateway.waitForMetrics("the answers at \(location)") {
                $0.sum("gateway_ai_answers_total", ["location": location]) == (location == "/told/openai/" ? 4 : 2)
            }
            #expect(counted(try site.gateway.metrics()) == tokens)
        }
    }
}
