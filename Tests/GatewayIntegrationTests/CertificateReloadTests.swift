import Foundation
import TestSupport
import Testing

/// Certificates and keys are read anew at SIGHUP.
@Suite struct CertificateReloadTests {
    private let certificates: TestCertificates
    private let files: TemporaryDirectory
    private let gateway: Gateway
    private let first: TestCertificates.Leaf

    init() throws {
        certificates = try TestCertificates()
        files = try TemporaryDirectory()
        first = try certificates.leaf(["localhost"])
        try Self.install(first, in: files)
        gateway = try Gateway(
            conf: """
                workers 2;
                error_log stderr debug;
                access_log off;
                admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                server {
                    listen 127.0.0.1:0 ssl; server_name localhost;
                    ssl_certificate {FILES}/server.pem; ssl_certificate_key {FILES}/server.key; return 200 ok;
                }
                """, values: ["FILES": files.path])
    }

    private static func install(_ leaf: TestCertificates.Leaf, in files: TemporaryDirectory) throws {
        try files.write(String(contentsOfFile: leaf.certificatePath, encoding: .utf8), to: "server.pem")
        try files.write(String(contentsOfFile: leaf.keyPath, encoding: .utf8), to: "server.key")
    }

    @Test func `new connections get the new certificate, old ones go on`() throws {
        let old = try gateway.connectTLS()
        #expect(old.peerSerial == first.serial)
        #expect(try old.get("/").text == "ok")
        let second = try certificates.leaf(["localhost"], key: .rsa2048)
        try Self.install(second, in: files)
        // Nothing is read before SIGHUP.
        #expect(try gateway.connectTLS().peerSerial == first.serial)
        #expect(try gateway.reload().contains("reloaded"))
        try eventually("every worker has the new certificate") {
            try (0..<8).allSatisfy { _ in try gateway.connectTLS().peerSerial == second.serial }
        }
        #expect(try old.get("/").text == "ok")
        let verified = try gateway.connectTLS { $0.authorityPath = certificates.authorityPath }
        #expect(try verified.get("/").text == "ok")
    }

    @Test func `a key that does not belong to its certificate changes nothing`() throws {
        let other = try certificates.leaf(["localhost"])
        try files.write(String(contentsOfFile: other.keyPath, encoding: .utf8), to: "server.key")
        let start = gateway.program.stderr.count
        #expect(try gateway.reload().contains("reload failed"))
        try gateway.program.stderr.waitForLine(containing: "does not belong to the certificate", from: start)
        let client = try gateway.connectTLS()
        #expect(client.peerSerial == first.serial)
        #expect(try client.get("/").text == "ok")
        #expect(try gateway.metrics()["gateway_config_last_reload_successful"] == 0)
        try Self.install(other, in: files)
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try gateway.metrics()["gateway_config_last_reload_successful"] == 1)
    }

    @Test(arguments: ["server.pem", "server.key"]) func `a file that is gone or broken changes nothing`(_ name: String) throws {
        try files.write("-----BEGIN NONSENSE-----\n", to: name)
        #expect(try gateway.reload().contains("reload failed"))
        try FileManager.default.removeItem(atPath: files.file(name))
        #expect(try gateway.reload().contains("reload failed"))
        #expect(try gateway.connectTLS().get("/").text == "ok")
    }

    @Test func `an expired certificate is taken, with a warning`() throws {
        let expired = try certificates.expiredLeaf(["localhost"])
        try Self.install(expired, in: files)
        let start = gateway.program.stderr.count
        #expect(try gateway.reload().contains("reloaded"))
        try gateway.program.stderr.waitForLine(containing: "has expired", from: start)
        try eventually("the expired certificate") { try gateway.connectTLS().peerSerial == expired.serial }
    }
}
