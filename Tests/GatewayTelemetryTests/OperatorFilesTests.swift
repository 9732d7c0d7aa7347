import Foundation
import GatewayTelemetry
import Testing

/// ops/prometheus and ops/grafana ask for nothing that there isn't: a metric without a series, or a label that it hasn't got, would be an
/// alert that never fires and an empty panel.
@Suite struct OperatorFilesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// Prometheus gives these to all that it scrapes.
    private static let scraped: Set = ["job", "instance"]

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The labels of a metric, by its name in an expression; nil if there is none of the name.
    private static func labels(of name: String) -> Set<String>? {
        if name == "up" { return scraped }
        for family in MetricFamily.allCases {
            let declaration = family.declaration
            let labels = scraped.union(declaration.labels)
            if declaration.kind != .histogram {
                if name == declaration.name { return labels }
            } else if name == declaration.name + "_bucket" {
                return labels.union(["le"])
            } else if name == declaration.name + "_sum" || name == declaration.name + "_count" {
                return labels
            }
        }
        return nil
    }

    /// What is wrong with an expression and the words around it, which name labels of its result.
    private static func faults(_ expression: String, named: [String]) -> [String] {
        let names = PromQLNames(expression)
        var faults: [String] = []
        var all: Set<String> = []
        for metric in names.metrics {
            guard let labels = labels(of: metric.name) else {
                faults.append("there is no metric \(metric.name)")
                continue
            }
            all.formUnion(labels)
            for label in metric.labels where !labels.contains(label) { faults.append("\(metric.name) has no label \(label)") }
        }
        if names.metrics.isEmpty { faults.append("no metric in it") }
        for label in names.grouping + named where !all.contains(label) { faults.append("nothing in it has a label \(label)") }
        return faults
    }

    private static func matches(_ text: String, _ pattern: Regex<(Substring, Substring)>) -> [String] {
        text.matches(of: pattern).map { String($0.1) }
    }

    // MARK: Alerts

    private struct Alert {
        let name: String
        let expression: String
        let text: String
    }

    /// The file's own indentation is what tells its parts.
    private static func alerts() throws -> [Alert] {
        try text("ops/prometheus/alerts.yml").components(separatedBy: "\n      - alert: ").dropFirst().map { text in
            let lines = text.split(separator: "\n")
            let start = try #require(lines.firstIndex { $0.hasPrefix("        expr:") })
            // What stands behind the colon, or with `|` the lines that are indented further.
            var expression = String(lines[start].dropFirst("        expr: ".count))
            if expression == "|" {
                expression = ""
                for line in lines[(start + 1)...] {
                    guard line.hasPrefix("          ") else { break }
                    expression += line + "\n"
                }
            }
            return Alert(name: String(lines[0]), expression: expression, text: text)
        }
    }

    @Test func `alerts ask for metrics and labels that there are`() throws {
        let alerts = try Self.alerts()
        #expect(alerts.count >= 9)
        for alert in alerts {
            let named = Self.matches(alert.text, /\$labels\.(\w+)/)
            #expect(Self.faults(alert.expression, named: named) == [], "\(alert.name): \(alert.expression)")
        }
    }

    @Test func `each alert says how bad it is, what has happened and where to look, is tested, and stands in the README`() throws {
        let tests = try Self.text("ops/prometheus/alerts.test.yml")
        let readme = try Self.text("README.md")
        for alert in try Self.alerts() {
            #expect(alert.text.contains(/severity: (critical|warning)\n/) && alert.text.contains("summary: \""), "\(alert.name)")
            #expect(alert.text.contains(/description: "[^"]{40,}"/), "\(alert.name)")
            #expect(readme.contains("| `\(alert.name)` |"), "\(alert.name)")
            let expected = tests.components(separatedBy: "alertname: \(alert.name)\n").dropFirst()
            #expect(expected.contains { $0.hasPrefix("        exp_alerts: []") }, "\(alert.name) is not shown to be silent")
            #expect(expected.contains { $0.hasPrefix("        exp_alerts:\n") }, "\(alert.name) is not shown to fire")
        }
    }

    // MARK: Dashboards

    /// Every expression in it, with the texts that stand beside it.
    private static func expressions(in value: Any) -> [(expression: String, legend: String)] {
        if let list = value as? [Any] { return list.flatMap(expressions) }
        guard let object = value as? [String: Any] else { return [] }
        var found = object.values.flatMap(expressions)
        if let expression = object["expr"] as? String { found.append((expression, object["legendFormat"] as? String ?? "")) }
        if let query = object["query"] as? String, query.hasPrefix("label_values(") { found.append((query, "")) }
        return found
    }

    private static func dashboard(_ name: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text("ops/grafana/\(name).json").utf8)) as? [String: Any])
    }

    @Test(arguments: ["gateway", "ai-cost"])
    func `a dashboard asks for metrics and labels that there are`(name: String) throws {
        let expressions = try Self.expressions(in: Self.dashboard(name))
        #expect(expressions.count > 20)
        for (expression, legend) in expressions {
            let named = Self.matches(legend, /\{\{(\w+)\}\}/)
            #expect(Self.faults(expression, named: named) == [], "\(expression)")
        }
    }

    @Test(arguments: ["gateway", "ai-cost"])
    func `a dashboard takes its data from the source that is chosen, and its panels don't overlap`(name: String) throws {
        let dashboard = try Self.dashboard(name)
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        let variables = try #require((dashboard["templating"] as? [String: Any])?["list"] as? [[String: Any]])
        #expect(variables.first?["name"] as? String == "datasource" && variables.first?["query"] as? String == "prometheus")
        #expect(dashboard["id"] is NSNull && (dashboard["schemaVersion"] as? Int ?? 0) >= 39)
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        var taken: Set<[Int]> = []
        for panel in panels {
            let title = panel["title"] as? String ?? ""
            if panel["type"] as? String != "row" {
                #expect((panel["datasource"] as? [String: String])?["uid"] == "${datasource}", "\(title)")
            }
            let place = try #require(panel["gridPos"] as? [String: Int])
            let (x, y, w, h) = (place["x"] ?? -1, place["y"] ?? -1, place["w"] ?? 0, place["h"] ?? 0)
            #expect(x >= 0 && x + w <= 24 && h > 0, "\(title)")
            for column in x..<(x + w) { for line in y..<(y + h) { #expect(taken.insert([column, line]).inserted, "\(title)") } }
        }
    }

    @Test func `both dashboards show every metric but what only others are made of`() throws {
        let asked = try ["gateway", "ai-cost"].flatMap { try Self.expressions(in: Self.dashboard($0)) }.map(\.expression).joined()
        let left = MetricFamily.allCases.map(\.declaration.name).filter { !asked.contains($0) }
        #expect(
            left.sorted() == [
                "gateway_rate_limit_shared_total", "gateway_upstream_tls_handshakes_total", "process_virtual_memory_bytes",
            ])
    }

    // MARK: The check itself

    @Test(arguments: [
        "sum by (server) (rate(http_request_total[5m]))": "there is no metric http_request_total",
        "rate(http_requests_total{upstream=\"a\"}[5m])": "http_requests_total has no label upstream",
        "sum by (zone, le) (http_requests_total{status=~\"a{b=\\\"c\"})": "nothing in it has a label zone",
        "http_request_duration_seconds > 1": "there is no metric http_request_duration_seconds",
        "label_values(gateway_build_info{job=~\"$job\"}, server)": "nothing in it has a label server",
        "a or 2 * http_requests_total offset 5m": "there is no metric a",
        "vector(1)": "no metric in it",
    ])
    func `what there isn't is found`(expression: String, fault: String) {
        #expect(Self.faults(expression, named: []).contains(fault))
    }

    @Test(arguments: [
        "up{job=\"gateway\"} == 0",
        "topk(10, sum by (key) (rate(gateway_api_key_requests_total{job=~\"$job\"}[$__rate_interval]))) * $price / 1e6",
        "histogram_quantile(0.95, sum by (le, server) (rate(http_request_duration_seconds_bucket[5m]))) > 2.5 unless on (server) gateway_ai_answers_total",
        "label_values(http_requests_total{job=~\"$job\"}, server)",
    ])
    func `what there is passes`(expression: String) {
        #expect(Self.faults(expression, named: ["job"]) == [])
    }
}
