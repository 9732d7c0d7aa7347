import Foundation
import TestSupport
import Testing

/// What other tests stand on has to see what is there.
@Suite struct TestSupportTests {
    @Test func `a scripted origin keeps what it received and answers as told`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        let client = try TCPClient(port: origin.port)
        #expect(try client.get("/a").text == "hi")
        #expect(try client.request("POST", "/b", body: Array("xyz".utf8)).text == "hi")
        #expect(
            origin.received()
                == "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nxyz")
        client.close()
        try origin.waitForEndedConnections(1)
        #expect(origin.errors.isEmpty)
    }

    @Test func `a reset is told from an end`() throws {
        let origin = try ScriptedOrigin { connection, index in
            _ = try connection.readRequest()
            if index == 0 { connection.reset() } else { connection.close() }
        }
        let first = try TCPClient(port: origin.port)
        try first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(throws: TestError.self) { try first.receiveToEnd() }
        let second = try TCPClient(port: origin.port)
        try second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try second.receiveToEnd().isEmpty)
    }

    @Test func `a response tells its interim answers, chunks, trailers and surplus`() throws {
        let origin = try ScriptedOrigin.answering(
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: 1\r\n\r\nmore"
        )
        let answer = try TCPClient(port: origin.port).get("/")
        #expect(answer.interim.map(\.status) == [103])
        #expect(answer.chunks == [Array("a".utf8), Array("bc".utf8)])
        #expect(answer.text == "abc" && answer.trailers == [.init(name: "T", value: "1")])
    }

    @Test func `a body that ends early is truncated`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc")
        let answer = try TCPClient(port: origin.port).get("/")
        #expect(answer.isTruncated && answer.text == "abc")
    }

    @Test func `a wait that is in vain says what was there instead`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            try connection.send("HTTP/1.1 2")
            _ = try connection.receiveToEnd()
        }
        let client = try TCPClient(port: origin.port)
        let error = #expect(throws: TestError.self) { try client.readResponse(timeout: 0.2) }
        #expect(error?.description.contains("HTTP/1.1 2") == true)
    }

    @Test func `TLS is spoken with the certificate that was asked for, and a session is resumed`() throws {
        let certificates = try TestCertificates()
        let leaf = try certificates.leaf(["api.localhost", "127.0.0.1"])
        let server = try TLSServer(leaf)
        let client = try TLSClient(port: server.port) {
            $0.serverName = "api.localhost"
            $0.authorityPath = certificates.authorityPath
        }
        #expect(client.version == "TLSv1.3" && client.alpn == "http/1.1" && client.peerSerial == leaf.serial && !client.isResumed)
        #expect(try client.get("/").status == 200)
        let session = try client.session()
        client.close()
        let again = try TLSClient(port: server.port) {
            $0.serverName = "api.localhost"
            $0.session = session
        }
        #expect(again.isResumed)
        again.close()
        #expect(throws: TestError.self) {
            try TLSClient(port: server.port) {
                $0.serverName = "other.localhost"
                $0.authorityPath = certificates.authorityPath
            }
        }
    }

    @Test func `an expired certificate and an RSA one can be had`() throws {
        let certificates = try TestCertificates()
        let expired = try certificates.expiredLeaf(["a.localhost"])
        #expect(throws: TestError.self) {
            try Program.run("/usr/bin/openssl", ["x509", "-checkend", "0", "-noout", "-in", expired.certificatePath])
        }
        let rsa = try certificates.leaf(["*.localhost", "::1"], key: .rsa2048)
        let text = try Program.run("/usr/bin/openssl", ["x509", "-text", "-noout", "-in", rsa.certificatePath])
        #expect(text.contains("rsaEncryption") && text.contains("DNS:*.localhost, IP Address:0:0:0:0:0:0:0:1"))
        try Program.run("/usr/bin/openssl", ["verify", "-CAfile", certificates.authorityPath, rsa.certificatePath])
    }

    @Test func `metrics are sums over the series that have the labels`() throws {
        let metrics = try Metrics(text: "# TYPE a counter\na{b=\"1\",c=\"2\"} 3\na{b=\"1\",c=\"3\"} 4\nab 1\n")
        #expect(metrics.sum("a", ["b": "1"]) == 7 && metrics.sum("a", ["c": "3"]) == 4 && metrics["ab"] == 1)
        #expect(throws: TestError.self) { try Metrics(text: "a 1\na 2\n") }
    }
}

/// `openssl s_server`, which answers any request with a page about the connection, one connection at a time.
private final class TLSServer {
    let port: UInt16
    private let program: Program

    init(_ leaf: TestCertificates.Leaf) throws {
        program = try Program(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", leaf.certificatePath, "-key",
                leaf.keyPath, "-alpn", "http/1.1", "-www",
            ])
        let line = try program.stdout.waitForLine(containing: "ACCEPT 127.0.0.1:")
        guard let port = line.split(separator: ":").last.flatMap({ UInt16($0) }) else { throw TestError.invalid(line) }
        self.port = port
    }
}
