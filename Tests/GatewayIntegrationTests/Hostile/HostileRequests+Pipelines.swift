/// Several requests on one connection, and what tries to be one of them: the shapes of request smuggling (RFC 9112 §§ 9.3, 11.2).
extension HostileRequest {
    private static let get = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let first = Forwarded(line: "GET /first", host: "a", body: "")
    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"

    private static func shape(
        _ name: String, _ text: String, _ errorType: String = "framing_invalid", _ status: Int = 400
    ) -> Self {
        refused(name, "9112 § 11.2", text, errorType, status)
    }

    private static func post(_ fields: String, _ body: String) -> String {
        "POST /outer HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)"
    }

    private static func outer(_ body: String) -> Forwarded { Forwarded(line: "POST /outer", host: "a", body: body) }

    static let pipelines: [Self] = shapes + sequences

    private static let shapes: [Self] = [
        shape("CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG")),
        shape("CL.TE with a whole request", post("Content-Length: 44\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + smuggled)),
        shape("TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4", "12\r\n\(smuggled)\r\n0\r\n\r\n")),
        shape("TE.CL with a length of 3", post("Transfer-Encoding: chunked\r\nContent-Length: 3", "1\r\nZ\r\nQ\r\n\r\n")),
        shape("TE.TE with an unknown coding behind", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", "0\r\n\r\n" + smuggled)),
        shape("TE.TE in a list", post("Transfer-Encoding: chunked, cow", "0\r\n\r\n" + smuggled)),
        shape(
            "TE.TE with an unknown coding before", post("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + smuggled),
            "transfer_coding_unsupported", 501),
        shape(
            "TE.TE with a space before a colon", post("Transfer-Encoding: chunked\r\nTransfer-Encoding : x", "0\r\n\r\n" + smuggled),
            "field_invalid"),
        shape(
            "TE.TE with a tab for a line's beginning", post("Content-Length: 5\r\n\tTransfer-Encoding: chunked", "0\r\n\r\n" + smuggled),
            "field_invalid"),
        shape(
            "TE behind a bare LF", post("X: a\nTransfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n" + smuggled), "field_invalid"),
        shape(
            "CL behind a bare CR", post("X: a\rContent-Length: 40\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + smuggled), "field_invalid"),
        shape(
            "CL.TE for GET", "GET /outer HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
        ),
        shape("CL.CL", post("Content-Length: 0\r\nContent-Length: 38", smuggled)),
        shape("CL.CL in one field", post("Content-Length: 0, 38", smuggled)),
        shape("CL.0 with an empty length", post("Content-Length:", smuggled)),
        shape("0.CL with a space in the name", post("Content-Length : 38", smuggled), "field_invalid"),
        shape("0.CL with a sign", post("Content-Length: +38", smuggled)),
        shape("TE.0 with LF for CRLF", post("Transfer-Encoding: chunked", "26\n\(smuggled)\n0\n\n"), "chunk_invalid"),
        shape(
            "an extension that hides a line's end", post("Transfer-Encoding: chunked", "2;\nxx\r\n4c\r\n0\r\n\r\n" + smuggled),
            "chunk_invalid"),
        shape("a chunk one byte short", post("Transfer-Encoding: chunked", "5\r\nhell\r\n0\r\n\r\n" + smuggled), "chunk_invalid"),
        shape("a chunk one byte long", post("Transfer-Encoding: chunked", "5\r\nhello!\r\n0\r\n\r\n" + smuggled), "chunk_invalid"),
        shape("a request instead of the trailers' end", post("Transfer-Encoding: chunked", "0\r\n" + smuggled), "chunk_invalid"),
        shape(
            "Connection takes Content-Length away", post("Connection: Content-Length\r\nContent-Length: 38", smuggled), "field_invalid"),
        shape("Upgrade to h2c with the preface behind it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, "request_line_invalid"),
    ]

    private static let sequences: [Self] = [
        passes(
            "CL.0: the body of a length is no request", "9112 § 6.3",
            post("Content-Length: 42", "GET /smuggled HTTP/1.1\r\nHost: evil\r\nX: a\r\n"),
            outer("GET /smuggled HTTP/1.1\r\nHost: evil\r\nX: a\r\n")),
        passes(
            "0.CL: without a length there is no body", "9112 § 6.3", "POST /outer HTTP/1.1\r\nHost: a\r\n\r\n" + get, outer(""), first),
        passes(
            "a length in an unknown field is none", "9112 § 6.3", "POST /outer HTTP/1.1\r\nHost: a\r\nX-Content-Length: 38\r\n\r\n" + get,
            outer(""), first),
        passes(
            "the body of GET is no request", "9110 § 9.3.1",
            "GET /outer HTTP/1.1\r\nHost: a\r\nContent-Length: 37\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evi\r\n\r\n",
            Forwarded(line: "GET /outer", host: "a", body: "GET /smuggled HTTP/1.1\r\nHost: evi\r\n\r\n")),
        passes(
            "two requests at once", "9112 § 9.3.2", get + get.replacing("first", with: "second"), first,
            Forwarded(line: "GET /second", host: "a")),
        passes(
            "ten requests at once", "9112 § 9.3.2", String(repeating: get, count: 10), first, first, first, first, first, first, first,
            first, first, first),
        passes(
            "a request behind chunks", "9112 § 9.3.2", post("Transfer-Encoding: chunked", "1\r\na\r\n0\r\n\r\n" + get), outer("a"), first),
        passes(
            "a request behind trailers", "9112 § 9.3.2", post("Transfer-Encoding: chunked", "0\r\nX: a\r\n\r\n" + get), outer(""), first),
        passes(
            "an empty line between two requests", "9112 § 2.2", post("Content-Length: 2", "hi\r\n" + get), outer("hi"), first),
        passes(
            "a request behind HEAD", "9112 § 9.3.2", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get, Forwarded(line: "HEAD /", host: "a"), first
        ),
        passes(
            "a request behind an upgrade that is not taken", "9110 § 7.8",
            "GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + get, first, first),
        passes(
            "a request behind the close that was asked for", "9112 § 9.6",
            get.replacing("\r\n\r\n", with: "\r\nConnection: close\r\n\r\n") + smuggled,
            first
        ).ending(),
        passes("a request behind HTTP/1.0", "9112 § 9.3", get.replacing("1.1", with: "1.0") + smuggled, first).ending(),
        passes(
            "another host on the same connection", "9112 § 3.2", get + get.replacing("Host: a", with: "Host: b"), first,
            Forwarded(line: "GET /first", host: "b")),
        refused("junk behind a request", "9112 § 2.2", get + "junk\r\n\r\n", "request_line_invalid").after(first),
        refused("a LF behind a request", "9112 § 2.2", get + "\n" + get, "request_line_invalid").after(first),
        refused("a NUL behind a request", "9112 § 2.2", get + "\0", "request_line_invalid").after(first),
        refused("a body without a length", "9112 § 6.3", "POST /first HTTP/1.1\r\nHost: a\r\n\r\na=b&c=d\r\n", "request_line_invalid")
            .after(
                Forwarded(line: "POST /first", host: "a", body: "")),
        refused("more than the length says", "9112 § 6.3", post("Content-Length: 2", "hi there\r\n"), "request_line_invalid").after(
            outer("hi")),
        refused("a chunk behind a length", "9112 § 6.3", post("Content-Length: 5", "0\r\n\r\n1\r\na\r\n0\r\n\r\n"), "request_line_invalid")
            .after(
                outer("0\r\n\r\n")),
        refused(
            "a chunk behind the last one", "9112 § 7.1", post("Transfer-Encoding: chunked", "0\r\n\r\n1\r\na\r\n0\r\n\r\n"),
            "request_line_invalid"
        )
        .after(outer("")),
        refused("a refusal behind a request", "9112 § 9.3.2", get + "GET / HTTP/1.1\r\n\r\n" + smuggled, "host_invalid").after(first),
        refused(
            "a malformed chunk behind a request", "9112 § 9.3.2", get + post("Transfer-Encoding: chunked", "z\r\n") + smuggled,
            "chunk_invalid"
        ).after(first),
        refused("HTTP/0.9 behind a request", "9112 § 2.3", get + "GET /smuggled\r\n", "request_line_invalid").after(first),
        refused("HTTP/2's preface behind a request", "9113 § 3.4", get + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "request_line_invalid").after(
            first),
        refused(
            "CONNECT behind a request", "9110 § 9.3.6", get + "CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n" + smuggled,
            "method_unsupported", 501
        )
        .after(first),
        refused("a TLS hello behind a request", "9112 § 2.2", get + "\u{16}\u{03}\u{01}\u{00}\u{05}hello", "request_line_invalid").after(
            first),
        refused("five empty lines between two requests", "9112 § 2.2", get + "\r\n\r\n\r\n\r\n\r\n" + get, "request_line_invalid").after(
            first),
        refused(
            "a response behind a request", "9112 § 2.1", get + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "request_line_invalid"
        ).after(first),
    ]
}
