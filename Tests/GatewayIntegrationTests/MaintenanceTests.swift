import Foundation
import TestSupport
import Testing

/// `maintenance`, as clients and operators see it.
@Suite struct MaintenanceTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let browser = "Accept: text/html,*/*;q=0.8"

    private func isAway(_ answer: Answer) -> Bool {
        answer.status == 503 && answer.values("retry-after") == ["300"] && answer.values("cache-control") == ["no-store"]
    }

    // MARK: What clients get

    @Test(arguments: Way.allCases) func `everybody gets the page, and who asks for JSON gets JSON`(_ way: Way) throws {
        let edge = try Edge(
            .answering(Self.answer),
            server: "maintenance on; location = /own { return 200 ok; } location /v1/ { api openai; proxy_pass http://127.0.0.1:{ORIGIN}; }"
        )
        let client = try edge.client(way)
        for fields in [[], [Self.browser], ["Accept: */*"]] {
            for target in ["/", "/own", "/nowhere"] {
                let page = try client.ask(target, "GET", fields)
                #expect(isAway(page) && page["content-type"] == "text/html; charset=utf-8", "\(page)")
                #expect(page.text.contains("<h1>We’ll be back soon</h1>") && page.text.contains("prefers-color-scheme: dark"))
                #expect(page.values("vary") == ["Accept"])
            }
        }
        for (target, fields) in [("/", ["Accept: application/json"]), ("/v1/chat", []), ("/v1/chat", ["Accept: text/event-stream"])] {
            let document = try edge.ask(way, target, "POST", fields, body: "{}")
            #expect(isAway(document) && document["content-type"] == "application/problem+json", "\(document)")
            #expect(document.text.contains("\"error_type\":\"maintenance\""))
            #expect(document.text.contains("\"error\":{\"message\":") == (target != "/"))
        }
        let head = try edge.ask(way, "/", "HEAD")
        #expect(isAway(head) && head.text.isEmpty)
        #expect(edge.origin.connectionCount == 0)
        try edge.gateway.waitForMetrics("the gauge") {
            $0.sum("gateway_maintenance", ["server": "localhost", "location": ""]) == 1
                && $0.sum("gateway_refusals_total", ["error_type": "maintenance"]) == 13
        }
        // A balancer in front goes on sending, so that the page is seen.
        for target in ["/healthz", "/readyz"] { #expect(try edge.gateway.admin(target).status == 200) }
    }

    @Test(arguments: Way.allCases) func `the operator's page and time go before ours`(_ way: Way) throws {
        let files = try TemporaryDirectory()
        let page = try files.write("<h1>closed</h1>", to: "closed.html")
        let edge = try Edge(
            .answering(Self.answer),
            server: "error_page 503 https://status.example.com/; security_headers { frame_options DENY; }"
                + "maintenance on { page \(page); retry_after 2m; }")
        let answer = try edge.ask(way, "/")
        #expect(answer.status == 503 && answer.text == "<h1>closed</h1>" && answer["retry-after"] == "120", "\(answer)")
        #expect(answer["cache-control"] == "no-store" && answer["x-frame-options"] == "DENY" && answer.values("vary") == ["Accept"])
        #expect(try edge.ask(way, "/", "GET", ["Accept: application/json"])["content-type"] == "application/problem+json")
    }

    @Test(arguments: Way.allCases) func `a page of another origin is told, preflights too`(_ way: Way) throws {
        let edge = try Edge(
            .answering(Self.answer), server: "maintenance on; cors { origins https://app.example.com; methods PUT; }")
        let client = try edge.client(way)
        let asked = try client.ask("/", "OPTIONS", ["Origin: https://app.example.com", "Access-Control-Request-Method: PUT"])
        #expect(asked.status == 204 && asked["access-control-allow-methods"] == "PUT")
        let answer = try client.ask("/", "PUT", ["Origin: https://app.example.com"], body: "x")
        #expect(isAway(answer) && answer["access-control-allow-origin"] == "https://app.example.com")
    }

    // MARK: Who is let through

    @Test(arguments: Way.allCases) func `a secret lets a request through, and nothing that is only like it`(_ way: Way) throws {
        let edge = try Edge(.answering(Self.answer), server: "maintenance on { bypass_header X-Preview s3cret; }")
        #expect(try edge.ask(way, "/", "GET", ["x-preview: s3cret"]).status == 200)
        for fields in [
            ["X-Preview: s3cre"], ["X-Preview: s3crets"], ["X-Preview: s3crets3cret"], ["X-Preview: S3CRET"], ["X-Preview:"],
            ["X-Preview: off"],
            ["X-Preview: s3cret", "X-Preview: s3cret"], ["X-Preview: no", "X-Preview: s3cret"], ["X-Previews: s3cret"],
        ] {
            #expect(isAway(try edge.ask(way, "/", "GET", fields)), "\(fields)")
        }
    }

    @Test func `without a secret no header lets through, and addresses do as trusted proxies tell them`() throws {
        let edge = try Edge(
            .answering(Self.answer), main: "trusted_proxies 127.0.0.0/8;",
            server:
                "maintenance on { bypass_header X-Preview env:NO_SUCH_SECRET:-off; bypass_from 10.0.0.0/8 2001:db8::/32; bypass_from 192.0.2.1; }"
        )
        for value in ["off", "", "env:NO_SUCH_SECRET:-off"] { #expect(isAway(try edge.ask(.http1, "/", "GET", ["X-Preview: \(value)"]))) }
        for (client, passes) in [
            ("10.1.2.3", true), ("2001:db8::1", true), ("192.0.2.1", true), ("192.0.2.2", false), ("11.0.0.1", false),
            ("10.0.0.1, 11.0.0.1", false),
        ] {
            let answer = try edge.ask(.http1, "/", "GET", ["X-Forwarded-For: \(client)"])
            #expect(passes ? answer.status == 200 : isAway(answer), "\(client)")
        }
    }

    // MARK: When it is

    @Test(arguments: Way.allCases) func `a flag file is seen on kept connections, and what runs finishes`(_ way: Way) throws {
        let files = try TemporaryDirectory()
        let (flag, seen) = (files.file("flag"), files.file("seen"))
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                if request.target != "/slow" {
                    try connection.send(Self.answer)
                    continue
                }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                try eventually("the maintenance") { FileManager.default.fileExists(atPath: seen) }
                try connection.send("half")
            }
        }
        let edge = try Edge(origin, server: "maintenance off { flag \(flag); } location /status { maintenance off; return 200 up; }")
        func gauge(_ value: Double) throws {
            try edge.gateway.waitForMetrics("the gauge is \(value)") {
                $0.sum("gateway_maintenance", ["server": "localhost", "location": ""]) == value
                    && $0.sum("gateway_maintenance", ["server": "localhost", "location": "/status"]) == 0
            }
        }
        let kept = try edge.client(way)
        #expect(try kept.ask("/").status == 200)
        try gauge(0)
        let running = try edge.connect(way.transport)
        try running.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try running.readHead().status == 200)
        try files.write("", to: "flag")
        try eventually("the page on a kept connection") { isAway(try kept.ask("/")) }
        try gauge(1)
        #expect(try kept.ask("/status").status == 200)
        try files.write("", to: "seen")
        #expect(try running.receive(8) == Array("halfhalf".utf8))
        try FileManager.default.removeItem(atPath: flag)
        try eventually("the origin again") { try kept.ask("/").status == 200 }
        try gauge(0)
        for news in ["maintenance has begun", "maintenance is over"] {
            try edge.gateway.program.stderr.waitForLine(news) { $0.contains(news) }
        }
    }

    @Test func `a flag that is there before the start counts from the first request on`() throws {
        let files = try TemporaryDirectory()
        try files.write("", to: "flag")
        let edge = try Edge(.answering(Self.answer), location: "maintenance off { flag \(files.path)/flag; }", workers: 2)
        #expect(isAway(try edge.ask(.http1, "/")) && edge.origin.connectionCount == 0)
    }

    @Test func `a flag that is up is told of at the start, and by a reload that brings it`() throws {
        let files = try TemporaryDirectory()
        for name in ["first", "second"] { try files.write("", to: name) }
        func conf(_ flag: String) -> String {
            """
            workers 1; error_log stderr debug;
            server { listen 127.0.0.1:0; maintenance off { flag \(flag); } return 200 ok; }
            """
        }
        let gateway = try Gateway(conf: conf(files.file("first")))
        let told = gateway.program.stderr
        func isTold(_ line: String, _ name: String) -> Bool { line.contains("maintenance has begun") && line.contains(files.file(name)) }
        try told.waitForLine("the first flag") { isTold($0, "first") }
        try gateway.reload(conf: conf(files.file("second")))
        try told.waitForLine("the second flag") { isTold($0, "second") }
        #expect(told.lines.filter { isTold($0, "first") }.count == 1)
    }

    @Test func `a flag that can't be looked at is told of once, and when it can be again`() throws {
        let files = try TemporaryDirectory()
        let flag = files.file("flag")
        // A link to itself leads nowhere, whoever looks.
        try FileManager.default.createSymbolicLink(atPath: flag, withDestinationPath: flag)
        let edge = try Edge(.answering(Self.answer), server: "maintenance off { flag \(flag); }")
        let told = edge.gateway.program.stderr
        let warning = try told.waitForLine("the warning") { $0.contains("can't be looked at") }
        #expect(warning.contains(flag) && warning.contains("Too many levels of symbolic links"))
        #expect(try edge.ask(.http1, "/").status == 200)
        try FileManager.default.removeItem(atPath: flag)
        try told.waitForLine("the end of it") { $0.contains("can be looked at again") && $0.contains(flag) }
        try files.write("", to: "flag")
        try told.waitForLine("the maintenance") { $0.contains("maintenance has begun") }
        #expect(isAway(try edge.ask(.http1, "/")))
        #expect(told.lines.filter { $0.contains("can't be looked at") }.count == 1)
    }

    @Test func `of servers with one name the gauge tells whether any is being maintained`() throws {
        let gateway = try Gateway(
            conf: """
                workers 1; error_log stderr debug; admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                server { listen 127.0.0.1:0; server_name a; maintenance on; return 200 ok; }
                server { listen 127.0.0.2:0; server_name a; maintenance off; return 200 ok; }
                """)
        #expect(try gateway.metrics().sum("gateway_maintenance", ["server": "a", "location": ""]) == 1)
    }

    @Test func `a location's block has the server's flag, too`() throws {
        let files = try TemporaryDirectory()
        try files.write("", to: "flag")
        let edge = try Edge(
            .answering(Self.answer),
            server: "maintenance off { flag \(files.file("flag")); } location /own { maintenance off { retry_after 300; } return 200 ok; }"
                + "location /status { maintenance off; return 200 up; }")
        #expect(isAway(try edge.ask(.http1, "/own")))
        #expect(try edge.ask(.http1, "/status").text == "up")
    }

    @Test func `a reload brings maintenance and takes it away`() throws {
        let origin = try ScriptedOrigin.answering(Self.answer)
        func conf(_ directives: String) -> String {
            """
            workers 1; error_log stderr debug; access_log {DIR}/access.log json; admin 127.0.0.1:0 { allow 127.0.0.0/8; }
            server { listen 127.0.0.1:0; \(directives) location / { proxy_pass http://127.0.0.1:{ORIGIN}; } }
            """
        }
        let gateway = try Gateway(conf: conf(""), values: ["ORIGIN": "\(origin.port)"])
        let client = try gateway.connect()
        #expect(try client.get("/").status == 200)
        try gateway.reload(conf: conf("maintenance on;"))
        #expect(try client.get("/").status == 503)
        #expect(try gateway.metrics().sum("gateway_maintenance", ["server": "_", "location": ""]) == 1)
        try gateway.reload(conf: conf(""))
        #expect(try client.get("/").status == 200)
        #expect(try gateway.metrics().sum("gateway_maintenance", ["server": "_", "location": ""]) == 0)
    }
}
