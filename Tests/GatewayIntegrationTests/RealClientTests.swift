import Foundation
import TestSupport
import Testing

/// Clients that are not ours: curl and openssl; and addresses of IPv6.
@Suite struct RealClientTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    // MARK: curl

    private struct Certified {
        let origin: ScriptedOrigin
        let certificates: TestCertificates
        let gateway: Gateway

        init(_ origin: ScriptedOrigin) throws {
            self.origin = origin
            certificates = try TestCertificates()
            gateway = try Gateway(
                conf: """
                    workers 1;
                    error_log stderr debug;
                    access_log {DIR}/access.log json;
                    admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                    client_max_body_size 0;
                    server {
                        listen 127.0.0.1:0 ssl; server_name api.test; ssl_certificate {CERT}; ssl_certificate_key {KEY};
                        location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                    }
                    """, certificate: certificates.leaf(["api.test"]), values: ["ORIGIN": "\(origin.port)"])
        }

        /// curl's options to reach it by its name, with the certificate verified.
        var curl: String {
            "curl -sS --max-time 30 --cacert \(certificates.authorityPath) --resolve api.test:\(gateway.port):127.0.0.1 "
        }
        var url: String { "https://api.test:\(gateway.port)" }
    }

    @Test(.enabled(if: Program.isInstalled("curl"))) func `curl reaches the origin through verified TLS`() throws {
        let certified = try Certified(ScriptedOrigin.answering(Self.answer))
        #expect(try Program.shell(certified.curl + certified.url + "/") == "ok")
        #expect(try Program.shell(certified.curl + "--tls-max 1.2 " + certified.url + "/") == "ok")
        #expect(try Program.shell(certified.curl + "--http1.0 " + certified.url + "/") == "ok")
        // Two requests on one connection.
        let log = try Program.shell(certified.curl + "-v \(certified.url)/a \(certified.url)/b")
        #expect(log.contains("Re-using existing connection"))
        #expect(try certified.gateway.accessLog(waitingFor: 5).allSatisfy { $0.number("status") == 200 })
    }

    @Test(.enabled(if: Program.isInstalled("curl"))) func `curl uploads with Expect and in chunks`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n")
                try connection.send(request.body)
            }
        }
        let certified = try Certified(origin)
        let files = try TemporaryDirectory()
        try Data(Pattern.bytes(Pattern.period)).write(to: URL(fileURLWithPath: files.file("body")))
        for options in ["-H 'Expect: 100-continue'", "-H 'Transfer-Encoding: chunked'", "-H 'Expect:'"] {
            let status = try Program.shell(
                certified.curl
                    + "\(options) --data-binary @\(files.file("body")) -o \(files.file("echo")) -w '%{http_code}' \(certified.url)/")
            #expect(status == "200", "with \(options)")
            #expect(
                try Array(Data(contentsOf: URL(fileURLWithPath: files.file("echo")))) == Pattern.bytes(Pattern.period), "with \(options)")
        }
    }

    // MARK: openssl

    @Test(.enabled(if: Program.isInstalled("openssl")), arguments: ["-tls1_2", "-tls1_3"])
    func `openssl s_client verifies, agrees on ALPN, and is answered`(_ version: String) throws {
        let certified = try Certified(ScriptedOrigin.answering(Self.answer))
        let output = try Program.shell(
            "printf 'GET / HTTP/1.1\\r\\nHost: api.test\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client \(version) -ign_eof "
                + "-connect 127.0.0.1:\(certified.gateway.port) -servername api.test -alpn spdy/3,http/1.1 "
                + "-CAfile \(certified.certificates.authorityPath) -verify_return_error")
        #expect(output.contains("Verify return code: 0 (ok)"))
        #expect(output.contains("ALPN protocol: http/1.1"))
        #expect(output.contains("HTTP/1.1 200 OK"))
        #expect(output.contains("Secure Renegotiation IS") || version == "-tls1_3")
        #expect(!output.contains("Compression: zlib"))
    }

    @Test(.enabled(if: Program.isInstalled("openssl"))) func `renegotiation is refused`() throws {
        let certified = try Certified(ScriptedOrigin.answering(Self.answer))
        // R at the beginning of a line asks s_client for it.
        let output = try Program.shell(
            "(printf 'R\\n'; sleep \(Deadline.patience)) | openssl s_client -tls1_2 -connect 127.0.0.1:\(certified.gateway.port) -servername api.test"
        )
        #expect(output.contains("RENEGOTIATING"))
        #expect(output.contains("no renegotiation"))
        try certified.gateway.waitForMetrics("an end") { $0.sum("gateway_connections_closed_total", ["reason": "renegotiation"]) == 1 }
        #expect(try certified.gateway.connectTLS { $0.serverName = "api.test" }.get("/", host: "api.test").text == "ok")
    }

    @Test(.enabled(if: Program.isInstalled("openssl"))) func `a client may ask for new keys in the middle of a connection`() throws {
        let certified = try Certified(ScriptedOrigin.answering(Self.answer))
        // K asks for a KeyUpdate of both sides (RFC 8446 § 4.6.3), if it is the first that a read brings once TLS stands; and the end of
        // its input ends s_client, answer or not.
        let request = "GET / HTTP/1.1\\r\\nHost: api.test\\r\\nConnection: close\\r\\n\\r\\n"
        let output = try Program.shell(
            "(printf 'K\\n'; sleep \(0.5 * Deadline.patience); printf '\(request)'; sleep \(Deadline.patience)) | "
                + "openssl s_client -tls1_3 -connect 127.0.0.1:\(certified.gateway.port) -servername api.test")
        #expect(output.contains("KEYUPDATE"))
        #expect(output.contains("HTTP/1.1 200 OK"))
    }

    // MARK: IPv6

    @Test(arguments: [false, true]) func `a listener at an IPv6 address serves`(_ isTLS: Bool) throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        let certificates = try TestCertificates()
        let gateway = try Gateway(
            conf: """
                workers 1;
                error_log stderr debug;
                access_log {DIR}/access.log json;
                admin [::1]:0 { allow ::1; }
                server {
                    listen [::1]:0\(isTLS ? " ssl" : ""); server_name localhost; ssl_certificate {CERT}; ssl_certificate_key {KEY};
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                }
                """, certificate: certificates.leaf(["localhost"]), values: ["ORIGIN": "\(origin.port)"])
        #expect(gateway.addresses.map(\.host) == ["::1"])
        let client: any ByteStream = isTLS ? try gateway.connectTLS() : try gateway.connect()
        #expect(try client.get("/", host: "[::1]:\(gateway.port)").text == "ok")
        let request = origin.received()
        #expect(request.contains("\r\nX-Forwarded-For: ::1\r\n"))
        #expect(request.contains("\r\nX-Forwarded-Proto: \(isTLS ? "https" : "http")\r\n"))
        #expect(request.contains("\r\nX-Forwarded-Host: [::1]:\(gateway.port)\r\n"))
        #expect(try gateway.accessLog(waitingFor: 1)[0]["remote_addr"] == "::1")
        #expect(try gateway.metrics().sum("http_requests_total", ["status": "200"]) == 1)
    }

    @Test func `an origin at an IPv6 address is reached`() throws {
        let origin = try ScriptedOrigin(host: "::1") { connection, _ in
            while try connection.readNextRequest() != nil { try connection.send(Self.answer) }
        }
        let gateway = try Gateway(
            conf: """
                workers 1;
                access_log off;
                upstream six { server [::1]:{ORIGIN}; }
                server { listen 127.0.0.1:0; location / { proxy_pass http://six; } }
                """, values: ["ORIGIN": "\(origin.port)"])
        #expect(try gateway.get("/").text == "ok")
    }
}
