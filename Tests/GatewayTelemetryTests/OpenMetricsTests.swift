import Testing

@testable import GatewayTelemetry

/// What OpenMetrics 1.0.0 spells otherwise than Prometheus' text format.
@Suite struct OpenMetricsTests {
    private func lines(_ registry: MetricsRegistry) -> [String] {
        String(decoding: registry.exposition(.openMetrics), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
    }

    @Test func `the family of a counter is named without _total, its samples with it`() {
        let registry = MetricsRegistry()
        registry.makeShard().increment(registry.counter(.connectionsAccepted, []), by: 3)
        let lines = lines(registry)
        #expect(lines.contains("# TYPE gateway_connections_accepted counter"))
        #expect(lines.contains("# HELP gateway_connections_accepted Client connections accepted."))
        #expect(lines.contains("gateway_connections_accepted_total 3"))
    }

    @Test func `families that have a unit say so, and it ends their name`() {
        let registry = MetricsRegistry()
        Place(registry, "a", "/").count(registry.makeShard(), status: 200)
        _ = registry.gauge(.connections, ["idle", "h2"])
        registry.set(.certificateExpiry, ["a", "a.pem"], to: 1)
        let units = lines(registry).filter { $0.hasPrefix("# UNIT ") }.map { $0.split(separator: " ") }
        #expect(units.map { $0[2] }.contains("http_request_bytes"))
        #expect(units.map { $0[2] }.contains("gateway_certificate_expiry_timestamp_seconds"))
        #expect(!units.map { $0[2] }.contains("gateway_connections"))
        for unit in units { #expect(unit[2].hasSuffix("_" + unit[3])) }
    }

    @Test func `bounds of buckets are floats`() {
        let registry = MetricsRegistry()
        _ = registry.histogram(.upstreamResponseDuration, ["a", "", "s"])
        let bounds = lines(registry).compactMap { $0.split(separator: "le=\"").dropFirst().first?.split(separator: "\"").first }
        #expect(bounds.contains("0.0025") && bounds.contains("1.0") && bounds.contains("300.0") && bounds.last == "+Inf")
        #expect(bounds.allSatisfy { $0.contains(".") || $0 == "+Inf" })
    }

    @Test func `the page ends with EOF, and only there`() {
        let lines = lines(MetricsRegistry())
        #expect(lines.suffix(2) == ["# EOF", ""] && lines.filter { $0 == "# EOF" }.count == 1)
        #expect(!String(decoding: MetricsRegistry().exposition(.text), as: UTF8.self).contains("# EOF"))
    }

    @Test func `a quote in a help text is escaped`() {
        #expect(ExpositionFormat.openMetrics.escapedHelp("a\\b\"c\n") == #"a\\b\"c\n"#)
        #expect(ExpositionFormat.text.escapedHelp("a\\b\"c\n") == #"a\\b"c\n"#)
    }

    @Test func `no family's name is another's sample`() {
        let suffixes = ["_total", "_created", "_count", "_sum", "_bucket", "_info", "_gcount", "_gsum"]
        let names = MetricFamily.allCases.map { String(ExpositionFormat.openMetrics.familyName($0.declaration)) }
        #expect(Set(names).count == names.count)
        for name in names { #expect(!suffixes.contains { names.contains(name + $0) }, "\(name)") }
    }
}
