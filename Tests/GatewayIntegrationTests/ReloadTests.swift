import Glibc
import Foundation
import TestSupport
import Testing

/// SIGHUP: what a new configuration changes, and what it must not disturb.
@Suite struct ReloadTests {
    private func conf(_ origin: String, main: String = "", upstream: String = "", server: String = "", location: String = "") -> String {
        """
        workers 2;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        \(main)
        upstream api { server \(origin); \(upstream) }
        server { listen 127.0.0.1:0; \(server) location / { proxy_pass http://api; \(location) } }
        """
    }

    // MARK: Running requests

    @Test func `a running request finishes on the configuration it began with`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, location: "add_header X-Snapshot old;"))
        let client = try gateway.connect()
        try client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        try held.origin.waitForReceived("GET /late")
        // The new read_timeout would end it, the new location would not even pass it on.
        try gateway.reload(
            conf: conf(
                held.address, upstream: "read_timeout 1ms;", server: "location = /late { return 410; }",
                location: "add_header X-Snapshot new;"))
        let other = try gateway.get("/late")
        #expect(other.status == 410 && other["X-Snapshot"] == nil)
        held.release()
        let answer = try client.readResponse()
        #expect(answer.status == 200 && answer.text == "late" && answer["X-Snapshot"] == "old")
        // The connection's next request is one of the new configuration.
        #expect(try client.get("/late").status == 410)
    }

    @Test func `a reload that fails is told in the log and in the metrics, and changes nothing`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, location: "add_header X-Snapshot old;"))
        let before = try gateway.metrics()
        #expect(before["gateway_config_last_reload_successful"] == 1)
        #expect(before.sum("gateway_config_last_reload_success_timestamp_seconds") > 1_700_000_000)
        #expect(before.sum("gateway_config_reloads_total") == 0, "a start is no reload")

        let verdict = try gateway.reload(conf: "workers 2;\nserver { listen 127.0.0.1:0;\n  returm 200; }\n")
        #expect(verdict.contains("reload failed"))
        try gateway.program.stderr.waitForLine(containing: "gateway.conf:3:3")
        #expect(gateway.program.stderr.text.contains("return"), "the nearest known word")
        #expect(try gateway.get("/x")["X-Snapshot"] == "old")
        try gateway.waitForMetrics("a failed reload") {
            $0["gateway_config_last_reload_successful"] == 0 && $0.sum("gateway_config_reloads_total", ["result": "failure"]) == 1
        }
        #expect(
            try gateway.metrics()["gateway_config_last_reload_success_timestamp_seconds"]
                == before["gateway_config_last_reload_success_timestamp_seconds"])

        try gateway.reload(conf: conf(held.address, location: "add_header X-Snapshot new;"))
        #expect(try gateway.get("/x")["X-Snapshot"] == "new")
        let after = try gateway.metrics()
        #expect(after["gateway_config_last_reload_successful"] == 1)
        #expect(after.sum("gateway_config_reloads_total", ["result": "success"]) == 1)
    }

    @Test func `a file that has gone is a failed reload`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        try Program.run("/bin/rm", [gateway.directory.file("gateway.conf")])
        #expect(try gateway.reload().contains("reload failed"))
        #expect(try gateway.get("/x").status == 200)
    }

    @Test func `a pipe that nobody writes to fails the reload and holds up nothing`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, main: "include {DIR}/more.d/*;", location: "return 200;"))
        let directory = gateway.directory.path + "/more.d"
        #expect(mkdir(directory, 0o755) == 0 && mkfifo(directory + "/pipe", 0o600) == 0)
        #expect(try gateway.reload().contains("reload failed"))
        try gateway.program.stderr.waitForLine(containing: "it is a pipe that nobody writes to")

        let server = "server { listen [::1]:0 ssl; ssl_certificate more.d/pipe; ssl_certificate_key more.d/pipe; return 200; }"
        #expect(try gateway.reload(conf: conf(held.address, main: server)).contains("reload failed"))
        try gateway.program.stderr.waitForLine(containing: "is not a regular file")
        #expect(try gateway.get("/").status == 200)
        #expect(try gateway.metrics().sum("gateway_config_reloads_total", ["result": "failure"]) == 2)
    }

    @Test func `a stream outlives more reloads than there is room for snapshots`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let stream = try RunningStream(gateway.connect())
        for _ in 0..<20 { #expect(try gateway.reload().contains("reloaded")) }
        held.release()
        try stream.finish()
    }

    @Test func `of streams on more snapshots than there is room for the oldest are broken off, visibly`() throws {
        let held = try HeldOrigin()
        // One worker: the room is each worker's own.
        let text = "workers 1;" + conf(held.address).dropFirst("workers 2;".count)
        let gateway = try Gateway(conf: text)
        var streams: [RunningStream] = []
        for _ in 0..<19 {
            streams.append(try RunningStream(gateway.connect()))
            try gateway.reload()
        }
        // 16 old ones besides the current one.
        let broken = try gateway.accessLog(waitingFor: 3)
        #expect(broken.count == 3 && broken.allSatisfy { $0["error_type"] == "snapshot_retired" })
        for stream in streams.prefix(3) { #expect(throws: TestError.self) { try stream.client.readChunk() } }
        held.release()
        for stream in streams.dropFirst(3) { try stream.finish() }
    }

    @Test(SanitizerReports.memoryIsMeasured) func `what a configuration took is given back when it has been replaced`() throws {
        let held = try HeldOrigin()
        let locations = (0..<50).map { "location /\($0)/ { proxy_pass http://api; add_header X-A $host; }" }.joined()
        let gateway = try Gateway(conf: conf(held.address, server: locations))
        func residentBytes(after reloads: Int) throws -> Double {
            for _ in 0..<reloads { try gateway.reload() }
            return try gateway.metrics()["process_resident_memory_bytes"] ?? 0
        }
        let before = try residentBytes(after: 20)
        let after = try residentBytes(after: 60)
        #expect(after - before < 4_000_000, "\(Int(after - before) / 60) bytes for each reload")
    }

    // MARK: Logs

    @Test func `the access log changes to another file, and to none, with no line lost`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let client = try gateway.connect()
        for _ in 0..<3 { #expect(try client.get("/x").status == 200) }
        let second = conf(held.address).replacing("access.log", with: "second.log")
        try gateway.reload(conf: second)
        for _ in 0..<2 { #expect(try client.get("/x").status == 200) }
        #expect(try gateway.accessLog(waitingFor: 2, name: "second.log").count == 2)
        #expect(try gateway.accessLog(waitingFor: 3).count == 3)
        try gateway.reload(conf: second.replacing("{DIR}/second.log json", with: "off"))
        #expect(try client.get("/x").status == 200)
        try gateway.reload(conf: second)
        #expect(try client.get("/last").status == 200)
        let lines = try gateway.accessLog(waitingFor: 3, name: "second.log")
        #expect(lines.count == 3 && lines[2]["uri"] == "/last")
    }

    @Test func `a log that cannot be opened is a failed reload`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let verdict = try gateway.reload(conf: conf(held.address).replacing("access.log", with: "none/access.log"))
        #expect(verdict.contains("reload failed") && verdict.contains("none/access.log"))
        #expect(try gateway.get("/x").status == 200)
        #expect(try gateway.accessLog(waitingFor: 1).count == 1)
    }

    @Test func `a log that cannot be reopened is told, and the old file is written on`() throws {
        let held = try HeldOrigin()
        let outer = try TemporaryDirectory()
        try Program.run("/bin/mkdir", [outer.file("logs")])
        let gateway = try Gateway(conf: conf(held.address).replacing("{DIR}/access.log", with: outer.file("logs/access.log")))
        try Program.run("/bin/mv", [outer.file("logs"), outer.file("moved")])
        gateway.program.send(SIGUSR1)
        try gateway.program.stderr.waitForLine(containing: "cannot reopen")
        #expect(try gateway.get("/x").status == 200)
        try eventually("a line in the old file") { try outer.read("moved/access.log").hasSuffix("}\n") }
    }

    @Test func `a log whose reader has stopped keeps nobody waiting when it is changed`() throws {
        let held = try HeldOrigin()
        let text = conf(held.address, server: "location /local { return 200 local; }")
        let gateway = try Gateway(conf: text.replacing("{DIR}/access.log json", with: "off"))
        let pipe = gateway.directory.file("pipe")
        try Program.run("/usr/bin/mkfifo", [pipe])
        let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        try gateway.reload(conf: text.replacing("{DIR}/access.log", with: pipe))
        let client = try gateway.connect()
        // More lines than a pipe holds.
        let padding = "/local?" + String(repeating: "x", count: 4_000)
        for _ in 0..<50 { #expect(try client.get(padding).status == 200) }
        try gateway.reload(conf: text.replacing("{DIR}/access.log json", with: "off"), timeout: 1.5)
        #expect(try client.get("/local").status == 200)
    }

    @Test func `error_log changes to a file`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        try gateway.directory.write(
            conf(held.address, main: "error_log \(gateway.directory.file("error.log")) info;")
                .replacing("{DIR}", with: gateway.directory.path), to: "gateway.conf")
        gateway.program.send(SIGHUP)
        try eventually("the verdict in the new log") { try gateway.directory.read("error.log").contains("reloaded") }
    }

    // MARK: The admin listener

    @Test func `the admin listener moves to another address`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let old = try #require(gateway.adminAddress)
        try gateway.reload(conf: conf(held.address).replacing("admin 127.0.0.1:0", with: "admin 127.0.0.3:0"))
        let line = try #require(gateway.program.stderr.lines.last { $0.contains("admin listening address=127.0.0.3:") })
        let port = try #require(line.split(separator: ":").last.flatMap { UInt16($0) })
        #expect(try TCPClient(port: port, host: "127.0.0.3").get("/healthz").status == 200)
        #expect(throws: TestError.self) { try TCPClient(port: old.port, host: old.host) }
        try gateway.reload(conf: conf(held.address).replacing("admin 127.0.0.1:0 { }", with: ""))
        #expect(throws: TestError.self) { try TCPClient(port: port, host: "127.0.0.3") }
    }

    @Test func `whom the admin listener allows changes`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        #expect(try gateway.admin("/healthz").status == 200)
        try gateway.reload(conf: conf(held.address).replacing("{ }", with: "{ allow 127.0.0.9; }"))
        #expect(try gateway.admin("/healthz").status == 403)
    }
}
