import Foundation
import TestSupport
import Testing

/// Tests/examples/embedded-app.conf: limits for all, for users and for addresses, security headers, and a maintenance page.
@Suite struct EmbeddedAppTests {
    private static let headers = [
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload", "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN", "X-XSS-Protection": "1; mode=block", "Referrer-Policy": "strict-origin-when-cross-origin",
        "Content-Security-Policy": "default-src 'self'; frame-ancestors *",
    ]
    private static let silence = "/silence"

    private static func key(_ user: Int) -> String { sha256("user \(user)") }

    private static func fields(user: Int, address: Int = 0) -> [String] {
        ["Authorization: Bearer \(key(user))", "X-Forwarded-For: 192.0.2.\(address)"]
    }

    /// The gateway, with the keys of twenty users.
    private struct App {
        let files: TemporaryDirectory
        let origin: ScriptedOrigin
        let gateway: Gateway

        init(_ text: String? = nil) throws {
            files = try TemporaryDirectory()
            origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in try EmbeddedAppTests.serve(connection) }
            try files.write((0..<20).map { Example.line("user-\($0)", EmbeddedAppTests.key($0)) }.joined(separator: "\n"), to: "users.conf")
            let environment = [
                "HTTP": "127.0.0.1:0", "HTTPS": "127.0.0.2:0", "ORIGIN": "127.0.0.1:\(origin.port)", "KEYS": files.file("*.conf"),
                "BALANCER": "127.0.0.0/8", "MAINTENANCE": files.file("maintenance"), "ACCESS_LOG": "access.log",
            ]
            gateway = try Gateway(
                conf: text ?? Example.text("embedded-app"), environment: environment.merging(Example.certificate()) { $1 })
        }

        func connect() throws -> TLSClient { try gateway.connectTLS(1) }

        func get(_ target: String = "/", _ fields: [String] = EmbeddedAppTests.fields(user: 0)) throws -> HTTPResponse {
            try connect().get(target, fields: fields)
        }
    }

    /// Takes an upload by its head alone, and says nothing where silence is asked for.
    private static func serve(_ connection: TCPConnection) throws {
        while true {
            let request = try connection.readHead(timeout: 600)
            if request.method == "POST" {
                try connection.send("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                return
            }
            if request.target == silence {
                _ = try connection.receiveToEnd(timeout: 600)
                return
            }
            try connection.send(ScriptedOrigin.message("ok"))
        }
    }

    // MARK: Limits

    @Test func `a thousand requests a minute pass in all, 100 of a user, 200 of an address`() throws {
        let app = try App()
        let client = try app.connect()
        var (total, user, address) = (BucketCount(perMinute: 1000), BucketCount(perMinute: 100), BucketCount(perMinute: 200))
        var turn = 0
        /// Other users and addresses each time, but for the one that is meant.
        func ask(user: Int? = nil, address: Int? = nil) throws -> HTTPResponse {
            turn += 1
            return try client.get("/", fields: Self.fields(user: user ?? 1 + turn % 19, address: address ?? 10 + turn % 50))
        }
        func refusing(_ answer: HTTPResponse) throws -> String? {
            let problem = try answer.json()
            #expect(problem["error_type"] as? String == "rate_limited" && answer["Retry-After"] != nil)
            let line = try app.gateway.accessLog(waitingFor: turn).first { $0["request_id"] == problem["request_id"] as? String }
            return line?["rate_limit"]
        }
        let one = try user.drain { try ask(user: 0) }
        #expect(user.isExact, "\(user.passed) of a user")
        #expect(try refusing(one) == "per_user")
        let there = try address.drain { try ask(address: 1) }
        #expect(address.isExact, "\(address.passed) of an address")
        #expect(try refusing(there) == "per_ip")
        total.passed = user.passed + address.passed
        let all = try total.drain { try ask() }
        #expect(total.isExact, "\(total.passed) in all")
        #expect(try refusing(all) == "total")
    }

    // MARK: What everybody gets

    @Test func `every answer over TLS has the security headers, and plain HTTP leads there`() throws {
        let app = try App()
        let client = try app.connect()
        let refused = try client.get("/", fields: ["Accept: application/json"])
        #expect(refused.status == 401)
        let answer = try client.get("/", fields: Self.fields(user: 0))
        #expect(answer.status == 200 && answer.text == "ok")
        try app.files.write("", to: "maintenance")
        var away: HTTPResponse?
        try eventually("the page") {
            away = try client.get("/", fields: Self.fields(user: 0) + ["Accept: application/json"])
            return away?.status == 503
        }
        for answer in [refused, answer, away].compactMap({ $0 }) {
            for (name, value) in Self.headers { #expect(answer.values(name) == [value], "\(name) of \(answer.rawHead)") }
        }

        let plain = try app.gateway.connect(0).request("POST", "/upload?a=b", host: "app.example.com:8080", body: [])
        #expect(plain.status == 308 && plain["Location"] == "https://app.example.com/upload?a=b")
        #expect(plain["Strict-Transport-Security"] == nil)
    }

    @Test func `an upload may have 100 MB`() throws {
        let app = try App()
        for (length, status) in [(104_857_600, 202), (104_857_601, 413)] {
            let client = try app.connect()
            let fields = Self.fields(user: 0).joined(separator: "\r\n")
            try client.send("POST /upload HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\nContent-Length: \(length)\r\n\r\n")
            #expect(try client.readResponse(to: "POST").status == status, "\(length) bytes")
        }
    }

    @Test func `a request has 30 seconds, and errors are JSON with the id of the log`() throws {
        // The file's own time would be the test's.
        let app = try App(Example.text("embedded-app", "request_timeout      30s;", by: "request_timeout 300ms;"))
        let fields = Self.fields(user: 0)
        let upload = try app.connect()
        try upload.send("POST / HTTP/1.1\r\nHost: localhost\r\n\(fields.joined(separator: "\r\n"))\r\nContent-Length: 104857601\r\n\r\n")
        let errors = try [
            (504, "request_timeout", app.get(Self.silence)), (401, "key_missing", app.get("/", [])),
            (401, "key_unknown", app.get("/", ["Authorization: Bearer \(sha256("nobody"))"])),
            (413, "body_too_large", upload.readResponse(to: "POST")),
        ]
        let lines = try app.gateway.accessLog(waitingFor: errors.count)
        for (status, type, answer) in errors {
            #expect(answer.status == status && answer["Content-Type"] == "application/problem+json", "\(answer.rawHead)")
            let problem = try answer.json()
            #expect(problem["error_type"] as? String == type && problem["status"] as? Int == status)
            let line = try #require(lines.first { $0["request_id"] == problem["request_id"] as? String }, "\(problem)")
            #expect(line["error_type"] == type)
        }
    }

    // MARK: Maintenance

    @Test func `a flag moves the traffic to the page, and back`() throws {
        let app = try App()
        let client = try app.connect()
        var turn = 0
        /// Each time another user, so that asking again and again meets no limit.
        func status() throws -> Int {
            turn += 1
            return try client.get("/", fields: Self.fields(user: turn % 20, address: turn % 20)).status
        }
        for _ in 0..<2 {
            try eventually("the app") { try status() == 200 }
            try app.files.write("", to: "maintenance")
            try eventually("the page") { try status() == 503 }
            let page = try client.get("/", fields: ["Accept: text/html"])
            #expect(page.status == 503 && page["Content-Type"] == "text/html; charset=utf-8" && page.text.contains("We’ll be back soon"))
            #expect(page["Retry-After"] == "300" && page["Cache-Control"] == "no-store")
            let problem = try client.get("/", fields: ["Accept: application/json"]).json()
            #expect(problem["error_type"] as? String == "maintenance" && problem["request_id"] != nil)
            try FileManager.default.removeItem(atPath: app.files.file("maintenance"))
        }
        try eventually("the app") { try status() == 200 }
    }
}
