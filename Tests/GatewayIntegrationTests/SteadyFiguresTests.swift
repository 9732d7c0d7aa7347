import Foundation
import TestSupport
import Testing

/// What a reload must leave as it is: gauges when it takes workers or renames servers, and everything when it fails.
@Suite struct SteadyFiguresTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func conf(_ servers: String, workers: Int, listens: String = "listen 127.0.0.1:0;") -> String {
        """
        workers \(workers);
        access_log off;
        admin 127.0.0.1:0 { }
        upstream api { \(servers) keepalive_timeout 60s; keepalive 100; }
        server { \(listens) location / { proxy_pass http://api; } location /here { return 200 here; } }
        """
    }

    private func waitForGauges(_ gateway: Gateway, idle: Int) throws {
        try gateway.waitForMetrics("\(idle) idle and no active connections, none below 0") { metrics in
            metrics.sum("gateway_upstream_connections", ["state": "idle"]) == Double(idle)
                && metrics.series.allSatisfy { !$0.key.hasPrefix("gateway_upstream_connections") || $0.value >= 0 }
                && metrics.sum("gateway_upstream_connections", ["state": "active"]) == 0 && metrics.sum("gateway_connections") == 0
        }
    }

    // MARK: Gauges

    @Test func `the gauges of upstream connections stay right when workers are taken away`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let other = try ScriptedOrigin.answering(Self.ok)
        let server = "server 127.0.0.1:\(origin.port);"
        let gateway = try Gateway(conf: conf(server, workers: 4))
        for _ in 0..<60 { #expect(try gateway.get("/").status == 200) }
        try waitForGauges(gateway, idle: origin.openCount)
        for workers in [2, 4, 1] {
            try gateway.reload(conf: conf(server, workers: workers))
            for _ in 0..<20 { #expect(try gateway.get("/").status == 200) }
            // Workers that end close theirs in their own time.
            try eventually("the gauges to tell what is open") {
                try gateway.metrics().sum("gateway_upstream_connections") == Double(origin.openCount) && origin.openCount <= workers
            }
            try waitForGauges(gateway, idle: origin.openCount)
        }
        try gateway.reload(conf: conf("server 127.0.0.1:\(other.port);", workers: 1))
        try waitForGauges(gateway, idle: 0)
    }

    @Test func `the gauges of upstream connections stay right when a server is renamed`() throws {
        let held = try HeldOrigin()
        let (byName, byAddress) = ("server localhost:\(held.origin.port);", "server \(held.address);")
        let gateway = try Gateway(conf: conf(byName, workers: 1))
        #expect(try gateway.get("/x").status == 200)
        // One connection idle, one in use, while the name changes; then the idle one is used, and everything ends.
        let stream = try RunningStream(gateway.connect())
        #expect(try gateway.get("/x").status == 200)
        try gateway.reload(conf: conf(byAddress, workers: 1))
        #expect(try gateway.get("/x").status == 200)
        held.release()
        try stream.finish()
        stream.client.close()
        #expect(try gateway.get("/x").status == 200)
        try eventually("the gauges to tell what is open") {
            try gateway.metrics().sum("gateway_upstream_connections") == Double(held.origin.openCount)
        }
        try waitForGauges(gateway, idle: held.origin.openCount)
        try gateway.reload(conf: conf("server 127.0.0.1:1;", workers: 1))
        try waitForGauges(gateway, idle: 0)
    }

    // MARK: Reloads that fail

    private func threads(_ processID: pid_t) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/task").count
    }

    private func expectSame(_ program: Program, threads: Int, files: Int) throws {
        try eventually("as many threads and files as before") {
            try self.threads(program.processID) == threads && ProcessFigures(program).openFiles() <= files
        }
    }

    @Test func `a reload that lacks a port changes nothing`() throws {
        let origin = try ScriptedOrigin.answering(Self.ok)
        let taken = try ScriptedOrigin.answering(Self.ok)
        let free = try ScriptedOrigin(host: "127.0.0.9") { _, _ in }.port
        let server = "server 127.0.0.1:\(origin.port);"
        let gateway = try Gateway(conf: conf(server, workers: 1))
        let client = try gateway.connect()
        #expect(try client.get("/here").text == "here")
        #expect(try gateway.metrics().sum("gateway_config_last_reload_successful") == 1)
        let threads = try threads(gateway.program.processID)
        let files = try ProcessFigures(gateway.program).openFiles()
        let listens = "listen 127.0.0.1:0; listen 127.0.0.9:\(free); listen 127.0.0.1:\(taken.port);"
        let verdict = try gateway.reload(conf: conf(server, workers: 4, listens: listens))
        #expect(verdict.contains("reload failed"))
        #expect(throws: TestError.self) { try TCPClient(port: free, host: "127.0.0.9") }
        #expect(try client.get("/here").text == "here")
        #expect(try gateway.get("/here").text == "here")
        try expectSame(gateway.program, threads: threads, files: files)
    }

    /// A gateway that may open so many files, started by a shell that says so: with the least of them two clients still have room beside
    /// the reserve, and neither is closed for the other.
    @Test(arguments: [32, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    func `a reload that lacks descriptors changes nothing`(more: Int) throws {
        let directory = try TemporaryDirectory()
        let free = try ScriptedOrigin(host: "127.0.0.9") { _, _ in }.port
        func text(_ workers: Int, _ body: String, _ listens: String) -> String {
            "workers \(workers); error_log stderr info; access_log off; server { listen 127.0.0.1:0; \(listens) return 200 \(body); }"
        }
        let file = try directory.write(text(2, "old", ""), to: "gateway.conf")
        let script = "ulimit -n \(more); exec \"$0\" -c \"$1\""
        let program = try Program("/bin/sh", ["-c", script, try Program.find("gateway"), file])
        let line = try program.stderr.waitForLine(containing: "listening address=127.0.0.1:", timeout: 20)
        let digits = line.components(separatedBy: "address=127.0.0.1:").last?.prefix(while: \.isNumber)
        let port = try #require(UInt16(digits ?? ""))
        try program.stderr.waitForLine(containing: "ready", timeout: 20)
        let client = try TCPClient(port: port)
        #expect(try client.get("/").text == "old")
        let threads = try threads(program.processID)
        let files = try ProcessFigures(program).openFiles()

        try directory.write(text(32, "new", "listen 127.0.0.9:\(free);"), to: "gateway.conf")
        program.send(SIGHUP)
        let verdict = try program.stderr.waitForLine("a verdict") { $0.contains("reloaded") || $0.contains("reload failed") }
        #expect(verdict.contains("reload failed"))
        #expect(throws: TestError.self) { try TCPClient(port: free, host: "127.0.0.9") }
        try expectSame(program, threads: threads, files: files)
        #expect(try client.get("/").text == "old")
        // One after the other: whoever has gone may keep its descriptor until the gateway has seen it.
        for _ in 0..<10 { try eventually("a new client is served") { (try? TCPClient(port: port).get("/").text) == "old" } }

        try directory.write(text(2, "newer", ""), to: "gateway.conf")
        program.send(SIGHUP)
        try program.stderr.waitForLine(containing: "reloaded")
        #expect(try client.get("/").text == "newer")
        #expect(program.isRunning)
    }
}
