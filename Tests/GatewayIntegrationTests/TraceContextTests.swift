import Foundation
import TestSupport
import Testing

/// What origins get of a trace, and what the log says of it.
@Suite struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "traceparent: 00-\(trace)-00f067aa0ba902b7-01"

    /// Nobody listens at the collector's port: that is nobody's business but the exporter's.
    private static func gateway(_ origin: ScriptedOrigin, share: String = "0%", main: String = "", server: String = "") throws -> Gateway {
        try Gateway(
            conf: """
                workers 1;
                access_log {DIR}/access.log json;
                tracing http://127.0.0.1:1/v1/traces share=\(share);
                cache_zone zone memory=16m;
                \(main)
                server {
                    listen 127.0.0.1:0;
                    \(server)
                    location /untraced { tracing off; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /cached { cache zone; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /own { proxy_set_header traceparent own; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                }
                """, values: ["ORIGIN": "\(origin.port)"])
    }

    private static func origin() throws -> ScriptedOrigin {
        try .answering("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok")
    }

    /// The values of a field in the requests that an origin has got, one list for each.
    private static func values(of name: String, in requests: String) -> [[String]] {
        requests.components(separatedBy: "\r\n\r\n").dropLast().map { head in
            head.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("\(name): ") }.map {
                String($0.dropFirst(name.count + 2))
            }
        }
    }

    @Test func `the origin's parent is the gateway's own span, in the trace of who asks`() throws {
        let origin = try Self.origin()
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        for fields in [[Self.parent, "tracestate: a=1", "tracestate: b=2"], [Self.parent]] {
            #expect(try client.get("/", fields: fields).status == 200)
        }
        let parents = Self.values(of: "traceparent", in: origin.received())
        #expect(parents.map(\.count) == [1, 1])
        for value in parents.joined() {
            #expect(value.hasPrefix("00-\(Self.trace)-") && value.hasSuffix("-00") && value.count == 55, "\(value)")
            #expect(!value.contains("00f067aa0ba902b7") && !value.contains("-0000000000000000-"))
        }
        #expect(parents[0] != parents[1])
        #expect(Self.values(of: "tracestate", in: origin.received()) == [["a=1,b=2"], []])
        #expect(try gateway.accessLog(waitingFor: 2).map { $0["trace_id"] } == [Self.trace, Self.trace])
    }

    @Test(arguments: [
        [], ["traceparent: nonsense"], [parent, parent], ["traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
    ])
    func `without a valid traceparent a trace begins, under the request's id, and tracestate is dropped`(fields: [String]) throws {
        let origin = try Self.origin()
        let gateway = try Self.gateway(origin)
        #expect(try gateway.get("/", fields: fields + ["tracestate: a=1"]).status == 200)
        let entry = try #require(try gateway.accessLog(waitingFor: 1).first)
        let id = try #require(entry["trace_id"])
        #expect(id == entry["request_id"] && id != Self.trace && id.count == 32)
        let values = Self.values(of: "traceparent", in: origin.received())
        #expect(values.count == 1 && values[0].count == 1 && values[0][0].hasPrefix("00-\(id)-"), "\(values)")
        #expect(Self.values(of: "tracestate", in: origin.received()) == [[]])
    }

    @Test func `whether a trace is kept only a trusted proxy says`() throws {
        let origin = try Self.origin()
        for (share, main, flags) in [
            ("0%", "", ["00", "00"]), ("100%", "", ["01", "01"]), ("0%", "trusted_proxies 127.0.0.1;", ["01", "00"]),
            ("100%", "trusted_proxies 127.0.0.1;", ["01", "00"]),
        ] {
            let gateway = try Self.gateway(origin, share: share, main: main)
            let before = origin.connectionCount
            let client = try gateway.connect()
            for flag in ["01", "00"] { #expect(try client.get("/", fields: [Self.parent.dropLast(2) + flag]).status == 200) }
            let values = Self.values(of: "traceparent", in: origin.received(before)).joined()
            #expect(values.map { String($0.suffix(2)) } == flags, "share=\(share) \(main)")
        }
    }

    @Test func `where nobody traces both fields pass as they came, and the log knows a valid one`() throws {
        let origin = try Self.origin()
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        let odd = [Self.parent, "TraceState: =,=", "tracestate: x"]
        #expect(try client.get("/untraced", fields: odd).status == 200)
        #expect(try client.get("/untraced", fields: ["traceparent: odd"]).status == 200)
        #expect(Self.values(of: "traceparent", in: origin.received()) == [[String(Self.parent.dropFirst(13))], ["odd"]])
        #expect(Self.values(of: "tracestate", in: origin.received())[0] == ["=,=", "x"])
        #expect(try gateway.accessLog(waitingFor: 2).map { $0["trace_id"] } == [Self.trace, nil])
    }

    @Test func `a field that the configuration sets goes before ours`() throws {
        let origin = try Self.origin()
        let gateway = try Self.gateway(origin)
        #expect(try gateway.get("/own", fields: [Self.parent, "tracestate: a=1"]).status == 200)
        #expect(Self.values(of: "traceparent", in: origin.received()) == [["own"]])
    }

    @Test func `each attempt is a span of its own`() throws {
        let origin = try ScriptedOrigin { connection, index in
            // The second request finds its kept-alive connection dead.
            guard let request = try connection.readNextRequest() else { return }
            _ = request
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            if index == 0 { _ = try connection.readNextRequest() }
        }
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        for _ in 0..<2 { #expect(try client.get("/", fields: [Self.parent]).status == 200) }
        let first = Self.values(of: "traceparent", in: origin.received(0)).joined()
        let second = Self.values(of: "traceparent", in: origin.received(1)).joined()
        #expect(first.count == 2 && second.count == 1)
        #expect(Set(first).union(second).count == 3)
    }

    @Test func `traces neither count in a cache's key nor are kept in it`() throws {
        let origin = try Self.origin()
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        for fields in [[Self.parent, "tracestate: a=1"], ["traceparent: 00-\(Self.trace)-00f067aa0ba902b8-00"], []] {
            #expect(try client.get("/cached", fields: fields).text == "ok")
        }
        let entries = try gateway.accessLog(waitingFor: 3)
        #expect(entries.map { $0["cache"] } == ["miss", "hit", "hit"])
        let values = Self.values(of: "traceparent", in: origin.received())
        #expect(values.count == 1 && values[0].count == 1 && values[0][0].hasPrefix("00-\(Self.trace)-"), "\(values)")
        #expect(Self.values(of: "tracestate", in: origin.received()) == [["a=1"]])
    }
}
