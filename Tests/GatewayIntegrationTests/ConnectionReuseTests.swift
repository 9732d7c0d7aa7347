import TestSupport
import Testing

/// Keep-alive and pipelining on the client's side (RFC 9112 § 9.3).
@Suite struct ConnectionReuseTests {
    let proxied: ProxiedOrigin
    let client: TCPClient

    init() throws {
        proxied = try ProxiedOrigin(.telling())
        client = try proxied.gateway.connect()
    }

    private static let mixed: [(request: String, told: String)] = [
        ("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /1 "),
        ("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /", "POST /2 GET /"),
        ("POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\n\r\n", "POST /3 abcde"),
        ("PUT /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "PUT /4 "),
        ("\r\nDELETE /5 HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /5 "),
    ]

    @Test func `one connection carries many requests, on both sides`() throws {
        for number in 1...5 {
            let answer = try client.get("/\(number)")
            #expect(answer.text == "GET /\(number) ")
            #expect(answer["Connection"] == nil)
        }
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test func `requests sent in one write are answered in their order`() throws {
        try client.send((1...20).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for number in 1...20 { #expect(try client.readResponse().text == "GET /\(number) ") }
        #expect(proxied.origin.connectionCount == 1)
    }

    @Test func `pipelined requests with bodies are cut where they end`() throws {
        try client.send(Self.mixed.map(\.request).joined())
        for entry in Self.mixed { #expect(try client.readResponse().text == entry.told) }
    }

    @Test func `pipelined requests that come byte by byte are the same requests`() throws {
        try client.sendBytewise(Array(Self.mixed.map(\.request).joined().utf8))
        for entry in Self.mixed { #expect(try client.readResponse().text == entry.told) }
    }

    @Test func `requests in front of a half-close are all answered, then the connection ends`() throws {
        try client.send(Self.mixed.map(\.request).joined())
        try client.halfClose()
        for entry in Self.mixed { #expect(try client.readResponse().text == entry.told) }
        #expect(client.isEndedByPeer())
    }

    @Test func `Connection: close ends the connection behind the answer, and what came after it is not read`() throws {
        try client.send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer["Connection"] == "close")
        #expect(try client.receiveToEnd().isEmpty)
        #expect(!proxied.received.contains("/2"))
    }

    @Test func `an answer of the gateway's own keeps the connection, whatever body it did not need`() throws {
        let gateway = try Gateway(conf: "server { listen 127.0.0.1:0; return 200 ok; }")
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + Self.mixed[2].request + Self.mixed[0].request)
        for _ in 1...3 { #expect(try client.readResponse().text == "ok") }
    }
}
