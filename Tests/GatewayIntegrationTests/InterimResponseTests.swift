import TestSupport
import Testing

/// 1xx answers (RFC 9110 § 15.2) and the expectation that asks for one (§ 10.1.1).
@Suite struct InterimResponseTests {
    @Test func `103 is passed on before the final response is there`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n")
                // The client sends this when it has it.
                _ = try connection.receive(through: "go")
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        let hints = try client.readHead()
        #expect(hints.status == 103 && hints["Link"] == "</a.css>")
        #expect(hints["X-Hop"] == nil && hints["Connection"] == nil)
        try client.send("go")
        #expect(try client.readResponse().text == "hi")
    }

    @Test func `several interim responses come in their order`() throws {
        let interim = (1...5).map { "HTTP/1.1 103 Early Hints\r\nLink: \($0)\r\n\r\n" }.joined()
        let proxied = try ProxiedOrigin(answering: "HTTP/1.1 102 Processing\r\n\r\n" + interim + "HTTP/1.1 204 No Content\r\n\r\n")
        let client = try proxied.gateway.connect()
        for _ in 1...2 {
            let answer = try client.get("/")
            #expect(answer.status == 204)
            #expect(answer.interim.map(\.status) == [102, 103, 103, 103, 103, 103])
            #expect(answer.interim.compactMap { $0["Link"] } == ["1", "2", "3", "4", "5"])
        }
    }

    @Test func `100-continue goes end to end: the body is sent when the origin has asked for it`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                let head = try connection.readHead()
                try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                let body = try connection.receive(5)
                try connection.send(ScriptedOrigin.message("\(head["Expect"] ?? "-") \(String(decoding: body, as: UTF8.self))"))
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
        #expect(try client.readHead().status == 100)
        try client.send("hello")
        #expect(try client.readResponse().text == "100-continue hello")
    }

    @Test func `an origin that refuses the expectation spares the body`() throws {
        let proxied = try ProxiedOrigin(
            ScriptedOrigin { connection, _ in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
                _ = try connection.receiveToEnd()
            })
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 401 && answer.interim.isEmpty)
        // Whether the body still comes nobody knows, so nothing can follow.
        #expect(answer["Connection"] == "close")
        #expect(client.isEndedByPeer())
    }

    @Test func `a refusal of the gateway's own spares the body`() throws {
        let proxied = try ProxiedOrigin(.telling(), server: "client_max_body_size 1k;")
        let client = try proxied.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
        let answer = try client.readResponse()
        #expect(answer.status == 413 && answer.interim.isEmpty && answer["Connection"] == "close")
        #expect(client.isEndedByPeer())
        #expect(proxied.origin.connectionCount == 0)
    }

    @Test func `a client of HTTP/1.0 sees no interim response`() throws {
        let proxied = try ProxiedOrigin(
            answering: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        let answer = try proxied.exchange("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")
        #expect(answer.status == 200 && answer.interim.isEmpty && answer.text == "hi")
        #expect(try proxied.lastRequest()["Expect"] == nil)
    }
}
