import GatewayCore
import GatewayPolicy
import Testing

@testable import GatewayConfig

@Suite struct LocationTableTests {
    private func match(_ path: String, in locations: [LocationConfig]) -> Int? {
        LocationTable(locations).match(path: bytes(path).rawSpan)
    }

    @Test(arguments: [("/", 0), ("/index.html", 1), ("/documents/document.html", 2), ("/images/1.gif", 3), ("/documents/1.jpg", 2)])
    func `nginx's documented example, without its regular expression`(path: String, expected: Int) {
        let locations = [location("/", exact: true), location("/"), location("/documents/"), location("/images/")]
        #expect(match(path, in: locations) == expected)
    }

    @Test func `a prefix is one of bytes, and the longest counts whatever the order`() {
        let locations = [location("/v1"), location("/v1/chat/"), location("/v1/", exact: true), location("/v1/chat")]
        #expect(match("/v1x", in: locations) == 0)
        #expect(match("/v1/", in: locations) == 2)
        #expect(match("/v1/x", in: locations) == 0)
        #expect(match("/v1/chat", in: locations) == 3)
        #expect(match("/v1/chat/x", in: locations) == 1)
        #expect(match("/v2", in: locations) == nil)
        #expect(match("/V1", in: locations) == nil)
    }

    @Test func `an exact location beats the same prefix, and holds nothing below it`() {
        let locations = [location("/a"), location("/a", exact: true)]
        #expect(match("/a", in: locations) == 1)
        #expect(match("/a/", in: locations) == 0)
        #expect(match("/", in: []) == nil)
    }

    @Test func `a location's text is matched in the canonical spelling of requests`() {
        let locations = [location("/caf\u{e9}/"), location("/a b"), location("/100%"), location("/x%2fy/"), location("/~u@h:1/(a)/")]
        #expect(match("/caf%C3%A9/x", in: locations) == 0)
        #expect(match("/a%20b", in: locations) == 1)
        #expect(match("/100%25", in: locations) == 2)
        #expect(match("/x%2Fy/z", in: locations) == 3)
        #expect(match("/~u@h:1/(a)/z", in: locations) == 4)
        #expect(match("/x/y/z", in: locations) == nil)
    }
}

@Suite struct CanonicalPathTests {
    @Test(arguments: [
        ("/", "/"), ("/a%20b", "/a%2520b"), ("/%2F", "/%2F"), ("/%2f%2", "/%2F%252"), ("/%252F", "/%25252F"), ("/?#[]", "/%3F%23%5B%5D"),
        ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"), ("/\\\u{7f}\"", "/%5C%7F%22"), ("", ""),
    ])
    func `a location is decoded text but for the encoded slash`(text: String, expected: String) {
        #expect(String(decoding: CanonicalPath.encode(text), as: UTF8.self) == expected)
    }

    @Test(arguments: [("/a%20b%c3", "/a%20b%C3"), ("/a b?c", "/a%20b%3Fc"), ("/100%", "/100%25"), ("/%zz%4", "/%25zz%254")])
    func `a proxy_pass's path is a URI's`(text: String, expected: String) {
        #expect(String(decoding: CanonicalPath.encodeURI(text), as: UTF8.self) == expected)
    }
}

@Suite struct PathRewriteTests {
    private func rewrite(_ path: String, matched: String, to replacement: String?) throws -> String {
        let rule = PathRewrite(matched: CanonicalPath.encode(matched), replacement: replacement)
        return try written { queue throws in try rule.append(path: bytes(path).rawSpan, to: &queue) }
    }

    @Test(arguments: [
        ("/some/path/page.html", "/some/path/", "/link/", "/link/page.html"), ("/name/x", "/name/", "/remote/", "/remote/x"),
        ("/name/x", "/name/", "/", "/x"), ("/name/x", "/name", "/", "//x"), ("/name/x", "/name/", "/remote", "/remotex"),
        ("/healthz", "/healthz", "/status", "/status"), ("/caf%C3%A9/x", "/caf\u{e9}/", "/a%20b/", "/a%20b/x"),
    ])
    func `what the location matched is replaced by the URI of proxy_pass`(path: String, matched: String, uri: String, sent: String) throws {
        #expect(try rewrite(path, matched: matched, to: uri) == sent)
    }

    @Test func `without a URI the path is sent as it was matched`() throws {
        #expect(try rewrite("/name/%2F..x", matched: "/name/", to: nil) == "/name/%2F..x")
        #expect(try rewrite("/files../x", matched: "/files", to: nil) == "/files../x")
    }

    @Test(arguments: [
        ("/files../x", "/files", "/data/"), ("/files..", "/files", "/data/"), ("/files./x", "/files", "/data/"),
        ("/files./x", "/files", "/a/."),
        ("/files../x", "/files", ""),
    ])
    func `no dot segment comes into being at the seam`(path: String, matched: String, uri: String) {
        #expect(throws: GatewayError.self) { try rewrite(path, matched: matched, to: uri) }
    }

    @Test func `dots that are part of a name stay`() throws {
        #expect(try rewrite("/files..x/y", matched: "/files", to: "/data/") == "/data/..x/y")
        #expect(try rewrite("/files.../y", matched: "/files", to: "/data/") == "/data/.../y")
        #expect(try rewrite("/files../y", matched: "/files", to: "/data") == "/data../y")
        #expect(try rewrite("/files../y", matched: "/files", to: "/data/.") == "/data/.../y")
    }
}
