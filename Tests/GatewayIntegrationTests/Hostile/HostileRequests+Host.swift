/// Host: exactly one, and an authority that everybody reads alike (RFC 9112 § 3.2, RFC 3986 § 3.2).
extension HostileRequest {
    private static func host(_ name: String, _ fields: String, _ section: String = "9112 § 3.2") -> Self {
        refused(name, section, "GET / HTTP/1.1\r\n\(fields)\r\n", "host_invalid")
    }

    private static func value(_ name: String, _ value: String) -> Self {
        host(name, "Host: \(value)\r\n", "3986 § 3.2")
    }

    private static func good(_ name: String, _ field: String, as value: String) -> Self {
        passes(name, "3986 § 3.2", "GET / HTTP/1.1\r\n\(field)\r\n\r\n", Forwarded(line: "GET /", host: value))
    }

    static let hosts: [Self] = [
        host("no Host", ""),
        host("no Host, but one behind the head", "X: a\r\n\r\nHost: a\r\n"),
        host("Host in another field's name", "X-Host: a\r\n"),
        host("Host with an underscore for its colon", "Host_: a\r\n"),
        host("two Hosts", "Host: a\r\nHost: b\r\n"),
        host("two Hosts in different case", "Host: a\r\nhOST: b\r\n"),
        host("the same Host twice", "Host: a\r\nHost: a\r\n"),
        host("two Hosts with fields between them", "Host: a\r\nX: b\r\nY: c\r\nHost: d\r\n"),
        host("an empty Host behind a full one", "Host: a\r\nHost:\r\n"),
        host("an empty Host", "Host:\r\n"),
        host("a Host of white space", "Host: \t \r\n"),
        host("two Hosts in HTTP/1.0", "Host: a\r\nHost: b\r\n").as("GET / HTTP/1.0"),
        host("a malformed Host in HTTP/1.0", "Host: a/b\r\n").as("GET / HTTP/1.0"),
        value("a blank in Host", "a b"),
        value("a tab in Host", "a\tb"),
        value("a list in Host", "a, b"),
        value("a path in Host", "a/b"),
        value("a query in Host", "a?b"),
        value("a fragment in Host", "a#b"),
        value("a backslash in Host", "a\\b"),
        value("a scheme in Host", "http://a"),
        value("userinfo in Host", "u@a"),
        value("a user and a password in Host", "u:p@a"),
        value("empty userinfo in Host", "@a"),
        value("an at sign behind Host", "a@"),
        value("a port without a host", ":80"),
        value("a port that is no number", "a:b"),
        value("a port that is too large", "a:65536"),
        value("a port of six digits", "a:000080"),
        value("a port that wraps", "a:4294967376"),
        value("a negative port", "a:-80"),
        value("a port with a sign", "a:+80"),
        value("a port with a blank", "a: 80"),
        value("two ports", "a:80:81"),
        value("two colons before the port", "a::80"),
        value("a hexadecimal port", "a:0x50"),
        value("an empty label", "a..b"),
        value("a dot before the name", ".a"),
        value("two dots behind the name", "a.."),
        value("a dot alone", "."),
        value("a comma for a dot", "a,b"),
        value("a semicolon in Host", "a;b"),
        value("an asterisk in Host", "*.a"),
        value("a dollar sign in Host", "$host"),
        value("braces in Host", "{a}"),
        value("a quote in Host", "\"a\""),
        value("an apostrophe in Host", "a'b"),
        value("an angle bracket in Host", "<a>"),
        value("an exclamation mark in Host", "a!"),
        value("an escape in Host", "a%2eb"),
        value("an escaped NUL in Host", "a%00"),
        value("an escaped slash in Host", "a%2fb"),
        value("a percent sign in Host", "a%"),
        value("a byte above 127 in Host", "\u{e9}"),
        value("UTF-8 in Host", "\u{c3}\u{a9}.example"),
        value("a full stop of another script in Host", "a\u{3002}b"),
        value("an address without its bracket", "[::1"),
        value("an address without its first bracket", "::1]"),
        value("an address without brackets", "::1"),
        value("an address that is none", "[::g]"),
        value("an address that is too long", "[1:2:3:4:5:6:7:8:9]"),
        value("an address with two gaps", "[1::2::3]"),
        value("an empty address", "[]"),
        value("an IPv4 address in brackets", "[127.0.0.1]"),
        value("a name in brackets", "[localhost]"),
        value("a zone in the address", "[fe80::1%25lo]"),
        value("a zone without its escape", "[fe80::1%lo]"),
        value("a future address in Host", "[v1.fe80]"),
        value("a name behind the address", "[::1]a"),
        value("a bracket behind the port", "[::1]:80]"),
        value("two addresses", "[::1][::2]"),
        value("a name of 255 bytes", String(repeating: "a.", count: 127) + "a"),
        refused("a NUL in Host", "9110 § 5.5", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", "field_invalid"),
        refused("a CR in Host", "9110 § 5.5", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "field_invalid"),
        refused("a LF in Host", "9112 § 2.2", "GET / HTTP/1.1\r\nHost: a\nHost: b\r\n\r\n", "field_invalid"),
        refused("a folded Host", "9112 § 5.2", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", "field_invalid"),
        refused("a second line of Host", "9112 § 5.2", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "field_invalid"),
        refused("a space between Host and its colon", "9112 § 5.1", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "field_invalid"),
        refused("a NUL in Host's name", "9110 § 5.1", "GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n", "field_invalid"),
        good("no space behind Host's colon", "Host:a", as: "a"),
        good("white space around Host", "Host: \t a \t ", as: "a"),
        good("Host in another case", "hOsT: A.Example", as: "A.Example"),
        good("an empty port", "Host: a:", as: "a:"),
        good("a port of 0", "Host: a:0", as: "a:0"),
        good("a port with zeros before it", "Host: a:00080", as: "a:00080"),
        good("a dot behind the name", "Host: a.b.", as: "a.b."),
        good("an underscore in the name", "Host: _a.b", as: "_a.b"),
        good("a name of hyphens", "Host: --", as: "--"),
        good("a number as a name", "Host: 2130706433", as: "2130706433"),
        good("an IPv6 address and a port", "Host: [2001:DB8::1]:8080", as: "[2001:DB8::1]:8080"),
        good("an IPv4 address within an IPv6 one", "Host: [::ffff:127.0.0.1]", as: "[::ffff:127.0.0.1]"),
        good("X-Host beside Host", "Host: a\r\nX-Host: b", as: "a"),
        passes(
            "Host as the last field", "9112 § 3.2", "GET / HTTP/1.1\r\nX: a\r\nHost: b\r\n\r\n",
            Forwarded(line: "GET /", host: "b", has: ["X: a"])),
    ]

    /// The same with another request line.
    private func `as`(_ line: String) -> Self {
        let rest = bytes.drop { $0 != 0x0d }
        return .refused(name, section, line + rest.map { String(Unicode.Scalar($0)) }.joined(), "host_invalid")
    }
}
