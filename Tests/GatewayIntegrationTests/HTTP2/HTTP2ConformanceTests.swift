import TestSupport
import Testing

/// The rules of RFC 9113 and RFC 7541, each broken and kept once, over TLS and in clear. The rows cover what the public conformance suites
/// for HTTP/2 ask of a server, and more.
@Suite struct HTTP2ConformanceTests {
    static let rows =
        ConformanceRow.starts + ConformanceRow.streams + ConformanceRow.frames + ConformanceRow.windows + ConformanceRow.messages
        + ConformanceRow.compression

    @Test func `the table is large, and no row is there twice`() {
        #expect(Self.rows.count >= 250)
        let twice = Dictionary(grouping: Self.rows, by: \.name).filter { $0.value.count > 1 }.keys
        #expect(twice.isEmpty)
    }

    @Test(arguments: Transport.allCases)
    func `each frame, state and field has the outcome that the RFC gives it`(_ transport: Transport) throws {
        try expectAll(over: transport) { $0 }
    }

    @Test func `the verdict does not depend on how the bytes were cut`() throws {
        try expectAll(over: .plain) { CutStream($0) }
    }

    private func expectAll(over transport: Transport, _ wrap: @escaping @Sendable (any ByteStream) -> any ByteStream) throws {
        let edge = try Edge(ConformanceOrigin.make())
        let address = edge.address(transport)
        let failures = Monitor<[String]>([])
        let clientCount = 8
        let clients = (0..<clientCount).map { client in
            Background {
                for index in stride(from: client, to: Self.rows.count, by: clientCount) {
                    let row = Self.rows[index]
                    do {
                        try row.run(on: wrap(address.connectHTTP2()))
                    } catch {
                        failures.update { $0.append("\(row.name) (RFC \(row.section)), \(row.outcome) expected: \(error)") }
                    }
                }
            }
        }
        for client in clients { try client.value(timeout: 300) }
        for failure in failures.value.sorted() { Issue.record("\(failure)") }
    }
}

extension EdgeAddress {
    /// A connection on which the client has chosen HTTP/2: by ALPN, or by knowing it before.
    func connectHTTP2(receiveBufferBytes: Int32? = nil) throws -> any ByteStream {
        let tcp = try TCPClient(port: address.port, host: address.host, receiveBufferBytes: receiveBufferBytes)
        if transport == .plain { return tcp }
        var options = TLSClient.Options()
        options.alpn = ["h2"]
        let connection = try TLSClient(over: tcp, options)
        guard connection.alpn == "h2" else { throw TestError.invalid("ALPN chose \(connection.alpn ?? "nothing")") }
        return connection
    }
}
