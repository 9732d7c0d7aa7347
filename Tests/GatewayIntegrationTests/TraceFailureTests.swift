import Foundation
import TestSupport
import Testing

/// A collector that is slow, gone or unwilling costs spans, and nothing else.
@Suite struct TraceFailureTests {
    private static func lines(_ gateway: Gateway, _ text: String) -> Int { gateway.program.stderr.lines.count { $0.contains(text) } }

    private static func dropped(_ metrics: Metrics, _ reason: String) -> Double {
        metrics.sum("gateway_spans_dropped_total", ["reason": reason])
    }

    @Test func `what the collector refuses is dropped, told of once, and once more when it is well again`() throws {
        let collector = try Collector { $0 < 2 ? Collector.answer("400 Bad Request", "{}") : Collector.taken }
        let gateway = try TraceExportTests.gateway(collector)
        for count in 1...3 {
            #expect(try gateway.get("/local").status == 200)
            try collector.waitForRequests(count)
        }
        try gateway.waitForMetrics("two refused, one taken") {
            Self.dropped($0, "refused") == 2 && $0.sum("gateway_spans_exported_total") == 1
        }
        try eventually("the line of recovery") { Self.lines(gateway, "spans are sent to the collector again") == 1 }
        #expect(Self.lines(gateway, "spans can't be sent to the collector") == 1)
        #expect(gateway.program.stderr.lines.contains { $0.contains("again") && $0.contains("dropped=2") })
    }

    @Test func `what the collector has no time for is sent again when it says`() throws {
        let collector = try Collector { $0 == 0 ? Collector.answer("503 Busy", fields: "Retry-After: 1\r\n") : Collector.taken }
        let gateway = try TraceExportTests.gateway(collector)
        #expect(try gateway.get("/local").status == 200)
        try collector.waitForRequests(2)
        let ids = try collector.requests.map { try Collector.spans(in: $0).map(\.id) }
        #expect(ids[0] == ids[1] && ids[0].count == 1)
        try gateway.waitForMetrics("none dropped") {
            $0.sum("gateway_spans_exported_total") == 1 && $0.sum("gateway_spans_dropped_total") == 0
        }
    }

    @Test func `what fills a message is sent again as it was, and what comes behind it is not mixed with it`() throws {
        let collector = try Collector { $0 == 0 ? Collector.answer("503 Busy", fields: "Retry-After: 1\r\n") : Collector.taken }
        let conf = TraceExportTests.conf().replacingOccurrences(of: "interval=100ms", with: "interval=1h")
        let gateway = try Gateway(conf: conf, values: ["COLLECTOR": "http://127.0.0.1:\(collector.port)", "ORIGIN": "1"])
        let client = try gateway.connect()
        // Some 2 KB each, of which half a megabyte is sent without waiting.
        let text = String(repeating: "x", count: 1000)
        for number in 0..<1200 {
            #expect(try client.get("/local?\(number)&\(text)").status == 200)
            if number == 400 { try collector.waitForRequests(1) }
        }
        #expect(try gateway.stop() == .exited(0))
        let requests = collector.requests
        #expect(requests.count >= 3 && requests[0].body.count > 512 * 1024 && requests[0].body == requests[1].body)
        let queries = try requests.dropFirst().flatMap(Collector.spans(in:)).map { $0.attributes["url.query"] }
        #expect(queries == (0..<1200).map { "\($0)&\(text)" })
    }

    @Test func `spans that the collector rejects of many are counted`() throws {
        let collector = try Collector { _ in
            Collector.answer("200 OK", "{\"partialSuccess\": {\"errorMessage\": \"full\", \"rejectedSpans\": \"1\"}}")
        }
        let gateway = try TraceExportTests.gateway(collector)
        #expect(try gateway.get("/local").status == 200)
        try gateway.waitForMetrics("one refused") {
            Self.dropped($0, "refused") == 1 && $0.sum("gateway_spans_exported_total") == 0
        }
    }

    @Test func `a kept connection that has died costs no span`() throws {
        // The collector closes each connection behind its first answer, unasked.
        let origin = Monitor<[HTTPRequest]>([])
        let listener = try ScriptedOrigin { connection, _ in
            guard let request = try connection.readNextRequest() else { return }
            origin.update { $0.append(request) }
            try connection.send(Collector.taken)
        }
        let gateway = try Gateway(
            conf: TraceExportTests.conf(), values: ["COLLECTOR": "http://127.0.0.1:\(listener.port)", "ORIGIN": "1"])
        for count in 1...3 {
            #expect(try gateway.get("/local").status == 200)
            try eventually("\(count) requests") { origin.value.count >= count }
        }
        try gateway.waitForMetrics("three exported") {
            $0.sum("gateway_spans_exported_total") == 3 && $0.sum("gateway_spans_dropped_total") == 0
        }
        #expect(Self.lines(gateway, "spans can't be sent") == 0)
    }

    @Test func `a collector that answers nothing holds up nobody, and what waits is bounded`() throws {
        let never = Monitor(0)
        let collector = try Collector { _ in
            _ = never.wait(until: Deadline(seconds: 600)) { $0 > 0 ? true : nil }
            return ""
        }
        // Without a log nothing else is done for each request.
        let conf = TraceExportTests.conf().replacing("access_log {DIR}/access.log json hide=token;", with: "access_log off;")
        let gateway = try Gateway(conf: conf, values: ["COLLECTOR": "http://127.0.0.1:\(collector.port)", "ORIGIN": "1"])
        let client = try gateway.connect()
        // Path and query as long as they are told: some 3 KB each, and 8 MB may wait.
        let text = String(repeating: "x", count: 1024)
        let requests = String(repeating: "GET /local/\(text)?\(text) HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 100)
        for _ in 0..<40 {
            try client.send(requests)
            for _ in 0..<100 { #expect(try client.readResponse().status == 200) }
        }
        try gateway.waitForMetrics("some dropped") { Self.dropped($0, "queue_full") > 100 }
        #expect(try gateway.stop() == .exited(0))
        #expect(Self.lines(gateway, "spans can't be sent") == 1)
    }

    @Test func `nobody at the collector's port is told of, and the gateway ends all the same`() throws {
        let port: UInt16
        do { port = try Collector().port }
        let gateway = try Gateway(
            conf: TraceExportTests.conf(), values: ["COLLECTOR": "http://127.0.0.1:\(port)", "ORIGIN": "1"])
        #expect(try gateway.get("/local").status == 200)
        try eventually("a line") { Self.lines(gateway, "spans can't be sent to the collector") == 1 }
        #expect(try gateway.get("/local").status == 200)
        #expect(try gateway.stop() == .exited(0))
    }

    @Test func `over TLS the collector is verified, and gets its field`() throws {
        let side = try TLSServerSide(SecureUpstream.authority.get().leaf(["127.0.0.1"]))
        let values = { (collector: Collector) in
            [
                "COLLECTOR": "https://127.0.0.1:\(collector.port)", "ORIGIN": "1",
                "CA": (try? SecureUpstream.authority.get().authorityPath) ?? "",
            ]
        }
        let collector = try Collector(tls: side)
        let gateway = try Gateway(
            conf: TraceExportTests.conf("ca={CA} header=Authorization:env:COLLECTOR_TOKEN"), values: values(collector),
            environment: ["COLLECTOR_TOKEN": "Bearer abc"])
        #expect(try gateway.get("/local").status == 200)
        #expect(try collector.spans(waitingFor: 1).count == 1)
        #expect(collector.requests.first?["Authorization"] == "Bearer abc")

        let stranger = try Collector(tls: TLSServerSide(SecureUpstream.stranger.get().leaf(["127.0.0.1"])))
        let refusing = try Gateway(conf: TraceExportTests.conf("ca={CA}"), values: values(stranger))
        #expect(try refusing.get("/local").status == 200)
        try eventually("a line") { refusing.program.stderr.lines.contains { $0.contains("spans can't be sent") && $0.contains("TLS") } }
        #expect(stranger.requests.isEmpty)
    }
}
