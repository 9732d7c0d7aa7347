import Foundation
import GatewayTelemetry
import Testing

@Suite struct ReadmeMetricsTests {
    @Test func `the README lists every metric as it is declared`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(readme.contains("<!-- metrics -->\n" + MetricFamily.markdown() + "<!-- /metrics -->"))
    }
}
