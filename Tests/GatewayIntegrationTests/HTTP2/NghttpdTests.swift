import Foundation
import TestSupport
import Testing

/// nghttp2's own server as the origin.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/nghttpd"))) struct NghttpdTests {
    /// On a free port: it is asked for, given back, and taken again at once.
    private static func start(_ options: [String], _ files: [String], in directory: TemporaryDirectory) throws -> (Program, port: UInt16) {
        for _ in 0..<5 {
            let port = try ScriptedOrigin { _, _ in }.port
            let arguments = ["--address=127.0.0.1", "--htdocs=\(directory.path)"] + options + ["\(port)"] + files
            let program = try Program("/usr/bin/nghttpd", arguments)
            do {
                try eventually("nghttpd", timeout: 5) { (try? TCPClient(port: port)) != nil }
                return (program, port)
            } catch TestError.timedOut {}
        }
        throw TestError.timedOut("nghttpd")
    }

    @Test(arguments: [false, true]) func `files come whole through one connection, many at a time`(isTLS: Bool) throws {
        let directory = try TemporaryDirectory()
        let content = Pattern.bytes(300_000)
        try Data(content).write(to: URL(fileURLWithPath: directory.path + "/file"))
        let leaf = try SecureUpstream.leaf.get()
        let (program, port) = try Self.start(
            isTLS ? [] : ["--no-tls"], isTLS ? [leaf.keyPath, leaf.certificatePath] : [], in: directory)
        let tls = isTLS ? "tls name=origin.test ca=\(try SecureUpstream.authority.get().authorityPath);" : ""
        let gateway = try Gateway(conf: RetryTests.conf("server 127.0.0.1:\(port); protocol h2; \(tls)"))
        let answers = try (0..<20).map { _ in
            let client = try gateway.connect()
            return Background { try client.get("/file").body == content }
        }
        for answer in answers { #expect(try answer.value(timeout: 60)) }
        #expect(try gateway.metrics().sum("gateway_upstream_connects_total") == 1)
        #expect(try gateway.get("/none").status == 404)
        withExtendedLifetime(program) {}
    }
}
