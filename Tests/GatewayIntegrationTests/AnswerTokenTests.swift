import Foundation
import TestSupport
import Testing

/// The tokens of AI APIs, as the answers tell them, in the counters.
@Suite struct AnswerTokenTests {
    private let origin: DemoOrigin
    private let gateway: Gateway

    init() throws {
        origin = try DemoOrigin(["--event-interval", "1ms"])
        gateway = try Gateway(
            conf: """
                workers 2;
                access_log off;
                admin 127.0.0.1:0 { allow 127.0.0.1; }
                cache_zone ai memory=8m;
                server {
                    listen 127.0.0.1:0;
                    server_name ai;
                    location /v1/ { api openai; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /v1/messages { api anthropic; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /v1beta/ { api gemini; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    location /plain/ { proxy_pass http://127.0.0.1:{ORIGIN}/; }
                    location /cached/ {
                        api openai;
                        cache ai ttl=10m;
                        proxy_pass http://127.0.0.1:{ORIGIN}/;
                    }
                }
                """, values: ["ORIGIN": "\(origin.port)"])
    }

    /// What is asked of an API, and the words of its answer, which are its tokens.
    struct Shape: Sendable, CustomTestStringConvertible {
        let path: String
        let location: String
        let body: String
        /// Without words behind it, so that the model is what the request names.
        var model = "m-1"

        var testDescription: String { path }
    }

    static let shapes = [
        Shape(
            path: "/v1/chat/completions", location: "/v1/", body: #"{"model":"m-1","messages":[{"role":"user","content":"One two three"}]}"#
        ),
        Shape(
            path: "/v1/chat/completions", location: "/v1/",
            body:
                #"{"model":"m-1","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"One two three"}]}"#
        ),
        Shape(path: "/v1/responses", location: "/v1/", body: #"{"model":"m-1","input":"One two three"}"#),
        Shape(path: "/v1/responses", location: "/v1/", body: #"{"model":"m-1","stream":true,"input":"One two three"}"#),
        Shape(
            path: "/v1/messages", location: "/v1/messages",
            body: #"{"model":"m-1","max_tokens":900,"messages":[{"role":"user","content":"One two three"}]}"#),
        Shape(
            path: "/v1/messages", location: "/v1/messages",
            body: #"{"model":"m-1","max_tokens":900,"stream":true,"messages":[{"role":"user","content":"One two three"}]}"#),
        Shape(
            path: "/v1beta/models/m-1:generateContent", location: "/v1beta/", body: #"{"contents":[{"parts":[{"text":"One two three"}]}]}"#),
        Shape(
            path: "/v1beta/models/m-1:streamGenerateContent", location: "/v1beta/",
            body: #"{"contents":[{"parts":[{"text":"One two three"}]}]}"#),
        Shape(
            path: "/v1beta/models/m-1:streamGenerateContent?alt=sse", location: "/v1beta/",
            body: #"{"contents":[{"parts":[{"text":"One two three"}]}]}"#),
    ]

    private func ask(_ path: String, _ body: String, fields: [String] = []) throws -> HTTPResponse {
        try gateway.connect().request("POST", path, host: "ai", fields: fields + ["Content-Type: application/json"], body: Array(body.utf8))
    }

    /// The last counts that an answer names, whoever's shape it has: read by other means than the gateway's.
    private static func told(_ text: String) throws -> (input: Double, output: Double) {
        func last(_ names: [String]) -> Double? {
            let pattern = "\"(?:\(names.joined(separator: "|")))\": ?([0-9]+)"
            guard let expression = try? NSRegularExpression(pattern: pattern) else { return nil }
            let range = NSRange(text.startIndex..., in: text)
            guard let match = expression.matches(in: text, range: range).last, let digits = Range(match.range(at: 1), in: text) else {
                return nil
            }
            return Double(text[digits])
        }
        return (
            try #require(last(["prompt_tokens", "input_tokens", "promptTokenCount"])),
            try #require(last(["completion_tokens", "output_tokens", "candidatesTokenCount"]))
        )
    }

    private func tokens(_ metrics: Metrics, _ location: String, model: String = "m-1") -> [Double] {
        ["input", "output"].map {
            metrics.sum("gateway_ai_tokens_total", ["server": "ai", "location": location, "model": model, "direction": $0])
        }
    }

    @Test(arguments: shapes) func `tokens are counted as the answer tells them`(_ shape: Shape) throws {
        let answer = try ask(shape.path, shape.body)
        #expect(answer.status == 200)
        let told = try Self.told(answer.text)
        #expect(told.input == 3 && told.output > 10)
        let place = ["server": "ai", "location": shape.location]
        try gateway.waitForMetrics("the answer") { $0.sum("gateway_ai_answers_total", place) == 1 }
        // A second worker's counts are added.
        for _ in 0..<3 { _ = try ask(shape.path, shape.body) }
        try gateway.waitForMetrics("four answers") { $0.sum("gateway_ai_answers_total", place.merging(["usage": "told"]) { $1 }) == 4 }
        let metrics = try gateway.metrics()
        #expect(tokens(metrics, shape.location) == [4 * told.input, 4 * told.output])
        let isStream = answer["Content-Type"] == "text/event-stream"
        for name in ["time_to_first_token", "time_per_output_token"] {
            let labels = "{server=\"ai\",location=\"\(shape.location)\",model=\"m-1\"}"
            #expect(metrics["gen_ai_server_\(name)_seconds_count" + labels] == (isStream ? 4 : 0))
        }
    }

    @Test func `an answer that is given again costs nothing`() throws {
        let body = #"{"model":"m-1","temperature":0,"messages":[{"role":"user","content":"One two three"}]}"#
        let first = try ask("/cached/v1/chat/completions", body)
        let told = try Self.told(first.text)
        try gateway.waitForMetrics("the first") { tokens($0, "/cached/") == [told.input, told.output] }
        for _ in 0..<3 {
            let answer = try ask("/cached/v1/chat/completions", body)
            #expect(answer.body == first.body)
            #expect(answer["Cache-Status"]?.contains("hit") == true)
        }
        try gateway.waitForMetrics("the hits") { $0.sum("gateway_cache_saved_tokens_total", ["direction": "output"]) == 3 * told.output }
        #expect(tokens(try gateway.metrics(), "/cached/") == [told.input, told.output])
    }

    @Test func `failures, silence and other locations count no tokens`() throws {
        let body = #"{"model":"m-1","messages":[{"role":"user","content":"One two three"}]}"#
        #expect(try ask("/v1/chat/completions", body, fields: ["X-Demo-Status: 500"]).status == 500)
        #expect(try ask("/plain/v1/chat/completions", body).status == 200)
        #expect(
            try ask("/v1/chat/completions", #"{"model":"m-1","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#).status == 200)
        try gateway.waitForMetrics("the silent one") { $0.sum("gateway_ai_answers_total", ["usage": "untold"]) == 1 }
        let metrics = try gateway.metrics()
        #expect(metrics.sum("gateway_ai_answers_total") == 1)
        #expect(metrics.sum("gateway_ai_tokens_total") == 0)
    }
}
