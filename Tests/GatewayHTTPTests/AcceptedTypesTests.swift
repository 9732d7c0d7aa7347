import GatewayCore
import GatewayHTTP
import Testing

/// RFC 9110 § 12.5.1, as far as pages and JSON documents are concerned.
@Suite struct AcceptedTypesTests {
    private func preference(_ lines: [String]) -> (html: Bool, json: Bool) {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        for line in lines { fields.append(name: Array("Accept".utf8).rawSpan, value: Array(line.utf8).rawSpan) }
        return (fields.prefersHTML, fields.prefersJSON)
    }

    @Test(arguments: [
        "text/html", "TEXT/HTML", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "application/xhtml+xml",
        "text/html;level=1;q=0.5", "application/json;q=0.4, text/html;q=0.5", "text/html, application/json;q=0.999",
        "text/html ; charset=utf-8 ; q=0.001", "application/json;q=0, text/html", "application/json;q=x, text/html;q=0.1",
    ])
    func `a page is wanted rather`(value: String) {
        let found = preference([value])
        #expect(found.html && !found.json)
    }

    @Test(arguments: [
        "application/json", "application/problem+json", "application/json, text/plain, */*", "text/html, application/json",
        "text/html;q=0.5, application/json;q=0.5", "text/html;q=0, application/json;q=0.001", "text/html;q=2, application/json",
    ])
    func `a document is wanted rather`(value: String) {
        let found = preference([value])
        #expect(!found.html && found.json)
    }

    @Test(arguments: ["", "*/*", "text/*", "image/png", "text/html;q=0", "text/htm", "application/json;q=0", ",;q=1,", "text/html;q="])
    func `nothing is wanted rather`(value: String) {
        let found = preference([value])
        #expect(!found.html && !found.json)
    }

    @Test func `several lines are one list`() {
        #expect(preference(["text/html;q=0.1", "application/json;q=0.2"]).json)
        #expect(preference(["application/json;q=0.1", "text/html"]).html)
        #expect(!preference([]).html && !preference([]).json)
    }
}
