import Foundation
import TestSupport
import Testing

/// Requests and responses over HTTP/2, to an origin that speaks HTTP/1.1.
@Suite struct HTTP2ExchangeTests {
    // MARK: What a response is made of

    @Test(arguments: Transport.allCases) func `a response has the origin's status, fields and content`(_ transport: Transport) throws {
        let edge = try Edge(
            .answering(
                "HTTP/1.1 404 Not Found\r\nX-Mixed-Case: Value\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 4\r\n\r\ngone"))
        let response = try edge.http2(transport).get("/a")
        #expect(response.status == 404 && response.text == "gone" && response["content-length"] == "4")
        #expect(response["x-mixed-case"] == "Value" && response.head?.values("set-cookie") == ["a=b", "c=d"])
    }

    @Test func `a response in chunks is one of DATA frames, without its framing`() throws {
        let edge = try Edge(
            .answering(
                "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
            ))
        let client = try edge.http2()
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.text == "abcde" && response.head?.values("x-hop") == [] && response["content-length"] == nil)
        }
    }

    @Test func `a response that lasts until its connection ends is complete`() throws {
        let edge = try Edge(.answering("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nto the end"))
        #expect(try edge.http2().get().text == "to the end")
    }

    @Test(arguments: [
        "Content-Length: 1000", "Transfer-Encoding: chunked", "Connection: close",
    ]) func `HEAD has no content, however the origin would frame it`(framing: String) throws {
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n"))
        let client = try edge.http2()
        for _ in 0..<2 {
            let response = try client.exchange(.request("HEAD", "/"))
            #expect(response.status == 200 && response.hasEnded && response.body.isEmpty && response.dataLengths.isEmpty)
            #expect(response["content-length"] == (framing.hasPrefix("Content") ? "1000" : nil))
        }
    }

    @Test(arguments: [204, 304]) func `204 and 304 end with their head`(status: Int) throws {
        let edge = try Edge(.answering("HTTP/1.1 \(status) X\r\nETag: \"a\"\r\n\r\n"))
        let client = try edge.http2()
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.status == status && response.hasEnded && response.dataLengths.isEmpty && response["etag"] == "\"a\"")
        }
    }

    @Test func `a head larger than a frame comes in several, and what is for one hop stays away`() throws {
        // A tilde is longer in the Huffman code than as it is.
        let long = (0..<25).map { "X-Long-\($0): \(String(repeating: "~", count: 1000))" }.joined(separator: "\r\n")
        let hop = "Proxy-Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nTE: trailers"
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\n\(hop)\r\n\(long)\r\nContent-Length: 2\r\n\r\nok"))
        let client = try edge.http2(.tls)
        for _ in 0..<2 {
            let response = try client.get()
            #expect(response.text == "ok" && response["x-long-24"]?.count == 1000)
        }
        #expect(client.frames.contains { $0.kind == .continuation })
    }

    @Test func `an empty response ends with its head`() throws {
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        let response = try edge.http2().get()
        #expect(response.status == 200 && response.dataLengths.isEmpty && response["content-length"] == "0")
    }

    @Test(arguments: Transport.allCases) func `interim responses come before the final one`(_ transport: Transport) throws {
        let edge = try Edge(
            .answering(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>; rel=preload\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        let response = try edge.http2(transport).get()
        #expect(response.interim.map { $0["link"] } == ["</a>; rel=preload", "</b>; rel=preload"] && response.text == "ok")
        #expect(response.interim.map { $0[":status"] } == ["103", "103"])
    }

    @Test func `a client that asks for 100 hears it before it sends its content`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            let head = try connection.readHead()
            if head["Expect"] == "100-continue" { try connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
            let content = try connection.receive(5)
            try connection.send(ScriptedOrigin.message(String(decoding: content, as: UTF8.self)))
        }
        let edge = try Edge(origin)
        let client = try edge.http2()
        try client.sendHead(.request("POST", "/", ["expect": "100-continue", "content-length": "5"]), on: 1, endsStream: false)
        try client.wait("100") { $0.response(1).interim.first?[":status"] == "100" }
        try client.send(.data(1, "hello", .endStream))
        let response = try client.response(on: 1)
        #expect(response.text == "hello" && response.interim.count == 1)
    }

    @Test(arguments: Transport.allCases) func `trailers pass both ways`(_ transport: Transport) throws {
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                let told = request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
                try connection.send(
                    "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
                        + "X-Sum: 42\r\nX-Told: \(told)\r\n\r\n"
                )
            }
        }
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        for _ in 0..<2 {
            let response = try client.exchange(.request("POST", "/"), body: Array("abc".utf8), trailers: ["x-check": "1", "x-other": "2"])
            #expect(
                response.text == "hello" && response.trailers?["x-sum"] == "42" && response.trailers?["x-told"] == "x-check=1;x-other=2")
        }
        #expect(origin.errors == [])
    }

    // MARK: What a request is made of

    @Test(arguments: Transport.allCases) func `the origin gets the authority as Host, cookies as one field, and where the client is`(
        _ transport: Transport
    ) throws {
        let edge = try Edge(.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        let client = try edge.http2(transport)
        let fields: HTTP2Fields = ["cookie": "a=b", "x-a": "1", "cookie": "c=d", "accept": "*/*", "cookie": "e=f"]
        #expect(try client.exchange(.request("GET", "/p?q", authority: "localhost:8080", fields)).status == 200)
        let request = try ReceivedHead(edge.origin.received())
        #expect(request.requestLine == "GET /p?q HTTP/1.1" && request.values("Host") == ["localhost:8080"])
        #expect(request.values("Cookie") == ["a=b; c=d; e=f"] && request["X-A"] == "1" && request["Accept"] == "*/*")
        #expect(request["X-Forwarded-Proto"] == (transport == .tls ? "https" : "http") && request["X-Forwarded-For"] == "127.0.0.1")
        #expect(request.fields.allSatisfy { !$0.hasPrefix(":") } && request["Transfer-Encoding"] == nil && request["Content-Length"] == nil)
        let entry = try edge.gateway.accessLog(waitingFor: 1)[0]
        #expect(entry.number("status") == 200 && entry["error_type"] == nil && entry.line.contains("HTTP/2"))
    }

    @Test func `content without a length reaches the origin in chunks, with one as it is`() throws {
        let edge = try Edge(ScriptedOrigin.telling())
        let client = try edge.http2()
        #expect(try client.exchange(.request("POST", "/a"), body: Array("hello".utf8)).text == "POST /a hello")
        #expect(try client.exchange(.request("PUT", "/b", ["content-length": "5"]), body: Array("world".utf8)).text == "PUT /b world")
        let received = edge.origin.received()
        #expect(received.contains("Transfer-Encoding: chunked") && received.contains("Content-Length: 5"))
    }

    @Test func `content reaches the origin while the request goes on`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while let chunk = try connection.readChunk() {
                try connection.send("\(String(chunk.count, radix: 16))\r\n" + String(decoding: chunk, as: UTF8.self) + "\r\n")
            }
            try connection.send("0\r\n\r\n")
        }
        let edge = try Edge(origin)
        let client = try edge.http2()
        try client.sendHead(.request("POST", "/"), on: 1, endsStream: false)
        var expected = ""
        for index in 0..<20 {
            try client.send(.data(1, "part \(index);"))
            expected += "part \(index);"
            try client.content(expected.utf8.count, on: 1)
        }
        try client.send(.data(1, "", .endStream))
        #expect(try client.response(on: 1).text == expected)
    }

    @Test func `a response may come before the request's content has`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
        }
        let edge = try Edge(origin)
        let client = try edge.http2()
        try client.sendHead(.request("POST", "/", ["content-length": "100000"]), on: 1, endsStream: false)
        try client.send(.data(1, "a"))
        try client.wait("the answer") { $0.response(1).hasEnded }
        #expect(client.response(1).status == 403 && client.response(1).text == "no")
        // What is left of the request may be refused without an error (RFC 9113 § 8.1).
        try client.send(.data(1, "b"))
        try client.ping()
        #expect(client.response(1).resetCode ?? 0 == 0 && client.goAways.isEmpty)
    }

    // MARK: Many

    @Test(arguments: Transport.allCases) func `a thousand requests one behind the other`(_ transport: Transport) throws {
        let edge = try Edge(QuickOrigin("a").origin)
        let client = try edge.http2(transport)
        for index in 0..<1000 {
            let response = try client.get("/\(index)", ["x-number": "\(index)", "user-agent": "test"])
            guard response.status == 200, response.text == "ok\n" else { throw TestError.invalid("\(index): \(response)") }
        }
        try edge.gateway.waitForMetrics("1000 requests") { $0.sum("http_requests_total") == 1000 }
    }

    @Test(arguments: Transport.allCases) func `a hundred requests at once, each with its own answer`(_ transport: Transport) throws {
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                let count = Int(request.target.dropFirst()) ?? 0
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
                try connection.sendPattern(count)
            }
        }
        let edge = try Edge(origin)
        let client = try edge.http2(transport)
        for _ in 0..<3 {
            let streams = try (0..<100).map { (try client.request(.request("GET", "/\($0 * 997)")), $0 * 997) }
            for (stream, count) in streams {
                let response = try client.response(on: stream, timeout: 60)
                #expect(response.body.count == count && Pattern.matches(response.body))
                client.forget(stream)
            }
        }
        #expect(origin.errors == [])
    }

    @Test func `100 uploads at once, each with its own answer`() throws {
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send(ScriptedOrigin.message("\(request.target) \(request.body.count) \(Pattern.matches(request.body))"))
            }
        }
        let edge = try Edge(origin)
        let client = try edge.http2(.tls)
        let streams = try (0..<100).map { index in
            let stream = client.nextStream
            try client.sendHead(.request("POST", "/\(index)"), on: stream, endsStream: false)
            return stream
        }
        for round in 0..<5 {
            for stream in streams { try client.sendData(Pattern.bytes(2000, at: round * 2000), on: stream, endsStream: round == 4) }
        }
        for (index, stream) in streams.enumerated() { #expect(try client.response(on: stream).text == "/\(index) 10000 true") }
    }
}
