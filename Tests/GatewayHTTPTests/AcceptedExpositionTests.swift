import GatewayCore
import GatewayHTTP
import Testing

/// RFC 9110 § 12.5.1, as far as formats of metrics are concerned.
@Suite struct AcceptedExpositionTests {
    private func prefersOpenMetrics(_ lines: String...) -> Bool {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        for line in lines { fields.append(name: Array("Accept".utf8).rawSpan, value: Array(line.utf8).rawSpan) }
        return fields.prefersOpenMetrics
    }

    @Test(arguments: [
        // Prometheus 2.42, and 3.5.
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
            + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text", "Application/OpenMetrics-Text; Version=1.0.0", "application/openmetrics-text;version=\"1.0.0\"",
        "application/openmetrics-text, text/plain", "text/plain;q=0.5, application/openmetrics-text;q=0.5",
        "application/openmetrics-text;q=0.2, text/plain;q=0.1, */*", "application/openmetrics-text;q=0.2, text/*;q=0.1, */*",
        "text/plain;version=1.0.0, application/openmetrics-text;q=0.001",
    ])
    func `OpenMetrics is wanted`(value: String) {
        #expect(prefersOpenMetrics(value))
    }

    @Test(arguments: [
        "", "*/*", "text/plain", "text/plain;version=0.0.4", "application/*", "application/openmetrics-text;q=0", "text/html",
        "application/openmetrics-text;version=0.0.1", "application/openmetrics-text;version=2.0.0", "application/openmetrics-text;version=",
        "application/openmetrics-text;version=\"", "application/openmetrics-text;q=x", "application/openmetrics-text;q=0.9, text/plain",
        "application/openmetrics-text;q=0.5, */*;q=0.6", "application/openmetrics-text;q=0.5, text/*;q=0.6, */*;q=0.1",
        "application/openmetrics-textual", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
    ])
    func `text is wanted, or nothing that there is`(value: String) {
        #expect(!prefersOpenMetrics(value))
    }

    @Test func `several lines are one list`() {
        #expect(prefersOpenMetrics("text/plain;q=0.5", "application/openmetrics-text"))
        #expect(!prefersOpenMetrics("application/openmetrics-text;q=0.4", "text/plain;q=0.5"))
    }

    @Test func `without Accept it is text`() {
        #expect(!prefersOpenMetrics())
    }
}
