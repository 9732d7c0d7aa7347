import Foundation
import TestSupport
import Testing

/// The live page in a real browser, under load. `make test-browser` installs it.
@Suite(.enabled(if: Browser.isInstalled, "`make test-browser` installs chromium"), .serialized) struct LivePageBrowserTests {
    private struct Site {
        let (stable, canary): (DemoOrigin, DemoOrigin)
        let gateway: Gateway

        init() throws {
            stable = try DemoOrigin(name: "stable")
            canary = try DemoOrigin(name: "canary")
            gateway = try Gateway(
                conf: """
                    workers 2;
                    access_log off;
                    admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                    rate_limit guests key=ip rate=1r/h burst=20;
                    cache_zone ai memory=16m entry_max=1m;
                    upstream chat {
                        version stable weight=80 { server 127.0.0.1:{STABLE}; }
                        version canary weight=20 { server 127.0.0.1:{CANARY}; }
                    }
                    server {
                        listen 127.0.0.1:0;
                        # <script>document.body.dataset.broken = "comment"</script>
                        location = /own { return 200 "<img src=x onerror='document.body.dataset.broken = 1'>"; }
                        location = /moved { return 301 /own; }
                        location = /guests { limit guests; return 200 ok; }
                        location /v1/ { api openai; cache ai ttl=1h scope=shared; proxy_pass http://chat; }
                        location /status/ { proxy_pass http://chat; }
                    }
                    """, values: ["STABLE": "\(stable.port)", "CANARY": "\(canary.port)"])
        }

        var page: String { "http://localhost:\(gateway.adminPort ?? 0)/" }

        /// Known numbers of each kind, over a few connections.
        func load(rounds: Int) throws {
            let clients = try (0..<3).map { _ in try gateway.connect() }
            for round in 0..<rounds {
                let client = clients[round % clients.count]
                for target in ["/own", "/moved", "/guests", "/nowhere/\(round)", "/status/200", "/status/404", "/status/503", "/v1/models"]
                {
                    _ = try client.get(target)
                }
                for question in [round % 5, 1_000 + round] {
                    let body = #"{"model":"demo","messages":[{"role":"user","content":"question \#(question)"}]}"#
                    _ = try client.request(
                        "POST", "/v1/chat/completions", fields: ["Content-Type: application/json"], body: Array(body.utf8))
                }
            }
        }
    }

    /// What the page shows, by the names that it gives to its numbers.
    private func shown(_ page: DevTools) throws -> [String: String] {
        let script = "Object.fromEntries([...document.querySelectorAll('[data-metric]')].map(e => [e.dataset.metric, e.textContent]))"
        return try page.evaluate(script) as? [String: String] ?? [:]
    }

    private func number(_ text: String?) -> Double? {
        text.flatMap { Double($0.filter { !$0.unicodeScalars.contains("\u{2009}") }) }
    }

    /// What the page should show, from /metrics alone.
    private func expected(_ metrics: Metrics) -> [String: Double] {
        var values: [String: Double] = [:]
        for digit in 2...5 {
            let series = metrics.series.filter { $0.key.hasPrefix("http_requests_total{") && $0.key.contains("status=\"\(digit)") }
            values["requests-\(digit)xx"] = series.values.reduce(0, +)
        }
        for version in ["stable", "canary"] {
            let series = metrics.series.filter {
                $0.key.hasPrefix("gateway_upstream_requests_total{") && $0.key.contains("version=\"\(version)\"")
            }
            values["version-chat/\(version)"] = series.values.reduce(0, +)
            values["errors-chat/\(version)"] = series.filter { $0.key.contains("status=\"5") }.values.reduce(0, +)
        }
        func cache(_ results: [String]) -> Double {
            results.reduce(0) { $0 + metrics.sum("gateway_cache_requests_total", ["zone": "ai", "result": $1]) }
        }
        values["hits-ai"] = cache(["hit", "stale", "revalidated", "collapsed"])
        values["lookups-ai"] = cache(["hit", "stale", "revalidated", "collapsed", "miss", "expired", "refresh"])
        values["saved-tokens"] = metrics.sum("gateway_cache_saved_tokens_total")
        values["passed-guests"] = metrics.sum("gateway_rate_limit_passed_total", ["limit": "guests"])
        values["refused-guests"] = metrics.sum("gateway_rate_limited_total", ["limit": "guests"])
        values["refusals-rate_limited"] = metrics.sum("gateway_refusals_total", ["error_type": "rate_limited"])
        values["refusals-not_found"] = metrics.sum("gateway_refusals_total", ["error_type": "not_found"])
        values["connections-accepted"] = metrics.sum("gateway_connections_accepted_total")
        return values
    }

    /// The bucket in which the percentile lies, of all locations together: its bounds in seconds.
    private func bucket(_ share: Double, _ metrics: Metrics) -> ClosedRange<Double> {
        var buckets: [Double: Double] = [:]
        for (series, value) in metrics.series where series.hasPrefix("http_request_duration_seconds_bucket{") {
            guard let bound = series.firstMatch(of: /le="([^"]+)"/)?.1 else { continue }
            buckets[bound == "+Inf" ? .infinity : Double(bound) ?? 0, default: 0] += value
        }
        let all = buckets[.infinity] ?? 0
        let sorted = buckets.sorted { $0.key < $1.key }
        let index = sorted.firstIndex { $0.value >= share * all } ?? 0
        return (index == 0 ? 0 : sorted[index - 1].key)...sorted[index].key
    }

    private func seconds(_ text: String?) -> Double? {
        guard let match = text?.firstMatch(of: /^[<>]?([\d.]+) (ms|s|min)$/), let value = Double(match.1) else { return nil }
        return value * (match.2 == "ms" ? 0.001 : match.2 == "s" ? 1 : 60)
    }

    @Test func `the page shows the numbers that the metrics have, and complains of nothing`() throws {
        let site = try Site()
        let page = try DevTools()
        try page.show(width: 1280, isDark: false)
        try page.call("Page.navigate", ["url": site.page])
        try eventually("the first reading", timeout: 60) { try page.evaluate("document.documentElement.dataset.readings") != nil }
        try site.load(rounds: 30)
        // The last of them counts a moment after its last byte.
        try site.gateway.waitForMetrics("all requests") { $0.sum("http_requests_total") == 300 }
        let metrics = try site.gateway.metrics()
        let wanted = expected(metrics)
        #expect(wanted["requests-2xx"] ?? 0 > 100 && wanted["requests-5xx"] == 30 && wanted["requests-3xx"] == 30)
        #expect(wanted["version-chat/canary"] ?? 0 > 0 && wanted["hits-ai"] ?? 0 >= 25 && wanted["saved-tokens"] ?? 0 > 0)
        #expect(wanted["refused-guests"] ?? 0 > 0 && wanted["refusals-not_found"] == 30)
        try? eventually("the last reading on the page", timeout: 60) {
            let shown = try self.shown(page)
            return wanted.allSatisfy { number(shown[$0.key]) == $0.value }
        }
        let shown = try self.shown(page)
        for (name, value) in wanted { #expect(number(shown[name]) == value, "\(name): \(shown[name] ?? "-") for \(value)") }
        for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            let value = try #require(seconds(shown["latency-\(name)"]), "\(shown["latency-\(name)"] ?? "-")")
            let range = bucket(share, metrics)
            // Three digits are shown.
            #expect(range.lowerBound * 0.99 <= value && value <= range.upperBound * 1.01, "\(name): \(value) in \(range)")
        }

        // Markup in a configuration is text.
        let lines =
            "(document.querySelector('details').open = true, new Promise(done => setTimeout(done)))"
            + ".then(() => document.querySelector('pre code').textContent)"
        try eventually("the configuration on the page") { (try page.evaluate(lines) as? String)?.contains("<script>document") == true }
        #expect(try page.evaluate("document.body.dataset.broken") as? String == nil)
        #expect(page.complaints.isEmpty, "\(page.complaints)")
        #expect(page.requestedURLs.contains(site.page + "events"))
        #expect(
            page.requestedURLs.allSatisfy { $0.hasPrefix(site.page) || $0.hasPrefix("data:") || $0 == "about:blank" },
            "\(page.requestedURLs)")
        try takePictures(page)
    }

    /// What is too faint on its ground: text below a contrast of 4.5, what charts are drawn with below 3 (WCAG 2.2, 1.4.3 and 1.4.11).
    private static let faint = """
        (() => {
            const parts = text => text.match(/[\\d.]+/g).map(Number);
            const over = (top, ground, share) => [0, 1, 2].map(at => top[at] * share + ground[at] * (1 - share));
            const ground = node => {
                if (!node) return [255, 255, 255];
                const own = parts(getComputedStyle(node).backgroundColor), share = own.length > 3 ? own[3] : 1;
                return share === 1 ? own : over(own, ground(node.parentElement), share);
            };
            const luminance = color => [.2126, .7152, .0722].reduce((sum, weight, at) => {
                const share = color[at] / 255;
                return sum + weight * (share <= .04045 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4);
            }, 0);
            const contrast = (one, other) => {
                const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
                return (high + .05) / (low + .05);
            };
            const found = [];
            let looked = 0;
            const look = (node, paint, share, wanted) => {
                const behind = ground(node.closest("svg") ? node.closest("svg").parentElement : node);
                const value = contrast(over(parts(paint), behind, share), behind);
                looked++;
                if (value < wanted) found.push(value.toFixed(2) + " " + node.tagName + " " + (node.getAttribute("class") || "")
                    + " " + node.textContent.slice(0, 40));
            };
            document.querySelectorAll("details").forEach(node => node.open = true);
            for (const node of document.body.querySelectorAll("*")) {
                const style = getComputedStyle(node);
                if (!node.getClientRects().length || ["SCRIPT", "NOSCRIPT"].includes(node.tagName)) continue;
                if ([...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) look(node, style.color, 1, 4.5);
                if (node.matches(".stroke")) look(node, style.stroke, 1, 3);
                if (node.matches(".area")) look(node, style.fill, Number(style.fillOpacity), 3);
                if (node.matches(".key, .bar i")) look(node.parentElement, style.backgroundColor, 1, 3);
            }
            return looked > 100 ? found : ["only " + looked + " were looked at"];
        })()
        """

    /// For people to look at, and for what they would see at once: nothing is wider than the screen.
    private func takePictures(_ page: DevTools) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent(".build/screenshots")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, width, isDark) in [("light", 1280, false), ("dark", 1280, true), ("phone", 390, false), ("narrow", 360, true)] {
            try page.show(width: width, isDark: isDark)
            let paper = isDark ? "rgb(15, 18, 24)" : "rgb(243, 244, 247)"
            try eventually("the colours of \(name)") {
                try page.evaluate("getComputedStyle(document.body).backgroundColor") as? String == paper
            }
            #expect(try page.evaluate("document.documentElement.scrollWidth <= innerWidth") as? Bool == true, "\(name) scrolls sideways")
            let faint = try page.evaluate(Self.faint) as? [String]
            #expect(faint == [], "\(name)")
            try page.takePicture(width: width, to: folder.appendingPathComponent("live-\(name).png").path)
        }
    }

    @Test func `the page tells when the gateway is gone, and goes on when it is back`() throws {
        // Free again when nobody listens any more.
        let port = try ScriptedOrigin { _, _ in }.port
        let conf = "workers 1; access_log off; admin 127.0.0.1:\(port) { } server { listen 127.0.0.1:0; return 200 ok; }"
        let page = try DevTools()
        let link = "document.getElementById('link').dataset.link"
        do {
            let gateway = try Gateway(conf: conf)
            try page.call("Page.navigate", ["url": "http://localhost:\(port)/"])
            try eventually("a live page", timeout: 60) { try page.evaluate(link) as? String == "live" }
            try gateway.stop()
        }
        try eventually("the loss", timeout: 60) { try page.evaluate(link) as? String == "lost" }
        #expect(
            try page.evaluate("document.getElementById('sentence').textContent.startsWith('The gateway does not answer')") as? Bool == true)
        let gateway = try Gateway(conf: conf)
        try eventually("a live page again", timeout: 60) { try page.evaluate(link) as? String == "live" }
        withExtendedLifetime(gateway) {}
    }
}
