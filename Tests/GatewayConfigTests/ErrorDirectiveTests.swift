import Testing

@testable import GatewayConfig

@Suite struct ErrorDirectiveTests {
    private func edge(_ main: String, _ server: String = "", _ location: String = "") -> EdgeConfig? {
        snapshot("\(main) server { listen 8080; \(server) location / { return 200 ok; \(location) } }")?.servers[0].locations[0].edge
    }

    @Test func `an API is that of the innermost level, and none by default`() {
        #expect(edge("")?.api == nil)
        #expect(edge("api openai;")?.api == .openai)
        #expect(edge("api openai;", "api anthropic;")?.api == .anthropic)
        #expect(edge("api openai;", "", "api off;")?.api == nil)
    }

    @Test func `pages merge by status, the inner level first`() {
        let files = TemporaryDirectory()
        let html = files.write("a.HTML", "<p>")
        let text = files.write("a.txt", "x")
        let pages = edge("error_page 502 503 \(html);", "error_page 404 https://a.example/b;", "error_page 503 \(text);")?.errorPages
        let page = ErrorPageConfig.Content.page(PageConfig(kind: .html, bytes: Array("<p>".utf8)))
        #expect(
            pages == [
                ErrorPageConfig(status: 503, content: .page(PageConfig(kind: .text, bytes: Array("x".utf8)))),
                ErrorPageConfig(status: 404, content: .redirect("https://a.example/b")), ErrorPageConfig(status: 502, content: page),
            ])
    }

    @Test(arguments: [
        ("error_page 404;", "\"error_page\" is missing its status or its page"),
        ("error_page;", "\"error_page\" is missing STATUS ... FILE|URL"),
        ("error_page 404 =200 https://a.example/;", "\"=200\" is not the status of an error"),
        ("error_page 302 https://a.example/;", "\"302\" is not the status of an error"),
        ("error_page 499 https://a.example/;", "\"499\" is not the status of an error"),
        ("error_page 404 \"https://a.example/a b\";", "a URL is ASCII without blanks and control characters"),
        ("error_page 404 /404.html;", "\"/404.html\" can't be read: No such file or directory"),
        ("error_page 404 page.php;", "\"page.php\" is no page"), ("error_page 404 @named;", "\"@named\" is no page"),
        ("error_page 404 https://a.example/$uri;", "variables can't be used here"), ("api cohere;", "\"cohere\" is not valid here"),
    ])
    func `what is wrong is one error at its place`(directive: String, message: String) {
        let found = messages("\(directive)\nserver { listen 8080; location / { return 200 ok; } location /a { return 200 ok; } }")
        #expect(found.count == 1 && found[0].hasPrefix("1:") && found[0].hasSuffix("error: " + message), "\(found)")
    }

    @Test func `a page that no answer should carry is refused`() {
        let files = TemporaryDirectory()
        let path = files.write("a.html", String(repeating: "x", count: 256 * 1024 + 1))
        #expect(messages("error_page 404 \(path); \(aServer)").first?.hasSuffix("can't be read: it is larger than 256 KB") == true)
    }
}
