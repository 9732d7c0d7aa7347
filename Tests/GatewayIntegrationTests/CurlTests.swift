import TestSupport
import Testing

/// A client that the tests did not write.
@Suite struct CurlTests {
    private let proxied: ProxiedOrigin
    private let url: String

    init() throws {
        proxied = try ProxiedOrigin(.mirroring(), server: "client_max_body_size 4m;", location: "add_header X-Method $request_method;")
        url = "http://127.0.0.1:\(proxied.gateway.port)"
    }

    private func curl(_ arguments: String...) throws -> String {
        try Program.run("/usr/bin/curl", ["--silent", "--show-error", "--http1.1", "--max-time", "20"] + arguments)
    }

    private func file(of count: Int) throws -> String {
        try proxied.gateway.directory.write(String(repeating: "0123456789", count: count / 10), to: "body")
    }

    @Test func `curl gets`() throws {
        #expect(try curl("--include", url + "/a").contains("X-Method: GET"))
    }

    @Test func `curl asks for the head alone`() throws {
        #expect(try curl("--head", url + "/a").hasPrefix("HTTP/1.1 200 OK"))
    }

    @Test func `curl uploads with a length`() throws {
        let sent = try file(of: 2_000_000)
        let output = try curl("--upload-file", sent, "--output", sent + ".back", "--write-out", "%{http_code} %{size_download}", url + "/a")
        #expect(output == "200 2000000")
        #expect(try proxied.gateway.directory.read("body") == proxied.gateway.directory.read("body.back"))
        #expect(try proxied.lastRequest()["Content-Length"] == "2000000")
    }

    @Test func `curl uploads in chunks`() throws {
        let sent = try file(of: 500_000)
        let output = try curl(
            "--header", "Transfer-Encoding: chunked", "--upload-file", sent, "--output", sent + ".back", "--write-out",
            "%{http_code} %{size_download}", url + "/a")
        #expect(output == "200 500000")
        #expect(proxied.received.contains("Transfer-Encoding: chunked\r\n"))
    }

    @Test func `curl expects 100-continue, and goes on without it in its own time`() throws {
        let output = try curl("--header", "Expect: 100-continue", "--expect100-timeout", "1", "--data", "hello", url + "/a")
        #expect(output == "hello")
        #expect(try proxied.lastRequest()["Expect"] == "100-continue")
    }

    @Test func `curl hears why its body is too large`() throws {
        let sent = try file(of: 5_000_000)
        let output = try curl("--upload-file", sent, "--write-out", "%{http_code}", url + "/a")
        #expect(output.contains("body_too_large") && output.hasSuffix("413"))
    }

    @Test func `curl asks twice on one connection`() throws {
        let output = try curl("--write-out", "%{num_connects} ", url + "/a", url + "/b")
        #expect(output == "1 0 ")
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test func `curl speaks HTTP/1.0`() throws {
        let output = try curl("--http1.0", "--include", "--data", "hi", url + "/a")
        #expect(output.hasPrefix("HTTP/1.1 200 OK") && output.hasSuffix("hi"))
    }
}
