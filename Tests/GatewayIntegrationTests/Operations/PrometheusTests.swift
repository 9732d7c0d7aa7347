import Foundation
import TestSupport
import Testing

/// Debian's Prometheus with the files of ops/prometheus: it takes the rules, scrapes the gateway under load, and an alert fires.
@Suite struct PrometheusTests {
    private static let conf = """
        workers 2;
        access_log off;
        admin 127.0.0.1:0 { allow 127.0.0.1; }
        upstream api { version stable weight=1 { server 127.0.0.1:{ORIGIN}; } }
        server { listen 127.0.0.1:0; location / { proxy_pass http://api; } }
        """

    @Test(.enabled(if: Program.isInstalled("promtool"))) func `promtool takes the configuration and the rules, and their tests pass`()
        throws
    {
        try Program.run("/usr/bin/promtool", ["check", "config", Operations.file("ops/prometheus/prometheus.yml")])
        try Program.run("/usr/bin/promtool", ["check", "rules", "--lint-fatal", Operations.file("ops/prometheus/alerts.yml")])
        try Program.run("/usr/bin/promtool", ["test", "rules", Operations.file("ops/prometheus/alerts.test.yml")], timeout: 120)
    }

    @Test(.enabled(if: Program.isInstalled("promtool")), arguments: ["gateway", "ai-cost"])
    func `promtool takes what a dashboard asks for`(name: String) throws {
        let page = try String(contentsOfFile: Operations.file("ops/grafana/\(name).json"), encoding: .utf8)
        let dashboard = try JSONSerialization.jsonObject(with: Data(page.utf8))
        let rules = Self.expressions(in: dashboard).enumerated().map { index, expression in
            "  - {record: \"panel:\(index)\", expr: '\(Self.filled(expression))'}\n"
        }
        #expect(rules.count > 20)
        let directory = try TemporaryDirectory()
        let path = try directory.write("groups:\n- name: dashboard\n  rules:\n" + rules.joined(), to: "rules.yml")
        try Program.run("/usr/bin/promtool", ["check", "rules", path])
    }

    private static func expressions(in value: Any) -> [String] {
        if let list = value as? [Any] { return list.flatMap(expressions) }
        guard let object = value as? [String: Any] else { return [] }
        return object.values.flatMap(expressions) + [object["expr"] as? String].compactMap { $0 }
    }

    /// With what Grafana would put for its variables.
    private static func filled(_ expression: String) -> String {
        expression.replacing(/\$__\w+/, with: "5m").replacing(/\$\w+_price/, with: "2.5").replacing(/"\$\w+"/, with: "\".*\"")
    }

    @Test(.enabled(if: Program.isInstalled("prometheus")))
    func `Prometheus scrapes a loaded gateway, and its alert fires when origins fail`()
        throws
    {
        let origin = try DemoOrigin()
        let gateway = try Gateway(conf: Self.conf, values: ["ORIGIN": "\(origin.port)"])
        let prometheus = try Prometheus(gateway)
        let client = try TCPClient(port: gateway.port)
        func load(_ fields: String...) throws {
            for _ in 0..<20 { _ = try client.get("/", fields: fields) }
        }

        try eventually("the load in what was scraped") {
            try load()
            return try prometheus.value("sum(rate(http_requests_total{status=\"200\"}[5s]))") ?? 0 > 0
        }
        #expect(try prometheus.value("up{job=\"gateway\"}") == 1)
        // It has asked for OpenMetrics, where bounds are floats.
        #expect(try prometheus.value("sum(http_request_duration_seconds_bucket{le=\"1.0\"})") ?? 0 > 0)
        #expect(try prometheus.value("scrape_samples_scraped{job=\"gateway\"}") ?? 0 > 100)
        #expect(try prometheus.alerts() == [])

        try eventually("an alert") {
            try load("X-Demo-Status: 503")
            return try prometheus.alerts().contains("GatewayErrorRateHigh firing")
        }
        try eventually("its end") {
            try load()
            return try prometheus.alerts() == []
        }
    }
}

/// Prometheus with the files of ops/prometheus, in seconds instead of minutes.
private final class Prometheus {
    private let directory: TemporaryDirectory
    private let program: Program
    private let port: UInt16

    init(_ gateway: Gateway) throws {
        directory = try TemporaryDirectory()
        let settings = try String(contentsOfFile: Operations.file("ops/prometheus/prometheus.yml"), encoding: .utf8)
        let quick = settings.replacingOccurrences(of: "15s", with: "1s")
            .replacingOccurrences(of: "127.0.0.1:9145", with: "127.0.0.1:\(gateway.adminPort ?? 0)")
        try #require(quick.contains("scrape_interval: 1s") && !quick.contains("9145"))
        let file = try directory.write(quick, to: "prometheus.yml")
        let alerts = try String(contentsOfFile: Operations.file("ops/prometheus/alerts.yml"), encoding: .utf8)
        try directory.write(alerts.replacing(/for: \w+/, with: "for: 2s").replacing(/\[\w+\]/, with: "[5s]"), to: "alerts.yml")
        program = try Program(
            "/usr/bin/prometheus",
            [
                "--config.file=\(file)", "--storage.tsdb.path=\(directory.file("data"))", "--web.listen-address=127.0.0.1:0",
                "--enable-feature=exemplar-storage",
            ])
        let line = try program.stderr.waitForLine(containing: "Listening on")
        guard let port = line.split(separator: ":").last.flatMap({ UInt16($0) }) else { throw TestError.invalid("no port in: \(line)") }
        self.port = port
        try program.stderr.waitForLine(containing: "ready to receive web requests")
    }

    private func ask(_ target: String) throws -> [String: Any] {
        let answer = try TCPClient(port: port).get(target, fields: ["Connection: close"])
        guard answer.status == 200, let data = try answer.json()["data"] as? [String: Any] else { throw TestError.invalid(answer.text) }
        return data
    }

    /// Of the first series in the result; nil if there is none.
    func value(_ query: String) throws -> Double? {
        let escaped = query.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let series = try ask("/api/v1/query?query=\(escaped)")["result"] as? [[String: Any]]
        return ((series?.first?["value"] as? [Any])?.last as? String).flatMap(Double.init)
    }

    /// The names of alerts and their states.
    func alerts() throws -> [String] {
        let alerts = try ask("/api/v1/alerts")["alerts"] as? [[String: Any]] ?? []
        return alerts.map { "\(($0["labels"] as? [String: String])?["alertname"] ?? "") \($0["state"] ?? "")" }
    }
}
