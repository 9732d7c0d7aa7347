import TestSupport

extension DowngradeRow {
    static let all = fieldNames + fieldValues + paths + methods + authorities + schemes + lengths + codings + hops + trailerRows + contents

    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n"

    private static func refusing(_ name: String, _ section: String, _ fields: HTTP2Fields, _ outcome: Outcome = .reset) -> Self {
        Self(name, section, outcome, fields)
    }

    private static func passing(
        _ name: String, _ section: String, _ fields: HTTP2Fields, has: [String] = [], lacks: [String] = [], line: String = "GET /",
        host: String = "localhost"
    ) -> Self {
        Self(name, section, .passes(Forwarded(line: line, host: host, body: "", has: has, lacks: lacks)), fields)
    }

    /// Bytes that end something in HTTP/1.1, or that no name, path or method may have.
    private static let breaks: [(String, String)] = [
        ("NUL", "\0"), ("LF", "\n"), ("CR", "\r"), ("CRLF", "\r\n"), ("a space", " "), ("a tab", "\t"), ("SOH", "\u{1}"), ("DEL", "\u{7f}"),
        ("0x80", "\u{80}"), ("0xFF", "\u{ff}"),
    ]

    private static let fieldNames: [Self] =
        (breaks + [("a colon", ":"), ("a slash", "/"), ("a parenthesis", "("), ("a quote", "\""), ("a comma", ","), ("a capital", "A")])
        .flatMap { name, bytes in
            [
                refusing("\(name) within a field's name", "9113 § 8.2.1", .request(["x\(bytes)y": "a"])),
                refusing("\(name) at the end of a field's name", "9113 § 8.2.1", .request(["x\(bytes)": "a"])),
                refusing("\(name) before a field's name", "9113 § 8.2.1", .request(["\(bytes)x": "a"])),
            ]
        } + [
            refusing("a name that is a whole field", "9113 § 8.2.1", .request(["x: a\r\ny": "b"])),
            refusing("a name that is a field and a colon", "9113 § 8.2.1", .request(["transfer-encoding: chunked\r\nx": "b"])),
            refusing("a name that ends the head and is a request", "9113 § 8.2.1", .request(["x: a\r\n\r\n\(smuggled)y": "b"])),
            refusing("an empty name and a value", "9113 § 8.2.1", .request(["": "a"])),
            refusing("a name of a colon", "9113 § 8.3", .request([":": "a"])),
        ]

    private static let fieldValues: [Self] =
        breaks.prefix(4).flatMap { name, bytes in
            [
                refusing("\(name) within a value", "9113 § 8.2.1", .request(["x-a": "a\(bytes)b"])),
                refusing("\(name) at the end of a value", "9113 § 8.2.1", .request(["x-a": "a\(bytes)"])),
                refusing("\(name) before a value", "9113 § 8.2.1", .request(["x-a": "\(bytes)a"])),
                refusing("\(name) and a field in a value", "9113 § 8.2.1", .request(["x-a": "a\(bytes)x-b: c"])),
                refusing(
                    "\(name) and Transfer-Encoding in a value", "9113 § 8.2.1", .request(["x-a": "a\(bytes)transfer-encoding: chunked"])),
                refusing("\(name) in a cookie", "9113 § 8.2.1", .request(["cookie": "a=b\(bytes)c=d"])),
            ]
        } + [
            refusing("a request in a value", "9113 § 8.2.1", .request(["x-a": "a\r\n\r\n\(smuggled)"])),
            refusing("a request in a value by LF alone", "9113 § 8.2.1", .request(["x-a": "a\n\nGET /smuggled HTTP/1.1\nHost: a\n\n"])),
            refusing("a field in a crumb", "9113 § 8.2.3", .request(["cookie": "a=b", "cookie": "c=d\r\nx-b: 1", "cookie": "e=f"])),
            refusing("a folded line in a value", "9113 § 8.2.1", .request(["x-a": "a\r\n b"])),
            refusing("a space before a value", "9113 § 8.2.1", .request(["x-a": " a"])),
            refusing("a tab behind a value", "9113 § 8.2.1", .request(["x-a": "a\t"])),
            refusing("SOH in a value", "9110 § 5.5", .request(["x-a": "a\u{1}b"])),
            refusing("DEL in a value", "9110 § 5.5", .request(["x-a": "a\u{7f}b"])),
            refusing("an escape in a value", "9110 § 5.5", .request(["x-a": "\u{1b}[31m"])),
            passing("an empty value", "9110 § 5.5", .request(["x-a": ""]), has: ["x-a: "]),
            passing("a tab within a value", "9110 § 5.5", .request(["x-a": "a\tb"]), has: ["x-a: a\tb"]),
            passing(
                "what looks like a field in a value", "9110 § 5.5", .request(["x-a": "content-length: 5"]), has: ["x-a: content-length: 5"]),
            passing("Latin-1 in a value", "9110 § 5.5", .request(["x-a": "caf\u{e9}"]), has: ["x-a: caf\u{e9}"]).opaque(),
            passing("bytes that are no UTF-8 in a value", "9110 § 5.5", .request(["x-a": "\u{80}\u{ff}"]), has: ["x-a: \u{80}\u{ff}"])
                .opaque(),
            passing(
                "crumbs", "9113 § 8.2.3", .request(["cookie": "a=b", "x-a": "1", "cookie": "c=d", "cookie": "e=f"]),
                has: ["cookie: a=b; c=d; e=f"]),
        ]

    private static let paths: [Self] =
        breaks.prefix(5).flatMap { name, bytes in
            [
                refusing("\(name) within :path", "9113 § 8.3.1", .request("GET", "/a\(bytes)b")),
                refusing("\(name) at the end of :path", "9113 § 8.3.1", .request("GET", "/\(bytes)")),
                refusing("\(name) before :path", "9113 § 8.3.1", .request("GET", "\(bytes)/")),
                refusing("\(name) in the query", "9113 § 8.3.1", .request("GET", "/?a\(bytes)b")),
                refusing("\(name) and the rest of a head in :path", "9113 § 8.3.1", .request("GET", "/ HTTP/1.1\(bytes)x: ")),
            ]
        } + breaks.dropFirst(5).map { refusing("\($0) in :path", "3986 § 3.3", .request("GET", "/\($1)"), .refused) } + [
            refusing("a request line in :path", "9113 § 8.3.1", .request("GET", "/ HTTP/1.1\r\nHost: smuggled\r\n\r\nGET /smuggled")),
            refusing("another version in :path", "9113 § 8.3.1", .request("GET", "/ HTTP/1.0")),
            refusing("an empty :path", "9113 § 8.3.1", .request("GET", "")),
            refusing("a relative :path", "9113 § 8.3.1", .request("GET", "a"), .refused),
            refusing("a query for :path", "9113 § 8.3.1", .request("GET", "?a"), .refused),
            refusing("an absolute-form in :path", "9113 § 8.3.1", .request("GET", "http://smuggled/a"), .refused),
            refusing("an absolute-form of another scheme in :path", "9113 § 8.3.1", .request("GET", "ftp://smuggled/a"), .refused),
            refusing("an authority for :path", "9113 § 8.3.1", .request("GET", "smuggled:80"), .refused),
            refusing("an asterisk for GET", "9113 § 8.3.1", .request("GET", "*"), .refused),
            refusing("an asterisk and more", "9113 § 8.3.1", .request("OPTIONS", "*a"), .refused),
            refusing("a fragment", "3986 § 3.5", .request("GET", "/a#b"), .refused),
            refusing("a fragment in the query", "3986 § 3.5", .request("GET", "/?a#b"), .refused),
            refusing("a backslash", "3986 § 3.3", .request("GET", "/a\\b"), .refused),
            refusing("backslashes for slashes", "3986 § 3.3", .request("GET", "\\\\a"), .refused),
            refusing("an escaped NUL", "3986 § 2.1", .request("GET", "/a%00b"), .refused),
            refusing("an escape that is none", "3986 § 2.1", .request("GET", "/%zz"), .refused),
            refusing("a path above the root", "3986 § 5.2.4", .request("GET", "/../a"), .refused),
            refusing("an escaped path above the root", "3986 § 5.2.4", .request("GET", "/%2e%2e/a"), .refused),
            refusing("UTF-8 in :path", "3986 § 3.3", .request("GET", "/\u{c3}\u{a9}"), .refused),
            passing("an escaped line break in :path", "3986 § 2.1", .request("GET", "/a%0d%0ax:%20b"), line: "GET /a%0D%0Ax:%20b"),
            passing("two slashes before an authority", "3986 § 4.2", .request("GET", "//smuggled/a"), line: "GET /smuggled/a"),
            passing("dot segments", "3986 § 6.2.2", .request("GET", "/a/./b/../c"), line: "GET /a/c"),
            passing("OPTIONS of the server", "9113 § 8.3.1", .request("OPTIONS", "*"), line: "OPTIONS *"),
            passing("a request line in the query", "3986 § 3.4", .request("GET", "/?GET/HTTP/1.1"), line: "GET /?GET/HTTP/1.1"),
        ]

    private static let methods: [Self] =
        breaks.flatMap { name, bytes in
            [
                refusing("\(name) within :method", "9110 § 9.1", .request("GE\(bytes)T")),
                refusing("\(name) behind :method", "9110 § 9.1", .request("GET\(bytes)")),
                refusing("\(name) before :method", "9110 § 9.1", .request("\(bytes)GET")),
            ]
        } + [
            refusing("a request in :method", "9110 § 9.1", .request("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\nGET")),
            refusing("a target in :method", "9110 § 9.1", .request("GET /smuggled?")),
            refusing("an empty :method", "9110 § 9.1", .request("")), refusing("a slash in :method", "9110 § 9.1", .request("GET/")),
            refusing("a colon in :method", "9110 § 9.1", .request("GET:")),
            refusing("PRI, HTTP/2's preface", "9113 § 11.6", .request("PRI", "*"), .refused),
            passing("a method of nobody's", "9110 § 9.1", .request("BREW"), line: "BREW /"),
            passing("a method in small letters, which is another", "9110 § 9.1", .request("get"), line: "get /"),
        ]

    private static let authorities: [Self] =
        breaks.prefix(5).flatMap { name, bytes in
            [
                refusing("\(name) within :authority", "9113 § 8.3.1", .request(authority: "local\(bytes)host")),
                refusing("\(name) behind :authority", "9113 § 8.3.1", .request(authority: "localhost\(bytes)")),
                refusing("\(name) and a field in :authority", "9113 § 8.3.1", .request(authority: "localhost\(bytes)x-a: b")),
                refusing(
                    "\(name) in Host", "9113 § 8.2.1", .request(authority: nil, ["host": "local\(bytes)host"]),
                    name == "a space" ? .refused : .reset),
            ]
        }
        + [
            "user@localhost", "user:password@localhost", "@localhost", "localhost@", "localhost/a", "localhost?a", "localhost#a",
            "localhost\\a",
            "http://localhost", "a,b", "localhost:x", "localhost:65536", "localhost:80:80", ":80", "[::1", "::1", "a%00b", "a%2fb",
            "\u{e9}", "a;b", "a..b",
            "*", "localhost\t",
        ].map { refusing("'\(visible($0.latin1))' for :authority", "9113 § 8.3.1", .request(authority: $0), .refused) } + [
            refusing(
                "userinfo in :authority and a good Host", "9113 § 8.3.1", .request(authority: "user@localhost", ["host": "localhost"]),
                .refused),
            refusing("an empty :authority", "9113 § 8.3.1", .request(authority: ""), .refused),
            refusing("an empty :authority and a Host", "9113 § 8.3.1", .request(authority: "", ["host": "localhost"]), .refused),
            refusing("Host that is not :authority", "9113 § 8.3.1", .request(["host": "smuggled"]), .refused),
            refusing("Host with another port", "9113 § 8.3.1", .request(["host": "localhost:81"]), .refused),
            refusing("two Hosts", "9110 § 7.2", .request(["host": "localhost", "host": "smuggled"]), .refused),
            refusing("the same Host twice", "9110 § 7.2", .request(["host": "localhost", "host": "localhost"]), .refused),
            refusing(
                "two Hosts without :authority", "9110 § 7.2", .request(authority: nil, ["host": "localhost", "host": "smuggled"]), .refused),
            refusing("no :authority and no Host", "9113 § 8.3.1", .request(authority: nil), .refused),
            refusing("an empty Host", "9110 § 7.2", .request(authority: nil, ["host": ""]), .refused),
            passing("Host without :authority", "9113 § 8.3.1", .request(authority: nil, ["host": "localhost:81"]), host: "localhost:81"),
            passing(":authority and the same Host, once", "9113 § 8.3.1", .request(["host": "localhost"])),
            passing(":authority with a port", "9113 § 8.3.1", .request(authority: "a.example:8080"), host: "a.example:8080"),
        ]

    private static let schemes: [Self] =
        breaks.prefix(5).flatMap { name, bytes in
            [
                refusing("\(name) in :scheme", "9113 § 8.3.1", .request(scheme: "http\(bytes)")),
                refusing("\(name) and a field in :scheme", "9113 § 8.3.1", .request(scheme: "http\(bytes)x-a: b")),
            ]
        } + [
            refusing("an authority in :scheme", "9113 § 8.3.1", .request(scheme: "http://smuggled/a?"), .refused),
            refusing("a colon in :scheme", "9113 § 8.3.1", .request(scheme: "http:"), .refused),
            refusing("an empty :scheme", "9113 § 8.3.1", .request(scheme: ""), .refused),
            refusing("a scheme that begins with a digit", "3986 § 3.1", .request(scheme: "1http"), .refused),
        ]
}
