import Foundation
import TestSupport
import Testing

/// Which requests have a line in the access log, in which format, and what it keeps to itself.
@Suite struct AccessLogTests {
    private static func gateway(_ rules: String, _ origin: DemoOrigin? = nil) throws -> Gateway {
        try Gateway(
            conf: """
                workers 1;
                access_log {DIR}/access.log \(rules);
                admin 127.0.0.1:0 { allow 127.0.0.1; }
                server {
                    listen 127.0.0.1:0;
                    location /local { return 200 local; }
                    location /bad { return 404; }
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                }
                """, values: ["ORIGIN": "\(origin?.port ?? 1)"])
    }

    private static let url = "/local?a=1&token=secret&%74oken=secret&TOKEN=secret&b=token&token&key+name=secret;token=secret"
    private static let shown = "/local?a=1&token=***&%74oken=***&TOKEN=***&b=token&token&key+name=***;token=***"

    @Test func `a combined line is what nginx would write`() throws {
        let gateway = try Self.gateway("combined")
        let fields = ["User-Agent: a\"b\\c\u{e9}", "Referer: http://x/?q=1"]
        #expect(try gateway.connect().get("/local?x=%22", fields: fields).status == 200)
        try eventually("a line") { try gateway.accessLogLines().count == 1 }
        let line = try #require(try gateway.accessLogLines().first)
        let pattern = /127\.0\.0\.1 - - \[(.+)\] "GET \/local\?x=%22 HTTP\/1\.1" 200 5 "http:\/\/x\/\?q=1" "a\\x22b\\x5Cc\\xC3\\xA9"/
        let time = try #require(try pattern.wholeMatch(in: line)?.1, "\(line)")
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "dd/MMM/yyyy:HH:mm:ss Z"
        #expect(abs(try #require(format.date(from: String(time))).timeIntervalSinceNow) < 600)
    }

    @Test(arguments: ["json", "combined"]) func `values of hidden parameters are in no line`(format: String) throws {
        let gateway = try Self.gateway("\(format) hide=\"token,key name\"")
        _ = try gateway.connect().get(Self.url, fields: ["Referer: http://a\(Self.url)"])
        try eventually("a line") { try gateway.accessLogLines().count == 1 }
        let line = try #require(try gateway.accessLogLines().first)
        #expect(!line.contains("secret"), "\(line)")
        #expect(line.contains("\(Self.shown)") && line.contains("http://a\(Self.shown)"), "\(line)")
    }

    @Test func `with a sample of none only errors have lines`() throws {
        let gateway = try Self.gateway("json sample=0% slow=1h")
        let client = try gateway.connect()
        for _ in 0..<50 { #expect(try client.get("/local").status == 200) }
        #expect(try client.get("/bad").status == 404)
        #expect(try client.get("/dead").status == 502)
        #expect(try gateway.accessLog(waitingFor: 2).map { $0.number("status") } == [404, 502])
    }

    @Test func `what is slow has a line, and a sample has some of the rest`() throws {
        let all = try Self.gateway("json sample=0% slow=0")
        #expect(try all.connect().get("/local").status == 200)
        #expect(try all.accessLog(waitingFor: 1).count == 1)

        let half = try Self.gateway("json sample=50% slow=1h")
        let client = try half.connect()
        for _ in 0..<400 { _ = try client.get("/local") }
        #expect(try client.get("/bad").status == 404)
        try eventually("the last line") { try half.accessLogLines().last?.contains("/bad") == true }
        // Twelve standard deviations to either side.
        let count = try half.accessLogLines().count - 1
        #expect((80...320).contains(count))
        #expect(try half.metrics().sum("http_requests_total") == 401)
    }

    @Test func `a line says how long the connection to the origin took, if one was opened`() throws {
        let origin = try DemoOrigin()
        let gateway = try Self.gateway("json", origin)
        let client = try gateway.connect()
        for _ in 0..<2 { #expect(try client.get("/bytes?count=1").status == 200) }
        let lines = try gateway.accessLog(waitingFor: 2)
        #expect(lines[0].number("upstream_connect") != nil)
        #expect(lines[1].number("upstream_connect") == nil)
    }
}
