import Foundation
import TestSupport
import Testing

/// What the collector gets.
@Suite struct TraceExportTests {
    static func gateway(
        _ collector: Collector, _ tracing: String = "", origin: UInt16 = 1, main: String = "", location: String = "",
        values: [String: String] = [:]
    ) throws -> Gateway {
        try Gateway(
            conf: conf(tracing, main: main, location: location),
            values: ["COLLECTOR": "http://127.0.0.1:\(collector.port)", "ORIGIN": "\(origin)"].merging(values) { $1 })
    }

    static func conf(_ tracing: String = "", main: String = "", location: String = "") -> String {
        """
        workers 1;
        access_log {DIR}/access.log json hide=token;
        admin 127.0.0.1:0 { allow 127.0.0.1; }
        tracing {COLLECTOR}/v1/traces interval=100ms \(tracing);
        cache_zone zone memory=16m;
        \(main)
        upstream api { version stable weight=1 { server 127.0.0.1:{ORIGIN}; } }
        server {
            listen 127.0.0.1:0;
            location /local { return 200 local; }
            location /quiet { tracing off; return 200 quiet; }
            location /cached { cache zone; proxy_pass http://api; }
            location / { proxy_pass http://api; \(location) }
        }
        """
    }

    private static func spans(_ metrics: Metrics, _ name: String, _ labels: [String: String] = [:]) -> Double {
        metrics.sum("gateway_spans_\(name)_total", labels)
    }

    @Test func `a request is a server's span, and its attempt a client's below it`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        let collector = try Collector()
        let gateway = try Self.gateway(collector, "service=edge", origin: origin.port)
        let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(try gateway.get("/a/b?x=1&token=secret", host: "api.example", fields: [parent]).status == 200)
        let spans = try collector.spans(waitingFor: 2)
        let (client, server) = (try #require(spans.first { $0.kind == 3 }), try #require(spans.first { $0.kind == 2 }))
        #expect(spans.count == 2)
        #expect(server.name == "GET /" && server.parentID == "00f067aa0ba902b7" && client.parentID == server.id)
        #expect(Set(spans.map(\.traceID)) == ["4bf92f3577b34da6a3ce929d0e0e4736"])
        #expect(origin.received().contains("traceparent: 00-\(server.traceID)-\(client.id)-01\r\n"))
        #expect(server.start <= client.start && client.end <= server.end)
        #expect(abs(Double(server.end) / 1e9 - Date().timeIntervalSince1970) < 600)
        let entry = try #require(try gateway.accessLog(waitingFor: 1).first)
        for (key, value) in [
            "http.request.method": "GET", "url.path": "/a/b", "url.query": "x=1&token=***", "url.scheme": "http", "http.route": "/",
            "server.address": "api.example", "client.address": "127.0.0.1", "network.protocol.version": "1.1",
            "http.response.status_code": "200", "gateway.request_id": entry["request_id"],
        ] { #expect(server.attributes[key] == value, "\(key)") }
        for (key, value) in [
            "server.address": "127.0.0.1", "server.port": "\(origin.port)", "gateway.upstream": "api", "gateway.version": "stable",
            "http.response.status_code": "200", "network.protocol.version": "1.1", "http.request.method": "GET",
        ] { #expect(client.attributes[key] == value, "\(key)") }
        #expect(client.attributes["gateway.upstream_connect"] != nil)
        // Said by server.address.
        #expect(client.attributes["network.peer.address"] == nil)
        #expect(!server.isError && !client.isError)
        let request = try #require(collector.requests.first)
        #expect(request.startLine == "POST /v1/traces HTTP/1.1" && request["Content-Type"] == "application/json")
        #expect(try Collector.resource(of: request)["service.name"] == "edge")
        try gateway.waitForMetrics("two exported spans") { Self.spans($0, "exported") == 2 && Self.spans($0, "dropped") == 0 }
    }

    @Test func `an attempt at a server by name says at which address`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        let collector = try Collector()
        let conf = Self.conf().replacing("server 127.0.0.1:{ORIGIN};", with: "server localhost:{ORIGIN};")
        let gateway = try Gateway(
            conf: conf, values: ["COLLECTOR": "http://127.0.0.1:\(collector.port)", "ORIGIN": "\(origin.port)"])
        #expect(try gateway.get("/").status == 200)
        let clients = try collector.spans(waitingFor: 2).filter { $0.kind == 3 }
        #expect(clients.last?.attributes["server.address"] == "localhost")
        #expect(clients.last?.attributes["network.peer.address"] == "127.0.0.1")
    }

    @Test func `an attempt says when the answer began, if it had not ended by then`() throws {
        let go = Monitor(0)
        let origin = try ScriptedOrigin { connection, _ in
            guard try connection.readNextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
            _ = go.wait(until: Deadline(seconds: 60)) { $0 > 0 ? true : nil }
            try connection.send("k")
        }
        let collector = try Collector()
        let gateway = try Self.gateway(collector, origin: origin.port)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.readHead()
        go.update { $0 = 1 }
        let span = try #require(try collector.spans(waitingFor: 2).first { $0.kind == 3 })
        let began = try #require(span.attributes["gateway.upstream_first_byte"].flatMap { Double($0) })
        #expect(began >= 0 && began * 1e9 <= Double(span.end - span.start))
    }

    @Test func `a span names its request as the log does, unless its trace does`() throws {
        let collector = try Collector()
        let gateway = try Self.gateway(collector, main: "trusted_proxies 127.0.0.1;")
        let client = try gateway.connect()
        #expect(try client.get("/local").status == 200)
        #expect(try client.get("/local", fields: ["X-Request-ID: from \"elsewhere\""]).status == 200)
        let spans = try collector.spans(waitingFor: 2)
        let entries = try gateway.accessLog(waitingFor: 2)
        #expect(spans[0].attributes["gateway.request_id"] == nil && spans[0].traceID == entries[0]["request_id"])
        #expect(spans[1].attributes["gateway.request_id"] == "from \"elsewhere\"")
        #expect(entries[1]["request_id"] == "from \"elsewhere\"" && entries[1]["trace_id"] == spans[1].traceID)
    }

    @Test func `what fails is told with its type, and each attempt by itself`() throws {
        let collector = try Collector()
        let gateway = try Self.gateway(collector)
        #expect(try gateway.get("/refused").status == 502)
        let spans = try collector.spans(waitingFor: 2)
        #expect(spans.map(\.kind) == [3, 2])
        #expect(spans.map { $0.attributes["error.type"] } == ["connect_failed", "connect_failed"])
        #expect(spans.allSatisfy { $0.isError })
        #expect(spans[1].attributes["http.response.status_code"] == "502")
    }

    @Test func `what the client did wrong is no error of the server, and strange bytes break nothing`() throws {
        let collector = try Collector()
        let gateway = try Self.gateway(collector, location: "deny all;")
        let client = try gateway.connect()
        #expect(try client.request("BR'EW", "/%22%ff?q=%22").status == 403)
        let span = try #require(try collector.spans(waitingFor: 1).first)
        #expect(!span.isError && span.attributes["error.type"] == "access_denied" && span.name == "HTTP /")
        #expect(span.attributes["http.request.method"] == "_OTHER" && span.attributes["http.request.method_original"] == "BR'EW")
    }

    @Test func `only the share is sent, and what a trusted proxy keeps`() throws {
        let collector = try Collector()
        let gateway = try Self.gateway(collector, "share=0%", main: "trusted_proxies 127.0.0.1;")
        let client = try gateway.connect()
        for _ in 0..<20 { #expect(try client.get("/local").status == 200) }
        for flag in ["00", "01"] {
            #expect(
                try client.get("/local", fields: ["traceparent: 00-\(String(repeating: "ab", count: 16))-00f067aa0ba902b7-\(flag)"]).status
                    == 200)
        }
        #expect(try client.get("/quiet").status == 200)
        #expect(try collector.spans(waitingFor: 1).map(\.parentID) == ["00f067aa0ba902b7"])
        #expect(try gateway.stop() == .exited(0))
        #expect(try collector.spans().count == 1)
    }

    @Test func `a fetch for the cache is a span below who asked first, and a hit has none`() throws {
        let origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok")
        let collector = try Collector()
        let gateway = try Self.gateway(collector, origin: origin.port)
        let client = try gateway.connect()
        for _ in 0..<2 { #expect(try client.get("/cached").text == "ok") }
        let spans = try collector.spans(waitingFor: 4)
        #expect(spans.map(\.kind).sorted() == [1, 2, 2, 3])
        let servers = spans.filter { $0.kind == 2 }
        let (fetch, attempt) = (try #require(spans.first { $0.kind == 1 }), try #require(spans.first { $0.kind == 3 }))
        #expect(servers.map { $0.attributes["gateway.cache"] } == ["miss", "hit"])
        #expect(fetch.parentID == servers[0].id && attempt.parentID == fetch.id && servers[0].parentID.isEmpty)
        #expect(Set([servers[0], fetch, attempt].map(\.traceID)).count == 1 && servers[1].traceID != servers[0].traceID)
    }

    @Test func `who reads along with a fetch names its span`() throws {
        let go = Monitor(0)
        let origin = try ScriptedOrigin { connection, _ in
            while try connection.readNextRequest() != nil {
                _ = go.wait(until: Deadline(seconds: 60)) { $0 > 0 ? true : nil }
                try connection.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let collector = try Collector()
        let gateway = try Self.gateway(collector, origin: origin.port)
        let clients = try (0..<2).map { _ in try gateway.connect() }
        for client in clients { try client.send("GET /cached HTTP/1.1\r\nHost: a\r\n\r\n") }
        try gateway.waitForMetrics("two active connections") { $0.sum("gateway_connections", ["state": "active"]) == 2 }
        go.update { $0 = 1 }
        for client in clients { #expect(try client.readResponse().text == "ok") }
        let spans = try collector.spans(waitingFor: 4)
        let fetch = try #require(spans.first { $0.kind == 1 })
        let along = try #require(spans.first { $0.attributes["gateway.cache"] == "collapsed" })
        #expect(along.links == [[fetch.traceID, fetch.id]] && along.traceID != fetch.traceID)
        #expect(spans.filter { $0.kind == 2 && $0.id != along.id }.allSatisfy { $0.links.isEmpty })
    }

    @Test func `the tokens of an API's answer stand in the span`() throws {
        let origin = try DemoOrigin()
        let collector = try Collector()
        let gateway = try Self.gateway(collector, origin: origin.port, location: "api openai;")
        let body = #"{"model":"m-1","messages":[{"role":"user","content":"One two three"}]}"#
        let answer = try gateway.connect().request(
            "POST", "/v1/chat/completions", fields: ["Content-Type: application/json"], body: Array(body.utf8))
        #expect(answer.status == 200)
        let server = try #require(try collector.spans(waitingFor: 2).first { $0.kind == 2 })
        #expect(server.attributes["gen_ai.provider.name"] == "openai" && server.attributes["gen_ai.response.model"]?.isEmpty == false)
        #expect(Int(server.attributes["gen_ai.usage.input_tokens"] ?? "") ?? 0 > 0)
        #expect(Int(server.attributes["gen_ai.usage.output_tokens"] ?? "") ?? 0 > 0)
    }

    @Test func `many requests are few messages`() throws {
        let collector = try Collector()
        let gateway = try Self.gateway(collector)
        let client = try gateway.connect()
        // More than a worker hands on at once.
        let requests = String(repeating: "GET /local HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 100)
        for _ in 0..<10 {
            try client.send(requests)
            for _ in 0..<100 { #expect(try client.readResponse().status == 200) }
        }
        let spans = try collector.spans(waitingFor: 1000)
        #expect(spans.count == 1000 && Set(spans.map(\.id)).count == 1000)
        #expect(collector.requests.count < 300)
        #expect(collector.origin.connectionCount == 1)
    }

    @Test func `what waits is sent at the end`() throws {
        let collector = try Collector()
        let gateway = try Gateway(
            conf: Self.conf().replacingOccurrences(of: "interval=100ms", with: "interval=1h"),
            values: ["COLLECTOR": "http://127.0.0.1:\(collector.port)", "ORIGIN": "1"])
        #expect(try gateway.get("/local").status == 200)
        #expect(try gateway.stop() == .exited(0))
        #expect(try collector.spans().map(\.name) == ["GET /local"])
    }

    @Test func `a reload sends the spans elsewhere`() throws {
        let (first, second) = (try Collector(), try Collector())
        let gateway = try Self.gateway(first, values: ["SECOND": "http://127.0.0.1:\(second.port)"])
        #expect(try gateway.get("/local").status == 200)
        #expect(try first.spans(waitingFor: 1).count == 1)
        let conf = Self.conf("service=other").replacingOccurrences(of: "{COLLECTOR}", with: "{SECOND}")
        #expect(try gateway.reload(conf: conf).contains("reloaded"))
        #expect(try gateway.get("/local").status == 200)
        #expect(try second.spans(waitingFor: 1).count == 1)
        #expect(try first.spans().count == 1)
        #expect(try Collector.resource(of: #require(second.requests.first))["service.name"] == "other")
        #expect(try gateway.reload(conf: conf.replacingOccurrences(of: "interval=100ms", with: "share=0%")).contains("reloaded"))
        #expect(try gateway.get("/local").status == 200)
        #expect(try gateway.stop() == .exited(0))
        #expect(try second.spans().count == 1)
    }
}
