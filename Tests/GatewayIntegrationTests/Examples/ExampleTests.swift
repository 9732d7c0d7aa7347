import Foundation
import TestSupport
import Testing

/// The configurations of Tests/examples, as they are, in front of origins of the test's.
@Suite struct ExampleTests {
    private static let (old, new) = (String(repeating: "0123456789abcdef", count: 4), String(repeating: "fedcba9876543210", count: 4))

    // MARK: public-api.conf

    private static let app = "https://app.example.com"

    private func publicAPI(_ keys: TemporaryDirectory, _ origin: ScriptedOrigin) throws -> Gateway {
        try Gateway(
            conf: Example.text("public-api"),
            environment: ["LISTEN": "127.0.0.1:0", "ORIGIN": "127.0.0.1:\(origin.port)", "KEYS": keys.file("*.conf")])
    }

    @Test func `a public API has keys that rotate, bodies up to 256 KB, and pages that may call it`() throws {
        let keys = try TemporaryDirectory()
        try keys.write(Example.line("partner", Self.old), to: "old.conf")
        let origin = try ScriptedOrigin.telling()
        let gateway = try publicAPI(keys, origin)
        func status(_ key: String) throws -> Int { try gateway.get("/", fields: ["X-API-Key: \(key)"]).status }
        #expect(try [status(Self.old), status(Self.new)] == [200, 401])
        try keys.write(Example.line("partner", Self.new), to: "new.conf")
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try [status(Self.old), status(Self.new)] == [200, 200])
        try FileManager.default.removeItem(atPath: keys.file("old.conf"))
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try [status(Self.old), status(Self.new)] == [401, 200])

        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-API-Key: \(Self.new)\r\n"
        let client = try gateway.connect()
        try client.send("\(head)Content-Length: 262144\r\n\r\n\(String(repeating: "b", count: 262_144))")
        #expect(try client.readResponse(to: "POST").status == 200)
        try client.send("\(head)Content-Length: 262145\r\n\r\n")
        #expect(try client.readResponse(to: "POST").status == 413)

        func preflight(_ page: String) throws -> HTTPResponse {
            let client = try gateway.connect()
            try client.send(
                "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: \(page)\r\nAccess-Control-Request-Method: POST\r\n"
                    + "Access-Control-Request-Headers: content-type, x-api-key\r\n\r\n")
            return try client.readResponse(to: "OPTIONS")
        }
        for page in [Self.app, "https://studio.example.com"] {
            let allowed = try preflight(page)
            #expect(allowed.status == 204 && allowed["Access-Control-Allow-Origin"] == page)
            #expect(allowed["Access-Control-Allow-Credentials"] == nil)
        }
        #expect(try preflight("https://evil.example")["Access-Control-Allow-Origin"] == nil)
    }

    @Test func `a public API answers a hundred times in a minute, and says how often it will`() throws {
        let keys = try TemporaryDirectory()
        try keys.write(Example.line("partner", Self.old), to: "key.conf")
        let origin = try ScriptedOrigin.telling()
        let gateway = try publicAPI(keys, origin)
        let client = try gateway.connect()
        let first = try client.get("/", fields: ["X-API-Key: \(Self.old)"])
        #expect(first.status == 200 && first["RateLimit-Limit"] == "100" && first["RateLimit-Remaining"] == "99")
        // A guess costs what an answer costs, and the page may read that it was one.
        let guess = try client.get("/", fields: ["X-API-Key: \(Self.new)", "Origin: \(Self.app)"])
        #expect(guess.status == 401 && guess["Access-Control-Allow-Origin"] == Self.app)
        var passed = 2
        try eventually("a refusal by the limit") {
            let answer = try client.get("/", fields: ["X-API-Key: \(Self.old)", "Origin: \(Self.app)"])
            if answer.status == 200 { passed += 1 }
            guard answer.status == 429 else { return false }
            #expect(answer["RateLimit-Remaining"] == "0" && answer["Retry-After"] != nil && answer["RateLimit-Reset"] != nil)
            #expect(answer["Access-Control-Allow-Origin"] == Self.app)
            return true
        }
        #expect(passed >= 100)
    }

    // MARK: ai-queries.conf

    /// Tells its name, in JSON that is worth compressing.
    private func version(_ name: String) throws -> ScriptedOrigin {
        try .answering(
            ScriptedOrigin.message(
                "{\"version\": \"\(String(repeating: name, count: 400))\"}",
                fields: "X-Version: \(name)\r\nContent-Type: application/json\r\n"))
    }

    private func aiQueries(_ keys: TemporaryDirectory, _ stable: ScriptedOrigin, _ canary: ScriptedOrigin) throws -> Gateway {
        try Gateway(
            conf: Example.text("ai-queries"),
            environment: [
                "LISTEN": "127.0.0.1:0", "STABLE": "127.0.0.1:\(stable.port)", "CANARY": "127.0.0.1:\(canary.port)",
                "KEYS": keys.file("*.conf"), "BALANCER": "127.0.0.0/8", "ALLOWED_ORIGINS": "\(Self.app), https://studio.example.com",
            ])
    }

    @Test func `a new version takes over by 5, 25, 50 and 100 per cent`() throws {
        let (keys, stable, canary) = (try TemporaryDirectory(), try version("stable"), try version("canary"))
        let gateway = try aiQueries(keys, stable, canary)
        for (step, share) in [5, 25, 50, 100].enumerated() {
            if step > 0 {
                let text = try Example.text("ai-queries").replacingOccurrences(of: "weight=95", with: "weight=\(100 - share)")
                #expect(try gateway.reload(conf: text.replacingOccurrences(of: "weight=5 ", with: "weight=\(share) ")).contains("reloaded"))
            }
            let client = try gateway.connect()
            var canaries = 0
            for index in 0..<100 {
                let answer = try client.get("/", fields: ["X-Forwarded-For: 192.0.2.\(index)"])
                #expect(answer.status == 200)
                if answer["X-Version"] == "canary" { canaries += 1 }
            }
            // A reload may fall between two of them.
            #expect(abs(canaries - share) <= 1, "\(canaries) of 100 at \(share) per cent")
        }
    }

    @Test func `users have ten AI queries a minute, addresses a hundred requests in 15 minutes`() throws {
        let (keys, stable, canary) = (try TemporaryDirectory(), try version("stable"), try version("canary"))
        try keys.write(Example.line("anna", Self.old) + "\n" + Example.line("bert", Self.new), to: "users.conf")
        let gateway = try aiQueries(keys, stable, canary)
        let client = try gateway.connect()
        var address = 0
        func query(_ key: String) throws -> HTTPResponse {
            address = (address + 1) % 250
            return try client.get("/ai/ask", fields: ["Authorization: Bearer \(key)", "X-Forwarded-For: 198.51.100.\(address)"])
        }
        for _ in 0..<10 { #expect(try query(Self.old).status == 200) }
        try eventually("a refusal by the user's limit") {
            let answer = try query(Self.old)
            guard answer.status == 429 else { return false }
            let detail = try answer.json()["detail"] as? String
            #expect(detail == "You have asked 10 questions within a minute. Please wait a moment.")
            return true
        }
        #expect(try query(Self.new).status == 200)
        #expect(try query("guess").status == 401)

        let one = ["X-Forwarded-For: 203.0.113.1"]
        for _ in 0..<100 { #expect(try client.get("/", fields: one).status == 200) }
        try eventually("a refusal by the address's limit") { try client.get("/", fields: one).status == 429 }
        #expect(try client.get("/", fields: ["X-Forwarded-For: 203.0.113.2"]).status == 200)
    }

    @Test func `pages from the environment may ask, and large answers are compressed`() throws {
        let (keys, stable, canary) = (try TemporaryDirectory(), try version("stable"), try version("canary"))
        let gateway = try aiQueries(keys, stable, canary)
        let client = try gateway.connect()
        for page in [Self.app, "https://studio.example.com"] {
            let answer = try client.get("/", fields: ["Origin: \(page)", "Accept-Encoding: gzip"])
            #expect(answer["Access-Control-Allow-Origin"] == page && answer["Content-Encoding"] == "gzip")
        }
        let other = try client.get("/", fields: ["Origin: https://evil.example"])
        #expect(other["Access-Control-Allow-Origin"] == nil && other["Content-Encoding"] == nil)
    }
}
