import GatewayConfig
import Testing

/// What an operator reads, letter for letter.
@Suite struct ConfigDiagnosticTests {
    @Test(arguments: [
        (
            "server {\n    listen 8080;\n    locaton / { return 200 ok; }\n}",
            """
            gateway.conf:3:5: error: unknown directive "locaton"
                locaton / { return 200 ok; }
                ^~~~~~~
                did you mean "location"?
            """
        ),
        (
            "slice { size 1m; }\n" + aServer,
            """
            gateway.conf:1:1: error: unknown directive "slice"
                slice { size 1m; }
                ^~~~~
            """
        ),
        (
            "worker_processes 4;\n" + aServer,
            """
            gateway.conf:1:1: error: unknown directive "worker_processes"
                worker_processes 4;
                ^~~~~~~~~~~~~~~~
                use "workers"
            """
        ),
        (
            "workers 0;\n" + aServer,
            """
            gateway.conf:1:9: error: "0" is out of range
                workers 0;
                        ^
                expected a number from 1 to 1024
            """
        ),
        (
            "client_max_body_size 16kb;\n" + aServer,
            """
            gateway.conf:1:22: error: "16kb" has an unknown unit: "kb"
                client_max_body_size 16kb;
                                     ^~~~
                expected a size in bytes, k, m or g, such as 512, 16k, 4m, 1g
            """
        ),
        (
            "shutdown_timeout\tsoon;\n" + aServer,
            """
            gateway.conf:1:18: error: "soon" is not a time
                shutdown_timeout\tsoon;
                                \t^~~~
                expected a time in ms, s, m, h, d or w, such as 500ms, 30s, 5m, 1h30m; a number alone is in seconds
            """
        ),
        (
            "workers 1;\nworkers 2;\n" + aServer,
            """
            gateway.conf:2:1: error: "workers" is given twice
                workers 2;
                ^~~~~~~
                first given at gateway.conf:1:1
            """
        ),
        (
            "server {\n    listen 8080\n    return 200 ok;\n}",
            """
            gateway.conf:2:16: error: missing ";"
                listen 8080
                           ^
                expected ";" before "return" in line 3
            """
        ),
        (
            "server { listen 8080; return 200 ok }",
            """
            gateway.conf:1:36: error: missing ";"
                server { listen 8080; return 200 ok }
                                                   ^
                expected ";" before "}"
            """
        ),
        (
            "server {\n    listen 8080;\n    return 200 ok;\n",
            """
            gateway.conf:1:1: error: the block of "server" is never closed
                server {
                ^~~~~~
                expected a "}" before the end of the file
            """
        ),
        (
            aServer + " }",
            """
            gateway.conf:1:40: error: unexpected "}"
                server { listen 8080; return 200 ok; } }
                                                       ^
                no block is open here
            """
        ),
        (
            "server { listen 8080 sll; return 200 ok; }",
            """
            gateway.conf:1:22: error: "sll" is not an argument of "listen"
                server { listen 8080 sll; return 200 ok; }
                                     ^~~
                did you mean "ssl"?
            """
        ),
        (
            "server { listen; return 200 ok; }",
            """
            gateway.conf:1:10: error: "listen" is missing ADDRESS
                server { listen; return 200 ok; }
                         ^~~~~~
                syntax: listen ADDRESS [ssl] [default_server] [proxy_protocol];
            """
        ),
        (
            "upstream a { server 127.0.0.1:1; tls verify=no; }\n" + aServer,
            """
            gateway.conf:1:45: error: "no" is not valid here
                upstream a { server 127.0.0.1:1; tls verify=no; }
                                                            ^~
                did you mean "off"?
            """
        ),
        (
            "server { listen 8080; merge_slashes True; return 200 ok; }",
            """
            gateway.conf:1:37: error: "True" is not valid here
                server { listen 8080; merge_slashes True; return 200 ok; }
                                                    ^~~~
                did you mean "on"?
            """
        ),
        (
            "proxy_pass http://a;\n" + aServer,
            """
            gateway.conf:1:1: error: "proxy_pass" is not allowed at the top level
                proxy_pass http://a;
                ^~~~~~~~~~
                allowed in: location
            """
        ),
        (
            "server { listen 8080; return 200 \"hello $requst_id\"; }",
            """
            gateway.conf:1:41: error: unknown variable "$requst_id"
                server { listen 8080; return 200 "hello $requst_id"; }
                                                        ^~~~~~~~~~
                did you mean "$request_id"?
            """
        ),
        (
            "upstream chat { server 127.0.0.1:1; }\nserver { listen 80; location / { proxy_pass http://chatt; } }",
            """
            gateway.conf:2:45: warning: no upstream has the name "chatt", so this is a host, with port 80
                server { listen 80; location / { proxy_pass http://chatt; } }
                                                            ^~~~~~~~~~~~
                did you mean "chat"?
            """
        ),
        (
            "server { listen 8080; return 200 ok; proxy_set_header Connection close; }",
            """
            gateway.conf:1:55: error: Connection can't be set
                server { listen 8080; return 200 ok; proxy_set_header Connection close; }
                                                                      ^~~~~~~~~~
                it is about one connection, and the gateway has another one on each side (RFC 9110 § 7.6.1)
            """
        ),
        (
            "access_log stdout;\n" + aServer,
            """
            gateway.conf:1:12: error: "access_log" is missing its format
                access_log stdout;
                           ^~~~~~
                expected access_log stdout json;
            """
        ),
        (
            "trusted_proxies 10.0.0.1/8;\n" + aServer,
            """
            gateway.conf:1:17: error: "10.0.0.1/8" has bits set beyond its prefix length
                trusted_proxies 10.0.0.1/8;
                                ^~~~~~~~~~
                expected 10.0.0.0/8
            """
        ),
    ])
    func `an error shows its place, the line, a caret and what was expected`(text: String, expected: String) {
        #expect(diagnose(text) == [expected])
    }

    @Test func `all errors of a file are told together, in the order of its lines`() {
        let text = """
            workers many;
            server {
                listen 99999;
                server_name "a b";
                location images/ { return 200 ok; }
                location / { prox_pass http://a; }
                location /x { return 999; }
            }
            cache_zone ai;
            upstream empty { }
            """
        #expect(
            messages(text) == [
                "1:9: error: \"many\" is not a number",
                "3:12: error: \"99999\" is not an address",
                "4:17: error: \"a b\" is not a host name",
                "5:14: error: \"images/\" does not begin with \"/\"",
                "6:18: error: unknown directive \"prox_pass\"",
                "7:26: error: \"999\" is not the status of a response",
                "9:12: error: \"cache_zone\" is missing \"memory=\"",
                "10:1: error: the upstream \"empty\" has no server",
            ])
    }

    @Test func `what a misspelt block holds is checked too`() {
        let text = "sever { listen 8080; retrun 404; location / { proxy_pas http://a; } }"
        #expect(
            messages(text) == [
                "1:1: error: unknown directive \"sever\"", "1:22: error: unknown directive \"retrun\"",
                "1:22: error: a server's \"return\" comes before its locations: none is ever reached",
                "1:47: error: unknown directive \"proxy_pas\"",
            ])
    }

    @Test func `nginx's outer blocks are errors, and what they hold is checked`() {
        let text = "events { worker_connections 0; }\nhttp { server { listen 80; sendfile on; return 200 ok; } }"
        #expect(
            messages(text) == [
                "1:1: error: unknown directive \"events\"", "1:29: error: \"0\" is out of range",
                "2:1: error: unknown directive \"http\"", "2:28: error: unknown directive \"sendfile\"",
            ])
    }

    @Test func `columns count scalars, and the caret repeats the tabs before it`() {
        let text = "\tserver {\tlisten 8080;\treturn 200 \"größe 👍\"\t$x;\t}"
        #expect(
            diagnose(text) == [
                """
                gateway.conf:1:45: error: "$x" is one argument too many
                    server {\tlisten 8080;\treturn 200 "größe 👍"\t$x;\t}
                            \t            \t                    \t^~
                    syntax: return STATUS [TEXT]; or return STATUS URL; or return URL;
                """
            ])
    }

    @Test func `a very long line is cut around its error`() throws {
        let text =
            "server { listen 8080; server_name " + String(repeating: "a.example ", count: 1000) + "b/c "
            + String(repeating: "a.example ", count: 1000) + "; return 200 ok; }"
        let lines = try #require(diagnose(text).first).split(separator: "\n")
        #expect(lines[0] == "gateway.conf:1:10035: error: \"b/c\" is more than a host name")
        #expect(lines[1].count < 200 && lines[2].count < 100)
        let caret = try #require(lines[2].firstIndex(of: "^"))
        let offset = lines[2].distance(from: lines[2].startIndex, to: caret)
        #expect(lines[1].dropFirst(offset).hasPrefix("b/c "))
    }

    @Test func `a configuration can't move the cursor of a terminal`() {
        for text in diagnose("\u{1b}[2Jx \u{7}\"\u{9b}\";") { #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" }) }
        // Nor by what an error says was expected.
        let texts = diagnose("access_log \"a\u{9b}2J\";")
        #expect(texts.contains { $0.contains("expected access_log a\u{fffd}2J json;") })
    }

    @Test func `what is found later, inside of a file, can be shown at its place`() throws {
        let text = "server {\n\tlisten 8443 ssl;\n\tssl_certificate a.pem;\n\tssl_certificate_key a.key;\n\treturn 200 ok;\n}"
        let files = try #require(snapshot(text)?.servers.first?.tls?.certificates.first)
        let diagnostic = ConfigDiagnostic(severity: .error, at: files.keyPosition, message: "the key is not the certificate's")
        #expect(
            diagnostic.text == """
                gateway.conf:4:22: error: the key is not the certificate's
                    ssl_certificate_key a.key;
                                        ^~~~~
                """)
        #expect(files.position.line == 3 && files.position.column == 18)
    }

    @Test func `a file that isn't there is an error without a line`() {
        let result = ConfigLoader.load(path: "/nonexistent/gateway.conf", environment: [:])
        #expect(result.snapshot == nil)
        #expect(result.diagnostics.map(\.text) == ["/nonexistent/gateway.conf: error: the file can't be read: No such file or directory"])
    }

    @Test func `an empty file is an error, so that a reload can't close everything`() {
        #expect(
            diagnose("# nothing\n") == ["gateway.conf: error: no server is configured\n    expected at least one server { ... }"])
    }

    @Test func `a flood of errors ends`() {
        let result = ConfigLoader.load(text: String(repeating: "nonsense;\n", count: 20_000), path: "gateway.conf", environment: [:])
        #expect(result.diagnostics.count == 201)
        #expect(result.diagnostics.last?.text == "gateway.conf: error: more is wrong than is shown")
    }
}
