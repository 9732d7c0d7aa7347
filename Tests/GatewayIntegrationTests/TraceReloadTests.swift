import TestSupport
import Testing

/// What one collector shall get, no other gets: a field with its key least of all.
@Suite struct TraceReloadTests {
    private static let token = "header=Authorization:env:SECOND_TOKEN"

    private static func gateway(_ tracing: String, _ first: String, _ second: Collector) throws -> Gateway {
        try Gateway(
            conf: TraceExportTests.conf(tracing),
            values: [
                "COLLECTOR": first, "SECOND": "http://127.0.0.1:\(second.port)", "ORIGIN": "1",
                "CA": SecureUpstream.authority.get().authorityPath,
            ], environment: ["SECOND_TOKEN": "Bearer second"])
    }

    private static func turn(_ gateway: Gateway) throws {
        let conf = TraceExportTests.conf(token).replacingOccurrences(of: "{COLLECTOR}", with: "{SECOND}")
        #expect(try gateway.reload(conf: conf).contains("reloaded"))
    }

    @Test func `after a reload inside a request the next one goes to the new collector`() throws {
        let go = Monitor(false)
        let first = try Collector { _ in
            _ = go.wait(until: Deadline(seconds: 60)) { $0 ? true : nil }
            return Collector.taken
        }
        let second = try Collector()
        let gateway = try Self.gateway("", "http://127.0.0.1:\(first.port)", second)
        #expect(try gateway.get("/local").status == 200)
        try first.waitForRequests(1)
        try Self.turn(gateway)
        go.update { $0 = true }
        try gateway.waitForMetrics("what was under way is taken") { $0.sum("gateway_spans_exported_total") == 1 }
        #expect(try gateway.get("/local").status == 200)
        #expect(try second.spans(waitingFor: 1).count == 1)
        #expect(second.requests[0]["Host"] == "127.0.0.1:\(second.port)" && second.requests[0]["Authorization"] == "Bearer second")
        #expect(first.requests.count == 1 && first.requests[0]["Authorization"] == nil)
    }

    @Test func `after a reload inside the handshake the old collector gets nothing any more`() throws {
        let side = try TLSServerSide(SecureUpstream.authority.get().leaf(["127.0.0.1"]))
        let (go, requests) = (Monitor(false), Monitor<[HTTPRequest]>([]))
        let first = try ScriptedOrigin { socket, _ in
            _ = go.wait(until: Deadline(seconds: 60)) { $0 ? true : nil }
            let connection = try TLSServerConnection(over: socket, side)
            while let request = try connection.readNextRequest() {
                requests.update { $0.append(request) }
                try connection.send(Collector.taken)
            }
        }
        let second = try Collector()
        let gateway = try Self.gateway("ca={CA}", "https://127.0.0.1:\(first.port)", second)
        #expect(try gateway.get("/local").status == 200)
        try first.waitForConnections(1)
        try Self.turn(gateway)
        go.update { $0 = true }
        #expect(try second.spans(waitingFor: 1).count == 1)
        #expect(second.requests[0]["Authorization"] == "Bearer second")
        #expect(requests.value.isEmpty)
    }
}
