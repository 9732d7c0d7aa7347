import TestSupport
import Testing

/// Who speaks HTTP/2: whoever chooses it by ALPN, or sends its preface in clear; unless the configuration says otherwise.
@Suite struct HTTP2NegotiationTests {
    private static let origin = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func alpn(_ edge: Edge, _ offered: [String]) throws -> String? {
        let address = edge.gateway.addresses[1]
        return try TLSClient(port: address.port, host: address.host) { $0.alpn = offered }.alpn
    }

    @Test func `of h2 and http/1.1 the gateway takes h2, in either order`() throws {
        let edge = try Edge(.answering(Self.origin))
        #expect(try alpn(edge, ["h2", "http/1.1"]) == "h2")
        #expect(try alpn(edge, ["http/1.1", "h2"]) == "h2")
        #expect(try alpn(edge, ["spdy/3", "h2"]) == "h2")
        #expect(try alpn(edge, ["http/1.1"]) == "http/1.1")
    }

    @Test func `a client that offers HTTP/1.1 alone speaks it on the same port`() throws {
        let edge = try Edge(.answering(Self.origin))
        #expect(try edge.connect(.tls).get("/").text == "ok")
        #expect(try edge.connect(.plain).get("/").text == "ok")
        #expect(try edge.http2(.tls).get().text == "ok")
        #expect(try edge.http2(.plain).get().text == "ok")
    }

    @Test func `http2 off leaves HTTP/1.1`() throws {
        let edge = try Edge(.answering(Self.origin), server: "http2 off;")
        #expect(try alpn(edge, ["h2", "http/1.1"]) == "http/1.1")
        #expect(try edge.connect(.tls).get("/").text == "ok")
        let client = try edge.connect(.plain)
        try client.send(HTTP2Client.preface + HTTP2Frame.settings().bytes)
        let answer = try client.readHead()
        #expect((400...505).contains(answer.status) && answer.startLine.hasPrefix("HTTP/1.1"))
    }

    @Test func `http2 on again after a reload is chosen by new connections`() throws {
        let edge = try Edge(.answering(Self.origin), server: "http2 off;")
        let old = try edge.connect(.tls)
        #expect(try old.get("/").text == "ok")
        let text = try edge.gateway.directory.read("gateway.conf").replacingOccurrences(of: "http2 off;", with: "http2 on;")
        try edge.gateway.reload(conf: text)
        try eventually("h2") { try alpn(edge, ["h2", "http/1.1"]) == "h2" }
        #expect(try old.get("/").text == "ok")
    }

    /// RFC 9113 § 9.1.2, RFC 9110 § 7.4.
    @Test func `a request for a host that the certificate's server does not serve is misdirected`() throws {
        let authority = try TestCertificates()
        let (first, second) = (try authority.leaf(["first.test"]), try authority.leaf(["second.test"]))
        let gateway = try Gateway(
            conf: """
                workers 1;
                server {
                    listen 127.0.0.1:0 ssl; server_name first.test; ssl_certificate {A}; ssl_certificate_key {AKEY};
                    return 200 first;
                }
                server {
                    listen 127.0.0.1:0 ssl; server_name second.test; ssl_certificate {B}; ssl_certificate_key {BKEY};
                    return 200 second;
                }
                """,
            values: [
                "A": first.certificatePath, "AKEY": first.keyPath, "B": second.certificatePath, "BKEY": second.keyPath,
            ])
        let connection = try gateway.connectTLS {
            $0.serverName = "first.test"
            $0.alpn = ["h2"]
        }
        let client = try HTTP2Client.open(connection)
        #expect(try client.exchange(.request(authority: "first.test")).text == "first")
        #expect(try client.exchange(.request(authority: "second.test")).status == 421)
        #expect(try client.exchange(.request(authority: "first.test")).text == "first")
    }
}
