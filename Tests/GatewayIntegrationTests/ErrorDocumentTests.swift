import Foundation
import TestSupport
import Testing

/// What clients are told of refusals: problem documents, pages for people, the `error` objects of APIs, and what `error_page` says.
@Suite struct ErrorDocumentTests {
    private static let browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    private static let pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

    private func edge(main: String = "", _ server: String = "", location: String = "") throws -> Edge {
        try Edge(ScriptedOrigin { _, _ in }, main: main, server: server, location: location)
    }

    private func json(_ answer: Answer) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any], "\(answer)")
    }

    // MARK: Problem documents

    @Test(arguments: Way.allCases) func `a refusal is a problem document with the id and the error_type of the log`(_ way: Way) throws {
        let edge = try edge()
        let answer = try edge.ask(way, "/", "GET", ["Accept: */*"])
        #expect(answer.status == 502 && answer["content-type"] == "application/problem+json" && answer.values("vary") == ["Accept"])
        let problem = try json(answer)
        let line = try edge.gateway.accessLog(waitingFor: 1)[0]
        let type = try #require(line["error_type"])
        #expect(problem["error_type"] as? String == type && problem["type"] as? String == "urn:gateway:error:\(type)")
        #expect(problem["title"] as? String == "Bad Gateway" && problem["status"] as? Int == 502)
        #expect(problem["detail"] as? String == line["error_detail"] && problem["request_id"] as? String == line["request_id"])
        #expect(problem["error"] == nil)
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let time = try #require(format.date(from: problem["timestamp"] as? String ?? ""), "\(problem)")
        // Any clock that is not the machine's would be years off.
        #expect(abs(time.timeIntervalSinceNow) < 86_400)
    }

    @Test(arguments: Way.allCases) func `HEAD has the fields of the document and not its content`(_ way: Way) throws {
        for accept in ["Accept: application/json", Self.browser] {
            let edge = try edge("location = /gone { proxy_pass http://127.0.0.1:{ORIGIN}; }")
            let client = try edge.client(way)
            let answer = try client.ask("/gone", "HEAD", [accept])
            let length = try #require(answer["content-length"].flatMap { Int($0) })
            #expect(answer.status == 502 && answer.text.isEmpty && length > 100, "\(answer)")
        }
    }

    // MARK: Pages

    @Test(arguments: Way.allCases) func `a browser gets a page`(_ way: Way) throws {
        let edge = try edge("security_headers { csp \"default-src 'self'; frame-ancestors 'self'\"; frame_options DENY; }")
        let client = try edge.client(way)
        let page = try client.ask("/", "GET", [Self.browser])
        #expect(page.status == 502 && page["content-type"] == "text/html; charset=utf-8" && page.values("vary") == ["Accept"], "\(page)")
        let line = try edge.gateway.accessLog(waitingFor: 1)[0]
        for piece in ["<!doctype html>", "<title>502 Bad Gateway</title>", line["error_type"] ?? "?", line["request_id"] ?? "?"] {
            #expect(page.text.contains(piece), "\(piece) in \(page)")
        }
        // Its style would not pass the site's policy, and it has nothing else.
        #expect(page.values("content-security-policy").count == 1 && page.values("x-frame-options") == ["DENY"])
        #expect(page["content-security-policy"] == Self.pagePolicy + "; frame-ancestors 'self'")
        let document = try edge.ask(way, "/", "GET", ["Accept: application/json, text/html"])
        #expect(
            document["content-type"] == "application/problem+json"
                && document["content-security-policy"] == "default-src 'self'; frame-ancestors 'self'")
    }

    @Test func `nothing that a request brings is markup in the page`() throws {
        let edge = try edge(main: "trusted_proxies 127.0.0.0/8;")
        let id = "<script>alert(\"1\")</script>&'"
        let page = try edge.ask(.http1, "/<b>", "GET", [Self.browser, "X-Request-ID: \(id)"])
        #expect(page.text.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"), "\(page)")
        #expect(!page.text.contains("<script") && !page.text.contains("<b>"))
        #expect(try json(edge.ask(.http1, "/", "GET", ["X-Request-ID: \(id)"]))["request_id"] as? String == id)
    }

    // MARK: APIs

    @Test(arguments: Way.allCases) func `an API's location has the error object of its SDKs besides`(_ way: Way) throws {
        let small = "client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN};"
        let edge = try edge(
            "api openai; location /openai { \(small) } location /anthropic { api anthropic; \(small) }"
                + "location /gemini { api gemini; \(small) } location /none { api off; \(small) }")
        func error(_ target: String) throws -> [String: Any] {
            let answer = try edge.ask(way, target, "POST", body: "12")
            #expect(answer.status == 413 && answer["content-type"] == "application/problem+json")
            let problem = try json(answer)
            #expect(problem["type"] as? String == "urn:gateway:error:body_too_large")
            // What Google's SDK looks for first.
            #expect(problem["status"] as? Int == (target == "/gemini" ? nil : 413))
            let error = problem["error"] as? [String: Any] ?? [:]
            if !error.isEmpty { #expect(error["message"] as? String == problem["detail"] as? String) }
            return error
        }
        let openai = try error("/openai")
        #expect(openai["type"] as? String == "invalid_request_error" && openai["code"] as? String == "body_too_large")
        #expect(openai["param"] is NSNull)
        #expect(try error("/anthropic")["type"] as? String == "request_too_large")
        let gemini = try error("/gemini")
        #expect(gemini["code"] as? Int == 413 && gemini["status"] as? String == "INVALID_ARGUMENT")
        #expect(try error("/none").isEmpty)
    }

    // MARK: error_page

    @Test(arguments: Way.allCases) func `an operator's pages go before the gateway's own`(_ way: Way) throws {
        let files = try TemporaryDirectory()
        let html = try files.write("<h1>ours</h1>", to: "50x.html")
        let json = try files.write("{\"sorry\":true}", to: "404.json")
        let edge = try edge(
            main: "error_page 502 503 504 \(html);",
            "error_page 404 \(json); error_page 413 https://status.example.com/large?a=b;"
                + "location = /gone { return 404; } location = /said { return 404 said; } location = /well { return 204; }"
                + "location = /small { client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }"
                + "location = /own { error_page 502 \(json); proxy_pass http://127.0.0.1:{ORIGIN}; }")
        // They were read with the configuration.
        try FileManager.default.removeItem(atPath: html)
        let client = try edge.client(way)
        let failed = try client.ask("/", "GET", ["Accept: application/json"])
        #expect(failed.status == 502 && failed.text == "<h1>ours</h1>" && failed["content-type"] == "text/html; charset=utf-8")
        let head = try client.ask("/", "HEAD")
        #expect(head.status == 502 && head["content-length"] == "13" && head.text.isEmpty)
        let own = try client.ask("/own")
        #expect(own.status == 502 && own.text == "{\"sorry\":true}" && own["content-type"] == "application/json")
        let gone = try client.ask("/gone")
        #expect(gone.status == 404 && gone.text == "{\"sorry\":true}")
        let said = try client.ask("/said")
        #expect(said.status == 404 && said.text == "said")
        #expect(try client.ask("/well").status == 204)
        let large = try client.ask("/small", "POST", body: "12")
        #expect(large.status == 302 && large["location"] == "https://status.example.com/large?a=b" && large.text.isEmpty)
        try edge.gateway.waitForMetrics("the redirected one") { $0.sum("gateway_refusals_total", ["error_type": "body_too_large"]) == 1 }
    }

    @Test func `what an origin answers is not the gateway's error`() throws {
        let files = try TemporaryDirectory()
        let page = try files.write("ours", to: "all.txt")
        let edge = try Edge(
            .answering("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\ntheir"), server: "error_page 502 \(page);")
        let answer = try edge.ask(.http1, "/")
        #expect(answer.status == 502 && answer.text == "their" && answer["vary"] == nil)
    }

    @Test(arguments: Way.allCases) func `pages are compressed before anybody asks`(_ way: Way) throws {
        let files = try TemporaryDirectory()
        let text = String(repeating: "ours ", count: 1000)
        let page = try files.write(text, to: "page.html")
        let edge = try edge(
            "gzip on; error_page 502 \(page); location /away { gzip_comp_level 9; maintenance on { page \(page); } return 200 ok; }")
        for (target, status) in [("/", 502), ("/away", 503), ("/", 502)] {
            let plain = try edge.ask(way, target)
            #expect(plain.status == status && plain.text == text && plain["content-encoding"] == nil)
            let small = try edge.ask(way, target, "GET", ["Accept-Encoding: gzip"])
            #expect(small.status == status && small["content-encoding"] == "gzip" && small["vary"]?.contains("Accept-Encoding") == true)
            #expect(small["content-length"].flatMap(Int.init).map { $0 < 500 } == true, "\(small.fields)")
        }
        try edge.gateway.waitForMetrics("all requests") { $0.sum("http_requests_total") == 6 }
        #expect(try edge.gateway.metrics().sum("gateway_gzip_bytes_total", ["direction": "in"]) == 0)
    }

    @Test func `a page that can be compressed is`() throws {
        let files = try TemporaryDirectory()
        let page = try files.write(String(repeating: "ours ", count: 1000), to: "502.html")
        let edge = try edge("gzip on; cors { origins *; } error_page 502 \(page);")
        let response = try edge.connect(.plain).get("/", fields: ["Accept-Encoding: gzip"])
        #expect(response["Content-Encoding"] == "gzip" && response.values("Vary") == ["Accept-Encoding, Origin"])
        #expect(try String(decoding: Gunzip.content(of: response), as: UTF8.self) == String(repeating: "ours ", count: 1000))
    }
}
