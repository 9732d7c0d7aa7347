import GatewayConfig
import Testing

@Suite struct EnvironmentTests {
    @Test func `an argument and a value may come from the environment`() {
        let text = """
            workers env:WORKERS;
            upstream a { server 127.0.0.1:9001 weight=env:WEIGHT; server env:SECOND; }
            server { listen env:PORT:-8080; return 200 "env:GREETING:-hello world"; }
            """
        let result = snapshot(text, environment: ["WORKERS": "3", "WEIGHT": "7", "SECOND": "[::1]:9002", "GREETING": ""])
        #expect(result?.workers == 3)
        #expect(result?.upstreams.first?.versions.first?.servers.map(\.weight) == [7, 1])
        #expect(result?.upstreams.first?.versions.first?.servers.last?.host == "::1")
        #expect(result?.servers.first?.listens.first?.address.port == 8080)
        #expect(result?.servers.first?.fallback.action == .return(status: 200, body: .text(Template("hello world"))))
    }

    @Test func `where a list is wanted, the value is split at its commas`() {
        let text = "trusted_proxies env:PROXIES ::1; server { listen 80; server_name env:NAMES; return 200 ok; }"
        let result = snapshot(text, environment: ["PROXIES": "10.0.0.0/8, 192.0.2.1,", "NAMES": "a.example,b.example"])
        #expect(result?.trustedProxies.map(\.description) == ["10.0.0.0/8", "192.0.2.1", "::1"])
        #expect(result?.servers.first?.names == ["a.example", "b.example"])
    }

    @Test func `a value is never read as syntax`() {
        let text = server("return 200 env:TEXT;")
        let result = snapshot(text, environment: ["TEXT": "a; } $host \"env:OTHER\" {#"])
        #expect(result?.servers.first?.fallback.action == .return(status: 200, body: .text(Template("a; } $host \"env:OTHER\" {#"))))
        let other = snapshot(text, environment: ["TEXT": "env:OTHER", "OTHER": "x"])
        #expect(other?.servers.first?.fallback.action == .return(status: 200, body: .text(Template("env:OTHER"))))
    }

    @Test func `a variable that is not set or empty is an error unless there is a default`() {
        let text = "workers env:W;\nworker_connections env:C;\nshutdown_timeout env:T:-;\n" + aServer
        #expect(
            diagnose(text, environment: ["C": ""]) == [
                """
                gateway.conf:1:9: error: W is not set in the environment
                    workers env:W;
                            ^~~~~
                    set it, or give a default: env:W:-default
                """,
                """
                gateway.conf:2:20: error: C is empty in the environment
                    worker_connections env:C;
                                       ^~~~~
                    set it, or give a default: env:C:-default
                """,
                """
                gateway.conf:3:18: error: the value of env:T is not a time
                    shutdown_timeout env:T:-;
                                     ^~~~~~~
                    expected a time in ms, s, m, h, d or w, such as 500ms, 30s, 5m, 1h30m; a number alone is in seconds
                """,
            ])
    }

    @Test func `an error never shows a value of the environment`() {
        let secret = "s3cr3t value"
        let places = [
            "workers env:S;", "error_log stderr env:S;", "trusted_proxies env:S;", "admin env:S { }", "upstream env:S { server a:1; }",
            "upstream a { server env:S; }", "upstream a { server b:1 weight=env:S; }", "upstream a { server b:1; host env:S; }",
            "upstream a { server b:1; retry on=env:S; }", "upstream a { server b:1; balance env:S; }", "client_max_body_size env:S;",
            "keepalive_timeout env:S;", "merge_slashes env:S;", "ssl_protocols env:S;", server("location env:S { return 200 ok; }"),
            location("proxy_pass env:S;"), location("return env:S;"), server("server_name env:S; return 200 ok;"), "add_header env:S x;",
            "shutdown_timeout 5s env:S;", "server { listen 80 env:S; return 200 ok; }",
        ]
        for place in places {
            let found = diagnose(place + "\n" + aServer, environment: ["S": secret])
            #expect(found.contains { $0.contains("error") }, "\(place)")
            #expect(!found.contains { $0.contains("s3cr3t") }, "\(place)")
        }
    }

    @Test(arguments: ["env:", "env:1A", "env:A-B", "env::-x", "env:A:b"])
    func `a name that is none is an error`(word: String) {
        #expect(messages("workers \(word);\n" + aServer) == ["1:9: error: \"\(word)\" is not the name of an environment variable"])
    }
}
