import Foundation
import TestSupport
import Testing

/// `user`: started as root, the gateway is another user when it answers, and stays one.
@Suite(.enabled(if: geteuid() == 0, "only root can become another user")) struct UserTests {
    /// A gateway that becomes nobody, with TLS, and what it needs to be reloaded: nobody may read its directory, and write to "logs".
    private struct Unprivileged {
        let certificates: TestCertificates
        let leaf: TestCertificates.Leaf
        let logs: TemporaryDirectory
        let gateway: Gateway

        init(user: String = "user nobody nogroup;", workers: Int = 2) throws {
            certificates = try TestCertificates()
            leaf = try certificates.leaf(["localhost"])
            logs = try TemporaryDirectory()
            guard chown(logs.path, 65534, 65534) == 0 else { throw TestError.invalid("chown: errno \(errno)") }
            gateway = try Gateway(
                conf: Self.conf(user: user, workers: workers), certificate: leaf, values: ["LOGS": logs.path, "USER": user])
            for path in [gateway.directory.path, leaf.certificatePath.directory] {
                guard chmod(path, 0o755) == 0 else { throw TestError.invalid("chmod: errno \(errno)") }
            }
            try allow(leaf.certificatePath, 0o644)
            try allow(leaf.keyPath, 0o640)
        }

        static func conf(user: String = "user nobody nogroup;", workers: Int = 2, more: String = "") -> String {
            """
            \(user)
            workers \(workers);
            error_log stderr info;
            access_log {LOGS}/access.log json;
            admin 127.0.0.1:0 { }
            server {
                listen 127.0.0.1:0;
                listen 127.0.0.2:0 ssl;
                ssl_certificate {CERT};
                ssl_certificate_key {KEY};
                location / { return 200 "ok"; }
            }
            \(more)
            """
        }

        /// Gives a file to root and nobody's group.
        func allow(_ path: String, _ mode: mode_t) throws {
            guard chown(path, 0, 65534) == 0, chmod(path, mode) == 0 else { throw TestError.invalid("chown or chmod: errno \(errno)") }
        }

        func expectServing() throws {
            #expect(try gateway.get("/").text == "ok")
            #expect(try gateway.connectTLS(1).get("/").text == "ok")
        }

        func count(in log: [String], _ text: String) -> Int { log.filter { $0.contains(text) }.count }
    }

    private func status(_ path: String) throws -> [String: [String]] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return Dictionary(
            lines.map { line in
                let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
                return (words[0], Array(words.dropFirst()))
            }, uniquingKeysWith: { first, _ in first })
    }

    @Test func `every thread is the user's, without capabilities and without a way back`() throws {
        let edge = try Unprivileged()
        try edge.expectServing()
        let tasks = "/proc/\(edge.gateway.program.processID)/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: tasks)
        #expect(threads.count >= 4)
        for thread in threads {
            let status = try status("\(tasks)/\(thread)/status")
            #expect(status["Uid:"] == Array(repeating: "65534", count: 4) && status["Gid:"] == Array(repeating: "65534", count: 4))
            #expect(status["Groups:"] == ["65534"])
            for name in ["CapPrm:", "CapEff:", "CapAmb:"] { #expect(status[name] == ["0000000000000000"]) }
            #expect(status["NoNewPrivs:"] == ["1"])
        }
        // Not even its own user may look into its memory: what is in /proc belongs to root.
        var information = stat()
        #expect(stat("/proc/\(edge.gateway.program.processID)/mem", &information) == 0 && information.st_uid == 0)
        #expect(edge.count(in: edge.gateway.program.stderr.lines, "warning") == 0)
        // It still sees itself.
        #expect(try edge.gateway.metrics()["process_open_fds"] ?? 0 > 5)
    }

    @Test func `the group is the user's own if none is given`() throws {
        let edge = try Unprivileged(user: "user nobody;")
        #expect(try status("/proc/\(edge.gateway.program.processID)/status")["Gid:"]?.first == "65534")
    }

    @Test func `a reload works: keys of the group, new listeners, more workers`() throws {
        let edge = try Unprivileged()
        for workers in [4, 1, 3] {
            let more = "server { listen 127.0.0.3:0; return 200 more; }"
            #expect(try edge.gateway.reload(conf: Unprivileged.conf(workers: workers, more: more)).contains("reloaded"))
            try edge.expectServing()
        }
        #expect(try edge.gateway.get("/").text == "ok")
        #expect(try edge.gateway.connect(2).get("/").text == "more")
    }

    @Test func `a key that the user can't read fails the reload by its name, and changes nothing`() throws {
        let edge = try Unprivileged()
        try edge.allow(edge.leaf.keyPath, 0o600)
        #expect(try edge.gateway.reload().contains("reload failed"))
        let lines = edge.gateway.program.stderr.lines
        #expect(lines.contains { $0.contains(edge.leaf.keyPath) && $0.contains("Permission denied") })
        #expect(lines.contains { $0.contains("gateway.conf:10:") })
        try edge.expectServing()
        try edge.allow(edge.leaf.keyPath, 0o640)
        #expect(try edge.gateway.reload().contains("reloaded"))
    }

    @Test func `a configuration that the user can't read fails the reload`() throws {
        let edge = try Unprivileged()
        try edge.allow(edge.gateway.directory.file("gateway.conf"), 0o600)
        #expect(try edge.gateway.reload().contains("reload failed"))
        #expect(edge.gateway.program.stderr.lines.contains { $0.contains("gateway.conf") && $0.contains("Permission denied") })
        try edge.expectServing()
    }

    private static let firstFreePort =
        (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8))
        .flatMap { Int($0.filter(\.isNumber)) } ?? 1024

    @Test(.enabled(if: firstFreePort > 900, "here every user may bind ports below 1024"))
    func `a port that takes root can't be added by a reload, which says so and changes nothing`() throws {
        let edge = try Unprivileged()
        let verdict = try edge.gateway.reload(conf: Unprivileged.conf(more: "server { listen 127.0.0.9:899; return 200; }"))
        #expect(verdict.contains("reload failed") && verdict.contains("127.0.0.9:899") && verdict.contains("takes root"))
        try edge.expectServing()
    }

    @Test func `another user takes a restart, and a warning says so`() throws {
        let edge = try Unprivileged()
        for user in ["", "user daemon;"] {
            #expect(try edge.gateway.reload(conf: Unprivileged.conf(user: user)).contains("reloaded"))
        }
        #expect(edge.count(in: edge.gateway.program.stderr.lines, "takes a restart") == 2)
        #expect(try status("/proc/\(edge.gateway.program.processID)/status")["Uid:"]?.first == "65534")
        try edge.expectServing()
    }

    // MARK: Logs

    @Test func `log files are the user's, and open anew after a rotation`() throws {
        let edge = try Unprivileged()
        var information = stat()
        #expect(stat(edge.logs.file("access.log"), &information) == 0 && information.st_uid == 65534)
        try FileManager.default.moveItem(atPath: edge.logs.file("access.log"), toPath: edge.logs.file("access.log.1"))
        edge.gateway.program.send(SIGUSR1)
        try eventually("a new file") { FileManager.default.fileExists(atPath: edge.logs.file("access.log")) }
        _ = try edge.gateway.get("/")
        try eventually("a line in it") { try edge.logs.read("access.log").contains("\"status\":200") }
    }

    @Test func `a log that can't be opened anew is written on, with an error that names it`() throws {
        let edge = try Unprivileged()
        try FileManager.default.moveItem(atPath: edge.logs.file("access.log"), toPath: edge.logs.file("access.log.1"))
        guard chown(edge.logs.path, 0, 0) == 0, chmod(edge.logs.path, 0o755) == 0 else { throw TestError.invalid("chown: errno \(errno)") }
        let start = edge.gateway.program.stderr.count
        edge.gateway.program.send(SIGUSR1)
        let line = try edge.gateway.program.stderr.waitForLine("cannot reopen", from: start) { $0.contains("cannot reopen") }
        #expect(line.contains(edge.logs.file("access.log")) && line.contains("ermission denied"))
        _ = try edge.gateway.get("/")
        try eventually("the line is in the old file") { try edge.logs.read("access.log.1").contains("\"status\":200") }
    }

    @Test func `a log that the user can't open fails the start`() throws {
        let files = try TemporaryDirectory()
        let conf = try files.write(
            "user nobody; access_log \(files.file("access.log")) json; server { listen 127.0.0.1:0; return 200; }", to: "gateway.conf")
        let program = try Program("gateway", ["-c", conf])
        #expect(try program.waitForExit() == .exited(1))
        try program.stderr.waitForEnd()
        #expect(program.stderr.text.contains(files.file("access.log")) && program.stderr.text.contains("ermission denied"))
    }

    // MARK: Without it

    @Test func `who stays root is warned`() throws {
        let gateway = try Gateway(conf: "workers 1; access_log off; server { listen 127.0.0.1:0; return 200; }")
        #expect(gateway.program.stderr.lines.contains { $0.contains("warning") && $0.contains("runs as root") })
    }

    @Test func `whoever isn't root keeps the user, with a warning`() throws {
        let files = try TemporaryDirectory()
        let conf = try files.write("user nobody; workers 1; access_log off; server { listen 127.0.0.1:0; return 200; }", to: "gateway.conf")
        guard chmod(files.path, 0o755) == 0 else { throw TestError.invalid("chmod: errno \(errno)") }
        // setpriv is part of util-linux, which every Debian has.
        let options = ["--reuid=daemon", "--regid=daemon", "--clear-groups"]
        let program = try Program("/usr/bin/setpriv", options + [Program.find("gateway"), "-c", conf])
        try program.stderr.waitForLine("a warning") { $0.contains("warning") && $0.contains("user is ignored") }
        try program.stderr.waitForLine("'ready'") { $0.contains("ready") }
        #expect(try status("/proc/\(program.processID)/status")["Uid:"]?.first == "1")
    }
}

extension String {
    fileprivate var directory: String { URL(fileURLWithPath: self).deletingLastPathComponent().path }
}
