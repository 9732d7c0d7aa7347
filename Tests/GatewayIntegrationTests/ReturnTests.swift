import TestSupport
import Testing

/// What `return` and `add_header` say, and `client_max_body_size`.
@Suite struct ReturnTests {
    @Test func `return answers with a text and its variables`() throws {
        let gateway = try Gateway(
            conf: """
                server {
                    listen 127.0.0.1:0;
                    server_name api.example;
                    location = /text { return 200 "ok $request_method $uri $arg_x\\n"; }
                    location = /empty { return 200; }
                    location = /none { return 204; }
                    location = /teapot { return 418 short; }
                }
                """)
        let client = try gateway.connect()
        let text = try client.get("/text?x=y")
        #expect(text.status == 200 && text.text == "ok GET /text y\n")
        #expect(text["Content-Type"] == "text/plain; charset=utf-8")
        #expect(text["Content-Length"] == "15" && text["Date"] != nil)
        let head = try client.request("HEAD", "/text?x=y")
        #expect(head["Content-Length"] == "16" && head.surplus.isEmpty)
        let empty = try client.get("/empty")
        #expect(empty.status == 200 && empty["Content-Length"] == "0")
        let none = try client.get("/none")
        #expect(none.status == 204 && none["Content-Length"] == nil && none["Transfer-Encoding"] == nil)
        #expect(try client.get("/teapot").status == 418)
    }

    @Test func `return redirects with the host and the target of the request`() throws {
        let gateway = try Gateway(
            conf: """
                server { listen 127.0.0.1:0; server_name api.example; return 308 https://$host$request_uri; }
                server { listen 127.0.0.1:0; server_name port.example; return 301 https://$host:8443$request_uri; }
                server { listen 127.0.0.1:0; server_name bare.example; return https://elsewhere.example/; }
                """)
        let client = try gateway.connect()
        let moved = try client.get("/a//b?c=%20d", host: "API.example:8080")
        #expect(moved.status == 308 && moved["Location"] == "https://api.example/a//b?c=%20d")
        #expect(try client.get("/a", host: "port.example")["Location"] == "https://port.example:8443/a")
        let bare = try client.get("/a", host: "bare.example")
        #expect(bare.status == 302 && bare["Location"] == "https://elsewhere.example/")
        #expect(try client.get("http://api.example/x", host: "other")["Location"] == "https://api.example/x")
        try client.send("GET /old HTTP/1.0\r\n\r\n")
        #expect(try client.readResponse()["Location"] == "https://api.example/old")
    }

    @Test func `add_header merges with the outer levels, and an empty value takes theirs away`() throws {
        let proxied = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nX-Origin: o\r\nContent-Length: 0\r\n\r\n")
        let gateway = try Gateway(
            conf: """
                add_header X-Main main;
                add_header X-Gone main;
                server {
                    listen 127.0.0.1:0;
                    client_max_body_size 10;
                    add_header X-Server server;
                    add_header X-Both server;
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /in { add_header x-both "in $request_method"; add_header X-Gone ""; add_header X-In in; return 200 ok; }
                    location /down { proxy_pass http://127.0.0.1:1; add_header X-In in always; }
                }
                """, values: ["ORIGIN": "\(proxied.port)"])
        let client = try gateway.connect()
        let outer = try client.get("/")
        #expect(outer["X-Main"] == "main" && outer["X-Gone"] == "main" && outer["X-Server"] == "server" && outer["X-Both"] == "server")
        #expect(outer["X-Origin"] == "o")
        let inner = try client.get("/in")
        #expect(inner.values("X-Both") == ["in GET"] && inner["X-Gone"] == nil && inner["X-In"] == "in" && inner["X-Main"] == "main")
        let down = try client.get("/down")
        #expect(down.status == 502 && down["X-In"] == "in" && down["X-Main"] == "main")
        let large = try client.request("POST", "/in", body: [UInt8](repeating: 1, count: 11))
        #expect(large.status == 413 && large["X-In"] == "in")
    }

    @Test func `client_max_body_size is that of the location`() throws {
        let proxied = try ScriptedOrigin.telling()
        let gateway = try Gateway(
            conf: """
                client_max_body_size 10;
                server {
                    listen 127.0.0.1:0;
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /more { proxy_pass http://127.0.0.1:{ORIGIN}; client_max_body_size 20; }
                }
                """, values: ["ORIGIN": "\(proxied.port)"])
        let client = try gateway.connect()
        for (target, count, status) in [("/", 10, 200), ("/", 11, 413), ("/more", 20, 200), ("/more", 21, 413)] {
            #expect(try client.request("POST", target, body: [UInt8](repeating: 0x61, count: count)).status == status)
        }
    }
}
