/// The request-target: its four forms, and what a path or a query may hold (RFC 9112 § 3.2, RFC 3986 § 3).
extension HostileRequest {
    private static func target(_ name: String, _ target: String, _ section: String = "9112 § 3.2") -> Self {
        refused(name, section, "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", "target_invalid")
    }

    private static func path(_ name: String, _ path: String, as canonical: String) -> Self {
        passes(name, "3986 § 6.2.2", "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", Forwarded(line: "GET \(canonical)", host: "a"))
    }

    private static func absolute(_ name: String, _ target: String, as path: String, host: String) -> Self {
        passes(name, "9112 § 3.2.2", "GET \(target) HTTP/1.1\r\nHost: other\r\n\r\n", Forwarded(line: "GET \(path)", host: host))
    }

    static let targets: [Self] = forms + bytesInTargets + authorities + paths + spellings

    private static let forms: [Self] = [
        target("a path without a slash", "index.html"),
        target("a path that begins with a dot", "./a"),
        target("a query without a path", "?a"),
        target("an escaped slash before the path", "%2fa"),
        target("an authority for GET", "a:80", "9112 § 3.2.3"),
        target("an IPv6 authority for GET", "[::1]:80", "9112 § 3.2.3"),
        target("an asterisk for GET", "*", "9112 § 3.2.4"),
        target("an asterisk with something behind it", "*a", "9112 § 3.2.4"),
        target("another scheme", "ftp://a/"),
        target("a scheme that only begins as http", "httpx://a/"),
        target("a scheme with a digit", "h2://a/"),
        target("WebSocket's scheme", "ws://a/"),
        target("a file's scheme", "file:///etc/passwd"),
        target("a scheme without an authority", "http:/a"),
        target("a scheme without slashes", "http:a"),
        target("a scheme alone", "http:"),
        target("a mail address", "mailto:a@b"),
        target("backslashes for slashes", "http:\\\\a\\"),
        refused(
            "an asterisk with a query", "9112 § 3.2.4", "OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n", "target_invalid"),
        refused("an asterisk for an unknown method", "9112 § 3.2.4", "PURGE * HTTP/1.1\r\nHost: a\r\n\r\n", "target_invalid"),
        refused("a slash before the asterisk's space", "9112 § 3.2.4", "OPTIONS */ HTTP/1.1\r\nHost: a\r\n\r\n", "target_invalid"),
        passes("OPTIONS of the server", "9112 § 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Forwarded(line: "OPTIONS *", host: "a")),
        path("a path that looks like an asterisk", "/*", as: "/*"),
    ]

    private static let bytesInTargets: [Self] = [
        target("a fragment", "/a#b"),
        target("a fragment behind the query", "/?a#b"),
        target("a fragment in an absolute-form", "http://a/#b"),
        target("a fragment behind the authority", "http://a#b"),
        target("a backslash", "/a\\b"),
        target("a backslash in the query", "/?a\\b"),
        target("a byte above 127 in the path", "/\u{e9}"),
        target("UTF-8 in the path", "/\u{c3}\u{a9}"),
        target("an overlong slash in the path", "/a\u{c0}\u{af}b"),
        target("a byte above 127 in the query", "/?\u{e9}"),
        target("UTF-8 in the query", "/?\u{c3}\u{a9}"),
        target("0xFF in the path", "/\u{ff}"),
        target("DEL in the path", "/\u{7f}"),
        target("DEL in the query", "/?\u{7f}"),
        target("a control in the path", "/\u{01}"),
        target("a control in the query", "/?a\u{01}"),
        target("an escape character in the path", "/\u{1b}[0m"),
        target("a tab in the path", "/a\tb"),
        target("a tab in the query", "/?a\tb"),
        target("a NUL in the path", "/\0"),
        target("a NUL in the query", "/?\0"),
        target("a LF in the path", "/a\nb").with("request_line_invalid"),
        target("a LF in the query", "/?a\nb").with("request_line_invalid"),
        target("an escaped NUL", "/a%00b", "3986 § 2.1"),
        target("an escaped backslash", "/a%5cb", "3986 § 2.1"),
        target("an escaped backslash in upper case", "/a%5Cb", "3986 § 2.1"),
        target("an escape that is none", "/a%zzb", "3986 § 2.1"),
        target("an escape of one digit", "/a%2/b", "3986 § 2.1"),
        target("half an escape", "/a%2", "3986 § 2.1"),
        target("a percent sign at the end", "/a%", "3986 § 2.1"),
        target("a percent sign alone", "/%", "3986 § 2.1"),
        target("an escape of Microsoft's", "/%u002e", "3986 § 2.1"),
    ]

    private static let authorities: [Self] = [
        target("an empty authority", "http:///a"),
        target("an empty authority and no path", "http://"),
        target("an empty authority with a query", "http://?a"),
        target("userinfo", "http://user@a/", "9110 § 4.2.4"),
        target("userinfo with a password", "http://user:pass@a/", "9110 § 4.2.4"),
        target("empty userinfo", "http://@a/", "9110 § 4.2.4"),
        target("two at signs", "http://a@b@c/", "9110 § 4.2.4"),
        target("an absolute-form with a port that is too large", "http://a:65536/"),
        target("an absolute-form with a port that is no number", "http://a:x/"),
        target("an absolute-form with a negative port", "http://a:-1/"),
        target("an absolute-form with two ports", "http://a:1:2/"),
        target("a port alone", "http://:80/"),
        target("an escape in the authority", "http://a%2eb/"),
        target("an escaped slash in the authority", "http://a%2fb/"),
        target("a backslash in the authority", "http://a\\b/"),
        target("a byte above 127 in the authority", "http://\u{e9}/"),
        target("a comma in the authority", "http://a,b/"),
        target("a semicolon in the authority", "http://a;b/"),
        target("an empty label in the authority", "http://a..b/"),
        target("an IPv6 address without its bracket", "http://[::1/"),
        target("an IPv6 address with a zone", "http://[fe80::1%25eth0]/"),
        target("a future address", "http://[v1.a]/"),
        target("an address with something behind its bracket", "http://[::1]a/"),
        absolute("an absolute-form overrules Host", "http://a/b", as: "/b", host: "a"),
        absolute("an absolute-form with another port than Host", "http://other:81/", as: "/", host: "other:81"),
        absolute("an absolute-form without a path", "http://a", as: "/", host: "a"),
        absolute("an absolute-form with a query and no path", "http://a?b", as: "/?b", host: "a"),
        absolute("an absolute-form in upper case", "HTTP://A/b", as: "/b", host: "A"),
        absolute("an absolute-form of https on a plain connection", "https://a/b", as: "/b", host: "a"),
        absolute("an absolute-form with an IPv6 address", "http://[::1]:81/b", as: "/b", host: "[::1]:81"),
        absolute("an absolute-form within a query", "http://a/?http://b/", as: "/?http://b/", host: "a"),
        absolute("an absolute-form with slashes behind the authority", "http://a//b", as: "/b", host: "a"),
        refused("an absolute-form without Host", "9112 § 3.2", "GET http://a/ HTTP/1.1\r\n\r\n", "host_invalid"),
        refused("an absolute-form with an empty Host", "9112 § 3.2", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", "host_invalid"),
        refused("an absolute-form with two Hosts", "9112 § 3.2", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "host_invalid"),
        refused("an absolute-form with a malformed Host", "9112 § 3.2", "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n", "host_invalid"),
    ]

    private static let paths: [Self] = [
        target("a path above the root", "/..", "3986 § 5.2.4"),
        target("a path above the root with a slash", "/../", "3986 § 5.2.4"),
        target("a path that climbs above the root", "/a/../../b", "3986 § 5.2.4"),
        target("an escaped path above the root", "/%2e%2e/a", "3986 § 5.2.4"),
        target("a half-escaped path above the root", "/.%2E/a", "3986 § 5.2.4"),
        target("a path above the root behind empty segments", "//../..", "3986 § 5.2.4"),
        target("a path above the root behind dots", "/./../a", "3986 § 5.2.4"),
        target("a path above the root in an absolute-form", "http://a/../b", "3986 § 5.2.4"),
        target("an escaped path above the root in an absolute-form", "http://a/%2e%2e/b", "3986 § 5.2.4"),
    ]

    private static let spellings: [Self] = [
        path("dot segments", "/a/./b/../c", as: "/a/c"),
        path("escaped dot segments", "/a/%2e/b/%2E%2e/c", as: "/a/c"),
        path("a path that ends in two dots", "/a/b/..", as: "/a/"),
        path("empty segments", "//a///b", as: "/a/b"),
        path("what looks like an authority", "//evil.example/a", as: "/evil.example/a"),
        path("what looks like an absolute-form", "/http://evil.example/", as: "/http:/evil.example/"),
        path("an escaped slash, which stays escaped", "/a%2fb", as: "/a%2Fb"),
        path("an escaped slash between dots", "/a/..%2fb", as: "/a/..%2Fb"),
        path("an escape that is escaped, which is decoded once", "/%252e%252e/a", as: "/%252e%252e/a"),
        path("an escaped letter", "/%61", as: "/a"),
        path("an escaped space", "/a%20b", as: "/a%20b"),
        path("an escaped line break", "/a%0d%0aX:%20b", as: "/a%0D%0AX:%20b"),
        path("an escaped byte above 127", "/%e9", as: "/%E9"),
        path("an escaped question mark and hash", "/a%3fb%23c", as: "/a%3Fb%23c"),
        path("three dots, which are a name", "/.../a", as: "/.../a"),
        path("a parameter behind two dots", "/a/..;x/b", as: "/a/..;x/b"),
        path("a quote and angle brackets", "/\"<>", as: "/%22%3C%3E"),
        path("braces, a bar and a caret", "/{a}|^`", as: "/%7Ba%7D%7C%5E%60"),
        path("an at sign and a colon", "/@a:b", as: "/@a:b"),
        path("a query of question marks", "/???", as: "/???"),
        path("an empty query", "/?", as: "/?"),
        path("dots and slashes in the query", "/?/../..//%2e%00%zz", as: "/?/../..//%2e%00%zz"),
        path("an escaped line break in the query", "/?%0d%0aX:%20b", as: "/?%0d%0aX:%20b"),
        path("a request line in the query", "/?GET/HTTP/1.1", as: "/?GET/HTTP/1.1"),
    ]

    private func with(_ errorType: String) -> Self {
        var row = self
        row.refusal?.errorType = errorType
        return row
    }
}
