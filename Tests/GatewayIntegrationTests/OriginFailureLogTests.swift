import TestSupport
import Testing

/// What the log says of origins that fail, for who is woken up by it.
@Suite struct OriginFailureLogTests {
    private func warnings(_ gateway: Gateway) -> [String] {
        gateway.program.stderr.lines.filter { $0.contains("requests to a server fail") }
    }

    private func conf(_ upstream: String) -> String {
        RetryTests.conf(upstream).replacing("workers 1;", with: "workers 2;")
    }

    @Test func `an origin that is down is a warning with its name and the kernel's reason, and not one for each request and worker`() throws
    {
        let gateway = try Gateway(conf: conf("server \(RetryTests.closedPort);"))
        for _ in 0..<40 { #expect(try gateway.get("/").status == 502) }
        let lines = warnings(gateway)
        let first = try #require(lines.first)
        for part in ["warning", "upstream=api", "server=127.0.0.1:1", "error_type=connect_failed", "Connection refused", "count=1"] {
            #expect(first.contains(part), "\(first)")
        }
        // One in ten seconds, however long this has taken.
        #expect(lines.count < 10, "\(lines)")
    }

    @Test func `each server and each reason has a line of its own, also where another server has answered`() throws {
        let good = try QuickOrigin("good")
        let broken = try ScriptedOrigin { connection, _ in _ = try connection.readHead() }
        let gateway = try Gateway(conf: conf("server \(RetryTests.closedPort); server \(good.address); server 127.0.0.1:\(broken.port);"))
        for _ in 0..<12 { _ = try gateway.get("/") }
        let lines = warnings(gateway)
        #expect(lines.contains { $0.contains("server=127.0.0.1:1") && $0.contains("error_type=connect_failed") })
        #expect(lines.contains { $0.contains("server=127.0.0.1:\(broken.port)") && $0.contains("error_type=upstream_closed") })
        #expect(!lines.contains { $0.contains("server=\(good.address)") })
    }

    @Test func `a kept connection that its origin has closed is no failure of the origin`() throws {
        let origin = try ScriptedOrigin { connection, index in
            _ = try connection.readHead()
            try connection.send(ScriptedOrigin.message("\(index)"))
            // Closed when the next request has come.
            _ = try connection.readHead()
        }
        let gateway = try Gateway(conf: RetryTests.conf("server 127.0.0.1:\(origin.port);"))
        #expect(try gateway.get("/").text == "0")
        #expect(try gateway.get("/").text == "1")
        #expect(warnings(gateway).isEmpty)
    }
}
