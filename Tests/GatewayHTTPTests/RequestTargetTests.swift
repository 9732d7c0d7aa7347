import GatewayCore
import GatewayHTTP
import Testing

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/", "/", "", false), ("/a/b", "/a/b", "", false), ("/a?", "/a", "", true), ("/a?b", "/a", "b", true),
        ("/a?b?c=/d", "/a", "b?c=/d", true), ("//a", "//a", "", false), ("/?", "/", "", true), ("/a;p=1,2", "/a;p=1,2", "", false),
        ("/a?%zz%", "/a", "%zz%", true), ("/a?x=<\"^`{|}>[]", "/a", "x=<\"^`{|}>[]", true),
        ("/a:b@c!$&'()*+,;=-._~", "/a:b@c!$&'()*+,;=-._~", "", false),
        ("/http://x/", "/http://x/", "", false), ("/*", "/*", "", false), ("/?/../..", "/", "/../..", true),
    ])
    func `an origin-form has a path and perhaps a query`(target: String, path: String, query: String, hasQuery: Bool) throws {
        let request = try parsed(request("GET \(target) HTTP/1.1"))
        #expect(request.targetForm == .origin)
        #expect(request.target == target)
        #expect(request.path == path)
        #expect(request.query == query)
        #expect(request.hasQuery == hasQuery)
    }

    @Test(arguments: [
        ("http://b.example/x?y", "b.example", "b.example", "/x?y", "/x", "y"),
        ("HTTPS://B.Example:443/x", "B.Example:443", "b.example", "/x", "/x", ""),
        ("http://b", "b", "b", "/", "/", ""),
        ("http://b?", "b", "b", "/?", "/", ""),
        ("http://b?q", "b", "b", "/?q", "/", "q"),
        ("http://b:80?q", "b:80", "b", "/?q", "/", "q"),
        ("hTTp://b.example./", "b.example.", "b.example", "/", "/", ""),
        ("http://[::1]:8080/x", "[::1]:8080", "[::1]", "/x", "/x", ""),
        ("http://[2001:DB8::1]", "[2001:DB8::1]", "[2001:db8::1]", "/", "/", ""),
        ("http://b//x", "b", "b", "//x", "//x", ""),
        ("http://1.2.3.4/", "1.2.3.4", "1.2.3.4", "/", "/", ""),
    ])
    func `the authority of an absolute-form wins over Host`(
        target: String, authority: String, hostname: String, rest: String, path: String, query: String
    ) throws {
        let request = try parsed(request("GET \(target) HTTP/1.1"))
        #expect(request.targetForm == .absolute)
        #expect(request.authority == authority)
        #expect(request.hostname == hostname)
        #expect(request.target == rest)
        #expect(request.path == path)
        #expect(request.unmerged == path)
        #expect(request.query == query)
        #expect(request.value("host") == "a.example")
    }

    @Test func `Host must be there and valid although an absolute-form overrules it`() {
        #expect(outcome(request("GET http://b/ HTTP/1.1", host: nil)) == .refused(.hostInvalid))
        #expect(outcome(request("GET http://b/ HTTP/1.1", host: "Host: b c")) == .refused(.hostInvalid))
        #expect(outcome(request("GET http://b/ HTTP/1.1", host: "Host: b", "Host: b")) == .refused(.hostInvalid))
    }

    @Test func `an absolute-form without Host is fine in HTTP 1_0`() throws {
        let request = try parsed(request("GET http://b/x HTTP/1.0", host: nil))
        #expect(request.hostname == "b")
        #expect(request.path == "/x")
    }

    @Test(arguments: [
        "http:///x", "http://", "http://?q", "http://u@b/", "http://u:p@b/", "http://@b/", "http://b@/", "http:/b/x", "http:b", "http//b/",
        "http",
        "httpx://b/", "ftp://b/", "file:///etc/passwd", "ws://b/", "javascript:alert(1)", "http://b:99999/", "http://b:8x/", "http://b:-1/",
        "http://b,c/", "http://b%2ec/", "http://[::1/", "http://[::1]x/", "http://::1/", "http://b..c/", "http://.b/", "http://b;c/",
        "http://b\\c/", "http://b/\\", "http://b#f", "http://b/#f", "http://b c/", "http://[v1.x]/", "http://*/", "http://b\u{e9}/",
        "://b/",
    ])
    func `an absolute-form that is none is refused`(target: String) {
        let result = outcome(request("GET \(target) HTTP/1.1"))
        #expect(result == .refused(.targetInvalid) || result == .refused(.requestLineInvalid))
    }

    @Test func `the asterisk-form is for OPTIONS alone`() throws {
        let request = try parsed(request("OPTIONS * HTTP/1.1"))
        #expect(request.targetForm == .asterisk)
        #expect(request.target == "*")
        #expect(request.path == "*")
        #expect(request.merged == "*")
        #expect(!request.hasQuery)
        for line in [
            "GET * HTTP/1.1", "options * HTTP/1.1", "OPTIONS ** HTTP/1.1", "OPTIONS *? HTTP/1.1", "OPTIONS */ HTTP/1.1", "POST * HTTP/1.1",
        ] {
            #expect(outcome(GatewayHTTPTests.request(line)) == .refused(.targetInvalid), "\(line)")
        }
    }

    @Test(arguments: [
        "a", "a/b", "?q", "a.example:443", "", "#", "/#", "/a#b", "/a?b#c", "\\", "/\\", "/a\\..\\b", "/a?\\", "/\u{7f}", "/\u{0}",
        "/a\u{1}b", "/\u{1f}",
        "/\u{e9}", "/a?\u{e9}", "/\u{ffff}", "/a\u{0}?b", "/?\u{0}", "/?\u{7f}", "../", ".", "%2f", "[::1]", "\u{e9}", "/a\tb", "/?a\tb",
    ])
    func `other targets are refused`(target: String) {
        let result = outcome(request("GET \(target) HTTP/1.1"))
        #expect(result == .refused(.targetInvalid) || result == .refused(.requestLineInvalid))
    }

    @Test func `every byte is allowed in a path or it is not`() {
        for byte in UInt8.min...UInt8.max where byte != 0x0a {
            let head = Array("GET /a".utf8) + [byte] + Array("b HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let isAllowed = (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "#") && byte != UInt8(ascii: "\\")
            if case .parsed = cutOutcome(head) { #expect(isAllowed, "\(byte)") } else { #expect(!isAllowed, "\(byte)") }
        }
    }
}
