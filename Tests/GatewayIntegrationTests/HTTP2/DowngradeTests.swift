import TestSupport
import Testing

/// Requests over HTTP/2 whose parts hold what HTTP/1.1 takes for delimiters (RFC 9113 § 10.3). The origin parses with h11, and a reader of
/// the tests' own reads each byte that it got: it sees nothing of a malformed request, and never a second one in a first.
@Suite struct DowngradeTests {
    private static let conf = """
        workers 2;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        upstream origin { server 127.0.0.1:{ORIGIN}; }
        server {
            listen 127.0.0.1:0;
            location / { proxy_pass http://origin; }
        }
        """

    @Test func `the table is large, and no row is there twice`() {
        #expect(DowngradeRow.all.count >= 250)
        #expect(Dictionary(grouping: DowngradeRow.all, by: \.name).filter { $0.value.count > 1 }.isEmpty)
    }

    @Test func `what HTTP/1.1 would misread reaches no origin, and the connection serves on`() throws {
        let rows = DowngradeRow.all
        let origin = try H11Origin()
        let gateway = try Gateway(conf: Self.conf, values: ["ORIGIN": "\(origin.port)"])
        let address = gateway.addresses[0]
        let failures = Monitor<[Int: String]>([:])
        let clientCount = 8
        let clients = (0..<clientCount).map { client in
            Background {
                for index in stride(from: client, to: rows.count, by: clientCount) {
                    do {
                        try rows[index].run(on: TCPClient(port: address.port, host: address.host, from: Self.address(index)))
                    } catch {
                        failures.update { $0[index] = "\(error)" }
                    }
                }
            }
        }
        for client in clients { try client.value(timeout: 300) }
        let received = try ReceivedRequests(by: origin)
        for (index, row) in rows.enumerated() {
            do {
                if let failure = failures.value[index] { throw TestError.invalid(failure) }
                let client = received[Self.address(index)]
                try client.expect(row.requestsAtOrigin, mayBeCutOff: row.mayBeCutOff, hasOpaqueText: row.hasOpaqueText)
            } catch {
                Issue.record("\(row.name) (RFC \(row.section)), \(row.outcome) expected: \(error)")
            }
        }
        #expect(received.strangers(rows.indices.map(Self.address)).isEmpty)
        try expectAccounts(of: rows, in: gateway)
    }

    /// Every row has an address of its own, by which what the origin received is told apart.
    private static func address(_ index: Int) -> String { "127.8.\(index / 250).\(index % 250 + 1)" }

    /// Each malformed request is a line in the log with the reason, and counted.
    private func expectAccounts(of rows: [DowngradeRow], in gateway: Gateway) throws {
        let refusedCount = rows.count { if case .passes = $0.outcome { false } else { true } }
        try gateway.waitForMetrics("\(refusedCount) refusals") { $0.sum("gateway_refusals_total") >= Double(refusedCount) }
        #expect(try gateway.metrics().sum("gateway_refusals_total") == Double(refusedCount))
        let lines = try gateway.accessLog(waitingFor: 2 * rows.count)
        #expect(lines.count { $0["error_type"] != nil } == refusedCount)
    }
}
