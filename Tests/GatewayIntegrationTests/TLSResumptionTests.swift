import TestSupport
import Testing

/// Sessions are resumed by tickets: on every worker, across reloads, and never at another server.
@Suite struct TLSResumptionTests {
    private let certificates: TestCertificates
    private let gateway: Gateway
    private let b: TestCertificates.Leaf

    init() throws {
        certificates = try TestCertificates()
        let a = try certificates.leaf(["a.test"])
        b = try certificates.leaf(["b.test"])
        gateway = try Gateway(
            conf: """
                workers 4;
                error_log stderr debug;
                access_log off;
                admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                server {
                    listen 127.0.0.1:0 ssl; server_name a.test; ssl_certificate {CERT}; ssl_certificate_key {KEY}; return 200 a;
                }
                server {
                    listen 127.0.0.1:0 ssl; server_name b.test;
                    ssl_certificate \(b.certificatePath); ssl_certificate_key \(b.keyPath); return 200 b;
                }
                """, certificate: a)
    }

    private func connect(_ name: String, _ version: TLSClient.Version, _ session: TLSSession? = nil) throws -> TLSClient {
        try gateway.connectTLS {
            $0.serverName = name
            $0.minimum = version
            $0.maximum = version
            $0.session = session
        }
    }

    /// A session of a connection that has carried a request, behind which TLS 1.3's ticket is there.
    private func session(_ name: String, _ version: TLSClient.Version) throws -> TLSSession {
        let client = try connect(name, version)
        #expect(!client.isResumed)
        #expect(try client.get("/", host: name).status == 200)
        return try client.session()
    }

    private static let versions = [TLSClient.Version.tls12, .tls13]

    @Test(arguments: versions) func `a session is resumed on every worker`(_ version: TLSClient.Version) throws {
        let session = try session("a.test", version)
        // Which worker gets a connection is the kernel's choice; sixteen leave none out, or hardly ever.
        for _ in 0..<16 {
            let client = try connect("a.test", version, session)
            #expect(client.isResumed)
            #expect(try client.get("/", host: "a.test").text == "a")
        }
        let name = version == .tls12 ? "TLSv1.2" : "TLSv1.3"
        try gateway.waitForMetrics("resumed handshakes") {
            $0.sum("gateway_tls_handshakes_total", ["version": name, "resumed": "true"]) == 16
        }
    }

    /// RFC 8446 § C.4: a client uses a ticket once.
    @Test func `each resumed TLS 1.3 connection brings a ticket for the next`() throws {
        var session = try session("a.test", .tls13)
        for _ in 0..<4 {
            let client = try connect("a.test", .tls13, session)
            #expect(client.isResumed)
            #expect(try client.get("/", host: "a.test").text == "a")
            let next = try client.session()
            #expect(!next.ticket.isEmpty && next.ticket != session.ticket)
            session = next
        }
    }

    @Test(arguments: versions) func `a session is resumed across a reload`(_ version: TLSClient.Version) throws {
        let session = try session("a.test", version)
        #expect(try gateway.reload().contains("reloaded"))
        for _ in 0..<8 { #expect(try connect("a.test", version, session).isResumed) }
    }

    @Test(arguments: versions) func `a session of one server is not resumed at another`(_ version: TLSClient.Version) throws {
        let session = try session("a.test", version)
        let client = try connect("b.test", version, session)
        #expect(!client.isResumed)
        #expect(client.peerSerial == b.serial)
        #expect(try client.get("/", host: "b.test").text == "b")
    }

    @Test(arguments: versions) func `a resumed connection stays with its server's names`(_ version: TLSClient.Version) throws {
        let session = try session("b.test", version)
        let client = try connect("b.test", version, session)
        #expect(client.isResumed)
        #expect(try client.get("/", host: "b.test").text == "b")
        #expect(try client.get("/", host: "a.test").status == 421)
    }

    @Test(arguments: versions) func `a session outlives neither its gateway nor its keys`(_ version: TLSClient.Version) throws {
        let session = try session("a.test", version)
        let other = try TLSResumptionTests()
        #expect(try !other.connect("a.test", version, session).isResumed)
    }
}
