import Foundation
import TestSupport
import Testing

/// Client certificates: who is let in, what is said to who is not, and what the origin hears of it.
@Suite struct ClientCertificateTests {
    private static let versions = [TLSClient.Version.tls12, .tls13]
    /// Made once: keys take their time.
    private static let authority = Result { try TestCertificates() }
    private static let stranger = Result { try TestCertificates(name: "Nobody's authority") }
    private static let server = Result { try authority.get().leaf(["a.test", "b.test", "open.test", "localhost"]) }
    private static let alice = Result { try authority.get().leaf(["alice.test"], subject: "alice") }

    private var authority: TestCertificates { get throws { try Self.authority.get() } }

    private static let answer = """
        return 200 "$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_serial|$ssl_client_fingerprint|$ssl_client_fingerprint_sha256";
        """

    private static func conf(_ directives: String, before: String = "") -> String {
        """
        workers 1;
        error_log stderr debug;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        ssl_certificate {CERT};
        ssl_certificate_key {KEY};
        \(before)
        server {
            listen 127.0.0.1:0 ssl; server_name localhost;
            \(directives)
            \(Self.answer)
        }
        """
    }

    private func gateway(_ directives: String, before: String = "") throws -> Gateway {
        try Gateway(
            conf: Self.conf(directives, before: before), certificate: Self.server.get(), values: ["CA": try authority.authorityPath])
    }

    private static let required = "ssl_client_certificate {CA}; ssl_verify_client on;"

    private func connect(
        _ gateway: Gateway, _ leaf: TestCertificates.Leaf?, _ version: TLSClient.Version = .tls13, name: String = "localhost",
        session: TLSSession? = nil
    ) throws -> TLSClient {
        try gateway.connectTLS {
            $0.serverName = name
            $0.minimum = version
            $0.maximum = version
            $0.certificate = leaf
            $0.session = session
        }
    }

    // MARK: Who is let in

    @Test(arguments: versions) func `a client with a certificate of the authority is let in, and named`(version: TLSClient.Version) throws {
        let gateway = try gateway(Self.required)
        let alice = try Self.alice.get()
        let client = try connect(gateway, alice, version)
        #expect(client.requestedAuthorities == 1)
        let parts = try client.get("/").text.components(separatedBy: "|")
        #expect(
            parts[0...3] == ["SUCCESS", "CN=alice", "CN=Test authority", alice.serial.count % 2 == 0 ? alice.serial : "0" + alice.serial])
        let openssl = try Program.run("/usr/bin/openssl", ["x509", "-in", alice.certificatePath, "-noout", "-fingerprint", "-sha256"])
        #expect(openssl.lowercased().replacingOccurrences(of: ":", with: "").contains(parts[5]) && parts[5].count == 64)
        #expect(parts[4].count == 40)
        let line = try #require(try gateway.accessLog(waitingFor: 1).first)
        #expect(line["tls_client_verify"] == "SUCCESS" && line["tls_client_subject"] == "CN=alice")
    }

    @Test(arguments: versions) func `a client without a certificate gets 400, and the connection ends`(version: TLSClient.Version) throws {
        let gateway = try gateway(Self.required)
        let client = try connect(gateway, nil, version)
        let answer = try client.get("/")
        #expect(answer.status == 400 && answer.text.contains("client_certificate_required"))
        #expect(client.isEndedByPeer())
        #expect(try gateway.metrics().sum("gateway_refusals_total", ["error_type": "client_certificate_required"]) == 1)
        #expect(try gateway.accessLog(waitingFor: 1)[0]["tls_client_verify"] == "NONE")
    }

    @Test func `with optional a client may come without a certificate, but not with one that is not good`() throws {
        let gateway = try gateway("ssl_client_certificate {CA}; ssl_verify_client optional;")
        #expect(try connect(gateway, nil).get("/").text == "NONE|||||")
        #expect(try connect(gateway, Self.alice.get()).get("/").text.hasPrefix("SUCCESS|CN=alice|"))
        let bad = try connect(gateway, Self.stranger.get().leaf(["x"])).get("/")
        #expect(bad.status == 400 && bad.text.contains("client_certificate_invalid"))
    }

    @Test func `where no certificate is asked for there is nothing to tell`() throws {
        let gateway = try gateway("")
        #expect(try connect(gateway, Self.alice.get()).get("/").text == "|||||")
    }

    // MARK: Who is not

    enum Flaw: String, CaseIterable {
        case expired, stranger, selfSigned, tooDeep

        func leaf() throws -> TestCertificates.Leaf {
            let authority = try ClientCertificateTests.authority.get()
            return switch self {
            case .expired: try authority.expiredLeaf(["x"])
            case .stranger: try ClientCertificateTests.stranger.get().leaf(["x"])
            case .selfSigned: try authority.selfSigned(["x"])
            case .tooDeep: try authority.leaf(["x"], intermediates: 2)
            }
        }

        var reason: String {
            switch self {
            case .expired: "certificate has expired"
            case .stranger: "self-signed certificate in certificate chain"
            case .selfSigned: "self-signed certificate"
            case .tooDeep: "unable to get local issuer certificate"
            }
        }
    }

    @Test(arguments: versions, Flaw.allCases)
    func `a certificate that is not good gets 400, with the reason in the log`(version: TLSClient.Version, flaw: Flaw) throws {
        let gateway = try gateway(Self.required)
        let client = try connect(gateway, flaw.leaf(), version)
        let answer = try client.get("/")
        #expect(answer.status == 400 && answer.text.contains("client_certificate_invalid"))
        #expect(client.isEndedByPeer())
        let line = try #require(try gateway.accessLog(waitingFor: 1).first)
        #expect(line["error_type"] == "client_certificate_invalid" && line["tls_client_verify"] == "FAILED:\(flaw.reason)", "\(line.line)")
    }

    @Test func `a certificate with names that are too long gets 400, and a log line that is not`() throws {
        let gateway = try gateway(Self.required)
        let leaf = try authority.leaf(["x"], subject: String(repeating: "x", count: 20_000))
        #expect(try connect(gateway, leaf).get("/").status == 400)
        let line = try #require(try gateway.accessLog(waitingFor: 1).first)
        #expect(line["tls_client_verify"] == "FAILED:a name in it is too long")
        #expect(line["tls_client_subject"]?.count == 4096 && line.line.utf8.count < 6_000)
    }

    @Test func `ssl_verify_depth lets longer chains in`() throws {
        let leaf = try authority.leaf(["deep"], subject: "deep", intermediates: 2)
        let deep = try gateway(Self.required + " ssl_verify_depth 2;")
        #expect(try connect(deep, leaf).get("/").text.hasPrefix("SUCCESS|CN=deep|"))
        let one = try authority.leaf(["one"], intermediates: 1)
        let plain = try gateway(Self.required)
        #expect(try connect(plain, one).get("/").status == 200)
        let flat = try gateway(Self.required + " ssl_verify_depth 0;")
        #expect(try connect(flat, one).get("/").status == 400)
        #expect(try connect(flat, Self.alice.get()).get("/").status == 200)
    }

    @Test func `a revoked certificate gets 400, and so does everybody when the list is out of date`() throws {
        let alice = try Self.alice.get()
        let bob = try authority.leaf(["bob"], subject: "bob")
        let list = try authority.revocations(of: [bob])
        let gateway = try gateway(Self.required + " ssl_crl \(list);")
        #expect(try connect(gateway, alice).get("/").status == 200)
        #expect(try connect(gateway, bob).get("/").status == 400)
        #expect(try gateway.accessLog(waitingFor: 2)[1]["tls_client_verify"] == "FAILED:certificate revoked")
        let old = try authority.revocations(of: [], seconds: -7_200..<(-3_600))
        let start = gateway.program.stderr.count
        #expect(try gateway.reload(conf: Self.conf(Self.required + " ssl_crl \(old);")).contains("reloaded"))
        try gateway.program.stderr.waitForLine(containing: "out of date", from: start)
        #expect(try connect(gateway, alice).get("/").status == 400)
    }

    // MARK: Ways around

    /// Two servers at one address with the same certificate; only a.test asks for the client's.
    private func twoServers() throws -> Gateway {
        try gateway(
            Self.required.replacingOccurrences(of: "{CA}", with: try Self.stranger.get().authorityPath) + " ",
            before: """
                server { listen 127.0.0.1:0 ssl default_server; server_name open.test; \(Self.answer) }
                server { listen 127.0.0.1:0 ssl; server_name a.test; \(Self.required) \(Self.answer) }
                """)
    }

    @Test(arguments: versions, ["open.test", "localhost"])
    func `a connection to another server doesn't reach the one that asks, by Host`(version: TLSClient.Version, name: String) throws {
        let gateway = try twoServers()
        let client = try connect(gateway, Self.alice.get(), version, name: name)
        let answer = try client.get("/", host: "a.test")
        #expect(answer.status == 421 && client.isEndedByPeer())
        #expect(try connect(gateway, Self.alice.get(), version, name: "a.test").get("/", host: "a.test").status == 200)
    }

    @Test func `a connection without SNI doesn't reach the one that asks, by Host`() throws {
        let gateway = try twoServers()
        let client = try gateway.connectTLS {
            $0.serverName = nil
            $0.certificate = try? Self.alice.get()
        }
        #expect(try client.get("/", host: "open.test").status == 200)
        #expect(try client.get("/", host: "a.test").status == 421)
    }

    @Test func `what comes without TLS doesn't reach a server that asks`() throws {
        let gateway = try gateway(Self.required + " listen 127.0.0.2:0;")
        let plain = try gateway.connect(1).get("/")
        #expect(plain.status == 400 && plain.text.contains("client_certificate_required"))
        #expect(gateway.program.stderr.text.contains("requests to this address are refused"))
    }

    @Test(arguments: versions) func `a session of a server that doesn't ask is none for one that does`(version: TLSClient.Version) throws {
        let gateway = try twoServers()
        let open = try connect(gateway, nil, version, name: "open.test")
        #expect(try open.get("/", host: "open.test").status == 200)
        let client = try connect(gateway, nil, version, name: "a.test", session: open.session())
        #expect(!client.isResumed)
        #expect(try client.get("/", host: "a.test").status == 400)
    }

    @Test(arguments: versions) func `a reload that begins to ask asks open connections and sessions, too`(version: TLSClient.Version) throws
    {
        let gateway = try gateway("")
        let old = try connect(gateway, nil, version)
        #expect(try old.get("/").status == 200)
        let session = try old.session()
        #expect(try gateway.reload(conf: Self.conf(Self.required)).contains("reloaded"))
        #expect(try old.get("/").status == 421)
        let client = try connect(gateway, nil, version, session: session)
        #expect(!client.isResumed)
        #expect(try client.get("/").status == 400)
    }

    // MARK: Sessions

    @Test(arguments: versions) func `a resumed session keeps the client's name`(version: TLSClient.Version) throws {
        let gateway = try gateway(Self.required)
        let first = try connect(gateway, Self.alice.get(), version)
        let text = try first.get("/").text
        var session = try first.session()
        for _ in 0..<3 {
            let client = try connect(gateway, nil, version, session: session)
            #expect(client.isResumed)
            #expect(try client.get("/").text == text)
            session = try client.session()
        }
    }

    @Test(arguments: versions) func `a refused certificate stays refused when its session is resumed`(version: TLSClient.Version) throws {
        let gateway = try gateway(Self.required)
        let first = try connect(gateway, Flaw.stranger.leaf(), version)
        #expect(try first.get("/").status == 400)
        guard let session = try? first.session() else { return }
        #expect(try connect(gateway, nil, version, session: session).get("/").status == 400)
    }

    @Test(arguments: versions) func `a session ends with its certificate`(version: TLSClient.Version) throws {
        let gateway = try gateway(Self.required)
        // Long enough for some handshakes on a busy machine, and short enough to wait for.
        let brief = try authority.leaf(["brief"], seconds: -60..<12, subject: "brief")
        let first = try connect(gateway, brief, version)
        try #require(try first.get("/").status == 200)
        let session = try first.session()
        let resumed = try connect(gateway, nil, version, session: session)
        #expect(resumed.isResumed)
        try #require(try resumed.get("/").status == 200)
        try eventually("the end of the certificate", timeout: 30) {
            try connect(gateway, nil, version, session: session).get("/").status == 400
        }
        try eventually("its line in the log") {
            try gateway.accessLog(waitingFor: 3).contains {
                $0["tls_client_verify"] == "FAILED:certificate has expired" && $0["tls_client_subject"] == "CN=brief"
            }
        }
        // Those that were open have been verified, too, while it was good.
        for client in [first, resumed] {
            #expect(try client.get("/").status == 421)
            #expect(client.isEndedByPeer())
        }
    }

    @Test(arguments: versions) func `other authorities or revocations end the sessions of those before`(version: TLSClient.Version) throws {
        let alice = try Self.alice.get()
        let gateway = try gateway(Self.required)
        let first = try connect(gateway, alice, version)
        #expect(try first.get("/").status == 200)
        let session = try first.session()
        let list = try authority.revocations(of: [alice, alice])
        #expect(try gateway.reload(conf: Self.conf(Self.required + " ssl_crl \(list);")).contains("reloaded"))
        #expect(try first.get("/").status == 421, "an open connection was verified without the revocations")
        let client = try connect(gateway, alice, version, session: session)
        #expect(!client.isResumed)
        #expect(try client.get("/").status == 400)
    }

    // MARK: The origin

    @Test func `a field for the origin holds the subject, whatever is in it, and replaces the client's own`() throws {
        let evil = try authority.leaf(["evil"], subject: "a\r\nX-Admin: yes\r\n\u{7f}\u{e9}\u{0}, \"b\"")
        let origin = try ScriptedOrigin.answering(ScriptedOrigin.message("ok"))
        let gateway = try Gateway(
            conf: """
                server {
                    listen 127.0.0.1:0 ssl; ssl_certificate {CERT}; ssl_certificate_key {KEY}; \(Self.required)
                    location / {
                        proxy_pass http://127.0.0.1:\(origin.port);
                        proxy_set_header X-Client $ssl_client_s_dn;
                        add_header X-Verdict $ssl_client_verify;
                    }
                }
                """, certificate: Self.server.get(), values: ["CA": try authority.authorityPath])
        let client = try connect(gateway, evil)
        let answer = try client.get("/", fields: ["X-Client: CN=root"])
        #expect(answer.status == 200 && answer["X-Verdict"] == "SUCCESS")
        let head = try ReceivedHead(origin.received())
        #expect(head["X-Admin"] == nil && !origin.received().contains("root"))
        #expect(head.values("X-Client") == [#"CN=a\0D\0AX-Admin: yes\0D\0A\7F\C3\A9\00\, \"b\""#])
    }

    // MARK: Check

    @Test(arguments: [false, true]) func `a file of authorities or revocations with a broken entry is refused, with the entry's number`(
        isRevocations: Bool
    ) throws {
        let list = try authority.revocations(of: [], seconds: -3_600..<86_401)
        let good = try String(contentsOfFile: isRevocations ? list : authority.authorityPath, encoding: .utf8)
        let lines = good.split(separator: "\n").map(String.init)
        let broken = ([lines[0], "AAAA" + lines[1].dropFirst(4)] + lines[2...]).joined(separator: "\n")
        let directory = try TemporaryDirectory()
        let gateway = try gateway(Self.required)
        for text in [good + broken + "\n" + good, good + lines.dropLast().joined(separator: "\n") + "\n"] {
            let file = try directory.write(text, to: "broken.pem")
            let directives =
                isRevocations ? Self.required + " ssl_crl \(file);" : "ssl_client_certificate \(file); ssl_verify_client on;"
            let start = gateway.program.stderr.count
            #expect(try gateway.reload(conf: Self.conf(directives)).contains("reload failed"))
            try gateway.program.stderr.waitForLine(containing: "entry 2 of \"\(file)\": ", from: start)
        }
        let start = gateway.program.stderr.count
        #expect(try gateway.reload(conf: Self.conf("ssl_client_certificate /; ssl_verify_client on;")).contains("reload failed"))
        try gateway.program.stderr.waitForLine(containing: "directory", from: start)
    }

    @Test(arguments: [
        ("ssl_verify_client on;", "nobody to vouch"), ("ssl_verify_client optional_no_ca;", "is not valid here"),
        ("ssl_client_certificate {DIR}/none.pem; ssl_verify_client on;", "No such file"),
        ("ssl_client_certificate {DIR}/gateway.conf; ssl_verify_client on;", "there is no certificate in"),
        ("ssl_client_certificate {CA}; ssl_verify_client on; ssl_crl {CA};", "there is no list of revoked certificates"),
    ])
    func `what is wrong with authorities changes nothing at a reload, and says so`(directives: String, said: String) throws {
        let gateway = try gateway(Self.required)
        let start = gateway.program.stderr.count
        #expect(try gateway.reload(conf: Self.conf(directives)).contains("reload failed"))
        try gateway.program.stderr.waitForLine(containing: said, from: start)
        #expect(try connect(gateway, Self.alice.get()).get("/").status == 200)
    }
}
