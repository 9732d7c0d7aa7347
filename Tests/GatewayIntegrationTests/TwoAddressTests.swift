import Foundation
import TestSupport
import Testing

/// A server whose name has two addresses, of which one refuses.
@Suite struct TwoAddressTests {
    /// The gateway among other hosts: in a mount namespace of its own /etc/hosts is another file (unshare(1)). Not everybody may.
    private static let canChangeHosts: Bool = {
        guard let directory = try? TemporaryDirectory(), let hosts = try? directory.write(hosts, to: "hosts") else { return false }
        let found = try? Program.run(
            "/bin/sh", ["-c", "unshare -m /bin/sh -c 'mount --bind \"$0\" /etc/hosts && getent ahosts twin' \"$0\"", hosts])
        return found?.contains("127.0.0.2") == true && found?.contains("127.0.0.3") == true
    }()

    private static let hosts = "127.0.0.1 localhost\n127.0.0.2 twin\n127.0.0.3 twin\n"

    @Test(.enabled(if: canChangeHosts), arguments: ["127.0.0.2", "127.0.0.3"])
    func `first requests that come together all reach the address that answers, in one attempt`(answering: String) throws {
        let origin = try ScriptedOrigin(host: answering) { connection, _ in
            while try connection.readNextRequest() != nil { try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }
        }
        let directory = try TemporaryDirectory()
        let hosts = try directory.write(Self.hosts, to: "hosts")
        let conf = try directory.write(
            """
            workers 1;
            access_log off;
            upstream twins { server twin:\(origin.port); retry attempts=1; }
            server { listen 127.0.0.1:0; location / { proxy_pass http://twins; } }
            """, to: "gateway.conf")
        let script = "exec unshare -m /bin/sh -c 'mount --bind \"$0\" /etc/hosts && exec \"$1\" -c \"$2\"' \"$0\" \"$1\" \"$2\""
        let program = try Program("/bin/sh", ["-c", script, hosts, try Program.find("gateway"), conf])
        let line = try program.stderr.waitForLine(containing: "listening address=127.0.0.1:", timeout: 20)
        let digits = line.components(separatedBy: "address=127.0.0.1:").last?.prefix(while: \.isNumber)
        let port = try #require(UInt16(digits ?? ""))
        try program.stderr.waitForLine(containing: "ready", timeout: 20)

        // All are there before the first is looked at.
        let clients = try (0..<50).map { _ in try TCPClient(port: port) }
        try program.suspend()
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        program.send(SIGCONT)
        let statuses = try clients.map { try $0.readResponse().status }
        #expect(statuses == Array(repeating: 200, count: 50))
        #expect(try clients[0].get("/").status == 200)
    }
}
