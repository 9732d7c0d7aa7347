import TestSupport
import Testing

/// A place at a server with `max_conns` is free again however the request that had it ends.
@Suite struct ConnectionPlaceTests {
    @Test func `a request that goes to another server leaves its place at the one that failed`() throws {
        let host = "127.55.\(Int.random(in: 0...254)).\(Int.random(in: 1...254))"
        let alive = try QuickOrigin("alive")
        let gateway = try Gateway(
            conf: BalanceTests.conf("server \(host):\(alive.port) max_conns=1; server \(alive.address) max_conns=1;"))
        let client = try gateway.connect()
        for _ in 0..<2 { #expect(try client.get("/")["X-Version"] == "alive") }
        let failed = try gateway.metrics().sum("gateway_upstream_requests_total", ["server": "\(host):\(alive.port)", "status": "502"])
        #expect(failed >= 1)
        let dead = try QuickOrigin("dead", host: host, port: alive.port)
        try eventually("a request at the server that failed") { try client.get("/")["X-Version"] == "dead" }
        #expect(dead.origin.errors.isEmpty)
    }

    @Test(arguments: ["client", "origin"])
    func `a tunnel leaves its place when it ends`(side: String) throws {
        let isOver = Signal()
        let origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                if request["Upgrade"] != nil {
                    try connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
                    if side == "origin" { return try isOver.wait() }
                    while try !connection.receiveSome(until: Deadline(seconds: 60)).isEmpty {}
                    return
                }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(conf: BalanceTests.conf("server 127.0.0.1:\(origin.port) max_conns=1;"))
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        #expect(try client.readHead().status == 101)
        #expect(try gateway.get("/").status == 503)
        isOver.send()
        if side == "origin" { #expect(try client.receiveSome(until: Deadline(seconds: 60)).isEmpty) }
        client.close()
        try eventually("the tunnel's place") { try gateway.get("/").status == 200 }
    }

    @Test func `a request whose configuration is retired leaves its place`() throws {
        let origin = try HeldOrigin()
        let other = try HeldOrigin()
        let gateway = try Gateway(
            conf: """
                workers 1;
                access_log off;
                upstream limited { server \(origin.address) max_conns=1; }
                upstream api { server \(other.address); }
                server {
                    listen 127.0.0.1:0;
                    location / { proxy_pass http://limited; }
                    location = /stream { proxy_pass http://api; }
                }
                """)
        let client = try gateway.connect()
        try client.send("GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try origin.origin.waitForReceived("/late")
        #expect(try gateway.get("/").status == 503)
        // Each of these keeps one more configuration, until they are too many.
        var streams: [RunningStream] = []
        for _ in 0..<17 {
            try gateway.reload()
            streams.append(try RunningStream(gateway.connect()))
        }
        #expect(try client.readResponse().text.contains("snapshot_retired"))
        #expect(try gateway.get("/").status == 200)
        other.release()
        for stream in streams { try stream.finish() }
    }

    @Test func `a request that cannot be sent on leaves its place`() throws {
        let origin = try QuickOrigin("one")
        let gateway = try Gateway(
            conf: """
                workers 1;
                access_log off;
                upstream api { server \(origin.address) max_conns=1; }
                server {
                    listen 127.0.0.1:0;
                    location / { proxy_pass http://api; }
                    location /files { proxy_pass http://api/data/; }
                }
                """)
        let client = try gateway.connect()
        // It would be /data/../key there.
        for _ in 0..<2 { #expect(try gateway.get("/files../key").status == 400) }
        #expect(try client.get("/")["X-Version"] == "one")
    }
}
