import TestSupport

/// Requests and what makes them malformed (RFC 9113 § 8). What an HTTP/1.1 origin could be made to believe is in the table of downgrades.
extension ConformanceRow {
    static let messages: [Self] = exchanges + pseudoFields + connects + fieldNames + fieldValues + lengths

    private static let exchanges: [Self] = [
        Self("GET", "9113 § 8.1", .answer(1)) { client in
            guard try client.get("/a").text == "GET /a 0" else { throw TestError.invalid("\(client.response(1).text)") }
        },
        Self("HEAD", "9113 § 8.1.1", .answer(1)) { client in
            guard try client.exchange(.request("HEAD", "/large")).body.isEmpty else { throw TestError.invalid("content") }
        },
        Self("POST", "9113 § 8.1", .answer(1)) { _ = try $0.exchange(HTTP2Client.post, body: [UInt8](repeating: 1, count: 40_000)) },
        Self("POST without content", "9113 § 8.1", .answer(1)) { try $0.sendHead(HTTP2Client.post, on: 1) },
        Self("POST with trailers", "9113 § 8.1", .answer(1)) { client in
            _ = try client.request(HTTP2Client.post, body: Array("test".utf8), trailers: ["x-test": "ok"])
        },
        Self("a request with trailers and no content", "9113 § 8.1", .answer(1)) { client in
            _ = try client.request(HTTP2Client.post, trailers: ["x-test": "ok"])
        },
        Self("OPTIONS of the server", "9113 § 8.3.1", .answer(1)) { try $0.sendHead(.request("OPTIONS", "*"), on: 1) },
        Self("a second HEADERS without END_STREAM", "9113 § 8.1", .streamError(1, [.protocolError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, "a"))
            try client.sendHead(["x-a": "1"], on: 1, endsStream: false)
        },
        Self("a second HEADERS right behind the first", "9113 § 8.1", .streamError(1, [.protocolError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
        },
        Self("trailers with a pseudo-header field", "9113 § 8.1", .streamError(1, [.protocolError])) { client in
            _ = try client.request(HTTP2Client.post, body: [1], trailers: [":method": "GET"])
        },
        Self("trailers with :path behind another field", "9113 § 8.1", .streamError(1, [.protocolError])) { client in
            _ = try client.request(HTTP2Client.post, body: [1], trailers: ["x-a": "1", ":path": "/"])
        },
        Self("trailers with a name in capitals", "9113 § 8.2.1", .streamError(1, [.protocolError])) { client in
            _ = try client.request(HTTP2Client.post, body: [1], trailers: ["X-A": "1"])
        },
        Self("trailers with connection", "9113 § 8.2.2", .streamError(1, [.protocolError])) { client in
            _ = try client.request(HTTP2Client.post, body: [1], trailers: ["connection": "close"])
        },
    ]

    private static func malformed(_ name: String, _ section: String, _ fields: HTTP2Fields) -> Self {
        Self(name, section, .streamError(1, [.protocolError])) { try $0.sendHead(fields, on: 1) }
    }

    private static let pseudoFields: [Self] = [
        malformed("an unknown pseudo-header field", "9113 § 8.3", .request([":test": "ok"])),
        malformed("a response's pseudo-header field", "9113 § 8.3", .request([":status": "200"])),
        malformed("a pseudo-header field without a name", "9113 § 8.3", .request([":": "ok"])),
        malformed("a pseudo-header field in capitals", "9113 § 8.3", .request([":Path": "/"])),
        malformed(
            "a pseudo-header field behind another field", "9113 § 8.3", .request(authority: nil, ["x-a": "1", ":authority": "localhost"])),
        malformed(":path behind another field", "9113 § 8.3", .request("GET", nil, ["x-a": "1", ":path": "/"])),
        malformed("no :method", "9113 § 8.3.1", .request(nil)), malformed("no :scheme", "9113 § 8.3.1", .request(scheme: nil)),
        malformed("no :path", "9113 § 8.3.1", .request("GET", nil)), malformed("an empty :path", "9113 § 8.3.1", .request("GET", "")),
        malformed("an empty :method", "9113 § 8.3.1", .request("")), malformed("an empty :scheme", "9113 § 8.3.1", .request(scheme: "")),
        malformed("neither :authority nor Host", "9113 § 8.3.1", .request(authority: nil)),
        malformed("two :method", "9113 § 8.3.1", .request() + [":method": "GET"]),
        malformed("two :method that differ", "9113 § 8.3.1", .request() + [":method": "POST"]),
        malformed("two :scheme", "9113 § 8.3.1", .request() + [":scheme": "https"]),
        malformed("two :path", "9113 § 8.3.1", .request() + [":path": "/"]),
        malformed("two :authority", "9113 § 8.3.1", .request() + [":authority": "localhost"]),
        malformed("userinfo in :authority", "9113 § 8.3.1", .request(authority: "user@localhost")),
        malformed("Host that is not :authority", "9113 § 8.3.1", .request(["host": "other"])),
        malformed("a relative :path", "9113 § 8.3.1", .request("GET", "index.html")),
        malformed("an asterisk for GET", "9113 § 8.3.1", .request("GET", "*")),
        Self("Host and no :authority", "9113 § 8.3.1", .answer(1)) {
            try $0.sendHead(.request(authority: nil, ["host": "localhost"]), on: 1)
        },
        Self("Host that is :authority", "9113 § 8.3.1", .answer(1)) { try $0.sendHead(.request(["host": "localhost"]), on: 1) },
        Self("Host that is :authority in capitals", "9113 § 8.3.1", .answer(1)) { try $0.sendHead(.request(["host": "LocalHost"]), on: 1) },
        Self("pseudo-header fields in another order", "9113 § 8.3", .answer(1)) { client in
            try client.sendHead(Array(HTTP2Fields.get.fields.reversed()).asFields, on: 1)
        },
    ]

    /// No tunnels, and WebSocket alone by the extended CONNECT (RFC 8441).
    private static let connects: [Self] = [
        Self("CONNECT", "9113 § 8.5", .refusal(1)) { client in
            try client.sendHead(.request("CONNECT", nil, authority: "localhost:443", scheme: nil), on: 1, endsStream: false)
        },
        malformed("CONNECT with :path", "9113 § 8.5", .request("CONNECT", "/", scheme: nil)),
        malformed("CONNECT with :scheme", "9113 § 8.5", .request("CONNECT", nil)),
        malformed("CONNECT without :authority", "9113 § 8.5", .request("CONNECT", nil, authority: nil, scheme: nil)),
        malformed(":protocol without CONNECT", "8441 § 4", .request() + [":protocol": "websocket"]),
        malformed("the extended CONNECT without :path", "8441 § 4", .request("CONNECT", nil) + [":protocol": "websocket"]),
        malformed("the extended CONNECT without :scheme", "8441 § 4", .request("CONNECT", scheme: nil) + [":protocol": "websocket"]),
        malformed("two :protocol", "8441 § 4", .request("CONNECT") + [":protocol": "websocket", ":protocol": "websocket"]),
        Self("the extended CONNECT for an unknown protocol", "8441 § 4", .refusal(1)) { client in
            try client.sendHead(.request("CONNECT") + [":protocol": "unknown"], on: 1, endsStream: false)
        },
    ]

    private static let fieldNames: [Self] = [
        malformed("a name in capitals", "9113 § 8.2.1", .request(["X-TEST": "ok"])),
        malformed("a name with one capital", "9113 § 8.2.1", .request(["x-tesT": "ok"])),
        malformed("an empty name", "9113 § 8.2.1", .request(["": "ok"])),
        malformed("a name with a colon", "9113 § 8.2.1", .request(["x:a": "ok"])),
        malformed("a name that is a colon and more", "9113 § 8.3", .request([": x": "ok"])),
        malformed("connection", "9113 § 8.2.2", .request(["connection": "keep-alive"])),
        malformed("connection: close", "9113 § 8.2.2", .request(["connection": "close"])),
        malformed("proxy-connection", "9113 § 8.2.2", .request(["proxy-connection": "keep-alive"])),
        malformed("keep-alive", "9113 § 8.2.2", .request(["keep-alive": "timeout=5"])),
        malformed("transfer-encoding", "9113 § 8.2.2", .request(["transfer-encoding": "chunked"])),
        malformed("upgrade", "9113 § 8.2.2", .request(["upgrade": "websocket"])),
        malformed("te that is not trailers", "9113 § 8.2.2", .request(["te": "trailers, deflate;q=0.5"])),
        malformed("te: gzip", "9113 § 8.2.2", .request(["te": "gzip"])),
        malformed("an empty te", "9113 § 8.2.2", .request(["te": ""])),
        Self("te: trailers", "9113 § 8.2.2", .answer(1)) { try $0.sendHead(.request(["te": "trailers"]), on: 1) },
    ]

    private static let fieldValues: [Self] = [
        malformed("NUL in a value", "9113 § 8.2.1", .request(["x-a": "a\u{0}b"])),
        malformed("LF in a value", "9113 § 8.2.1", .request(["x-a": "a\nb"])),
        malformed("CR in a value", "9113 § 8.2.1", .request(["x-a": "a\rb"])),
        malformed("a space before a value", "9113 § 8.2.1", .request(["x-a": " a"])),
        malformed("a space behind a value", "9113 § 8.2.1", .request(["x-a": "a "])),
        malformed("a tab before a value", "9113 § 8.2.1", .request(["x-a": "\ta"])),
        malformed("a tab behind a value", "9113 § 8.2.1", .request(["x-a": "a\t"])),
        malformed("a value that is a space", "9113 § 8.2.1", .request(["x-a": " "])),
        Self("an empty value", "9113 § 8.2.1", .answer(1)) { try $0.sendHead(.request(["x-a": ""]), on: 1) },
        Self("spaces and tabs within a value", "9113 § 8.2.1", .answer(1)) { try $0.sendHead(.request(["x-a": "a \t b"]), on: 1) },
        Self("cookies in crumbs", "9113 § 8.2.3", .answer(1)) {
            try $0.sendHead(.request(["cookie": "a=b", "cookie": "c=d", "cookie": "e=f"]), on: 1)
        },
    ]

    private static func length(_ name: String, _ value: String, _ frames: HTTP2Frame...) -> Self {
        Self("a content-length \(name)", "9113 § 8.1.1", .streamError(1, [.protocolError])) { client in
            try client.sendHead(.request("POST", "/", ["content-length": value]), on: 1, endsStream: frames.isEmpty)
            try client.send(frames)
        }
    }

    private static let lengths: [Self] = [
        length("less than DATA", "1", .data(1, "test", .endStream)), length("more than DATA", "5", .data(1, "test", .endStream)),
        length("less than DATA's sum", "1", .data(1, "test"), .data(1, "test", .endStream)),
        length("more than DATA's sum", "9", .data(1, "test"), .data(1, "test", .endStream)),
        length("of 0 and DATA", "0", .data(1, "a", .endStream)),
        length("that counts the padding", "10", .paddedData(1, [1, 2, 3, 4], padding: 5, .endStream)),
        length("without content", "4"), length("and an empty DATA", "1", .data(1, "", .endStream)),
        Self("a content-length more than DATA, with trailers", "9113 § 8.1.1", .streamError(1, [.protocolError])) { client in
            _ = try client.request(.request("POST", "/", ["content-length": "9"]), body: Array("test".utf8), trailers: ["x-a": "1"])
        },
        Self("a content-length as DATA", "9113 § 8.1.1", .answer(1)) { client in
            _ = try client.request(.request("POST", "/", ["content-length": "4"]), body: Array("test".utf8))
        },
        Self("a content-length as DATA without its padding", "9113 § 8.1.1", .answer(1)) { client in
            try client.sendHead(.request("POST", "/", ["content-length": "4"]), on: 1, endsStream: false)
            try client.send(.paddedData(1, Array("test".utf8), padding: 5, .endStream))
        },
    ]
}

extension [HTTPMessage.Field] {
    var asFields: HTTP2Fields { HTTP2Fields(self) }
}
