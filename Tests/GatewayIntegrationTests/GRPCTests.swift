import Foundation
import TestSupport
import Testing

/// gRPC by Python's grpcio on both sides (Tests/grpc), with the gateway between them.
@Suite struct GRPCTests {
    /// The origin's process: it ends with its owner.
    private final class Origin {
        let program: Program
        let port: UInt16
        let securePort: UInt16

        init(_ leaf: TestCertificates.Leaf) throws {
            // Debian's own Python, for which `make test` installs grpcio, whichever comes first in PATH.
            program = try Program("/usr/bin/python3", ["-B", script("grpc_origin.py"), leaf.certificatePath, leaf.keyPath])
            let line = try program.stdout.waitForLine("the ports of the gRPC origin (make test installs its package)", timeout: 60) {
                $0.hasPrefix("grpc ports ")
            }
            let ports = line.split(separator: " ").compactMap { UInt16($0) }
            guard ports.count == 2 else { throw TestError.invalid(line) }
            (port, securePort) = (ports[0], ports[1])
        }
    }

    private static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("grpc/" + name).path
    }

    enum Transport: CaseIterable {
        case clearBoth, secureClient, secureBoth

        var isClientSecure: Bool { self != .clearBoth }
        var isOriginSecure: Bool { self == .secureBoth }
    }

    @Test(arguments: Transport.allCases) func `every kind of gRPC call comes through, with its end`(_ transport: Transport) throws {
        let certificates = try TestCertificates()
        let leaf = try certificates.leaf(["localhost", "127.0.0.1"])
        let origin = try Origin(leaf)
        let gateway = try Gateway(
            conf: """
                workers 1;
                error_log stderr debug;
                access_log {DIR}/access.log json;
                admin 127.0.0.1:0 { }
                client_max_body_size 0;
                upstream grpc { server 127.0.0.1:{ORIGIN}; protocol h2; \(transport.isOriginSecure ? "tls name=localhost ca={CA};" : "") }
                server {
                    listen 127.0.0.1:0\(transport.isClientSecure ? " ssl" : ""); ssl_certificate {CERT}; ssl_certificate_key {KEY};
                    location / { proxy_pass http://grpc; }
                }
                """, certificate: leaf,
            values: ["ORIGIN": "\(transport.isOriginSecure ? origin.securePort : origin.port)", "CA": certificates.authorityPath])
        let client = try Program(
            "/usr/bin/python3",
            ["-B", Self.script("grpc_client.py"), "\(gateway.port)"] + (transport.isClientSecure ? [certificates.authorityPath] : []))
        try client.waitForExit(timeout: 300)
        try client.stdout.waitForEnd()

        let lines = client.stdout.lines.filter { !$0.isEmpty }
        let cases = lines.dropLast()
        for line in cases { #expect(line.hasPrefix("ok ")) }
        #expect(lines.last == "\(cases.count) cases", "\(client.stderr.text)")
        #expect(cases.count >= 24)
        // All that was asked came as HTTP/2, whatever became of it.
        #expect(try gateway.accessLog(waitingFor: 1).allSatisfy { $0["protocol"] == "HTTP/2.0" })
        #expect(try gateway.metrics().sum("gateway_http2_connection_errors_total") == 0)
    }
}
