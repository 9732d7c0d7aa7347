/// What is for one hop: Connection and what it names, Upgrade, TE, Expect, Max-Forwards (RFC 9110 §§ 7.6, 7.8, 10.1).
extension HostileRequest {
    private static func connection(_ name: String, _ value: String, fields: String = "") -> Self {
        refused(name, "9110 § 7.6.1", "GET / HTTP/1.1\r\nHost: a\r\n\(fields)Connection: \(value)\r\n\r\n", "field_invalid")
    }

    private static func good(_ name: String, _ fields: String, has: [String] = [], lacks: [String] = [], _ section: String = "9110 § 7.6.1")
        -> Self
    {
        passes(
            name, section, "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n",
            Forwarded(line: "GET /", host: "a", body: "", has: has, lacks: lacks))
    }

    static let connections: [Self] = [
        connection("Connection that names Content-Length", "Content-Length", fields: "Content-Length: 0\r\n"),
        connection("Connection that names Host", "close, host"),
        connection("Connection that names Authorization", "Authorization", fields: "Authorization: Bearer a\r\n"),
        connection("Connection that names X-Forwarded-For", "X-Forwarded-For"),
        connection("Connection that names X-Forwarded-Host", "keep-alive, X-FORWARDED-HOST"),
        connection("Connection that names X-Real-IP", "X-Real-IP"),
        connection("Connection that names X-API-Key", "X-API-Key"),
        connection("Connection that names Cookie", "Cookie", fields: "Cookie: a=b\r\n"),
        connection("Connection that names Cache-Control", "Cache-Control"),
        connection("Connection that names Content-Type", "Content-Type"),
        connection("Connection that names X-Request-ID", "x-request-id"),
        connection("Connection that names Via", "Via"),
        connection("Connection that names Expect", "Expect"),
        connection("Connection that names Max-Forwards", "Max-Forwards"),
        connection("Connection that names If-None-Match", "If-None-Match"),
        connection("Connection that is no list of tokens", "a b"),
        connection("Connection with a parameter", "close;q=1"),
        connection("Connection in quotes", "\"close\""),
        connection("Connection with a byte above 127", "cl\u{f6}se"),
        connection("Connection with an equals sign", "a=b"),
        connection("Connection with a slash", "HTTP/1.1"),
        connection("Connection that names seventeen fields", (1...17).map { "X-\($0)" }.joined(separator: ", ")),
        connection("an end-to-end field in the second Connection", "Host", fields: "Connection: close\r\n"),
        good("Connection names a field, which goes", "X-A: 1\r\nConnection: X-A\r\nX-B: 2", has: ["X-B: 2"], lacks: ["X-A"]),
        good("Connection names a field before it comes", "Connection: x-a\r\nX-A: 1\r\nX-A: 2", lacks: ["X-A"]),
        good("two Connections name two fields", "Connection: X-A\r\nConnection: X-B\r\nX-A: 1\r\nX-B: 2", lacks: ["X-A", "X-B"]),
        good("Connection names a field that isn't there", "Connection: X-A", lacks: ["Connection"]),
        good("Connection names itself", "Connection: Connection", lacks: ["Connection"]),
        good("Connection names Transfer-Encoding where there is none", "Connection: Transfer-Encoding", lacks: ["Transfer-Encoding"]),
        good("an empty Connection", "Connection:"),
        good("a Connection of commas", "Connection: ,,\t, ,"),
        good("keep-alive and a field", "Connection: keep-alive, X-A\r\nX-A: 1", lacks: ["X-A"]),
        good(
            "sixteen names, the last of a field", "Connection: \((1...16).map { "X-\($0)" }.joined(separator: ","))\r\nX-16: 1",
            lacks: ["X-16"]),
        good("close in upper case", "Connection: CLOSE", lacks: ["Connection"]).ending(),
        good("close between commas", "Connection: ,close,", lacks: ["Connection"]).ending(),
        good("close in the second Connection", "Connection: keep-alive\r\nConnection: close", lacks: ["Connection"]).ending(),
        good("close beside keep-alive", "Connection: keep-alive, close", lacks: ["Connection"]).ending(),
        passes(
            "Connection names Transfer-Encoding, which frames all the same", "9110 § 7.6.1",
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            Forwarded(line: "POST /", host: "a", body: "a", has: ["Transfer-Encoding: chunked"])),
    ]

    private static func options(_ name: String, _ fields: String) -> Self {
        refused(name, "9110 § 7.6.2", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n", "field_invalid")
    }

    private static let forwards: [Self] = [
        options("a negative Max-Forwards", "Max-Forwards: -1"),
        options("an empty Max-Forwards", "Max-Forwards:"),
        options("a list in Max-Forwards", "Max-Forwards: 1, 2"),
        options("a hexadecimal Max-Forwards", "Max-Forwards: 0xa"),
        options("two of Max-Forwards", "Max-Forwards: 1\r\nMax-Forwards: 0"),
        answered("OPTIONS that goes no further", "9110 § 7.6.2", "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", ""),
        answered("OPTIONS * that goes no further", "9110 § 7.6.2", "OPTIONS * HTTP/1.1\r\nHost: a\r\nmax-forwards: 00\r\n\r\n", ""),
        refused(
            "TRACE that goes no further", "9110 § 7.6.2", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "method_unsupported",
            501),
        passes(
            "Max-Forwards counts down", "9110 § 7.6.2", "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n",
            Forwarded(line: "OPTIONS /", has: ["Max-Forwards: 9"])),
        passes(
            "Max-Forwards of TRACE counts down", "9110 § 7.6.2", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n",
            Forwarded(line: "TRACE /", has: ["Max-Forwards: 0"])),
        passes(
            "Max-Forwards of more than anybody counts", "9110 § 7.6.2",
            "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 99999999999999999999999\r\n\r\n",
            Forwarded(line: "OPTIONS /", has: ["Max-Forwards: 2147483646"])),
        good("Max-Forwards of GET means nothing", "Max-Forwards: 0", has: ["Max-Forwards: 0"], "9110 § 7.6.2"),
    ]

    static let oneHopFields: [Self] =
        forwards + [
            good("Keep-Alive goes", "Keep-Alive: timeout=5", lacks: ["Keep-Alive"]),
            good("Proxy-Connection goes, and closes nothing", "Proxy-Connection: close", lacks: ["Proxy-Connection"]),
            good("Proxy-Authorization goes", "Proxy-Authorization: Basic a", lacks: ["Proxy-Authorization"]),
            good("Proxy-Authenticate goes", "Proxy-Authenticate: Basic", lacks: ["Proxy-Authenticate"]),
            good("TE goes", "TE: trailers, deflate;q=0.5\r\nConnection: TE", lacks: ["TE"], "9110 § 10.1.4"),
            good("TE goes without Connection's word", "TE: chunked", lacks: ["TE"], "9110 § 10.1.4"),
            good("Trailer goes where there are no chunks", "Trailer: Host", lacks: ["Trailer"], "9110 § 6.6.2"),
            good("Upgrade without Connection's word", "Upgrade: websocket", lacks: ["Upgrade"], "9110 § 7.8"),
            good("Connection's word without Upgrade", "Connection: upgrade", lacks: ["Upgrade", "Connection"], "9110 § 7.8"),
            good(
                "Upgrade to h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk",
                lacks: ["Upgrade", "HTTP2-Settings"], "9113 § 3.1"),
            good("Upgrade to h2c in upper case", "Connection: Upgrade\r\nUpgrade: H2C", lacks: ["Upgrade"], "9113 § 3.1"),
            good("Upgrade to h2c beside WebSocket", "Connection: Upgrade\r\nUpgrade: websocket, h2c", lacks: ["Upgrade"], "9113 § 3.1"),
            good(
                "Upgrade to h2c in a second line", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", lacks: ["Upgrade"],
                "9113 § 3.1"),
            good("Upgrade to TLS", "Connection: Upgrade\r\nUpgrade: TLS/1.0", lacks: ["Upgrade"], "2817 § 3"),
            good("Upgrade to HTTP", "Connection: Upgrade\r\nUpgrade: HTTP/2.0", lacks: ["Upgrade"], "9110 § 7.8"),
            good("Upgrade to what is no token", "Connection: Upgrade\r\nUpgrade: web socket", lacks: ["Upgrade"], "9110 § 7.8"),
            good("an empty Upgrade", "Connection: Upgrade\r\nUpgrade:", lacks: ["Upgrade"], "9110 § 7.8"),
            good(
                "Upgrade that the origin does not take", "Connection: Upgrade\r\nUpgrade: websocket", has: ["Upgrade: websocket"],
                "9110 § 7.8"),
            passes(
                "Upgrade with a body", "9110 § 7.8",
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
                Forwarded(line: "POST /", host: "a", body: "hi", lacks: ["Upgrade"])),
            passes(
                "Upgrade in HTTP/1.0", "9110 § 7.8", "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                Forwarded(line: "GET /", host: "a", lacks: ["Upgrade"])
            ).ending(),
            refused(
                "an expectation that nobody knows", "9110 § 10.1.1", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
                "expectation_unsupported", 417),
            refused(
                "an expectation beside 100-continue", "9110 § 10.1.1",
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, b\r\nContent-Length: 2\r\n\r\nhi", "expectation_unsupported", 417),
            refused(
                "an empty expectation", "9110 § 10.1.1", "GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", "expectation_unsupported", 417),
            refused(
                "a second expectation", "9110 § 10.1.1",
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: a=b\r\nContent-Length: 2\r\n\r\nhi",
                "expectation_unsupported", 417),
            refused(
                "100-continue with a parameter", "9110 § 10.1.1",
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue;a\r\nContent-Length: 2\r\n\r\nhi", "expectation_unsupported", 417),
            passes(
                "100-continue, and a body that doesn't wait", "9110 § 10.1.1",
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
                Forwarded(line: "POST /", host: "a", body: "hi", has: ["Expect: 100-continue"])),
            passes(
                "100-continue twice is said once", "9110 § 10.1.1",
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
                Forwarded(line: "POST /", host: "a", body: "hi", has: ["Expect: 100-continue"])),
            good("100-continue without a body", "Expect: 100-continue", lacks: ["Expect"], "9110 § 10.1.1"),
            passes(
                "an expectation in HTTP/1.0", "9110 § 10.1.1", "POST / HTTP/1.0\r\nHost: a\r\nExpect: x\r\nContent-Length: 2\r\n\r\nhi",
                Forwarded(line: "POST /", host: "a", body: "hi", lacks: ["Expect"])
            ).ending(),
        ]
}
