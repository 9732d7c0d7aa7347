import Foundation
import TestSupport
import Testing

/// What is not stored: answers that are not whole, not good, or too large. All of them are passed on as they are.
@Suite struct CacheRefusalTests {
    // MARK: Status

    @Test(arguments: [206, 300, 301, 302, 307, 400, 401, 404, 410, 422, 429, 500, 502, 503, 504, 529])
    func `an answer that is no success is nobody else's`(status: Int) throws {
        for cache in ["", "ttl=1h force"] {
            let cached = try CachedOrigin(cache) { number, request, connection in
                try connection.send(CachedOrigin.answer(number, request, "\(status) X", fields: "Cache-Control: max-age=60\r\nX-A: b\r\n"))
            }
            for number in 1...2 {
                let answer = try cached.post("{}", "/", [], number == 1 ? .http1 : .http2)
                #expect(answer.status == status && answer.text == "\(number) POST / {}" && answer.cacheStatus == "fwd=miss")
                #expect(answer["X-A"] == "b")
            }
            #expect(try cached.ask().status == status)
            try cached.expectNotStored("status", 3)
            try cached.expect("gateway_cache_entries", 0)
        }
    }

    @Test(arguments: [200, 201, 202, 203, 226]) func `every whole success is`(status: Int) throws {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send(CachedOrigin.answer(number, request, "\(status) Fine"))
        }
        for _ in 0..<2 {
            let answer = try cached.post("{}")
            #expect(answer.status == status && answer.text == "1 POST / {}")
        }
    }

    @Test(arguments: Way.allCases) func `so is one without content`(_ way: Way) throws {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send(request.target == "/204" ? "HTTP/1.1 204 None\r\nX-A: \(number)\r\n\r\n" : ScriptedOrigin.message(""))
        }
        let client = try cached.client(way)
        #expect(try client.ask("/204").cacheStatus == "fwd=miss; stored")
        let none = try client.ask("/204")
        #expect(none.status == 204 && none.isHit && none["X-A"] == "1" && none["Content-Length"] == nil && none.body.isEmpty)
        #expect(try client.ask("/empty").isMiss)
        let empty = try client.ask("/empty")
        #expect(empty.status == 200 && empty.isHit && empty.body.isEmpty && empty["Content-Length"] == "0")
    }

    // MARK: Not whole

    /// What of an answer comes before its connection ends, by what is wrong with it.
    private static let broken: [String: String] = [
        "a length that isn't reached": "Content-Length: 100\r\n\r\nhello",
        "a length, and nothing": "Content-Length: 100\r\n\r\n",
        "chunks without an end": "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "a chunk that breaks off": "Transfer-Encoding: chunked\r\n\r\n50\r\nhello",
        "a last chunk without the end": "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "chunks, then nonsense": "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
    ]

    @Test(arguments: broken.keys.sorted(), [Way.http1, .http2]) func `an answer that breaks off is never given again`(
        _ name: String, _ way: Way
    ) throws {
        let text = try #require(Self.broken[name])
        let cached = try CachedOrigin { number, request, connection in
            if number > 1 { return try connection.send(CachedOrigin.answer(number, request)) }
            try connection.send("HTTP/1.1 200 OK\r\n" + text)
            throw TestError.ended("as it is to be")
        }
        if way.isHTTP2 {
            let session = try cached.edge.http2()
            let broken = try session.exchange(.request("GET", "/"))
            #expect(broken.resetCode != nil || broken.status == 502, "\(broken)")
        } else {
            let client = try cached.edge.connect(.plain)
            let broken = try client.get("/")
            #expect(broken.isTruncated || broken.status == 502)
        }
        try cached.expectNotStored("unfinished")
        #expect(try cached.ask("/", [], way).text == "2 GET / ")
        #expect(try cached.ask("/", [], way).isHit)
    }

    @Test func `an answer that ends with its connection may be half of one`() throws {
        let cached = try CachedOrigin { number, _, connection in
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\(number) to the end")
            throw TestError.ended("as it is to be")
        }
        #expect(try cached.ask("/").text == "1 to the end")
        #expect(try cached.ask("/", [], .http2).text == "2 to the end")
        try cached.expectNotStored("unfinished", 2)
    }

    @Test func `an answer longer than it says is passed on as it says, and not kept`() throws {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send(CachedOrigin.answer(number, request) + "and more")
        }
        for number in 1...2 { #expect(try cached.ask("/").text == "\(number) GET / ") }
        try cached.expectNotStored("unfinished", 2)
        let chunked = try CachedOrigin { number, request, connection in
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\(number)\r\n0\r\n\r\n5\r\nmore!\r\n0\r\n\r\n")
        }
        for number in 1...2 { #expect(try chunked.ask("/").text == "\(number)") }
    }

    @Test func `a stream that an HTTP 2 origin resets, or sends too little or too much on, is not kept`() throws {
        let origin = try ScriptedOrigin.overHTTP2 { connection, _ in
            while let request = try connection.nextRequest() {
                let stream = request.stream
                switch request.path {
                case "/reset":
                    try connection.sendHead([":status": "200"], on: stream)
                    try connection.send(.data(stream, Array("hello".utf8), .none))
                    try connection.send(.resetStream(stream, HTTP2Code.internalError.rawValue))
                case "/short": try connection.respond(to: stream, "200", ["content-length": "10"], text: "hello")
                case "/long": try connection.respond(to: stream, "200", ["content-length": "3"], text: "hello")
                default: try connection.respond(to: stream, text: "whole")
                }
            }
        }
        let proxied = try ProxiedOrigin(origin, main: CachedOrigin.zone, upstream: "protocol h2;", location: "cache ai;")
        for path in ["/reset", "/short", "/long"] {
            for _ in 0..<2 {
                let answer = try proxied.gateway.get(path)
                #expect(answer.status == 502 || answer.isTruncated || answer.text == "hel" || answer.text == "hello", "\(path)")
                #expect(answer["Cache-Status"]?.contains("hit") != true)
            }
        }
        try proxied.gateway.waitForMetrics("six that are not whole") {
            $0.sum("gateway_cache_not_stored_total", ["reason": "unfinished"]) == 6
        }
        #expect(try proxied.gateway.get("/").text == "whole")
        #expect(try proxied.gateway.get("/")["Cache-Status"]?.contains("hit") == true)
        try proxied.gateway.waitForMetrics("one that is") { $0.sum("gateway_cache_entries") == 1 }
    }

    // MARK: Size and coding

    @Test(arguments: [Way.http1, .http2OverTLS], [true, false])
    func `what is larger than entry_max is passed on whole, and not kept`(_ way: Way, _ isChunked: Bool) throws {
        let text = String(repeating: "0123456789", count: 200_000)
        let cached = try CachedOrigin { number, request, connection in
            let count = request.target == "/small" ? 900_000 : text.utf8.count
            if isChunked {
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n")
                try connection.send(text.prefix(count) + "\r\n0\r\n\r\n")
            } else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n" + text.prefix(count))
            }
        }
        let client = try cached.client(way)
        for number in 1...2 {
            #expect(try client.ask("/large").text == text)
            #expect(cached.count == number)
        }
        try cached.expectNotStored("too_large", 2)
        for _ in 0..<2 { #expect(try client.ask("/small").text == text.prefix(900_000)) }
        #expect(cached.count == 3)
        try cached.expect("gateway_cache_entries", 1)
    }

    @Test(arguments: ["gzip", "br", "x-unknown", "identity, gzip"]) func `what the origin has coded goes to who asked, as it is`(
        coding: String
    ) throws {
        let cached = try CachedOrigin(fields: "Content-Encoding: \(coding)\r\n")
        for number in 1...2 {
            let answer = try cached.ask("/", ["Accept-Encoding: gzip"])
            #expect(answer["Content-Encoding"] == coding && answer.text == "\(number) GET / ")
        }
        try cached.expectNotStored("content_coding", 2)
        let plain = try CachedOrigin(fields: "Content-Encoding: identity\r\n")
        #expect(try plain.ask().isMiss)
        #expect(try plain.ask().isHit)
    }

    // MARK: Event streams

    struct Stream: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let api: String
        let events: String
        let isStored: Bool
    }

    static let streams = [
        Stream(testDescription: "OpenAI, whole", api: "api openai;", events: "data: {\"choices\":[]}\n\ndata: [DONE]\n\n", isStored: true),
        Stream(testDescription: "OpenAI, without its end", api: "api openai;", events: "data: {\"choices\":[]}\n\n", isStored: false),
        Stream(
            testDescription: "OpenAI, with an error", api: "api openai;",
            events: "data: {\"error\":{\"message\":\"m\"}}\n\ndata: [DONE]\n\n",
            isStored: false),
        Stream(
            testDescription: "Anthropic, whole", api: "api anthropic;",
            events:
                "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            isStored: true),
        Stream(
            testDescription: "Anthropic, without its end", api: "api anthropic;",
            events: "event: message_start\ndata: {\"type\":\"message_start\"}\n\n", isStored: false),
        Stream(
            testDescription: "Anthropic, with an error", api: "api anthropic;",
            events: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n", isStored: false),
        Stream(testDescription: "no api", api: "", events: "data: {}\n\ndata: [DONE]\n\n", isStored: false),
    ]

    @Test(arguments: streams, [Way.http1, .http2]) func `an event stream is kept when its api has said that it is whole`(
        _ stream: Stream, _ way: Way
    ) throws {
        let isClosed = way == .http2
        let cached = try CachedOrigin(location: stream.api) { number, _, connection in
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nX-Number: \(number)\r\n"
            if isClosed {
                try connection.send(head + "Connection: close\r\n\r\n" + stream.events)
                throw TestError.ended("as it is to be")
            }
            try connection.send(head + "Transfer-Encoding: chunked\r\n\r\n")
            for line in stream.events.split(separator: "\n\n") {
                try connection.send("\(String(line.utf8.count + 2, radix: 16))\r\n\(line)\n\n\r\n")
            }
            try connection.send("0\r\n\r\n")
        }
        for number in 1...2 {
            let answer = try cached.post("{\"stream\":true}", "/", [], way)
            #expect(answer.text == stream.events && answer["X-Number"] == (stream.isStored ? "1" : "\(number)"))
            #expect(answer["Content-Type"] == "text/event-stream; charset=utf-8")
            if stream.isStored { #expect(number == 1 || answer.isHit) }
        }
        if !stream.isStored { try cached.expectNotStored("event_stream", 2) }
    }

    // MARK: Before the end is known

    @Test(arguments: Way.allCases) func `Cache-Status doesn't say stored where the head tells that it won't be`(_ way: Way) throws {
        let cached = try CachedOrigin { _, request, connection in
            switch request.target {
            case "/events":
                try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: a\n\n")
            case "/large":
                let text = String(repeating: "x", count: (1 << 20) + 1)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            default: try connection.send(ScriptedOrigin.message("whole"))
            }
        }
        let client = try cached.client(way)
        for target in ["/events", "/large"] {
            for answer in [try client.ask(target), try client.post("{}", target)] {
                #expect(answer.status == 200 && answer.cacheStatus?.hasPrefix("fwd=miss") == true)
                #expect(answer.cacheStatus?.contains("stored") == false, "\(target): \(answer.cacheStatus ?? "")")
            }
        }
        #expect(try client.ask("/").isMiss)
        try cached.expect("gateway_cache_stored_total", 1)
    }
}
