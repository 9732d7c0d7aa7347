import TestSupport
import Testing

/// What the access log says of a request's limits, its phases and the cache.
@Suite struct LogMemberTests {
    private static func gateway(_ origin: ScriptedOrigin, log: String = "json") throws -> Gateway {
        try Gateway(
            conf: """
                workers 1;
                access_log {DIR}/access.log \(log);
                cache_zone zone memory=16m;
                rate_limit small key=ip rate=1r/h burst=1;
                rate_limit trial key=ip rate=1r/h burst=1 dry_run;
                server {
                    listen 127.0.0.1:0;
                    location /small { limit small; return 200; }
                    location /trial { limit trial; return 200; }
                    location /denied { limit trial; deny all; return 200; }
                    location /cached { cache zone; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                }
                """, values: ["ORIGIN": "\(origin.port)"])
    }

    @Test func `the verdict of limits is told, with the limit's name where it is not passed`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        for path in ["/small", "/small", "/trial", "/trial", "/denied", "/"] { _ = try client.get(path) }
        let entries = try gateway.accessLog(waitingFor: 6)
        #expect(entries.map { $0["limit"] } == ["passed", "refused", "passed", "dry_run", nil, nil])
        #expect(entries.map { $0["rate_limit"] } == [nil, "small", nil, nil, nil, nil])
        #expect(entries.map { $0["rate_limit_dry_run"] } == [nil, nil, nil, "trial", nil, nil])
    }

    @Test func `why an answer was not stored stands in the line of who fetched it`() throws {
        let secret = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok")
        let open = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nContent-Length: 2\r\n\r\nok")
        let gateway = try Self.gateway(secret)
        let client = try gateway.connect()
        #expect(try client.get("/cached").text == "ok")
        let stored = try Self.gateway(open)
        #expect(try stored.get("/cached").text == "ok")
        let refused = try #require(try gateway.accessLog(waitingFor: 1).first)
        #expect(refused["cache"] == "miss" && refused["cache_refusal"] == "cache_control")
        #expect(try stored.accessLog(waitingFor: 1).map { $0["cache_refusal"] } == [nil])
    }

    @Test func `the times of the phases follow each other`() throws {
        let go = Monitor(0)
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
            _ = go.wait(until: Deadline(seconds: 60)) { $0 > 0 ? true : nil }
            try connection.send("k")
            _ = try connection.readNextRequest()
        }
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na")
        try origin.waitForReceived("\r\n\r\na")
        try client.send("b")
        try origin.waitForReceived("ab")
        // The head has come, so the origin's first byte has, too.
        while !client.unread.contains(UInt8(ascii: "o")) { client.unread += try client.receiveSome(until: Deadline(seconds: 60)) }
        go.update { $0 = 1 }
        #expect(try client.readResponse().text == "ok")
        let entry = try #require(try gateway.accessLog(waitingFor: 1).first)
        let times = ["request_duration", "first_byte", "duration"].map { entry.number($0) ?? -1 }
        #expect(times[0] > 0 && times[0] <= times[1] && times[1] <= times[2], "\(entry.line)")
        #expect(entry.number("bytes_received") == 2 && entry.number("bytes_sent") == 2)
    }

    @Test(arguments: ["json", "combined"]) func `fields that are hidden by name are in no line`(format: String) throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        let gateway = try Self.gateway(origin, log: "\(format) hide_headers=user-agent,referer")
        let client = try gateway.connect()
        #expect(try client.get("/", fields: ["User-Agent: secret", "Referer: http://secret/"]).status == 200)
        #expect(try client.get("/").status == 200)
        try eventually("two lines") { try gateway.accessLogLines().count == 2 }
        let lines = try gateway.accessLogLines()
        #expect(!lines[0].contains("secret"))
        #expect(lines[0].contains(format == "json" ? #""user_agent":"***","referer":"***""# : #""***" "***""#))
        #expect(!lines[1].contains("***"))
    }
}
