import Foundation
import TestSupport
import Testing

/// TLS to origins: who is accepted, and what is said when nobody is.
@Suite struct UpstreamTLSTests {
    private var authority: TestCertificates { get throws { try SecureUpstream.authority.get() } }

    private func origin(_ leaf: TestCertificates.Leaf) throws -> ScriptedOrigin { try .tellingTLS(TLSServerSide(leaf)) }

    // MARK: Who is accepted

    @Test(arguments: [TLSClient.Version.tls12, .tls13])
    func `an origin with the right certificate is spoken to, by name, with ALPN`(version: TLSClient.Version) throws {
        let secure = try SecureUpstream(
            SecureUpstream.telling {
                $0.minimum = version
                $0.maximum = version
            })
        let name = version == .tls12 ? "TLSv1.2" : "TLSv1.3"
        #expect(try secure.gateway.get("/a").text == "GET /a \(name) resumed=false name=origin.test alpn=http/1.1 connection=0")
        #expect(try secure.handshakes(["version": name, "resumed": "false"]) == 1)
    }

    @Test func `the name is that of host where none is given`() throws {
        let secure = try SecureUpstream(SecureUpstream.telling(), tls: "host Origin.test:8443; tls ca={CA};")
        #expect(try secure.gateway.get("/").text.contains("name=Origin.test"))
    }

    @Test func `the name is the server's own where nothing else is said`() throws {
        let origin = try origin(authority.leaf(["localhost"]))
        let gateway = try Gateway(
            conf: """
                upstream secure { server localhost:\(origin.port); tls ca=\(authority.authorityPath); }
                server { listen 127.0.0.1:0; location / { proxy_pass https://secure; } }
                """)
        #expect(try gateway.get("/").text.contains("name=localhost"))
    }

    @Test func `an address is verified as one, and never sent as a name`() throws {
        let secure = try SecureUpstream(origin(authority.leaf(["127.0.0.1"])), tls: "tls ca={CA};")
        #expect(try secure.gateway.get("/").text.contains("name=none"))
    }

    @Test func `the system's authorities are trusted where none are named`() throws {
        let origin = try origin(authority.leaf(["127.0.0.1"]))
        let environment = ["SSL_CERT_FILE": try authority.authorityPath]
        let secure = try SecureUpstream(origin, tls: "tls;", environment: environment)
        #expect(try secure.gateway.get("/").status == 200)
        let conf = "server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1:\(origin.port); } }"
        #expect(try Gateway(conf: conf, environment: environment).get("/").status == 200)
        let system = try Gateway(conf: conf)
        #expect(try system.get("/").status == 502, "the real authorities vouch for no certificate of the tests")
    }

    @Test func `an origin without ALPN is spoken to in HTTP 1`() throws {
        let secure = try SecureUpstream(SecureUpstream.telling { $0.alpn = nil })
        #expect(try secure.gateway.get("/").text.contains("alpn=none"))
    }

    @Test func `a certificate in the file of authorities is trusted itself`() throws {
        let alone = try authority.selfSigned(["origin.test"])
        let secure = try SecureUpstream(origin(alone), tls: "tls name=origin.test ca=\(alone.certificatePath);")
        #expect(try secure.gateway.get("/").status == 200)
    }

    // MARK: Who is not

    enum Flaw: String, CaseIterable {
        case expired, notYetValid, otherName, partOfName, stranger, selfSigned

        func leaf() throws -> TestCertificates.Leaf {
            let authority = try SecureUpstream.authority.get()
            return switch self {
            case .expired: try authority.expiredLeaf(["origin.test"])
            case .notYetValid: try authority.leaf(["origin.test"], seconds: 3_600..<86_400)
            case .otherName: try authority.leaf(["other.test"], subject: "origin.test")
            case .partOfName: try authority.leaf(["o*.test", "*.test.example"])
            case .stranger: try SecureUpstream.stranger.get().leaf(["origin.test"])
            case .selfSigned: try authority.selfSigned(["origin.test"])
            }
        }

        var reason: String {
            switch self {
            case .expired: "certificate_has_expired"
            case .notYetValid: "certificate_is_not_yet_valid"
            case .otherName, .partOfName: "hostname_mismatch"
            case .stranger: "self-signed_certificate_in_certificate_chain"
            case .selfSigned: "self-signed_certificate"
            }
        }
    }

    @Test(arguments: Flaw.allCases) func `a certificate that is not good is 502, with the reason in the log alone`(flaw: Flaw) throws {
        let secure = try SecureUpstream(origin(flaw.leaf()))
        let answer = try secure.gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("upstream_tls"))
        #expect(!answer.text.contains(flaw.reason) && !answer.text.contains("origin.test"))
        let line = try #require(try secure.gateway.accessLog(waitingFor: 1).first)
        #expect(line["error_type"] == "upstream_tls" && line["upstream_tls_error"] == flaw.reason)
        #expect(try secure.failures(flaw.reason) == 1)
        #expect(try secure.handshakes() == 0)
        #expect(try secure.gateway.metrics().sum("gateway_upstream_requests_total", ["status": "502"]) == 1)
    }

    @Test(arguments: Flaw.allCases) func `verify=off takes any certificate`(flaw: Flaw) throws {
        let secure = try SecureUpstream(origin(flaw.leaf()), tls: "tls verify=off name=origin.test;")
        #expect(try secure.gateway.get("/").status == 200)
        #expect(secure.gateway.program.stderr.text.contains("not verified"))
    }

    @Test func `an address that the certificate doesn't have is 502`() throws {
        let secure = try SecureUpstream(SecureUpstream.telling(), tls: "tls ca={CA};")
        #expect(try secure.gateway.get("/").status == 502)
        #expect(try secure.failures("ip_address_mismatch") == 1)
    }

    @Test func `an origin that speaks no TLS is 502`() throws {
        let secure = try SecureUpstream(
            ScriptedOrigin { connection, _ in
                _ = try connection.receive(10)
                try connection.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            })
        #expect(try secure.gateway.get("/").text.contains("upstream_tls"))
    }

    @Test func `an origin that chooses another protocol than was offered is 502`() throws {
        let secure = try SecureUpstream(SecureUpstream.telling { $0.alpn = "h2" })
        #expect(try secure.gateway.get("/").text.contains("upstream_tls"))
    }

    @Test func `an origin that doesn't agree to HTTP/2 where protocol asks for it is 502`() throws {
        let secure = try SecureUpstream(SecureUpstream.telling { $0.alpn = nil }, upstream: "protocol h2;")
        let answer = try secure.gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("upstream_tls"))
        #expect(try secure.gateway.accessLog(waitingFor: 1).first?["upstream_tls_error"] == "alpn")
        #expect(try secure.failures("alpn") == 1)
        let stubborn = try SecureUpstream(SecureUpstream.telling { $0.alpn = "http/1.1" }, upstream: "protocol h2;")
        #expect(try stubborn.gateway.get("/").text.contains("upstream_tls"))
    }

    // MARK: Retries

    @Test func `a request goes to another server when the first one's certificate is not good`() throws {
        let bad = try origin(Flaw.expired.leaf())
        let secure = try SecureUpstream(SecureUpstream.telling(), upstream: "server 127.0.0.1:\(bad.port);")
        for _ in 0..<4 {
            let answer = try secure.gateway.connect().request("POST", "/", body: Array("x".utf8))
            #expect(answer.status == 200, "nothing of the request had been sent")
        }
        #expect(try secure.gateway.accessLog(waitingFor: 4).contains { $0.number("attempts") == 2 && $0["error_type"] == nil })
        #expect(try secure.failures("certificate_has_expired") >= 1)
    }

    @Test func `an origin that takes the connection and says nothing is 504 at connect_timeout, or another server answers`() throws {
        let mute = try ScriptedOrigin { connection, _ in _ = try connection.receive(through: "never", timeout: 60) }
        let secure = try SecureUpstream(mute, upstream: "connect_timeout 200ms;")
        let answer = try secure.gateway.get("/")
        #expect(answer.status == 504 && answer.text.contains("connect_timeout") && answer.text.contains("TLS handshake"))
        #expect(try secure.failures("timeout") == 1)
        let good = try SecureUpstream.telling()
        try secure.gateway.reload(
            conf: SecureUpstream.conf(
                tls: "tls name=origin.test ca={CA};", upstream: "connect_timeout 200ms; server 127.0.0.1:\(good.port);"))
        for _ in 0..<3 { #expect(try secure.gateway.get("/").status == 200) }
    }

    @Test func `an origin that ends inside the handshake is 502`() throws {
        let secure = try SecureUpstream(ScriptedOrigin { connection, _ in _ = try connection.receive(10) })
        #expect(try secure.gateway.get("/").text.contains("upstream_tls"))
        #expect(try secure.failures("closed") + secure.failures("reset") == 1)
    }

    // MARK: The gateway's own certificate

    @Test(arguments: [TLSClient.Version.tls12, .tls13])
    func `an origin that asks for a certificate gets the gateway's`(version: TLSClient.Version) throws {
        let leaf = try authority.leaf(["gateway.test"])
        let authorityPath = try authority.authorityPath
        let asking = try SecureUpstream.telling {
            $0.clientAuthorityPath = authorityPath
            $0.minimum = version
            $0.maximum = version
        }
        let secure = try SecureUpstream(asking, tls: "tls name=origin.test ca={CA} cert=\(leaf.certificatePath) key=\(leaf.keyPath);")
        #expect(try secure.gateway.get("/").status == 200)
        try secure.gateway.reload(conf: SecureUpstream.conf(tls: "tls name=origin.test ca={CA};"))
        let answer = try secure.gateway.get("/")
        #expect(answer.status == 502)
        let line = try #require(try secure.gateway.accessLog(waitingFor: 2).last)
        // With TLS 1.3 the refusal comes behind the handshake, and a reset may overtake it.
        #expect(["upstream_tls", "upstream_closed"].contains(line["error_type"]))
        let stranger = try SecureUpstream.stranger.get().leaf(["gateway.test"])
        try secure.gateway.reload(
            conf: SecureUpstream.conf(tls: "tls name=origin.test ca={CA} cert=\(stranger.certificatePath) key=\(stranger.keyPath);"))
        #expect(try secure.gateway.get("/").status == 502)
    }

    // MARK: Check

    @Test(arguments: [
        ("tls ca={DIR}/none.pem;", "No such file"), ("tls ca={DIR}/gateway.conf;", "there is no certificate in"),
        ("tls ca={CA} cert={CA};", "the certificate has no key"), ("tls ca={CA} key={CA};", "the key has no certificate"),
        ("tls ca={CA} cert={A} key={B};", "does not belong to the certificate"),
        ("tls ca={CA} cert={A} key={DIR}/none.key;", "cannot read the key"),
    ])
    func `what is wrong with authorities and certificates changes nothing at a reload, and says so`(tls: String, said: String) throws {
        let leaf = try authority.leaf(["a"])
        let other = try authority.leaf(["b"])
        let secure = try SecureUpstream(
            SecureUpstream.telling(), values: ["A": leaf.certificatePath, "B": other.keyPath])
        let start = secure.gateway.program.stderr.count
        #expect(try secure.gateway.reload(conf: SecureUpstream.conf(tls: tls)).contains("reload failed"))
        try secure.gateway.program.stderr.waitForLine(containing: said, from: start)
        #expect(try secure.gateway.get("/").status == 200)
    }

    @Test func `a system without authorities is an error of check`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1:9; } }", to: "gateway.conf")
        let check = try Program("gateway", ["check", "-c", file], environment: ["SSL_CERT_FILE": directory.file("none.pem")])
        #expect(try check.waitForExit() == .exited(1))
        try check.stderr.waitForLine(containing: "cannot read the CA certificates")
    }
}
