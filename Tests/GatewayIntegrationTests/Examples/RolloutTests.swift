import Foundation
import TestSupport
import Testing

/// Tests/examples/rollout.conf: a new version takes over by the weights of servers, and the log tells who asked without telling their keys.
@Suite struct RolloutTests {
    private static let (anna, bert) = (String(repeating: "0123456789abcdef", count: 4), String(repeating: "fedcba9876543210", count: 4))
    private static let silence = "/silence"

    private struct Rollout {
        let files: TemporaryDirectory
        let (old, new): (ScriptedOrigin, ScriptedOrigin)
        let gateway: Gateway

        init(_ text: String? = nil) throws {
            files = try TemporaryDirectory()
            (old, new) = (try RolloutTests.origin("old"), try RolloutTests.origin("new"))
            let keys = [Example.line("anna", RolloutTests.anna), Example.line("bert", RolloutTests.bert)]
            try files.write(keys.joined(separator: "\n"), to: "callers.conf")
            gateway = try Gateway(
                conf: text ?? Example.text("rollout"),
                environment: [
                    "LISTEN": "127.0.0.1:0", "OLD": "127.0.0.1:\(old.port)", "NEW": "127.0.0.1:\(new.port)",
                    "KEYS": files.file("*.conf"), "BALANCER": "127.0.0.0/8", "ACCESS_LOG": "access.log",
                ])
        }
    }

    /// Tells its name, and gives as much JSON as the path asks for.
    private static func origin(_ name: String) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                if request.target == silence {
                    _ = try connection.receiveToEnd(timeout: 600)
                    return
                }
                let length = Int(request.target.dropFirst()) ?? 2
                let body = "\"\(String(repeating: "x", count: length - 2))\""
                try connection.send(ScriptedOrigin.message(body, fields: "X-Version: \(name)\r\nContent-Type: application/json\r\n"))
            }
        }
    }

    // MARK: Weights

    @Test func `the new version takes over by 1, 5, 50 and 100 per cent, and leaves again`() throws {
        let rollout = try Rollout()
        for (step, share) in [1, 5, 50, 100, 1, 0].enumerated() {
            if step > 0 {
                let text = try Example.text("rollout", "weight=99;", by: "weight=\(100 - share);")
                #expect(
                    try rollout.gateway.reload(conf: text.replacingOccurrences(of: "weight=1;", with: "weight=\(share);"))
                        .contains("reloaded"))
            }
            let client = try rollout.gateway.connect()
            var new = 0
            for _ in 0..<100 {
                let answer = try client.get("/", fields: ["X-API-Key: \(Self.anna)"])
                #expect(answer.status == 200)
                if answer["X-Version"] == "new" { new += 1 }
            }
            // A reload may fall between two of them, but not where one has everything.
            #expect(share % 100 == 0 ? new == share : abs(new - share) <= 1, "\(new) of 100 at \(share) per cent")
        }
    }

    // MARK: Limits

    @Test func `one path has ten requests a minute for each caller, the others as many as they like`() throws {
        let rollout = try Rollout()
        let client = try rollout.gateway.connect()
        func ask(_ target: String, _ key: String) throws -> HTTPResponse { try client.get(target, fields: ["X-API-Key: \(key)"]) }
        for key in [Self.anna, Self.bert] {
            var count = BucketCount(perMinute: 10)
            try count.drain { try ask("/api/generate", key) }
            #expect(count.isExact, "\(count.passed) passed")
        }
        for target in ["//api/generate", "/api/%67enerate", "/api/./generate?a", "/x/../api/generate"] {
            var count = BucketCount(perMinute: 10)
            count.passed = 10
            try count.drain { try ask(target, Self.anna) }
            #expect(count.isExact, "\(count.passed - 10) passed by \(target)")
        }
        for _ in 0..<30 { #expect(try ask("/api/generated", Self.anna).status == 200) }
    }

    @Test func `a request has 300 seconds, of silence too`() throws {
        // The file's own time would be the test's. Each of the two ends it by itself.
        for (piece, type) in [("request_timeout 300s;", "request_timeout"), ("read_timeout 300s;", "upstream_read_timeout")] {
            let rollout = try Rollout(Example.text("rollout", piece, by: piece.replacingOccurrences(of: "300s", with: "300ms")))
            let answer = try rollout.gateway.get(Self.silence, fields: ["X-API-Key: \(Self.anna)"])
            let found = try answer.json()["error_type"] as? String
            #expect(answer.status == 504 && found == type)
        }
    }

    // MARK: Compression

    @Test func `JSON of 1000 bytes is compressed, of 999 it is not`() throws {
        let rollout = try Rollout()
        let client = try rollout.gateway.connect()
        let fields = ["X-API-Key: \(Self.anna)", "Accept-Encoding: gzip"]
        let short = try client.get("/999", fields: fields)
        #expect(short["Content-Encoding"] == nil && short.body.count == 999)
        let long = try client.get("/1000", fields: fields)
        #expect(long["Content-Encoding"] == "gzip" && long.body.count < 999)
        #expect(try Gunzip.content(of: long).count == 1000)
    }

    // MARK: The log

    @Test func `the log has the caller's name and address, and nobody's key`() throws {
        let rollout = try Rollout()
        let client = try rollout.gateway.connect()
        let (guess, wrong) = (String(repeating: "a1b2", count: 16), String(repeating: "c3d4", count: 16))
        let asked: [(fields: [String], status: Double, name: String?)] = [
            (["X-API-Key: \(Self.anna)"], 200, "anna"), (["Authorization: Bearer \(Self.bert)"], 200, "bert"),
            (["X-API-Key: \(Self.anna)", "Authorization: Bearer \(Self.bert)"], 200, "anna"), (["X-API-Key: \(guess)"], 401, nil),
            (["X-API-Key: \(Self.anna)", "X-API-Key: \(wrong)"], 401, nil), (["Authorization: Bearer \(Self.bert) \(wrong)"], 401, nil),
            (["Authorization: Basic \(guess)"], 401, nil), ([], 401, nil),
        ]
        for (index, request) in asked.enumerated() {
            let answer = try client.get("/", fields: request.fields + ["X-Forwarded-For: 192.0.2.\(index)", "User-Agent: test"])
            #expect(Double(answer.status) == request.status, "\(request.fields)")
        }
        var count = BucketCount(perMinute: 10)
        try count.drain { try client.get("/api/generate", fields: ["X-API-Key: \(Self.anna)", "X-Forwarded-For: 192.0.2.99"]) }

        let lines = try rollout.gateway.accessLog(waitingFor: asked.count + count.passed + 1)
        for (index, (line, request)) in zip(lines, asked).enumerated() {
            #expect(line["remote_addr"] == "192.0.2.\(index)" && line["key"] == request.name && line.number("status") == request.status)
        }
        #expect(lines.last?["key"] == "anna" && lines.last?["remote_addr"] == "192.0.2.99" && lines.last?.number("status") == 429)
        #expect(try rollout.gateway.stop() == .exited(0))
        let written =
            try rollout.gateway.directory.read("access.log") + rollout.gateway.program.stderr.text + rollout.gateway.program.stdout.text
        let told = rollout.old.received(0) + rollout.new.received(0)
        for key in [Self.anna, Self.bert, guess, wrong] {
            // Nor a part of one: half would be half of the work to guess it.
            for piece in [key.prefix(16), key.suffix(16)] { #expect(!written.contains(piece) && !told.contains(piece)) }
        }
    }
}
