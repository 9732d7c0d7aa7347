import TestSupport
import Testing

/// What of a head goes on to the other side, and what is for one hop (RFC 9110 § 7.6).
@Suite struct HeaderRelayTests {
    private static let hopByHop = [
        "Connection: close, X-Named, x-also", "Connection: X-Third", "X-Named: 1", "X-Also: 2", "x-third: 3", "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive", "TE: trailers", "Trailer: X-T", "Upgrade: websocket", "Proxy-Authorization: Basic eA==",
        "Proxy-Authenticate: Basic", "Proxy-Authentication-Info: x",
    ]
    private static let names = hopByHop.map { $0.prefix { $0 != ":" } }

    @Test func `no hop-by-hop field of a request reaches the origin`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 204 No Content\r\n\r\n")
        _ = try proxied.gateway.get("/", fields: Self.hopByHop + ["X-Stays: 4"])
        let request = try proxied.lastRequest()
        for name in Self.names { #expect(request[String(name)] == nil, "\(name)") }
        #expect(request["X-Stays"] == "4")
    }

    @Test func `no hop-by-hop field of a response reaches the client`() throws {
        let fields = Self.hopByHop.joined(separator: "\r\n")
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 200 OK\r\n\(fields)\r\nX-Stays: 4\r\nContent-Length: 2\r\n\r\nhi")
        let client = try proxied.gateway.connect()
        // The origin's `close` is about its own connection.
        for _ in 1...2 {
            let answer = try client.get("/")
            for name in Self.names { #expect(answer[String(name)] == nil, "\(name)") }
            #expect(answer["X-Stays"] == "4" && answer.text == "hi")
        }
    }

    @Test func `fields keep their order, their spelling and their repetitions`() throws {
        let proxied = try ProxiedOrigin(
            answering: "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nx-weird_name.~: v\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n")
        let answer = try proxied.gateway.get(
            "/", fields: ["Cookie: a=1", "x-lower: 1", "X-UPPER: 2", "Cookie: b=2", "X-Empty:", "X_Under: 3"])
        #expect(answer.values("Set-Cookie") == ["a=1; Path=/", "b=2"])
        #expect(answer.rawHead.contains("\r\nSet-Cookie: a=1; Path=/\r\nx-weird_name.~: v\r\nSet-Cookie: b=2\r\n"))
        #expect(proxied.received.contains("\r\nCookie: a=1\r\nx-lower: 1\r\nX-UPPER: 2\r\nCookie: b=2\r\nX-Empty: \r\nX_Under: 3\r\n"))
    }

    @Test func `white space around a value goes, that within stays`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 200 OK\r\nX-A:\t x  y \t\r\nContent-Length: 0\r\n\r\n")
        let answer = try proxied.exchange("GET / HTTP/1.1\r\nHost:a\r\nX-B: \t p \t q  \r\n\r\n")
        #expect(answer.rawHead.contains("\r\nX-A: x  y\r\n"))
        #expect(proxied.received.contains("\r\nX-B: p \t q\r\n"))
        #expect(proxied.received.contains("\r\nHost: a\r\n"))
    }

    @Test func `bytes from 128 on pass in values and reasons, both ways`() throws {
        // Latin-1, which is no UTF-8.
        let value: [UInt8] = [0x63, 0x61, 0x66, 0xe9, 0x20, 0xff, 0x80]
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                let head = try connection.receive("a head", until: Deadline()) { $0.suffix(4) == [13, 10, 13, 10] ? $0.count : nil }
                let status = Array("HTTP/1.1 200 ".utf8) + value + Array("\r\nX-A: ".utf8) + value
                try connection.send(status + Array("\r\nContent-Length: \(head.count)\r\n\r\n".utf8) + head)
            })
        let client = try proxied.gateway.connect()
        try client.send(Array("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-B: ".utf8) + value + [13, 10, 13, 10])
        let answer = try client.receiveToEnd()
        #expect(contains(answer, Array("HTTP/1.1 200 ".utf8) + value + [13, 10]))
        #expect(contains(answer, Array("\r\nX-A: ".utf8) + value + [13, 10]))
        #expect(contains(answer, Array("\r\nX-B: ".utf8) + value + [13, 10]))
    }

    private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }

    @Test func `a response gets a Date if it has none, and keeps the one it has`() throws {
        let without = try ProxiedOrigin(answering: "HTTP/1.1 204 No Content\r\n\r\n")
        let date = try #require(try without.gateway.get("/")["Date"])
        #expect(date.wholeMatch(of: /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/) != nil)
        let old = "Sun, 06 Nov 1994 08:49:37 GMT"
        let with = try ProxiedOrigin(answering: "HTTP/1.1 204 No Content\r\nDate: \(old)\r\n\r\n")
        #expect(try with.gateway.get("/").values("Date") == [old])
    }

    @Test func `an absolute-form is passed on as path and Host, and its authority wins`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 204 No Content\r\n\r\n")
        let client = try proxied.gateway.connect()
        for (target, path) in [("http://Example.com:81/a?b", "/a?b"), ("HTTPS://Example.com:81", "/"), ("http://Example.com:81?q", "/?q")] {
            _ = try client.get(target, host: "other.example")
            let request = try proxied.lastRequest()
            #expect(request.target == path)
            #expect(request.values("Host") == ["Example.com:81"])
        }
    }

    @Test func `OPTIONS * is passed on as it is`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n")
        let answer = try proxied.gateway.connect().request("OPTIONS", "*")
        #expect(answer.status == 200 && answer["Allow"] == "GET")
        #expect(try proxied.lastRequest().requestLine == "OPTIONS * HTTP/1.1")
    }

    @Test func `methods that nobody knows are passed on`() throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        for method in ["PATCH", "TRACE", "M-SEARCH", "get", "PURGE", "!#$%&'*+-.^_`|~"] {
            #expect(try client.request(method, "/x").text == "\(method) /x ")
        }
    }

    @Test func `the query is passed on as it is`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 204 No Content\r\n\r\n")
        for target in ["/a?", "/?a=b&c=%2f%2F//../?&", "/?a=%00%zz%", "/a?x=/../y"] {
            _ = try proxied.gateway.get(target)
            #expect(try proxied.lastRequest().target == target)
        }
    }
}
