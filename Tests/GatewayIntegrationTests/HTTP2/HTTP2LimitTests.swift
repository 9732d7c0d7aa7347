import TestSupport
import Testing

/// What is too large is answered, and told in the log: the connection stays.
@Suite struct HTTP2LimitTests {
    private func edge(_ server: String = "") throws -> Edge { try Edge(ScriptedOrigin.telling(), server: server) }

    private func expect(_ status: Int, _ errorType: String, _ fields: HTTP2Fields, body: [UInt8]? = nil, server: String = "") throws {
        let edge = try edge(server)
        let client = try edge.http2(.tls)
        let stream = try client.request(fields, body: body)
        try client.wait("the answer") { $0.response(stream).hasEnded || $0.response(stream).resetCode != nil }
        let response = client.response(stream)
        #expect(response.status == status && response["content-type"] == "application/problem+json", "\(response)")
        #expect(response.text.contains("\"error_type\":\"\(errorType)\""))
        #expect(try edge.waitForEnd(errorType).number("status") == Double(status))
        #expect(try client.get("/next").text == "GET /next ")
        #expect(client.goAways.isEmpty)
    }

    @Test func `more fields than a head may have`() throws {
        let many = HTTP2Fields((0..<101).map { HTTPMessage.Field(name: "x-\($0)", value: "a") })
        try expect(431, "fields_too_many", .request(many))
    }

    @Test func `a head of more bytes than one may have`() throws {
        let long = HTTP2Fields((0..<40).map { HTTPMessage.Field(name: "x-\($0)", value: String(repeating: "a", count: 1000)) })
        let edge = try edge()
        let client = try edge.http2()
        try client.send(client.headInPieces(.request(long), on: 1, 4))
        let response = try client.response(on: 1)
        #expect(response.status == 431 && response.text.contains("head_too_large"))
        #expect(try client.get("/next").text == "GET /next ")
    }

    @Test func `content that is announced as too large`() throws {
        let fields = HTTP2Fields.request("POST", "/", ["content-length": "5"])
        try expect(413, "body_too_large", fields, body: Array("hello".utf8), server: "client_max_body_size 4;")
    }

    @Test func `content that turns out too large`() throws {
        let edge = try edge("client_max_body_size 4;")
        let client = try edge.http2()
        let stream = try client.request(.request("POST", "/"), body: Array("hello".utf8))
        try client.wait("the answer") { $0.response(stream).isOver }
        #expect(client.response(stream).status == 413 || client.response(stream).resetCode != nil)
        #expect(try client.get("/next").text == "GET /next ")
        try edge.waitForEnd("body_too_large")
    }

    @Test func `a location that answers by itself takes no content`() throws {
        let edge = try Edge(ScriptedOrigin.telling(), server: "location /here { return 200 here; }")
        let client = try edge.http2()
        let stream = try client.request(.request("POST", "/here"), body: [UInt8](repeating: 1, count: 50_000))
        try client.wait("the answer") { $0.response(stream).hasEnded }
        #expect(client.response(stream).text == "here")
        #expect(try client.get("/here").text == "here" && client.exchange(.request("HEAD", "/here")).body.isEmpty)
        #expect(try client.get("/next").text == "GET /next ")
    }

    @Test func `compressed content over HTTP/2`() throws {
        let text = String(repeating: "compressible ", count: 2000)
        let edge = try Edge(
            .answering("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"),
            server: "gzip on; gzip_types text/plain;")
        let client = try edge.http2()
        let response = try client.get("/", ["accept-encoding": "gzip"])
        #expect(response["content-encoding"] == "gzip" && response["content-length"] == nil && response.body.count < text.utf8.count / 4)
        #expect(response.body.starts(with: [0x1f, 0x8b]))
        #expect(try client.get().text == text)
    }
}
