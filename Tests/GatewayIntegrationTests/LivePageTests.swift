import Foundation
import TestSupport
import Testing

/// `/`, `/events` and `/config` of the admin listener, and `gateway top`.
@Suite struct LivePageTests {
    private static let conf = """
        workers 2;
        access_log off;
        admin 127.0.0.1:0 { allow 127.0.0.1; server_name gateway.example; }
        api_keys { key page sha256={KEY_HASH}; }
        # key old sha256={KEY_HASH};
        rate_limit few key=ip rate=1r/h burst=2;
        upstream dead { version "a" weight=1 { server 127.0.0.1:1; } }
        server {
            listen 127.0.0.1:0;
            location / { return 200 "<script>alert(1)</script>"; }
            location /few { limit few; return 200 ok; }
            location /dead { proxy_pass http://dead; }
        }
        """

    private static let keyHash = sha256("a key")
    private let gateway: Gateway

    init() throws {
        gateway = try Gateway(conf: Self.conf, values: ["KEY_HASH": Self.keyHash])
    }

    private func connect(receiveBufferBytes: Int32? = nil) throws -> TCPClient {
        try TCPClient(port: gateway.adminPort ?? 0, receiveBufferBytes: receiveBufferBytes)
    }

    private func ask(_ target: String, host: String = "localhost") throws -> HTTPResponse {
        try connect().get(target, host: host, fields: ["Connection: close"])
    }

    /// A reader of events behind the head of its answer.
    private func openEvents() throws -> (client: TCPClient, head: HTTPMessage) {
        let client = try connect()
        try client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return (client, try client.readHead())
    }

    private func nextEvent(_ client: TCPClient) throws -> [String: Any] {
        while true {
            let text = try client.receive(through: "\n\n")
            guard text.hasPrefix("data: ") else { continue }
            return try Self.object(text.dropFirst(6))
        }
    }

    private static func object(_ text: Substring) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            throw TestError.invalid(String(text))
        }
        return object
    }

    private func event() throws -> [String: Any] {
        let (client, _) = try openEvents()
        return try nextEvent(client)
    }

    // MARK: /

    @Test func `the page may run its own script and style and no other, and ask this listener alone`() throws {
        let page = try ask("/")
        #expect(page.status == 200 && page["Content-Type"] == "text/html; charset=utf-8")
        #expect(
            page["X-Content-Type-Options"] == "nosniff" && page["Referrer-Policy"] == "no-referrer" && page["Cache-Control"] == "no-store")
        let policy = try #require(page["Content-Security-Policy"]).components(separatedBy: "; ")
        let script = try #require(page.text.firstMatch(of: /<script>((?s).*?)<\/script>/)).1
        let style = try #require(page.text.firstMatch(of: /<style>((?s).*?)<\/style>/)).1
        for (name, text) in [("script", script), ("style", style)] {
            #expect(policy.contains("\(name)-src 'sha256-\(base64(sha256(String(text))))'"))
        }
        let others = [
            "default-src 'none'", "img-src data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ]
        #expect(policy.filter { !$0.contains("sha256") } == others)
    }

    @Test func `the page has one script, one style, and nothing from elsewhere`() throws {
        let text = try ask("/").text
        #expect(text.matches(of: /<script/).count == 1 && text.matches(of: /<style/).count == 1)
        #expect(text.firstMatch(of: /\s(on\w+|style)="/) == nil, "the policy would refuse it")
        let addresses = text.matches(of: /https?:\/\/[^'" <]*/).map { String($0.0) }
        #expect(addresses.allSatisfy { $0 == "http://www.w3.org/2000/svg" })
        #expect(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML") && !text.contains("document.write"))
    }

    private func base64(_ hex: String) -> String {
        let digits = Array(hex)
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
        return Data(bytes).base64EncodedString()
    }

    // MARK: Names

    @Test func `a page whose name has come to mean this address reads nothing`() throws {
        for target in ["/", "/events", "/config", "/health", "/cache", "/nowhere"] {
            #expect(try ask(target, host: "evil.example").status == 421, "\(target)")
        }
        for host in ["127.0.0.1:9145", "[::1]", "localhost", "gateway.example:9145", "gateway"] {
            #expect(try ask("/config", host: host).status == 200, "\(host)")
        }
    }

    @Test func `who keeps watch may ask by any name`() throws {
        for target in ["/metrics", "/healthz", "/readyz"] {
            #expect(try ask(target, host: "edge-1.example.internal:9145").status == 200, "\(target)")
        }
    }

    // MARK: /events

    @Test func `events come one after another, and tell what the metrics tell`() throws {
        for _ in 0..<3 { #expect(try gateway.get("/").status == 200) }
        let statuses = try (0..<4).map { _ in try gateway.get("/few").status }
        #expect(statuses == [200, 200, 429, 429])
        #expect(try gateway.get("/dead").status == 502)
        try gateway.waitForMetrics("all requests") { $0.sum("http_requests_total") == 8 }
        let (client, head) = try openEvents()
        #expect(head.status == 200 && head["Content-Type"] == "text/event-stream" && head["Cache-Control"] == "no-store")
        let first = try nextEvent(client)
        let requests = try #require(first["requests"] as? [String: Int])
        #expect(requests == ["1xx": 0, "2xx": 5, "3xx": 0, "4xx": 2, "5xx": 1, "other": 0])
        let limit = try #require((first["limits"] as? [[String: Any]])?.first)
        #expect(limit["name"] as? String == "few" && limit["passed"] as? Int == 2 && limit["refused"] as? Int == 2)
        #expect((first["refusals"] as? [String: Int]) == ["connect_failed": 1, "rate_limited": 2])
        let upstream = try #require((first["upstreams"] as? [[String: Any]])?.first)
        let version = try #require((upstream["versions"] as? [[String: Any]])?.first)
        #expect(version["name"] as? String == "a" && (version["statuses"] as? [String: Int])?["5xx"] == 1)
        let seconds = try #require((first["seconds"] as? [String: Any])?["counts"] as? [Int])
        #expect(seconds.reduce(0, +) == 8)

        #expect(try gateway.get("/").status == 200)
        try eventually("an event that tells of another request") {
            (try nextEvent(client)["requests"] as? [String: Int])?["2xx"] == 6
        }
    }

    @Test func `who comes later is told first of the time before, when nobody watched`() throws {
        let begun = Date()
        #expect(try gateway.get("/").status == 200)
        try eventually("a gateway that has run for longer than between two readings") { Date().timeIntervalSince(begun) > 8 }
        let (client, _) = try openEvents()
        _ = try client.receive(through: "\n\n")
        var past: [[String: Any]] = []
        while true {
            let text = try client.receive(through: "\n\n")
            guard text.hasPrefix("event: past\n") else { break }
            past.append(try Self.object(text.dropFirst("event: past\ndata: ".count)))
        }
        let clocks = past.compactMap { $0["clock"] as? Double }
        #expect(clocks.count == past.count && clocks == clocks.sorted())
        #expect((past.last?["requests"] as? [String: Any])?["2xx"] as? Int == 1)
    }

    @Test func `readers beyond the sixteenth are told to come later, and a place is free when one leaves`() throws {
        var readers = try (0..<16).map { _ in try openEvents() }
        #expect(readers.allSatisfy { $0.head.status == 200 })
        #expect(try ask("/events").status == 503)
        #expect(try ask("/metrics").status == 200)
        readers.removeLast().client.close()
        try eventually("a free place") { try openEvents().head.status == 200 }
    }

    @Test func `who asks for the head of events has no stream`() throws {
        let answer = try connect().request("HEAD", "/events", fields: ["Connection: close"])
        #expect(answer.status == 200 && answer["Content-Type"] == "text/event-stream" && answer.body.isEmpty)
    }

    @Test func `readers stay while requests for other pages come by the hundred`() throws {
        let (client, _) = try openEvents()
        _ = try nextEvent(client)
        // More than there is room for, none of which asks anything.
        let idle = try (0..<100).map { _ in try connect() }
        #expect(try ask("/healthz").status == 200)
        _ = try nextEvent(client)
        _ = try nextEvent(client)
        withExtendedLifetime(idle) {}
    }

    @Test func `a reload that takes the right to ask away ends its readers`() throws {
        let (client, _) = try openEvents()
        _ = try nextEvent(client)
        let verdict = try gateway.reload(conf: Self.conf.replacing("allow 127.0.0.1;", with: "allow 127.0.0.9;"))
        #expect(verdict.contains("reloaded"))
        _ = try client.receiveToEnd()
    }

    // MARK: /config

    @Test func `the configuration in force is told, its secrets are not`() throws {
        let page = try ask("/config")
        #expect(page.status == 200 && page["Content-Type"] == "application/json" && !page.text.contains(Self.keyHash))
        let file = try #require((page.json()["files"] as? [[String: Any]])?.first)
        let stars = String(repeating: "*", count: 64)
        let expected = Self.conf.replacing("{KEY_HASH}", with: stars)
        #expect(file["text"] as? String == expected)
        #expect(file["path"] as? String == gateway.directory.file("gateway.conf"))
        // As it stands in JSON nothing ends a script.
        #expect(!page.text.contains("<"))
        let text = try ask("/config?format=text")
        #expect(
            text["Content-Type"] == "text/plain; charset=utf-8" && text.text.contains(expected)
                && text["X-Content-Type-Options"] == "nosniff")
        #expect(try ask("/config?format=xml&x").status == 400)
    }

    @Test func `a refused reload is told with its mistakes, until one is taken up`() throws {
        let before = try #require(try event()["config"] as? [String: Any])
        let broken = Self.conf.replacing("workers 2;", with: "wrkers 2;\nadmin s3cret;")
        #expect(try gateway.reload(conf: broken).contains("reload failed"))
        let page = try ask("/config").json()
        let refused = try #require(page["refused"] as? [String: Any])
        let diagnostics = try #require(refused["diagnostics"] as? [[String: Any]])
        #expect(diagnostics.first?["line"] as? Int == 1 && diagnostics.first?["column"] as? Int == 1)
        #expect((diagnostics.first?["text"] as? String)?.contains("gateway.conf:1:1: error: unknown directive \"wrkers\"") == true)
        let text = try #require((page["files"] as? [[String: Any]])?.first?["text"] as? String)
        #expect(text.hasPrefix("workers 2;"), "what is in force")
        let after = try event()
        let config = try #require(after["config"] as? [String: Any])
        #expect((config["number"] as? Int ?? 0) > (before["number"] as? Int ?? 0))
        #expect((config["refusal"] as? String)?.hasSuffix("gateway.conf:1:1: unknown directive \"wrkers\"") == true)
        #expect(findings(after).contains { $0.hasPrefix("configuration: The last reload was refused") })

        #expect(try gateway.reload(conf: Self.conf).contains("reloaded"))
        #expect(try ask("/config").json()["refused"] == nil)
        #expect(!findings(try event()).contains { $0.hasPrefix("configuration") })
    }

    private func findings(_ event: [String: Any]) -> [String] {
        let findings = (event["verdict"] as? [String: Any])?["findings"] as? [[String: String]] ?? []
        return findings.map { "\($0["source"] ?? ""): \($0["text"] ?? "")" }
    }

    // MARK: gateway top

    private func top(_ arguments: [String]) throws -> (ending: Program.Ending, output: String, errors: String) {
        let program = try Program("gateway", ["top"] + arguments, environment: ["TERM": "xterm"])
        let ending = try program.waitForExit()
        try program.stdout.waitForEnd()
        try program.stderr.waitForEnd()
        return (ending, program.stdout.text, program.stderr.text)
    }

    @Test func `top prints once where there is no terminal, without a colour`() throws {
        for _ in 0..<3 { #expect(try gateway.get("/dead").status == 502) }
        try gateway.waitForMetrics("all requests") { $0.sum("http_requests_total") == 3 }
        let (ending, output, errors) = try top(["--admin", "127.0.0.1:\(gateway.adminPort ?? 0)"])
        #expect(ending == .exited(0) && errors.isEmpty && !output.contains("\u{1b}"))
        let lines = output.components(separatedBy: "\n")
        #expect(lines[0].hasPrefix("gateway 0.1.0"))
        // A busy machine may make the gateway slow, and then it says so.
        #expect("✓▲✕".contains(lines[1].prefix(1)))
        #expect(lines.contains { $0.hasPrefix("dead/a") && $0.hasSuffix(" 3") })
        #expect(lines.contains { $0.hasPrefix("connect_failed") && $0.hasSuffix(" 3") })
        #expect(lines.contains { $0.hasPrefix("127.0.0.1:1 ") && $0.contains("dead/a") && $0.contains("✓ healthy") })
    }

    @Test func `top says why it can't ask`() throws {
        let holder = try ScriptedOrigin.answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        let old = try top(["--admin", "127.0.0.1:\(holder.port)"])
        #expect(old.ending == .exited(1) && old.errors.contains("no /events"))
        let none = try top(["--admin", "127.0.0.1:1"])
        #expect(none.ending == .exited(1) && none.errors.contains("Connection refused"))
    }

    /// script(1) gives it a terminal. Who runs tests into a file may have asked for no colours, by a variable that is handed on.
    @Test func `top draws on a screen of its own, and leaves the terminal as it was`() throws {
        let directory = gateway.directory
        let (file, keys) = (directory.file("typescript"), directory.file("keys"))
        let top = "\(try Program.find("gateway")) top --admin 127.0.0.1:\(gateway.adminPort ?? 0)"
        let inTerminal = "stty rows 20 cols 90; \(top); stty -a"
        try Program.run("/usr/bin/mkfifo", [keys])
        let script = "NO_COLOR= TERM=xterm script -qfec '\(inTerminal)' \(file)"
        let program = try Program("/bin/sh", ["-c", "(read line < \(keys); printf q) | \(script)"])
        try eventually("a drawn screen") { try directory.read("typescript").contains("\u{1b}[J") }
        try Program.run("/bin/sh", ["-c", "echo > \(keys)"])
        #expect(try program.waitForExit() == .exited(0))
        let screen = try directory.read("typescript")
        let (enter, leave) = ("\u{1b}[?1049h\u{1b}[?25l", "\u{1b}[?25h\u{1b}[?1049l")
        let begin = try #require(screen.range(of: enter)), end = try #require(screen.range(of: leave))
        let drawn = screen[begin.upperBound..<end.lowerBound].components(separatedBy: "\u{1b}[H").dropFirst()
        #expect(!drawn.isEmpty && drawn.allSatisfy { $0.components(separatedBy: "\r\n").count <= 20 && $0.hasSuffix("\u{1b}[J") })
        #expect(drawn.contains { $0.contains("\u{1b}[1mgateway 0.1.0\u{1b}[0m") && $0.contains("connections\u{1b}[0m") })
        let modes = screen[end.upperBound...]
        #expect(modes.contains(" icanon") && modes.contains(" echo") && !modes.contains("-icanon"))
    }
}
