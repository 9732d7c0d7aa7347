import TestSupport
import Testing

/// Clients that speak HTTP/1.0: they know no chunks, and keep a connection only if they say so.
@Suite struct HTTP10ClientTests {
    @Test func `a client of HTTP/1.0 needs no Host, and its connection ends behind the answer`() throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        try client.send("GET /a HTTP/1.0\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.text == "GET /a " && answer["Connection"] == "close")
        #expect(client.isEndedByPeer())
        #expect(try proxied.lastRequest().requestLine == "GET /a HTTP/1.1")
    }

    @Test func `with keep-alive the connection stays where the answer has a length`() throws {
        let proxied = try ProxiedOrigin(.telling())
        let client = try proxied.gateway.connect()
        for number in 1...3 {
            try client.send("POST /\(number) HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi")
            let answer = try client.readResponse()
            #expect(answer.text == "POST /\(number) hi")
            #expect(answer["Connection"] == "keep-alive")
        }
        try client.send("GET /last HTTP/1.0\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "GET /last ")
        #expect(client.isEndedByPeer())
    }

    @Test(arguments: ["Connection: keep-alive\r\n", ""])
    func `a chunked answer loses its chunks, and its end is the connection's`(field: String) throws {
        let proxied = try ProxiedOrigin(
            answering: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n")
        let client = try proxied.gateway.connect()
        try client.send("GET / HTTP/1.0\r\n\(field)\r\n")
        let answer = try client.readResponse()
        #expect(answer.text == "abcde" && !answer.isTruncated)
        #expect(answer["Transfer-Encoding"] == nil && answer["Content-Length"] == nil && answer["Trailer"] == nil)
        #expect(answer["Connection"] == "close")
    }

    @Test func `an answer until the connection's end is just that`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send("HTTP/1.1 200 OK\r\n\r\nabc")
            })
        let answer = try proxied.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(answer.text == "abc" && answer["Connection"] == "close" && answer["Transfer-Encoding"] == nil)
    }

    @Test func `HEAD keeps the connection whatever the answer's framing`() throws {
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            try client.send("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try client.readResponse(to: "HEAD")
            #expect(answer["Connection"] == "keep-alive" && answer["Content-Length"] == "12")
        }
    }

    @Test func `a refusal ends the connection of a client that keeps it not`() throws {
        let gateway = try Gateway(conf: "server { listen 127.0.0.1:0; location /x { return 200 ok; } }")
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.readResponse().status == 404)
        #expect(client.isEndedByPeer())
    }
}
