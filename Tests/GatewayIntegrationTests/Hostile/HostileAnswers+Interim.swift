/// Interim responses, 101, and answers that are odd but in order.
extension HostileAnswer {
    private static let final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    static let interims: [Self] = [
        refused(
            "101 that nobody asked for", "9110 § 15.2.2",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nsecret"),
        refused(
            "101 to HTTP/2 that nobody asked for", "9110 § 15.2.2",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * secret"),
        refused("101 without Upgrade", "9110 § 15.2.2", "HTTP/1.1 101 Switching Protocols\r\n\r\nsecret"),
        refused("101 with a length", "9110 § 8.6", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 6\r\n\r\nsecret"),
        refused(
            "101 behind an interim response", "9110 § 15.2.2",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nsecret"
        ).after(103),
        refused("an interim response with a length", "9110 § 8.6", "HTTP/1.1 103 Early Hints\r\nContent-Length: 6\r\n\r\nsecret"),
        refused("an interim response with chunks", "9112 § 6.1", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"),
        refused("an interim response with a NUL", "9110 § 5.5", "HTTP/1.1 103 Early Hints\r\nX-Secret: \0\r\n\r\n" + final),
        refused("too many interim responses", "9110 § 15.2", String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9) + final)
            .after(100, 100, 100, 100, 100, 100, 100, 100),
        refused("interim responses without an end", "9110 § 15.2", String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 500))
            .after(102, 102, 102, 102, 102, 102, 102, 102),
        refused("garbage behind an interim response", "9112 § 4", "HTTP/1.1 100 Continue\r\n\r\nsecret\r\n").after(100),
        refused("an empty line behind an interim response", "9112 § 4", "HTTP/1.1 100 Continue\r\n\r\n\r\n" + final).after(100),
        passes("eight interim responses", "9110 § 15.2", String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 8) + final, "hi")
            .after(100, 100, 100, 100, 100, 100, 100, 100),
        passes("an interim response that nobody knows", "9110 § 15.2", "HTTP/1.1 199 Hm\r\nX-A: 1\r\n\r\n" + final, "hi").after(199),
        passes(
            "an interim response with fields for one hop", "9110 § 7.6.1",
            "HTTP/1.1 103 Early Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: a\r\nLink: </a>\r\n\r\n" + final, "hi"
        ).after(103),
    ]

    private static func odd(_ name: String, _ fields: String, has: [String] = [], lacks: [String] = [], _ section: String = "9110 § 7.6.1")
        -> Self
    {
        passes(name, section, "HTTP/1.1 200 OK\r\n\(fields)\r\nContent-Length: 2\r\n\r\nhi", "hi", has: has, lacks: lacks)
    }

    static let borderline: [Self] = [
        odd("Connection names a field, which goes", "X-Hop: 1\r\nConnection: X-Hop\r\nX-B: 2", has: ["X-B: 2"], lacks: ["X-Hop"]),
        odd(
            "fields for one hop go", "Keep-Alive: a\r\nProxy-Connection: b\r\nTE: c\r\nTrailer: d", lacks: ["Keep-Alive", "TE", "Trailer"]),
        odd(
            "what a proxy asks of its client goes", "Proxy-Authenticate: Basic\r\nProxy-Authentication-Info: a",
            lacks: ["Proxy-Authenticate"]),
        odd(
            "Upgrade without a 426 goes", "Upgrade: h2c, websocket\r\nConnection: Upgrade", lacks: ["Upgrade", "Connection"], "9110 § 7.8"),
        odd("the origin's close is not the client's", "Connection: close", lacks: ["Connection"]).once(then: .close),
        odd("a value of Latin-1", "X-A: \u{e9}", has: ["X-A: \u{e9}"], "9110 § 5.5").opaque(),
        odd("an empty value", "X-A:", has: ["X-A: "], "9110 § 5.5"),
        odd("white space around a value", "X-A: \t a \t", has: ["X-A: a"], "9110 § 5.5"),
        odd("two cookies", "Set-Cookie: a=b\r\nSet-Cookie: c=d", has: ["Set-Cookie: a=b", "Set-Cookie: c=d"], "9110 § 5.3"),
        passes("no reason", "9112 § 4", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", "hi"),
        passes("no space behind the status", "9112 § 4", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        passes("a status that nobody knows", "9110 § 15", "HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi", "hi", status: 299),
        passes("a minor version that nobody knows", "9110 § 2.5", "HTTP/1.7 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        passes("HTTP/1.0 with a length", "9112 § 9.3", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi").once(),
        passes("HTTP/1.0 until the end", "9112 § 6.3", "HTTP/1.0 200 OK\r\n\r\nhi", "hi", has: ["Transfer-Encoding: chunked"]).once(
            then: .close),
        passes("HTTP/1.1 until the end", "9112 § 6.3", "HTTP/1.1 200 OK\r\n\r\nhi", "hi", has: ["Transfer-Encoding: chunked"]).once(
            then: .close),
        passes(
            "zeros before the length", "9110 § 8.6", "HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nhi", "hi", has: ["Content-Length: 2"]),
        passes(
            "204 with a length of 0", "9110 § 8.6", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "", status: 204,
            lacks: ["Content-Length"]),
        passes(
            "304 with the length of what it stands for", "9110 § 8.6", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "",
            status: 304, has: ["Content-Length: 9"]),
        passes(
            "304 with chunks announced", "9112 § 6.1", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "", status: 304,
            lacks: ["Transfer-Encoding"]),
        passes(
            "HEAD with chunks announced", "9112 § 6.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "",
            lacks: ["Transfer-Encoding"]
        ).to("HEAD"),
        passes(
            "chunks with extensions, zeros and upper case", "9112 § 7.1",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0001;a=\"b\"\r\nh\r\nA;c\r\n0123456789\r\n00\r\n\r\n", "h0123456789"),
        passes(
            "trailers that belong into the head", "9110 § 6.5.1",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\nX-Sum: 1\r\n\r\n",
            "hi",
            has: ["X-Sum: 1"], lacks: ["Content-Length", "Set-Cookie"]),
        passes(
            "a trailer that Connection names", "9110 § 7.6.1",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n2\r\nhi\r\n0\r\nX-Hop: 1\r\nX-Sum: 1\r\n\r\n", "hi",
            has: ["X-Sum: 1"], lacks: ["X-Hop"]),
        passes(
            "426 and what to switch to", "9110 § 15.5.22",
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi", "hi", status: 426,
            has: ["Upgrade: websocket", "Connection: Upgrade"]),
        passes(
            "426 that asks for HTTP past the gateway", "9110 § 15.5.22",
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi", "hi", status: 426,
            lacks: ["Upgrade", "Connection"]),
    ]
}
