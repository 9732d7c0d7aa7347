import GatewayCore
import GatewayHTTP
import Testing

@Suite struct HostTests {
    @Test(arguments: [
        ("a", "a"), ("A.B", "a.b"), ("a.example", "a.example"), ("a.example.", "a.example"), ("A.example.:80", "a.example"), ("a:0", "a"),
        ("a:65535", "a"), ("a:", "a"), ("a:00080", "a"), ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:80", "1.2.3.4"), ("a_b-c.9", "a_b-c.9"),
        ("-", "-"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("[::1]", "[::1]"), ("[::]", "[::]"), ("[::1]:80", "[::1]"),
        ("[::FFFF:1.2.3.4]", "[::ffff:1.2.3.4]"),
        ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]"), ("[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]"), ("[1::]", "[1::]"),
        ("[1::8]:", "[1::8]"),
        ("[2001:DB8::1]", "[2001:db8::1]"), ("[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8]"), ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]"),
        ("[fe80::1:2]", "[fe80::1:2]"),
    ])
    func `a valid Host gives the hostname`(value: String, hostname: String) throws {
        let request = try parsed(request(host: "Host: \(value)"))
        #expect(request.authority == value)
        #expect(request.hostname == hostname)
    }

    @Test(arguments: [
        "", " ", ".", "..", ".a", "a..b", "a..", ":80", ":", "a:65536", "a:123456", "a:000080", "a:8o", "a:-1", "a:+1", "a: 80", "a:80:80",
        "a b", "a,b",
        "a/b", "a/", "/", "http://a", "u@a", "a@", "a?b", "a#b", "a\\b", "a%2eb", "a%", "a;b", "a=b", "a!", "a*", "*.a", "a'b", "a(b)",
        "a~b", "a$b",
        "a&b", "a+b", "\"a\"", "<a>", "a|b", "a^b", "a`b", "{a}", "b\u{fc}cher", "a\u{e9}", "[", "]", "[]", "[::1", "::1", "1::", "[::1]80",
        "[::1]a",
        "[::1]]", "[[::1]]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[::1::]", "[:1]", "[1:]", "[:::]",
        "[:]", "[12345::]",
        "[g::]", "[::1%25eth0]", "[::1%eth0]", "[fe80::1%1]", "[v1.a]", "[1.2.3.4]", "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]",
        "[::01.2.3.4]",
        "[::1.2.3.4:5]", "[1:2:3:4:5:6:7:1.2.3.4]", "[::1.2.3.]", "[::1:2:3:4:5:6:1.2.3.4]", "[::a.2.3.4]", "a[::1]", "[ ::1]",
        String(repeating: "a", count: 255),
    ])
    func `an invalid Host is refused`(value: String) {
        #expect(outcome(request(host: "Host: \(value)")) == .refused(.hostInvalid))
    }

    @Test func `HTTP 1_1 needs a Host`() {
        #expect(outcome(request(host: nil)) == .refused(.hostInvalid))
        #expect(outcome(request(host: "Hos: a")) == .refused(.hostInvalid))
        #expect(outcome(request(host: "X-Host: a")) == .refused(.hostInvalid))
    }

    @Test func `HTTP 1_0 may have one`() throws {
        let without = try parsed(request("GET / HTTP/1.0", host: nil))
        #expect(without.authority == "")
        #expect(without.hostname == "")
        let with = try parsed(request("GET / HTTP/1.0"))
        #expect(with.hostname == "a.example")
        #expect(outcome(request("GET / HTTP/1.0", host: "Host: a b")) == .refused(.hostInvalid))
    }

    @Test(arguments: ["GET / HTTP/1.1", "GET / HTTP/1.0", "GET http://a.example/ HTTP/1.1"])
    func `a request with two Hosts is refused`(line: String) {
        #expect(outcome(request(line, host: "Host: a.example", "Host: a.example")) == .refused(.hostInvalid))
        #expect(outcome(request(line, host: "Host: a.example", "X: y", "HOST: b")) == .refused(.hostInvalid))
        #expect(outcome(request(line, host: "Host:", "host: a")) == .refused(.hostInvalid))
    }

    @Test func `a Host is read anew with every request of a connection, whatever it was before`() throws {
        let long = String(repeating: "a", count: 50)
        let hosts = [
            "a.example", "a.example", "b.example", "a.example", "A.example", "a.example:80", "a.exampl", "a..xample", "a.example", long,
            long + "b",
            "a.example", "a example", "[::1]", "[::1]", "a.example",
        ]
        let pool = lastingPool()
        var parser = HTTP1RequestParser()
        for host in hosts {
            let bytes = Array(request(host: "Host: \(host)").utf8)
            var head = RequestHead(pool: pool)
            let consumed = try? parser.parse(bytes.rawSpan, into: &head)
            guard case .parsed(let expected) = outcome(bytes) else {
                #expect(consumed == nil)
                parser = HTTP1RequestParser()
                continue
            }
            let read = ParsedRequest(consumed ?? 0, &head)
            #expect(read == expected)
        }
    }

    @Test func `the longest name passes`() throws {
        let name = String(repeating: "a.", count: 127)
        let request = try parsed(request(host: "Host: \(name)"))
        #expect(request.hostname == String(name.dropLast()))
    }
}
