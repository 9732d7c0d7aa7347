import Testing

@testable import GatewayConfig

@Suite struct UpstreamTests {
    private func told(_ block: String) -> [String] { messages("upstream a { \(block) }\n" + aServer) }

    @Test(arguments: [
        ("server b:1; version v weight=1 { server c:1; }", ["1:14: error: an upstream has servers or versions, not both"]),
        ("", ["1:1: error: the upstream \"a\" has no server"]),
        ("version v weight=1 { }", ["1:14: error: the version \"v\" has no server"]),
        ("server b:1 weight=0; server c:1 weight=0;", ["1:1: warning: all weights in the upstream \"a\" are 0"]),
        ("server b:1 weight=0; server c:1;", []),
        ("version v weight=0 { server b:1; }", ["1:1: warning: all weights in the upstream \"a\" are 0"]),
        ("version v weight=1 { server b:1 weight=0; }", ["1:14: warning: all weights in the version \"v\" are 0"]),
        ("server b:1; server b:1;", ["1:33: error: the server b:1 is given twice"]),
        ("version v weight=1 { server b:1; } version w weight=1 { server b:1; }", []),
        (
            "version v weight=1 { server b:1; } version v weight=1 { server c:1; }",
            ["1:57: error: the version \"v\" is given twice"]
        ),
        ("version v { server b:1; }", ["1:22: error: \"version\" is missing \"weight=\""]),
        ("version weight=1 { server b:1; }", ["1:22: error: \"version\" is missing NAME"]),
        ("server b:1 weight=-1;", ["1:32: error: \"-1\" is negative"]),
        ("server b:1 weight=1 weight=2;", ["1:34: error: \"weight\" is given twice"]),
        ("server b:1 backup;", ["1:25: error: the upstream \"a\" has only backup servers"]),
        ("version v weight=1 { server b:1 backup; server c:1 backup; }", ["1:46: error: the version \"v\" has only backup servers"]),
        ("server b:1 weight=0; server c:1 backup max_conns=0;", []),
        ("server b:1 max_conns=x;", ["1:35: error: \"x\" is not a number"]),
        ("server b:1 max_conns=-1;", ["1:35: error: \"-1\" is negative"]),
        ("server http://b:1;", ["1:21: error: \"http://b:1\" is a URL"]),
        ("server b:0;", ["1:21: error: port 0 can't be connected to"]),
        ("server unix:/run/b;", ["1:21: error: unix: sockets are not supported"]),
        ("server b:1; balance ip_hash;", ["1:34: error: \"ip_hash\" is not valid here"]),
        ("server b:1; host $host;", ["1:31: error: variables can't be used here"]),
        ("server b:1; host \"b c\";", ["1:31: error: \"b c\" is not a host"]),
        ("server b:1; retry;", ["1:26: error: \"retry\" is missing arguments"]),
        ("server b:1; retry attempts=9;", ["1:41: error: \"9\" is out of range"]),
        ("server b:1; retry on=connect,timeout;", ["1:43: error: \"timeout\" is not valid here"]),
        ("server b:1; keepalive 1; keepalive 2;", ["1:39: error: \"keepalive\" is given twice"]),
        ("server b:1; resolve_interval 0;", ["1:43: error: \"0\" is too short"]),
        ("server b:1; resolve_interval 99ms;", ["1:43: error: \"99ms\" is too short"]),
        ("server b:1; resolve_interval 100ms;", []),
        ("server b:1; outlier;", []),
        ("server b:1; outlier errors=0;", ["1:41: error: \"0\" is out of range"]),
        ("server b:1; outlier max=50;", ["1:38: error: \"50\" is not a share"]),
        ("server b:1; outlier max=101%;", ["1:38: error: \"101%\" is out of range"]),
        ("server b:1; outlier eject=0;", ["1:40: error: \"0\" is too short"]),
    ])
    func `an upstream has servers, with names and shares of their own`(block: String, expected: [String]) {
        #expect(told(block) == expected)
    }

    @Test func `two upstreams can't have one name, whatever its case`() {
        #expect(
            messages("upstream a { server b:1; }\nupstream A { server b:1; }\n" + aServer) == [
                "2:10: error: the upstream \"a\" is given twice"
            ])
    }

    @Test(arguments: ["\"a b\"", "a/b", "\"\"", "größe", "a:80"])
    func `a name that is none is an error`(name: String) {
        #expect(messages("upstream \(name) { server b:1; }\n" + aServer).count == 1)
    }

    @Test func `names are looked up as often as the most impatient upstream wants, whatever their case`() throws {
        let names = try #require(
            snapshot(
                """
                upstream a { server One.test:1; server 127.0.0.1:1; resolve_interval 1m; }
                upstream b { version v weight=1 { server one.test:2; } resolve_interval 10s; }
                server { listen 80; location / { proxy_pass http://two.test:3/; } location /b { proxy_pass http://b; } }
                """)
        ).names
        #expect(names.map(\.host) == ["one.test", "two.test"])
        #expect(names.map(\.resolveIntervalMs) == [10_000, 30_000])
        #expect(names.map(\.position.line) == [1, 3] && names.map(\.position.column) == [21, 45])
    }

    @Test func `a server may have a limit and be a backup, and the balance may be least_conn`() throws {
        let upstream = try #require(
            snapshot("upstream a { server b:1; server c:1 backup max_conns=7; balance least_conn; } " + aServer)?.upstreams.first)
        #expect(upstream.balance == .leastConn)
        let servers = upstream.versions.flatMap(\.servers)
        #expect(servers.map(\.maxConns) == [0, 7] && servers.map(\.isBackup) == [false, true])
    }

    @Test func `what outlier does not say is as in Envoy, but for the share`() {
        func outlier(_ arguments: String) -> OutlierConfig? {
            snapshot("upstream a { server b:1; outlier\(arguments); } " + aServer)?.upstreams.first?.outlier
        }
        #expect(outlier("") == OutlierConfig(errors: 5, ejectMs: 30_000, maxPercent: 50))
        #expect(outlier(" errors=2 eject=500ms max=0%") == OutlierConfig(errors: 2, ejectMs: 500, maxPercent: 0))
        #expect(snapshot("upstream a { server b:1; } " + aServer)?.upstreams.first?.outlier == nil)
    }

    @Test func `what retry does not say is as in its default`() {
        func retry(_ arguments: String) -> UpstreamConfig.Retry? {
            snapshot("upstream a { server b:1; retry \(arguments); } " + aServer)?.upstreams.first?.retry
        }
        #expect(retry("attempts=1") == .init(attempts: 1, onConnect: true, onIdle: true, nonIdempotent: false))
        #expect(retry("on=connect") == .init(attempts: 2, onConnect: true, onIdle: false, nonIdempotent: false))
        #expect(
            retry("budget=20% floor=7")
                == .init(attempts: 2, onConnect: true, onIdle: true, nonIdempotent: false, budgetPercent: 20, floorPerS: 7))
        #expect(retry("non_idempotent") == .init(attempts: 2, onConnect: true, onIdle: true, nonIdempotent: true))
    }
}
