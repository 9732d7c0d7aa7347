import TestSupport
import Testing

/// Tests/examples/chat-site.conf: limits by path, headers, CORS with credentials, a WebSocket.
@Suite struct ChatSiteTests {
    private static let page = "https://chat.example.com"
    private static let headers = [
        "Content-Security-Policy": "default-src 'self'; connect-src 'self' wss:; object-src 'none'",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    ]
    private static let megabytes50 = 52_428_800

    private struct Site {
        let origin: ScriptedOrigin
        let gateway: Gateway

        init(_ origin: ScriptedOrigin) throws {
            self.origin = origin
            let environment = ["LISTEN": "127.0.0.1:0", "ORIGIN": "127.0.0.1:\(origin.port)", "BALANCER": "127.0.0.0/8"]
            gateway = try Gateway(
                conf: Example.text("chat-site"), environment: environment.merging(Example.certificate()) { $1 })
        }
    }

    @Test func `each part of the site has its limit for each address`() throws {
        let site = try Site(.telling())
        let client = try site.gateway.connectTLS()
        for (path, size) in [("/api/a", 10), ("/chat/a", 50), ("/upload/a", 5), ("/a", 100)] {
            for address in ["192.0.2.1", "192.0.2.2"] {
                var count = BucketCount(perMinute: size)
                let refusal = try count.drain { try client.get(path, fields: ["X-Forwarded-For: \(address)", "Origin: \(Self.page)"]) }
                #expect(count.isExact, "\(count.passed) of \(path) passed")
                #expect(refusal["Retry-After"] != nil && refusal["Access-Control-Allow-Origin"] == Self.page)
                for (name, value) in Self.headers { #expect(refusal.values(name) == [value], "\(name) of \(refusal.rawHead)") }
            }
        }
    }

    @Test func `every answer has the security headers, and the page may read it with its cookies`() throws {
        let site = try Site(.telling())
        let client = try site.gateway.connectTLS()
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = try client.request(method, "/", fields: ["Origin: \(Self.page)", "Cookie: session=1"], body: [])
            #expect(answer.status == 200 && answer["Access-Control-Allow-Origin"] == Self.page, "\(answer.rawHead)")
            #expect(answer["Access-Control-Allow-Credentials"] == "true" && answer["Vary"] == "Origin")
            #expect(answer["Access-Control-Expose-Headers"] == "RateLimit, RateLimit-Policy, Retry-After")
            for (name, value) in Self.headers { #expect(answer.values(name) == [value], "\(name) of \(answer.rawHead)") }

            let asked = try client.request(
                "OPTIONS", "/",
                fields: [
                    "Origin: \(Self.page)", "Access-Control-Request-Method: \(method)",
                    "Access-Control-Request-Headers: authorization,content-type",
                ])
            #expect(asked.status == 204 && asked["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE, OPTIONS", "\(asked.rawHead)")
            #expect(asked["Access-Control-Allow-Credentials"] == "true" && asked["Access-Control-Allow-Origin"] == Self.page)
        }
        let other = try client.get("/", fields: ["Origin: https://evil.example"])
        #expect(other["Access-Control-Allow-Origin"] == nil && other["Access-Control-Allow-Credentials"] == nil)
    }

    @Test func `a WebSocket passes, and is limited as one request`() throws {
        let origin = try ScriptedOrigin { connection, index in
            while index > 0, let request = try connection.readNextRequest() { try connection.send(ScriptedOrigin.message(request.target)) }
            if index == 0 { try WebSocket(accepting: connection).echo() }
        }
        let site = try Site(origin)
        var count = BucketCount(perMinute: 100)
        let socket = try WebSocket(site.gateway.connectTLS())
        count.passed = 1
        for index in 0..<200 {
            try socket.send(.text, Array("message \(index)".utf8))
            #expect(try socket.receive() == WebSocketFrame(.text, Array("message \(index)".utf8)))
        }
        let client = try site.gateway.connectTLS()
        try count.drain { try client.get("/") }
        #expect(count.isExact, "\(count.passed) passed")
        try socket.close()
        #expect(origin.errors.isEmpty)
    }

    @Test func `an upload may have 50 MB, and not a byte more`() throws {
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
            while let request = try connection.readNextRequest() { try connection.send(ScriptedOrigin.message("\(request.body.count)")) }
        }
        let site = try Site(origin)
        let client = try site.gateway.connectTLS()
        let answer = try client.request(
            "POST", "/upload/a", body: [UInt8](repeating: 120, count: Self.megabytes50), timeout: 120)
        #expect(answer.status == 200 && answer.text == "\(Self.megabytes50)")
        try client.send("POST /upload/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(Self.megabytes50 + 1)\r\n\r\n")
        #expect(try client.readResponse(to: "POST").status == 413)
    }
}
