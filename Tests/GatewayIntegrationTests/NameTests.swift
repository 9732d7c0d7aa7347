import Glibc
import TestSupport
import Testing

/// Origins by name: looked up off the data path, again and again, and never forgotten because a lookup failed.
@Suite(.enabled(if: NameServer.isPossible, "needs port 53 of a loopback address and a mount namespace: root"))
struct NameTests {
    let names: NameServer
    /// Origins with the same port, each on an address of its own.
    let hosts: [String]
    let first: QuickOrigin
    let second: QuickOrigin
    private var server: String { "server origin.test:\(first.port);" }

    init() throws {
        names = try NameServer()
        hosts = (0..<2).map { _ in "127.54.\(Int.random(in: 0...254)).\(Int.random(in: 1...254))" }
        first = try QuickOrigin("first", host: hosts[0])
        second = try QuickOrigin("second", host: hosts[1], port: first.port)
    }

    /// `upstream` is the inside of an upstream block; `/literal` goes to an origin without a name.
    static func conf(_ upstream: String, literal: String = "127.0.0.1:1", interval: String = "100ms", workers: Int = 1) -> String {
        """
        workers \(workers);
        access_log off;
        admin 127.0.0.1:0 { }
        upstream api { \(upstream) resolve_interval \(interval); keepalive_timeout 60s; }
        server {
            listen 127.0.0.1:0;
            location / { proxy_pass http://api; }
            location /literal { proxy_pass http://\(literal); }
        }
        """
    }

    private func lookups(_ gateway: Gateway, _ result: String, of host: String = "origin.test") throws -> Double {
        try gateway.metrics().sum("gateway_name_lookups_total", ["host": host, "result": result])
    }

    // MARK: Changes

    @Test func `a change of addresses under load is taken up without a reload and without a failed request`() throws {
        names.set("origin.test", .addresses([hosts[0]]))
        let gateway = try Gateway(conf: Self.conf(server, workers: 2), nameServer: names)
        let port = gateway.port
        let load = LoadClient(connections: 8) { try TCPClient(port: port) }
        try load.waitForAnswers(200)
        #expect(load.tally.versions.keys.sorted() == ["first"])
        for (host, old, new) in [(hosts[1], first, "second"), (hosts[0], second, "first"), (hosts[1], first, "second")] {
            let before = load.tally.versions[new] ?? 0
            names.set("origin.test", .addresses([host]))
            try eventually("requests at \(new)") { load.tally.versions[new] ?? 0 > before + 100 }
            // Connections to the address that has vanished finish what they carry, and do not wait for more.
            try eventually("no connection to the old address") { old.origin.openCount == 0 }
        }
        let tally = try load.stop()
        #expect(tally.failures.isEmpty, "\(tally.failures.prefix(5))")
    }

    @Test func `a connection that waits for its next request is closed when its address vanishes, and kept when another comes`() throws {
        names.set("origin.test", .addresses([hosts[0]]))
        let gateway = try Gateway(conf: Self.conf(server), nameServer: names)
        #expect(try gateway.get("/")["X-Version"] == "first")
        names.set("origin.test", .addresses([hosts[1], hosts[0]]))
        try eventually("both addresses") { try gateway.get("/")["X-Version"] == "second" }
        #expect(first.origin.openCount == 1 && first.origin.connectionCount == 1)
        names.set("origin.test", .addresses([hosts[1]]))
        try eventually("no connection to the address that has vanished") { first.origin.openCount == 0 }
        for _ in 0..<4 { #expect(try gateway.get("/")["X-Version"] == "second") }
        #expect(second.origin.connectionCount == 1)
    }

    @Test func `a request that is under way at an address that vanishes is answered from there`() throws {
        let isReleased = Signal()
        let held = try ScriptedOrigin(host: "127.0.0.1") { connection, _ in
            while let request = try connection.readNextRequest() {
                if request.target == "/late" { try isReleased.wait(timeout: 60) }
                try connection.send("HTTP/1.1 200 OK\r\nX-Version: held\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let twin = try QuickOrigin("twin", host: hosts[0], port: held.port)
        names.set("origin.test", .addresses(["127.0.0.1"]))
        let gateway = try Gateway(conf: Self.conf("server origin.test:\(held.port);"), nameServer: names)
        let client = try gateway.connect()
        try client.send("GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try held.waitForReceived("/late")
        names.set("origin.test", .addresses([hosts[0]]))
        try eventually("requests at the new address") { try gateway.get("/")["X-Version"] == "twin" }
        isReleased.send()
        #expect(try client.readResponse()["X-Version"] == "held")
        try held.waitForEndedConnections(1)
        #expect(twin.origin.errors.isEmpty)
    }

    @Test(arguments: [[], ["127.54.255.255"]])
    func `a request that connects to an address which vanishes goes to the one that has come in its place`(others: [String]) throws {
        var silent: SilentListener? = try SilentListener()
        let port = try #require(silent?.port)
        let origin = try QuickOrigin("new", host: hosts[1], port: port)
        names.set("origin.test", .addresses(["127.0.0.1"] + others))
        let gateway = try Gateway(
            conf: Self.conf("server origin.test:\(port); connect_timeout 60s; retry attempts=1;"), nameServer: names)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try gateway.waitForMetrics("a connection that waits") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 1 }
        names.set("origin.test", .addresses([hosts[1]]))
        try gateway.program.stderr.waitForLine(containing: "a server's name has other addresses")
        #expect(try gateway.get("/literal").status == 502)
        // The kernel asks again, and hears that nobody listens.
        silent = nil
        #expect(try client.readResponse()["X-Version"] == "new")
        #expect(origin.origin.errors.isEmpty)
    }

    @Test(.enabled(if: !hasRouteToIPv6, "this host has IPv6"))
    func `an address of IPv6 is not tried on a host without IPv6`() throws {
        names.set("origin.test", .addresses(["2001:db8::1", hosts[0]]))
        let gateway = try Gateway(conf: Self.conf(server + " keepalive 0;"), nameServer: names)
        for _ in 0..<4 { #expect(try gateway.get("/")["X-Version"] == "first") }
        #expect(try gateway.metrics().sum("gateway_upstream_connects_total", ["upstream": "api"]) == 4)
    }

    private static let hasRouteToIPv6: Bool = {
        let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = UInt16(53).bigEndian
        inet_pton(AF_INET6, "2001:db8::1", &address.sin6_addr)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }()

    @Test func `all addresses of a name have requests in turn`() throws {
        names.set("origin.test", .addresses(hosts))
        let gateway = try Gateway(conf: Self.conf(server), nameServer: names)
        let client = try gateway.connect()
        let versions = try (0..<20).map { _ in try client.get("/")["X-Version"] }
        #expect(versions.count { $0 == "first" } == 10 && versions.count { $0 == "second" } == 10)
    }

    @Test func `addresses of IPv6 and IPv4 are one server, and one that refuses costs no request`() throws {
        names.set("origin.test", .addresses(["::1", hosts[0], "127.54.255.255"]))
        let gateway = try Gateway(conf: Self.conf(server + " retry attempts=1;"), nameServer: names)
        for _ in 0..<10 { #expect(try gateway.get("/")["X-Version"] == "first") }
    }

    @Test func `the name of proxy_pass without an upstream block is looked up too`() throws {
        names.set("origin.test", .addresses([hosts[0]]))
        let gateway = try Gateway(
            conf: Self.conf("server 127.0.0.1:1;", literal: "Origin.TEST:\(first.port)"), nameServer: names)
        #expect(try gateway.get("/literal")["X-Version"] == "first")
    }

    // MARK: Failures

    @Test func `the last good addresses are kept whatever lookups say, across reloads too, and the log is told once`() throws {
        names.set("origin.test", .addresses([hosts[0]]))
        let gateway = try Gateway(conf: Self.conf(server), nameServer: names)
        let client = try gateway.connect()
        for (reply, result) in [(NameServer.Reply.notFound, "not_found"), (.failure, "failure"), (.addresses([]), "not_found")] {
            let before = try lookups(gateway, result)
            names.set("origin.test", reply)
            try eventually("lookups that end with \(result)") { try lookups(gateway, result) >= before + 2 }
            #expect(try client.get("/")["X-Version"] == "first")
            #expect(try gateway.reload().contains("reloaded"))
            #expect(try client.get("/")["X-Version"] == "first")
        }
        names.set("origin.test", .addresses([hosts[0]]))
        try gateway.program.stderr.waitForLine(containing: "a server's name resolves now")
        #expect(gateway.program.stderr.lines.count { $0.contains("does not resolve") } == 1)
    }

    @Test func `a name that resolves later has its requests answered from then on`() throws {
        let gateway = try Gateway(conf: Self.conf(server), nameServer: names)
        let answer = try gateway.get("/")
        #expect(answer.status == 502 && answer.text.contains("connect_failed"))
        names.set("origin.test", .addresses([hosts[0]]))
        try eventually("an answer") { try gateway.get("/")["X-Version"] == "first" }
    }

    @Test func `a dead resolver delays neither start nor reload nor the admin listener nor requests`() throws {
        names.set("dead.test", .silence)
        names.set("origin.test", .addresses([hosts[0]]))
        let literal = "\(hosts[0]):\(first.port)"
        // Whatever waited for a lookup would wait for longer than any step of this test may take.
        let gateway = try Gateway(conf: Self.conf("server dead.test:80;", literal: literal), nameServer: names)
        #expect(gateway.program.stderr.text.contains("dead.test"))
        #expect(try gateway.get("/").status == 502)
        #expect(try gateway.get("/literal")["X-Version"] == "first")

        names.set("dead2.test", .silence)
        try gateway.directory.write(
            Self.conf("server dead2.test:80; \(server)", literal: literal), to: "gateway.conf")
        gateway.program.send(SIGHUP)
        try names.waitForQueries(of: "dead2.test")
        #expect(try gateway.admin("/healthz").status == 200)
        #expect(try gateway.get("/literal")["X-Version"] == "first")
        try gateway.program.stderr.waitForLine(containing: "reloaded")
        // The name that is dead for long does not keep the other from being looked up, again and again.
        let count = names.queryCount("origin.test")
        try names.waitForQueries(of: "origin.test", count + 6)
        for _ in 0..<4 { #expect(try gateway.get("/")["X-Version"] == "first") }
        #expect(try gateway.stop() == .exited(0))
    }

    @Test func `the counters of a name that goes and comes back do not fall`() throws {
        names.set("origin.test", .addresses([hosts[0]]))
        let gateway = try Gateway(conf: Self.conf(server), nameServer: names)
        try eventually("some lookups") { try lookups(gateway, "success") >= 4 }
        try gateway.reload(conf: Self.conf("server 127.0.0.1:1;"))
        let before = try lookups(gateway, "success")
        try gateway.reload(conf: Self.conf(server))
        #expect(try lookups(gateway, "success") > before)
    }

    @Test func `a reload that waits for its names when the gateway ends is told of as failed`() throws {
        let gateway = try Gateway(conf: Self.conf("server 127.0.0.1:1;"), nameServer: names)
        names.set("dead.test", .silence)
        try gateway.directory.write(Self.conf("server dead.test:80;"), to: "gateway.conf")
        gateway.program.send(SIGHUP)
        try names.waitForQueries(of: "dead.test")
        #expect(try gateway.stop() == .exited(0))
        #expect(gateway.program.stderr.text.contains("reload failed: the configuration before it stays reason=\"the gateway ends\""))
    }

    // MARK: Check

    @Test(arguments: [NameServer.Reply.notFound, .silence])
    func `check warns of a name that does not resolve, where it stands, and accepts the file`(reply: NameServer.Reply) throws {
        names.set("lost.test", reply)
        names.set("good.test", .addresses(["127.0.0.1"]))
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            """
            upstream api { server good.test:80; server lost.test:80; }
            server { listen 127.0.0.1:0; location / { proxy_pass http://api; } }
            """, to: "gateway.conf")
        let (path, arguments) = names.command(try Program.find("gateway"), ["check", "-c", file])
        let check = try Program(path, arguments)
        #expect(try check.waitForExit() == .exited(0))
        try check.stderr.waitForEnd()
        let text = check.stderr.text
        #expect(text.contains("gateway.conf:1:44: warning: the name \"lost.test\" does not resolve now: "), "\(text)")
        #expect(text.contains("^~~~~~~~~~~~") && !text.contains("good.test\" does"))
    }

    /// `chatt` is a host like any other, until no host has that name.
    private func misspelt(_ reply: NameServer.Reply) throws -> String {
        names.set("chatt", reply)
        return """
            admin 127.0.0.1:0 { }
            upstream chat { server \(hosts[0]):\(first.port); }
            server { listen 127.0.0.1:0; location / { proxy_pass http://chatt; } }
            """
    }

    @Test func `a misspelt upstream that is no host's name either is refused by check and at the start`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(misspelt(.notFound), to: "gateway.conf")
        for command in [["check"], []] {
            let (path, arguments) = names.command(try Program.find("gateway"), command + ["-c", file])
            let program = try Program(path, arguments)
            #expect(try program.waitForExit() == .exited(1))
            try program.stderr.waitForEnd()
            let text = program.stderr.text
            #expect(
                text.contains("gateway.conf:3:54: error: there is neither an upstream nor a host of the name \"chatt\""),
                "\(command): \(text)")
            #expect(text.contains("did you mean \"chat\"?") && !text.contains("does not resolve now"))
        }
    }

    @Test(arguments: [NameServer.Reply.failure, .addresses(["127.0.0.1"])])
    func `what looks like a misspelt upstream is a host as long as the resolver says so, or doesn't say`(reply: NameServer.Reply) throws {
        let gateway = try Gateway(conf: misspelt(reply), nameServer: names)
        #expect(gateway.program.stderr.text.contains("warning: no upstream has the name \"chatt\""))
        #expect(try gateway.stop() == .exited(0))
    }

    @Test func `a reload with a misspelt upstream fails where no host has its name, and changes nothing`() throws {
        let good = try misspelt(.notFound).replacing("chatt", with: "chat")
        let gateway = try Gateway(conf: good, nameServer: names)
        #expect(try gateway.reload(conf: misspelt(.notFound)).contains("reload failed"))
        #expect(gateway.program.stderr.text.contains("neither an upstream nor a host"))
        #expect(try gateway.get("/")["X-Version"] == "first")
        #expect(try gateway.reload(conf: good).contains("reloaded"))
    }
}
