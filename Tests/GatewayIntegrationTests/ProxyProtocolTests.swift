import Foundation
import TestSupport
import Testing

/// `listen ... proxy_protocol`: balancers of TCP say for whom they connect.
@Suite struct ProxyProtocolTests {
    private static let authority = Result { try TestCertificates() }
    private static let leaf = Result { try authority.get().leaf(["localhost"]) }

    /// A gateway that expects the header on a plain and a TLS listener, from this machine's first two addresses.
    private struct Guarded {
        let origin: ScriptedOrigin
        let gateway: Gateway

        init(_ main: String = "") throws {
            origin = try .answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            gateway = try Gateway(
                conf: """
                    workers 1; error_log stderr debug; access_log {DIR}/access.log json; admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                    trusted_proxies 127.0.0.1 127.0.0.2 203.0.113.7;
                    \(main)
                    server {
                        listen 127.0.0.1:0 proxy_protocol;
                        listen 127.0.0.2:0 ssl proxy_protocol;
                        server_name localhost;
                        ssl_certificate {CERT};
                        ssl_certificate_key {KEY};
                        location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location = /who { return 200 "$remote_addr $remote_port"; }
                    }
                    """, certificate: leaf.get(), values: ["ORIGIN": "\(origin.port)"])
        }

        func address(_ way: Way) -> Gateway.Address { gateway.addresses[way.transport == .plain ? 0 : 1] }

        /// A client behind a balancer, which says `header` in the same write as the client's first bytes, or cuts all that it sends.
        func client(_ way: Way, _ header: [UInt8], pieceBytes: Int = 1 << 16) throws -> (WayClient, Relay) {
            let relay = try Relay(to: address(way), header: header, pieceBytes: pieceBytes)
            let entrance = Gateway.Address(host: "127.0.0.1", port: relay.port)
            return (try WayClient(way, EdgeAddress(address: entrance, transport: way.transport)), relay)
        }

        func closed(_ reason: String) throws -> Double {
            try gateway.metrics().sum("gateway_connections_closed_total", ["reason": reason])
        }
    }

    private static let line = Array("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".utf8)
    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    /// 2001:db8::1 with a TLV.
    private static let block =
        signature + [0x21, 0x21, 0, 40, 0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
        + [UInt8](repeating: 0, count: 15) + [1, 0xdc, 0x04, 0x01, 0xbb, 0x04, 0, 1, 0]
    private static let local = signature + [0x20, 0, 0, 0]
    private static let unnamed = Array("PROXY UNKNOWN\r\n".utf8)

    // MARK: Who the client is

    @Test(arguments: Way.allCases, [1, 1 << 16]) func `the client is whom the header names, in every place`(_ way: Way, pieceBytes: Int)
        throws
    {
        let guarded = try Guarded()
        for (index, (header, name)) in [(Self.line, "192.0.2.1"), (Self.block, "2001:db8::1")].enumerated() {
            let (client, relay) = try guarded.client(way, header, pieceBytes: pieceBytes)
            try withExtendedLifetime(relay) {
                #expect(try client.ask("/who").text == "\(name) 56324")
                // What the client says of itself counts for nothing: it is no proxy.
                let answer = try client.ask("/", "GET", ["X-Forwarded-For: 203.0.113.99"])
                #expect(answer.text == "ok")
            }
            let all = (0..<guarded.origin.connectionCount).map { guarded.origin.received($0) }.joined()
            let request = try #require(all.components(separatedBy: "GET ").last)
            #expect(request.contains("X-Forwarded-For: \(name)\r\n") && !request.contains("203.0.113.99"), "\(request)")
            let log = try guarded.gateway.accessLog(waitingFor: 2 * index + 2)
            #expect(log.suffix(2).map { $0["remote_addr"] } == [name, name])
        }
    }

    @Test(arguments: Way.allCases) func `without a name the client is the balancer`(_ way: Way) throws {
        let guarded = try Guarded()
        let fields = ["X-Forwarded-For: 192.0.2.9"]
        // It speaks for itself, and is trusted.
        let (own, first) = try guarded.client(way, Self.local)
        #expect(try withExtendedLifetime(first) { try own.ask("/who") }.text.hasPrefix("127.0.0."))
        #expect(try withExtendedLifetime(first) { try own.ask("/who", "GET", fields) }.text.hasPrefix("192.0.2.9 "))
        // It speaks for somebody, who is not.
        let (other, second) = try guarded.client(way, Self.unnamed)
        #expect(try withExtendedLifetime(second) { try other.ask("/who", "GET", fields) }.text.hasPrefix("127.0.0."))
    }

    @Test func `a proxy behind the balancer is believed like one that connects itself`() throws {
        let guarded = try Guarded()
        let header = Array("PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n".utf8)
        let (client, relay) = try guarded.client(.http1OverTLS, header)
        let text = try withExtendedLifetime(relay) { try client.ask("/who", "GET", ["X-Forwarded-For: 192.0.2.9"]).text }
        #expect(text == "192.0.2.9 56324")
    }

    // MARK: Who is turned away

    @Test(arguments: [0, 1]) func `nobody but trusted proxies may connect`(listener: Int) throws {
        let guarded = try Guarded()
        let stranger = try guarded.gateway.connect(listener, from: "127.0.0.9")
        try? stranger.send(Self.line + Array("GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        #expect(stranger.isEndedByPeer())
        try guarded.gateway.waitForMetrics("one refusal") {
            $0.sum("gateway_connections_refused_total", ["reason": "proxy_protocol_untrusted"]) == 1
        }
        #expect(try guarded.gateway.metrics().sum("gateway_connections") == 0)
        try guarded.gateway.program.stderr.waitForLine(containing: "proxy_protocol_untrusted")
    }

    @Test(arguments: [0, 1]) func `what is no header ends the connection, and is counted`(listener: Int) throws {
        let guarded = try Guarded()
        let garbage = [
            Array("GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), HTTP2Client.preface, [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
            Array("PROXY TCP4 192.0.2.1 198.51.100.1 99999 443\r\nGET /who HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8),
            Self.signature + [0x31, 0x11, 0, 0], Self.signature + [0x21, 0x11, 0xff, 0xff], [UInt8](repeating: 0x0d, count: 100_000),
        ]
        for (index, bytes) in garbage.enumerated() {
            let client = try guarded.gateway.connect(listener)
            try? client.send(bytes)
            #expect(client.isEndedByPeer())
            try guarded.gateway.waitForMetrics("garbage \(index)") {
                $0.sum("gateway_connections_closed_total", ["reason": "proxy_protocol_invalid"]) == Double(index + 1)
            }
        }
        // A header that ends in its middle; but nothing at all is how balancers look whether somebody is there.
        let half = try guarded.gateway.connect(listener)
        try half.send("PROXY TCP4 192.0")
        try half.halfClose()
        #expect(half.isEndedByPeer())
        let silent = try guarded.gateway.connect(listener)
        try silent.halfClose()
        #expect(silent.isEndedByPeer())
        try guarded.gateway.waitForMetrics("nobody") { $0.sum("gateway_connections") == 0 }
        #expect(try guarded.closed("proxy_protocol_invalid") == Double(garbage.count + 1))
        #expect(try guarded.gateway.accessLogLines().isEmpty)
    }

    @Test(arguments: [0, 1]) func `a header that does not come in time ends the connection`(listener: Int) throws {
        let guarded = try Guarded("client_header_timeout 500ms;")
        let (silent, half) = (try guarded.gateway.connect(listener), try guarded.gateway.connect(listener))
        try half.send(Array(Self.block.dropLast()))
        #expect(silent.isEndedByPeer() && half.isEndedByPeer())
        try guarded.gateway.waitForMetrics("two timeouts") {
            $0.sum("gateway_connections_closed_total", ["reason": "proxy_protocol_timeout"]) == 2
        }
    }

    // MARK: Limits

    @Test func `limits by address hold for whom the header names`() throws {
        let guarded = try Guarded("limit_connections 2;")
        func connect(_ listener: Int, _ address: String) throws -> TCPClient {
            let client = try guarded.gateway.connect(listener)
            try client.send("PROXY TCP4 \(address) 198.51.100.1 56324 443\r\n")
            return client
        }
        func connectTLS(_ address: String) throws -> TLSClient { try TLSClient(over: connect(1, address)) }
        let first = try connect(0, "192.0.2.1")
        #expect(try first.get("/who").text == "192.0.2.1 56324")
        let second = try connectTLS("192.0.2.1")
        #expect(try second.get("/who").text == "192.0.2.1 56324")
        let third = try connect(0, "192.0.2.1")
        let refused = try third.readResponse()
        #expect(refused.status == 503 && refused.text.contains("connection_limit"), "\(refused.startLine)")
        #expect(throws: (any Error).self) { try connectTLS("192.0.2.1") }
        // The balancer's other clients are others, and it may look after us itself as often as it likes.
        let others = try [connectTLS("192.0.2.2"), connectTLS("192.0.2.3")]
        for other in others { #expect(try other.get("/who").status == 200) }
        for _ in 0..<4 {
            let own = try guarded.gateway.connect()
            try own.send(Self.local)
            #expect(try own.get("/who").status == 200)
        }
        try guarded.gateway.waitForMetrics("two refusals") {
            $0.sum("gateway_connections_refused_total", ["reason": "limit_connections"]) == 2
        }
        first.close()
        try eventually("its place is free") { try connect(0, "192.0.2.1").get("/who").status == 200 }
    }

    @Test func `a reload begins to expect the header, and ceases to`() throws {
        func conf(_ flag: String) -> String {
            "workers 1; trusted_proxies 127.0.0.1; server { listen 127.0.0.1:0 \(flag); return 200 $remote_addr; }"
        }
        let gateway = try Gateway(conf: conf(""))
        #expect(try gateway.get("/").text == "127.0.0.1")
        try gateway.reload(conf: conf("proxy_protocol"))
        try eventually("the header is expected") {
            let client = try gateway.connect()
            try client.send(Self.line)
            return try client.get("/").text == "192.0.2.1"
        }
        try gateway.reload(conf: conf(""))
        try eventually("no header is expected") { try gateway.get("/").text == "127.0.0.1" }
    }
}
