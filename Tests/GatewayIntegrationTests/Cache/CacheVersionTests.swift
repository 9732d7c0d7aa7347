import TestSupport
import Testing

/// The cache before an upstream of several versions: who is to have one of them never gets an answer of another.
@Suite struct CacheVersionTests {
    private let requests = Monitor<[HTTPRequest]>([])
    private let stable: ScriptedOrigin
    private let canary: ScriptedOrigin

    init() throws {
        stable = try Self.origin("stable", requests)
        canary = try Self.origin("canary", requests)
    }

    private static func origin(_ name: String, _ requests: Monitor<[HTTPRequest]>) throws -> ScriptedOrigin {
        try CachedOrigin.origin(requests) { number, _, connection in try connection.send(ScriptedOrigin.message("\(name) \(number)")) }
    }

    private func conf(_ directive: String, isSwapped: Bool) -> String {
        let versions = [
            "version stable weight=50 { server 127.0.0.1:\(stable.port); }",
            "version canary weight=50 { server 127.0.0.1:\(canary.port); }",
        ]
        return """
            workers 1;
            admin 127.0.0.1:0 { }
            \(CachedOrigin.zone)
            upstream chat {
                \((isSwapped ? versions.reversed() : versions).joined(separator: "\n"))
                \(directive)
            }
            server { listen 127.0.0.1:0; location / { proxy_pass http://chat; cache ai scope=shared; } }
            """
    }

    private func version(_ client: TCPClient, _ fields: [String], _ target: String = "/") throws -> String {
        let answer = try client.get(target, fields: fields)
        return answer.status == 200 ? String(answer.text.prefix { $0 != " " }) : "\(answer.status)"
    }

    @Test func `a version that is asked for by name is the one that answers, also after its block has moved`() throws {
        let directive = "version_header X-Want from=127.0.0.0/8;"
        let gateway = try Gateway(conf: conf(directive, isSwapped: false))
        for isSwapped in [false, true, false] {
            #expect(try gateway.reload(conf: conf(directive, isSwapped: isSwapped)).contains("reloaded"))
            let client = try gateway.connect()
            for name in ["stable", "canary", "stable", "canary"] {
                #expect(try version(client, ["X-Want: \(name)"]) == name, "swapped: \(isSwapped)")
            }
        }
    }

    @Test func `a caller that keeps its version gets answers of no other, also after a block has moved`() throws {
        let directive = "sticky key=header:X-User;"
        let gateway = try Gateway(conf: conf(directive, isSwapped: false))
        let callers = (0..<24).map { "X-User: caller-\($0)" }
        for isSwapped in [false, true, false] {
            #expect(try gateway.reload(conf: conf(directive, isSwapped: isSwapped)).contains("reloaded"))
            let client = try gateway.connect()
            // What passes the cache by tells which version the caller is at.
            let own = try callers.map { try version(client, [$0, "Cache-Control: no-store"]) }
            #expect(Set(own) == ["stable", "canary"])
            for _ in 0..<2 { #expect(try callers.map { try version(client, [$0]) } == own, "swapped: \(isSwapped)") }
        }
    }
}
