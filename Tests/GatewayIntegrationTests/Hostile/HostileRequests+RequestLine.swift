/// The request line: method, target, version, and one space between them (RFC 9112 §§ 2 and 3).
extension HostileRequest {
    /// A request with a line of its own, and otherwise in order.
    private static func line(_ name: String, _ line: String, _ errorType: String = "request_line_invalid", _ status: Int = 400) -> Self {
        refused(name, "9112 § 3", "\(line)\r\nHost: a\r\n\r\n", errorType, status)
    }

    private static func method(_ name: String, _ method: String) -> Self {
        refused(name, "9110 § 9.1", "\(method) / HTTP/1.1\r\nHost: a\r\n\r\n", "request_line_invalid")
    }

    private static func version(_ name: String, _ version: String, _ errorType: String = "request_line_invalid", _ status: Int = 400)
        -> Self
    {
        refused(name, "9112 § 2.3", "GET / \(version)\r\nHost: a\r\n\r\n", errorType, status)
    }

    private static func good(_ name: String, _ section: String, _ line: String, as forwarded: String) -> Self {
        passes(name, section, "\(line)\r\nHost: a\r\n\r\n", Forwarded(line: forwarded, host: "a", body: ""))
    }

    static let requestLines: [Self] = whiteSpace + methods + versions + beginnings

    private static let whiteSpace: [Self] = [
        line("two spaces before the target", "GET  / HTTP/1.1"),
        line("two spaces before the version", "GET /  HTTP/1.1"),
        line("a space behind the version", "GET / HTTP/1.1 "),
        line("a tab behind the version", "GET / HTTP/1.1\t"),
        line("a space before the method", " GET / HTTP/1.1"),
        line("a tab before the method", "\tGET / HTTP/1.1"),
        line("a tab between method and target", "GET\t/ HTTP/1.1"),
        line("a tab between target and version", "GET /\tHTTP/1.1", "target_invalid"),
        line("a vertical tab between method and target", "GET\u{0b}/ HTTP/1.1"),
        line("a form feed between target and version", "GET /\u{0c}HTTP/1.1", "target_invalid"),
        line("a no-break space between target and version", "GET /\u{a0}HTTP/1.1", "target_invalid"),
        line("a NUL between method and target", "GET\0/ HTTP/1.1"),
        line("a space in the target", "GET /a b HTTP/1.1"),
        line("a space in the query", "GET /?a b HTTP/1.1"),
        line("no version", "GET /"),
        line("no version, but its space", "GET / "),
        line("no target", "GET HTTP/1.1", "target_invalid"),
        line("no target, but both spaces", "GET  HTTP/1.1"),
        line("a method alone", "GET"),
        line("a second version behind the first", "GET / HTTP/1.1 HTTP/1.1"),
        line("two CRs behind the version", "GET / HTTP/1.1\r"),
        line("a CR within the target", "GET /a\rb HTTP/1.1"),
        line("a CR between target and version", "GET /\rHTTP/1.1"),
        refused("LF alone behind the request line", "9112 § 2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n", "request_line_invalid"),
        refused("CR alone behind the request line", "9112 § 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n", "request_line_invalid"),
        refused("LF alone behind every line", "9112 § 2.2", "GET / HTTP/1.1\nHost: a\n\n", "request_line_invalid"),
        refused("a folded request line", "9112 § 2.2", "GET /\r\n HTTP/1.1\r\nHost: a\r\n\r\n", "request_line_invalid"),
        refused("a field's white space behind the request line", "9112 § 2.2", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", "field_invalid"),
        line("a request line of 8 KB", "GET /\(String(repeating: "a", count: 8 * 1024)) HTTP/1.1", "request_line_too_long", 414),
        line("a query of 9 KB", "GET /?\(String(repeating: "a", count: 9 * 1024)) HTTP/1.1", "request_line_too_long", 414),
        line("a method of 9 KB", "\(String(repeating: "A", count: 9 * 1024)) / HTTP/1.1", "request_line_too_long", 414),
    ]

    private static let methods: [Self] = [
        method("an at sign in the method", "G@T"),
        method("a NUL in the method", "GE\0T"),
        method("a colon before the method", ":GET"),
        method("a colon behind the method", "GET:"),
        method("a byte above 127 in the method", "G\u{c9}T"),
        method("UTF-8 in the method", "G\u{c3}\u{89}T"),
        method("DEL in the method", "GET\u{7f}"),
        method("a quote around the method", "\"GET\""),
        method("parentheses in the method", "GET()"),
        method("a comma in the method", "GET,POST"),
        method("a slash in the method", "GET/"),
        method("braces around the method", "{GET}"),
        method("an equals sign in the method", "GET=1"),
        method("a backslash in the method", "GET\\"),
        method("an escape in the method", "\u{1b}GET"),
        line("CONNECT to an authority", "CONNECT a:443 HTTP/1.1", "method_unsupported", 501),
        line("CONNECT to a path", "CONNECT / HTTP/1.1", "method_unsupported", 501),
        line("CONNECT with a length", "CONNECT a:80 HTTP/1.1\r\nContent-Length: 5", "method_unsupported", 501),
        good("a method in lower case, which is another method", "9110 § 9.1", "get / HTTP/1.1", as: "get /"),
        good("connect in lower case, which is no CONNECT", "9110 § 9.1", "connect / HTTP/1.1", as: "connect /"),
        good("a method of punctuation", "9110 § 5.6.2", "!#$%&'*+-.^_`|~ / HTTP/1.1", as: "!#$%&'*+-.^_`|~ /"),
        good("a method of digits", "9110 § 9.1", "123 / HTTP/1.1", as: "123 /"),
        good("HEAD", "9110 § 9.3.2", "HEAD / HTTP/1.1", as: "HEAD /"),
        good("TRACE without content", "9110 § 9.3.8", "TRACE / HTTP/1.1", as: "TRACE /"),
        good("HEAD in lower case, whose answer has a body", "9110 § 9.1", "head / HTTP/1.1", as: "head /"),
    ]

    private static let versions: [Self] = [
        version("a version in lower case", "http/1.1"),
        version("a version in mixed case", "Http/1.1"),
        version("a version of one digit", "HTTP/1"),
        version("a minor version of two digits", "HTTP/1.10"),
        version("a major version of two digits", "HTTP/11.1"),
        version("a leading zero in the version", "HTTP/01.1"),
        version("a version without a dot", "HTTP/11"),
        version("a version with a comma", "HTTP/1,1"),
        version("a version with a sign", "HTTP/+1.1"),
        version("a space in the version", "HTTP/ 1.1"),
        version("a space before the slash", "HTTP /1.1"),
        version("a letter as the minor version", "HTTP/1.x"),
        version("no digits at all", "HTTP/"),
        version("no slash", "HTTP1.1"),
        version("another protocol", "RTSP/1.0"),
        version("S-HTTP", "Secure-HTTP/1.4"),
        version("ICAP", "ICAP/1.0"),
        version("a NUL in the version", "HTTP/1.1\0"),
        version("a byte above 127 in the version", "HTTP/1.\u{b1}"),
        version("a full-width digit in the version", "HTTP/1.\u{ff11}"),
        version("HTTP/2.0", "HTTP/2.0", "version_unsupported", 505),
        version("HTTP/3.0", "HTTP/3.0", "version_unsupported", 505),
        version("HTTP/9.9", "HTTP/9.9", "version_unsupported", 505),
        version("HTTP/0.9 by name", "HTTP/0.9", "version_unsupported", 505),
        version("HTTP/0.0", "HTTP/0.0", "version_unsupported", 505),
        good("HTTP/1.2, which is answered as HTTP/1.1", "9110 § 2.5", "GET / HTTP/1.2", as: "GET /"),
        good("HTTP/1.9, likewise", "9110 § 2.5", "GET /9 HTTP/1.9", as: "GET /9"),
        good("HTTP/1.0 ends its connection", "9112 § 9.3", "GET / HTTP/1.0", as: "GET /").ending(),
        passes(
            "HTTP/1.0 that keeps its connection goes on as HTTP/1.1", "9112 § 9.3",
            "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
            Forwarded(line: "POST /", host: "a", body: "hi")
        ).ending(),
        passes("HTTP/1.0 without Host gets an empty one", "9112 § 3.2", "GET / HTTP/1.0\r\n\r\n", Forwarded(line: "GET /", host: ""))
            .ending(),
    ]

    private static let beginnings: [Self] = [
        line("a CR before the line", "\rGET / HTTP/1.1"),
        line("a LF before the line", "\nGET / HTTP/1.1"),
        line("two CRs and a LF before the line", "\r\r\nGET / HTTP/1.1"),
        line("too many empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1"),
        line("a space on the line before", " \r\nGET / HTTP/1.1"),
        line("a NUL before the line", "\0GET / HTTP/1.1"),
        line("a byte order mark", "\u{ef}\u{bb}\u{bf}GET / HTTP/1.1"),
        line("a comment before the line", "# a\r\nGET / HTTP/1.1", "target_invalid"),
        line("a status line", "HTTP/1.1 200 OK"),
        line("a field before the request line", "Host: a\r\nGET / HTTP/1.1"),
        line("HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n"),
        line("half of HTTP/2's preface", "PRI / HTTP/1.1"),
        line("a TLS handshake", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}"),
        line("an SSLv2 hello", "\u{80}\u{2e}\u{01}\u{03}\u{01}"),
        line("the PROXY protocol, version 1", "PROXY TCP4 127.0.0.1 127.0.0.2 1 2\r\nGET / HTTP/1.1", "target_invalid"),
        line("the PROXY protocol, version 2", "\r\n\r\n\0\r\nQUIT\n"),
        line("an SSH banner", "SSH-2.0-x", "request_line_invalid"),
        line("a message of SMTP", "EHLO a", "target_invalid"),
        line("a command of Redis", "*1\r\n$4\r\nPING"),
        refused("HTTP/0.9", "9112 § 2.3", "GET /\r\n", "request_line_invalid"),
        refused("HTTP/0.9 with a space behind its path", "9112 § 2.3", "GET / \r\n", "request_line_invalid"),
        good("an empty line before the request line", "9112 § 2.2", "\r\nGET / HTTP/1.1", as: "GET /"),
        good("four empty lines before the request line", "9112 § 2.2", "\r\n\r\n\r\n\r\nGET / HTTP/1.1", as: "GET /"),
    ]
}
