import TestSupport
import Testing

/// Which location a path belongs to, whatever its spelling, and what the origin receives of it.
@Suite struct LocationChoiceTests {
    private func gateway(_ origin: ScriptedOrigin, _ server: String) throws -> Gateway {
        try Gateway(
            conf: "upstream origin { server 127.0.0.1:{ORIGIN}; } server { listen 127.0.0.1:0; \(server) }",
            values: ["ORIGIN": "\(origin.port)"])
    }

    @Test func `an exact location wins, then the longest prefix`() throws {
        let gateway = try Gateway(
            conf: """
                server {
                    listen 127.0.0.1:0;
                    location / { return 200 root; }
                    location /v1/ { return 200 v1; }
                    location /v1/chat { return 200 chat; }
                    location = /v1/chat { return 200 exact; }
                    location = / { return 200 home; }
                    location /é { return 200 accent; }
                    location /x%2Fy { return 200 slash; }
                }
                """)
        let client = try gateway.connect()
        let expected = [
            ("/", "home"), ("/?a=b", "home"), ("/a", "root"), ("/v1", "root"), ("/v1/", "v1"), ("/v1/models", "v1"), ("/v1/chat", "exact"),
            ("/v1/chat?x", "exact"), ("/v1/chats", "chat"), ("/v1/chat/", "chat"), ("/V1/", "root"), ("/%C3%A9t%C3%A9", "accent"),
            ("/%c3%a9", "accent"), ("/x%2fy", "slash"), ("/x/y", "root"),
            // Other spellings of the same paths.
            ("//", "home"), ("/.", "home"), ("/x/..", "home"), ("/v1/./chat", "exact"), ("//v1//chat", "exact"),
            ("/v2/../v1/chat", "exact"),
            ("/%76%31/cha%74", "exact"), ("/v1/%2e/chat", "exact"), ("/v1/x/%2E%2e/chat", "exact"), ("/v1%2Fchat", "root"),
            ("/v1/%2e%2e/", "home"), ("/v1/.../chat", "v1"), ("/v1/chat/..", "v1"), ("/v1/chat/.", "chat"),
        ]
        for (target, location) in expected { #expect(try client.get(target).text == location, "\(target)") }
    }

    @Test func `the origin receives the path that was matched`() throws {
        let origin = try ScriptedOrigin.telling()
        let gateway = try gateway(origin, "location / { proxy_pass http://origin; }")
        let client = try gateway.connect()
        let expected = [
            ("/a/b", "/a/b"), ("//a///b//", "/a/b/"), ("/a/./b/../c", "/a/c"), ("/a/b/..", "/a/"), ("/%61%2Db", "/a-b"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%252fb", "/a%252fb"), ("/%e2%82%ac", "/%E2%82%AC"), ("/a%20b", "/a%20b"), ("/%7Euser", "/~user"), ("/a%3Fb", "/a%3Fb"),
            ("/a%23b", "/a%23b"), ("/a%0Ab", "/a%0Ab"), ("/a|b", "/a%7Cb"), ("/a;b=c", "/a;b=c"), ("/a//?b//c", "/a/?b//c"),
            ("/...", "/..."),
        ]
        for (target, path) in expected { #expect(try client.get(target).text == "GET \(path) ", "\(target)") }
    }

    @Test func `with merge_slashes off slashes stay, and still no spelling leaves the root`() throws {
        let origin = try ScriptedOrigin.telling()
        let gateway = try gateway(
            origin, "merge_slashes off; location / { proxy_pass http://origin; } location /admin { return 403; }")
        let client = try gateway.connect()
        for (target, path) in [("//a///b", "//a///b"), ("/a//../b", "/a/b"), ("/x/https://b/", "/x/https://b/"), ("/./a", "/a")] {
            #expect(try client.get(target).text == "GET \(path) ", "\(target)")
        }
        #expect(try client.get("/x/../admin").status == 403)
        #expect(try client.get("/x/../../admin").status == 400)
    }

    @Test func `what leaves the root, holds a NUL or a backslash is refused`() throws {
        let origin = try ScriptedOrigin.telling()
        let gateway = try gateway(origin, "location / { proxy_pass http://origin; }")
        for target in ["/..", "/../", "/a/../..", "/%2e%2e/", "/%00", "/a%5cb", "/a%5C..%5Cb", "/%", "/%a", "/%ag"] {
            let answer = try gateway.get(target)
            #expect(answer.status == 400, "\(target)")
            #expect(try answer.json()["error_type"] as? String == "target_invalid")
        }
        #expect(origin.connectionCount == 0)
    }

    @Test func `a path that no location matches is not found, and the connection stays`() throws {
        let gateway = try Gateway(conf: "server { listen 127.0.0.1:0; location /a { return 200 a; } }")
        let client = try gateway.connect()
        let answer = try client.get("/b")
        #expect(answer.status == 404)
        #expect(try answer.json()["error_type"] as? String == "not_found")
        #expect(try client.get("/a").text == "a")
    }

    @Test func `the URI of proxy_pass takes the place of what the location matched`() throws {
        let origin = try ScriptedOrigin.telling()
        let gateway = try gateway(
            origin,
            """
            location /none/ { proxy_pass http://origin; }
            location /slash/ { proxy_pass http://origin/; }
            location /path/ { proxy_pass http://origin/v1/; }
            location /bare { proxy_pass http://origin/v2; }
            location = /exact { proxy_pass http://origin/there; }
            location /open { proxy_pass http://origin/data/; }
            """)
        let client = try gateway.connect()
        let expected = [
            ("/none/a?b=c", "/none/a?b=c"), ("/slash/a?b=c", "/a?b=c"), ("/slash/", "/"), ("/path/a/b", "/v1/a/b"),
            ("/path/a%2Fb", "/v1/a%2Fb"),
            ("//path/./x/../a", "/v1/a"), ("/bare/a", "/v2/a"), ("/bare", "/v2"), ("/exact?q", "/there?q"), ("/open/a", "/data//a"),
        ]
        for (target, path) in expected { #expect(try client.get(target).text == "GET \(path) ", "\(target)") }
        #expect(try client.get("/open../secret").status == 400)
    }
}
