import TestSupport
import Testing

/// What is agreed before the first request: version, certificate, protocol.
@Suite struct TLSHandshakeTests {
    /// Two certificates of a.test (ECDSA and RSA), one for b.test and its subdomains, servers of one version each.
    private struct Names {
        let certificates: TestCertificates
        let a, aRSA, b, only12, only13: TestCertificates.Leaf
        let gateway: Gateway

        init() throws {
            certificates = try TestCertificates()
            a = try certificates.leaf(["a.test"])
            aRSA = try certificates.leaf(["a.test"], key: .rsa2048)
            b = try certificates.leaf(["b.test", "*.b.test"])
            only12 = try certificates.leaf(["only12.test"])
            only13 = try certificates.leaf(["only13.test"])
            func server(_ names: String, _ leaves: [TestCertificates.Leaf], _ more: String = "") -> String {
                let files = leaves.map { "ssl_certificate \($0.certificatePath); ssl_certificate_key \($0.keyPath);" }.joined(
                    separator: " ")
                return
                    "server { listen 127.0.0.1:0 ssl; server_name \(names); \(files) \(more) return 200 \"$server_name $ssl_protocol\"; }\n"
            }
            gateway = try Gateway(
                conf: """
                    workers 1;
                    error_log stderr debug;
                    access_log {DIR}/access.log json;
                    admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                    """ + "\n" + server("a.test", [a, aRSA]) + server("b.test *.b.test", [b])
                        + server("only12.test", [only12], "ssl_protocols TLSv1.2; http2 off;")
                        + server("only13.test", [only13], "ssl_protocols TLSv1.3;"))
        }

        func connect(_ name: String?, _ configure: (inout TLSClient.Options) -> Void = { _ in }) throws -> TLSClient {
            try gateway.connectTLS {
                $0.serverName = name
                configure(&$0)
            }
        }

        func waitForFailure(_ reason: String) throws {
            try gateway.waitForMetrics("a failure for \(reason)") {
                $0.sum("gateway_tls_handshake_failures_total", ["reason": reason]) == 1
            }
        }
    }

    // MARK: Versions

    @Test func `TLS 1.3 is chosen, and 1.2 for clients that know no better`() throws {
        let names = try Names()
        let modern = try names.connect("a.test")
        #expect(modern.version == "TLSv1.3")
        #expect(try modern.get("/", host: "a.test").text == "a.test TLSv1.3")
        let old = try names.connect("a.test") { $0.maximum = .tls12 }
        #expect(old.version == "TLSv1.2")
        #expect(try old.get("/", host: "a.test").text == "a.test TLSv1.2")
        let metrics = try names.gateway.metrics()
        #expect(metrics.sum("gateway_tls_handshakes_total", ["version": "TLSv1.3", "resumed": "false"]) == 1)
        #expect(metrics.sum("gateway_tls_handshakes_total", ["version": "TLSv1.2", "resumed": "false"]) == 1)
    }

    @Test func `TLS 1.0 and 1.1 are refused and counted`() throws {
        let names = try Names()
        #expect(throws: (any Error).self) {
            try names.connect("a.test") {
                $0.minimum = .tls10
                $0.maximum = .tls11
            }
        }
        try names.waitForFailure("unsupported_protocol")
    }

    @Test func `each server has its own versions, chosen by the name`() throws {
        let names = try Names()
        #expect(try names.connect("only12.test").version == "TLSv1.2")
        #expect(try names.connect("only13.test").version == "TLSv1.3")
        #expect(throws: (any Error).self) { try names.connect("only13.test") { $0.maximum = .tls12 } }
        #expect(throws: (any Error).self) { try names.connect("only12.test") { $0.minimum = .tls13 } }
        try names.gateway.waitForMetrics("two failures") { $0.sum("gateway_tls_handshake_failures_total") == 2 }
    }

    @Test(arguments: ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES128-SHA"])
    func `ciphers without forward secrecy or authenticated encryption are refused`(_ cipher: String) throws {
        let names = try Names()
        #expect(throws: (any Error).self) {
            try names.connect("a.test") {
                $0.maximum = .tls12
                $0.ciphers = cipher + ":@SECLEVEL=0"
            }
        }
        try names.waitForFailure("no_shared_cipher")
    }

    // MARK: Certificates

    @Test func `the certificate is that of the server that has the name`() throws {
        let names = try Names()
        for (name, leaf) in [("a.test", names.a), ("b.test", names.b), ("www.b.test", names.b), ("only13.test", names.only13)] {
            let client = try names.connect(name) { $0.authorityPath = names.certificates.authorityPath }
            #expect(client.peerSerial == leaf.serial, "for \(name)")
        }
        #expect(try names.connect("A.Test").peerSerial == names.a.serial)
        #expect(try names.connect("WWW.B.TEST").peerSerial == names.b.serial)
    }

    @Test(arguments: [nil, "elsewhere.test", "xb.test", "a.test.elsewhere"])
    func `a name that no server has, or none, gets the default certificate`(_ name: String?) throws {
        let names = try Names()
        let client = try names.connect(name)
        #expect(client.peerSerial == names.a.serial)
        #expect(try client.get("/", host: "a.test").status == 200)
    }

    @Test(arguments: [
        "a\r\nX-Evil: 1", "a\r\n\r\nGET /evil HTTP/1.1", "a b", "a\u{80}", "a\u{1}", "a\"", "a/b", "a:1", ".",
        String(repeating: "a", count: 254),
    ])
    func `a hello with what is no host name is refused, and reaches no header field`(_ name: String) throws {
        let certificates = try TestCertificates()
        let origin = try ScriptedOrigin.answering(ScriptedOrigin.message("ok"))
        let gateway = try Gateway(
            conf: """
                admin 127.0.0.1:0 { }
                server {
                    listen 127.0.0.1:0 ssl; ssl_certificate {CERT}; ssl_certificate_key {KEY};
                    location / { proxy_pass http://127.0.0.1:\(origin.port); proxy_set_header X-Name $ssl_server_name; }
                }
                """, certificate: certificates.leaf(["localhost"]))
        #expect(throws: TestError.self) { try gateway.connectTLS { $0.serverName = name }.get("/") }
        #expect(origin.received().isEmpty)
        try gateway.waitForMetrics("a failure") { $0.sum("gateway_tls_handshake_failures_total") == 1 }
        let longest = String(repeating: "A_-9.", count: 50) + "abc"
        #expect(try gateway.connectTLS { $0.serverName = longest }.get("/").status == 200)
        #expect(try ReceivedHead(origin.received())["X-Name"] == longest.lowercased())
    }

    @Test func `a server sends the certificate of the key type that the client can check`() throws {
        let names = try Names()
        func serial(_ configure: (inout TLSClient.Options) -> Void) throws -> String? { try names.connect("a.test", configure).peerSerial }
        #expect(
            try serial {
                $0.maximum = .tls12
                $0.ciphers = "ECDHE-RSA-AES128-GCM-SHA256"
            } == names.aRSA.serial)
        #expect(
            try serial {
                $0.maximum = .tls12
                $0.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"
            } == names.a.serial)
        #expect(try serial { $0.signatureAlgorithms = "RSA-PSS+SHA256" } == names.aRSA.serial)
        #expect(try serial { $0.signatureAlgorithms = "ECDSA+SHA256" } == names.a.serial)
    }

    @Test func `the chain is sent with the certificate`() throws {
        let names = try Names()
        #expect(try names.connect("a.test").peerChainLength == 2)
        #expect(try names.connect("b.test").peerChainLength == 2)
    }

    // MARK: ALPN

    @Test(arguments: [["http/1.1"], ["http/1.0", "spdy/3", "http/1.1"]])
    func `http/1.1 is chosen where it is offered without h2`(_ offered: [String]) throws {
        let names = try Names()
        let client = try names.connect("a.test") { $0.alpn = offered }
        #expect(client.alpn == "http/1.1")
        #expect(try client.get("/", host: "a.test").status == 200)
    }

    @Test(arguments: [["h2"], ["h2", "http/1.1"], ["http/1.1", "h2"], ["http/1.0", "spdy/3", "h2"]], [TLSClient.Version.tls12, .tls13])
    func `h2 is chosen where it is offered, whatever the client prefers`(_ offered: [String], _ version: TLSClient.Version) throws {
        let names = try Names()
        let client = try names.connect("a.test") {
            $0.alpn = offered
            $0.maximum = version
        }
        #expect(client.alpn == "h2")
    }

    @Test func `a server with http2 off chooses http/1.1, beside one that speaks HTTP/2`() throws {
        let names = try Names()
        let client = try names.connect("only12.test") { $0.alpn = ["h2", "http/1.1"] }
        #expect(client.alpn == "http/1.1")
        #expect(try client.get("/", host: "only12.test").status == 200)
        #expect(try names.connect("b.test") { $0.alpn = ["h2", "http/1.1"] }.alpn == "h2")
        #expect(throws: TestError.self) { try names.connect("only12.test") { $0.alpn = ["h2"] } }
        try names.waitForFailure("no_application_protocol")
    }

    @Test(arguments: [TLSClient.Version.tls12, .tls13])
    func `a client that offers only unknown protocols gets an alert`(_ version: TLSClient.Version) throws {
        let names = try Names()
        let error = #expect(throws: TestError.self) {
            try names.connect("a.test") {
                $0.alpn = ["imap"]
                $0.maximum = version
            }
        }
        #expect("\(String(describing: error))".contains("no application protocol"))
        try names.waitForFailure("no_application_protocol")
    }

    @Test func `a client that offers no protocol speaks HTTP`() throws {
        let names = try Names()
        let client = try names.connect("a.test") { $0.alpn = [] }
        #expect(client.alpn == nil)
        #expect(try client.get("/", host: "a.test").status == 200)
    }

    // MARK: Host and certificate

    @Test func `a Host that the certificate's server does not serve gets 421`() throws {
        let names = try Names()
        let client = try names.connect("a.test")
        let refused = try client.get("/", host: "b.test")
        #expect(refused.status == 421)
        #expect(try refused.json()["error_type"] as? String == "misdirected")
        // The connection is good for its own names.
        #expect(try client.get("/", host: "a.test").text == "a.test TLSv1.3")
        try names.gateway.waitForMetrics("a refusal") { $0.sum("gateway_refusals_total", ["error_type": "misdirected"]) == 1 }
    }

    @Test func `every name of the certificate's server is served on its connections`() throws {
        let names = try Names()
        let client = try names.connect("b.test")
        for host in ["b.test", "www.b.test", "B.TEST", "x.y.b.test:8443"] {
            #expect(try client.get("/", host: host).text.hasPrefix("b.test "), "for \(host)")
        }
        #expect(try client.get("/", host: "a.test").status == 421)
        #expect(try client.get("/", host: "unknown.test").status == 421)
    }
}
