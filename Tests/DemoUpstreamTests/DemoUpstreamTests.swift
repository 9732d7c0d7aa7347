import Foundation
import TestSupport
import Testing

@Suite struct DemoUpstreamTests {
    let origin: DemoOrigin

    init() throws {
        origin = try DemoOrigin(name: "canary", ["--event-interval", "1ms"])
    }

    private func request(_ method: String, _ target: String, fields: [String] = [], body: String? = nil) throws -> HTTPResponse {
        try TCPClient(port: origin.port).request(method, target, fields: fields, body: body.map { Array($0.utf8) })
    }

    private func events(_ answer: HTTPResponse) -> [String] {
        answer.text.components(separatedBy: "\n\n").dropLast().map { String($0) }
    }

    @Test func `every answer names its version`() throws {
        for target in ["/", "/health", "/nothing", "/status/503", "/events?count=1", "/bytes?count=1"] {
            #expect(try request("GET", target)["X-Version"] == "canary")
        }
    }

    @Test func `a chat completion has OpenAI's shape`() throws {
        let question = #"{"model":"m","messages":[{"role":"user","content":"Are you there?"}]}"#
        let answer = try request("POST", "/v1/chat/completions", body: question).json()
        #expect(answer["object"] as? String == "chat.completion")
        let choice = try #require((answer["choices"] as? [[String: Any]])?.first)
        #expect(choice["finish_reason"] as? String == "stop")
        let usage = try #require(answer["usage"] as? [String: Int])
        #expect(usage["total_tokens"] == (usage["prompt_tokens"] ?? 0) + (usage["completion_tokens"] ?? 0))
        #expect(usage["prompt_tokens"] == 3)
    }

    @Test func `the same request gets the same bytes, another one another id`() throws {
        func ask(_ text: String) throws -> HTTPResponse {
            try request("POST", "/v1/chat/completions", body: #"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]}"#)
        }
        let first = try ask("one")
        #expect(try ask("one").body == first.body)
        #expect(try ask("two").json()["id"] as? String != first.json()["id"] as? String)
    }

    @Test func `a streamed chat completion names the role first and ends with usage and DONE`() throws {
        let question =
            #"{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":3,"messages":[{"role":"user","content":"Hi"}]}"#
        let answer = try request("POST", "/v1/chat/completions", body: question)
        #expect(answer["Content-Type"] == "text/event-stream")
        let events = events(answer)
        #expect(events.count == 7)
        #expect(events[0].contains(#""delta":{"role":"assistant""#))
        #expect(events[4].contains(#""finish_reason":"length""#))
        #expect(events[5].contains(#""choices":[],"usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}"#))
        #expect(events[6] == "data: [DONE]")
    }

    @Test func `a streamed message has Anthropic's events in their order`() throws {
        let question = #"{"model":"m","stream":true,"max_tokens":2,"messages":[{"role":"user","content":"Hi"}]}"#
        let names = events(try request("POST", "/v1/messages", body: question)).map { $0.prefix { $0 != "\n" }.dropFirst("event: ".count) }
        #expect(
            names == [
                "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "message_delta",
                "message_stop",
            ])
    }

    @Test func `what is not a question is refused in the API's own shape`() throws {
        let openAI = try request("POST", "/v1/chat/completions", body: "{")
        #expect(openAI.status == 400)
        #expect((try openAI.json()["error"] as? [String: Any])?["type"] as? String == "invalid_request_error")
        #expect(try request("POST", "/v1/messages", body: "{}").json()["type"] as? String == "error")
    }

    @Test func `headers tells the fields in their order, as they were written`() throws {
        let answer = try request("GET", "/headers?a=b", fields: ["X-One: 1", "x-two: 2", "X-One: 3"])
        #expect(answer.text.contains(#""path":"/headers?a=b","headers":[["Host","localhost"],["X-One","1"],["x-two","2"],["X-One","3"]]"#))
    }

    @Test func `an echo begins before the request has ended`() throws {
        let client = try TCPClient(port: origin.port)
        try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        #expect(try client.readHead()["Content-Type"] == "text/plain")
        #expect(try client.readChunk() == Array("hello".utf8))
        try client.send("0\r\n\r\n")
        #expect(try client.readChunk() == nil)
    }

    @Test func `an echo stops reading when its answer is not read`() throws {
        let client = try TCPClient(port: origin.port, receiveBufferBytes: 16 * 1024)
        try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        let sent = try client.sendUntilBlocked([UInt8](repeating: 7, count: 65536), bytesMax: 1_000_000_000)
        #expect(sent < 50_000_000)
    }

    @Test func `bytes come as many as were asked for`() throws {
        let answer = try request("GET", "/bytes?count=3000000")
        #expect(answer["Content-Length"] == "3000000")
        #expect(answer.body.count == 3_000_000 && !answer.isTruncated)
    }

    @Test func `each event is sent on its own`() throws {
        let answer = try request("GET", "/events?count=3&interval=1ms")
        #expect(answer.chunks.count == 3)
    }

    @Test func `a request may ask for its status, and HEAD gets no body`() throws {
        #expect(try request("GET", "/health", fields: ["X-Demo-Status: 429"]).status == 429)
        #expect(try request("HEAD", "/health")["Content-Length"] == "15")
        let client = try TCPClient(port: origin.port)
        for target in ["/health", "/events?count=2", "/bytes?count=5", "/echo", "/status/204"] {
            #expect(try client.request("HEAD", target).surplus.isEmpty, "\(target)")
        }
        #expect(try client.get("/health").status == 200)
    }

    @Test func `pipelined requests are answered in their order`() throws {
        let client = try TCPClient(port: origin.port)
        try client.send((0..<50).map { "GET /bytes?count=\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for count in 0..<50 { #expect(try client.readResponse().body.count == count) }
    }

    @Test func `a share of the requests fails, always the same ones`() throws {
        let failing = try DemoOrigin(["--failure-rate", "25%"])
        func statuses() throws -> [Int] {
            let client = try TCPClient(port: failing.port)
            return try (0..<200).map { try client.get("/health?\($0)").status }
        }
        let first = try statuses()
        #expect((30...70).contains(first.count { $0 == 503 }))
        #expect(try statuses() == first)
    }

    @Test func `SIGTERM ends it`() throws {
        origin.program.send(SIGTERM)
        #expect(try origin.program.waitForExit() == .exited(0))
    }
}
