import TestSupport
import Testing

/// Listeners that come, go and change with a reload; and ports that somebody else holds.
@Suite struct ReloadListenerTests {
    private func server(_ listens: String..., body: String = "location / { return 200 here; }") -> String {
        "server { " + listens.map { "listen \($0); " }.joined() + body + " }"
    }

    private func conf(_ servers: String..., workers: Int = 2) -> String {
        "workers \(workers);\naccess_log off;\nadmin 127.0.0.1:0 { }\n" + servers.joined(separator: "\n")
    }

    @Test func `port 0 is one free port for all workers`() throws {
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0"), workers: 4))
        #expect(gateway.ports.count == 1 && gateway.port > 0)
        // Whichever worker the kernel chooses.
        for _ in 0..<30 { #expect(try gateway.get("/").text == "here") }
    }

    @Test func `a new listener is taken up, and one that stays keeps its port and its connections`() throws {
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0")))
        let client = try gateway.connect()
        #expect(try client.get("/").status == 200)
        try gateway.reload(conf: conf(server("127.0.0.1:0"), server("127.0.0.2:0", body: "return 200 new;")))
        #expect(gateway.addresses.count == 2)
        #expect(try gateway.connect(1).get("/").text == "new")
        #expect(try client.get("/").text == "here")
        #expect(try gateway.get("/").text == "here")
    }

    @Test func `a removed listener takes nobody any more, and its running requests finish`() throws {
        let held = try HeldOrigin()
        let removed = server("127.0.0.2:0", body: "location / { proxy_pass http://\(held.address); }")
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0"), removed))
        let stream = try RunningStream(gateway.connect(1))
        let idle = try gateway.connect(1)
        #expect(try idle.get("/x").status == 200)
        try gateway.reload(conf: conf(server("127.0.0.1:0")))
        try eventually("a refused connection") {
            do { _ = try gateway.connect(1) } catch TestError.system { return true }
            return false
        }
        #expect(idle.isEndedByPeer())
        held.release()
        try stream.finish()
        #expect(stream.client.isEndedByPeer())
        #expect(try gateway.get("/").status == 200)
    }

    @Test func `a request on a connection of a removed listener is still answered, as the last`() throws {
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0"), server("127.0.0.2:0", body: "return 200 old;")))
        let client = try gateway.connect(1)
        try client.send("GET / HT")
        try gateway.waitForMetrics("a head that has begun") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
        try gateway.reload(conf: conf(server("127.0.0.1:0")))
        try client.send("TP/1.1\r\nHost: a\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 200 && answer.text == "old" && answer["Connection"] == "close")
        #expect(client.isEndedByPeer())
    }

    @Test func `a listener changes to TLS on the port it has`() throws {
        let certificates = try TestCertificates()
        let leaf = try certificates.leaf(["localhost"])
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0")), certificate: leaf)
        let plain = try gateway.connect()
        #expect(try plain.get("/").status == 200)
        let port = gateway.port
        try gateway.reload(
            conf: conf(
                server("127.0.0.1:0 ssl", body: "ssl_certificate {CERT}; ssl_certificate_key {KEY}; location / { return 200 $scheme; }")))
        #expect(gateway.ports == [port])
        #expect(try gateway.connectTLS().get("/").text == "https")
        #expect(try plain.get("/").text == "http", "a connection stays what it is")
        withExtendedLifetime(certificates) {}
    }

    @Test func `a wildcard address is narrowed on the same port`() throws {
        let gateway = try Gateway(conf: conf(server("0.0.0.0:0")))
        let port = gateway.port
        #expect(try TCPClient(port: port, host: "127.0.0.2").get("/").status == 200)
        #expect(try gateway.reload(conf: conf(server("127.0.0.1:\(port)"))).contains("reloaded"))
        #expect(try TCPClient(port: port).get("/").status == 200)
        #expect(throws: TestError.self) { try TCPClient(port: port, host: "127.0.0.2") }
    }

    /// The workers take their time to empty the queues of a listener that is gone: a moment, which this test is faster than.
    @Test func `an address that is taken away and brought back at once is listened at again`() throws {
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0"), server("127.0.0.2:0", body: "return 200 back;")))
        let back = server("127.0.0.2:\(gateway.addresses[1].port)", body: "return 200 back;")
        for _ in 0..<5 {
            #expect(try gateway.reload(conf: conf(server("127.0.0.1:0"))).contains("reloaded"))
            #expect(try gateway.reload(conf: conf(server("127.0.0.1:0"), back)).contains("reloaded"))
        }
        #expect(try gateway.connect(1).get("/").text == "back")
    }

    @Test func `the log says where the gateway listens when that is news, and not with each reload`() throws {
        let certificates = try TestCertificates()
        let leaf = try certificates.leaf(["localhost"])
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0")), certificate: leaf)
        func told(_ servers: String...) throws -> [String] {
            let start = gateway.program.stderr.count
            #expect(try gateway.reload(conf: conf(servers.joined())).contains("reloaded"))
            return gateway.program.stderr.lines.dropFirst(start).filter { $0.contains("listening") }
        }
        #expect(try told(server("127.0.0.1:0")).isEmpty)
        let news = try told(server("127.0.0.1:0"), server("127.0.0.2:0"))
        #expect(news.count == 1 && news[0].contains("listening address=127.0.0.2:"), "\(news)")
        let files = "ssl_certificate {CERT}; ssl_certificate_key {KEY}; return 200;"
        let secured = try told(server("127.0.0.1:0 ssl", body: files), server("127.0.0.2:0"))
        #expect(secured.count == 1 && secured[0].contains("listening address=127.0.0.1:") && secured[0].contains("tls=true"), "\(secured)")
        #expect(try told(server("127.0.0.1:0 ssl", body: files), server("127.0.0.2:0")).isEmpty)
        withExtendedLifetime(certificates) {}
    }

    // MARK: Ports that others hold

    @Test func `a port that another process holds fails the reload, and changes nothing`() throws {
        let other = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0")))
        let verdict = try gateway.reload(
            conf: conf(server("127.0.0.1:0", body: "return 200 changed;"), server("127.0.0.2:0"), server("127.0.0.1:\(other.port)")))
        #expect(verdict.contains("reload failed") && verdict.contains("127.0.0.1:\(other.port)") && verdict.contains("another process"))
        #expect(try gateway.get("/").text == "here")
        #expect(try gateway.metrics()["gateway_config_last_reload_successful"] == 0)
        #expect(gateway.addresses.count == 1)
        #expect(try TCPClient(port: other.port).get("/").text == "other")
        #expect(try gateway.reload(conf: conf(server("127.0.0.1:0", body: "return 200 changed;"))).contains("reloaded"))
        #expect(try gateway.get("/").text == "changed")
    }

    @Test func `the admin listener's port is not shared either`() throws {
        let other = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
        let gateway = try Gateway(conf: conf(server("127.0.0.1:0")))
        let verdict = try gateway.reload(
            conf: conf(server("127.0.0.1:0"), server("127.0.0.2:0")).replacing("admin 127.0.0.1:0", with: "admin 127.0.0.1:\(other.port)"))
        #expect(verdict.contains("reload failed") && verdict.contains("127.0.0.1:\(other.port)"))
        #expect(try gateway.admin("/healthz").status == 200)
        #expect(gateway.addresses.count == 1)
    }

    @Test func `a second gateway does not share the first one's port: it says so and does not start`() throws {
        let first = try Gateway(conf: conf(server("127.0.0.1:0")))
        let file = try first.directory.write(conf(server("127.0.0.1:\(first.port)")), to: "second.conf")
        let second = try Program("gateway", ["-c", file])
        #expect(try second.waitForExit() == .exited(1))
        try second.stderr.waitForLine(containing: "127.0.0.1:\(first.port)")
        #expect(second.stderr.text.contains("another process") && !second.stderr.text.contains("info ready"))
        #expect(try first.get("/").status == 200)
    }

    @Test func `an address that this machine does not have is a refusal to start`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(conf(server("192.0.2.1:8080")), to: "gateway.conf")
        let program = try Program("gateway", ["-c", file])
        #expect(try program.waitForExit() == .exited(1))
        try program.stderr.waitForLine(containing: "192.0.2.1:8080")
    }
}
