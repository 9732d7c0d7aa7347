import Foundation
import GatewayCache
import GatewayConfig
import GatewayCore
import Testing

@Suite struct EventStreamScannerTests {
    /// What is known of a stream at its end.
    struct Outcome: Equatable {
        var isComplete: Bool
        var hasFailed: Bool
        var usage: TokenUsage
        var model: String
    }

    /// However the stream is cut, the outcome is one.
    static func outcome(_ text: String, _ api: APIStyle) -> Outcome {
        let bytes = Array(text.utf8)
        func read(_ cuts: [Int]) -> Outcome {
            var scanner = EventStreamScanner(api: api)
            var start = 0
            for cut in cuts + [bytes.count] {
                scanner.scan(bytes.rawSpan.extracting(start..<cut))
                start = cut
            }
            return Outcome(isComplete: scanner.isComplete, hasFailed: scanner.hasFailed, usage: scanner.usage, model: scanner.model.string)
        }
        let whole = read([])
        #expect(read(Array(0..<bytes.count)) == whole, "byte by byte")
        let step = max(1, bytes.count / 200)
        for cut in stride(from: 0, to: bytes.count, by: step) where read([cut]) != whole { Issue.record("cut at \(cut)") }
        return whole
    }

    private static let chat = """
        data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-2024","choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":null}

        data: {"model":"gpt-4o-2024","choices":[{"index":0,"delta":{"content":"say \\"usage\\": {\\"error\\": 1}"},"finish_reason":null}],"usage":null}

        data: {"model":"gpt-4o-2024","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":3}}}

        data: [DONE]


        """

    private static let responses = """
        event: response.created
        data: {"type":"response.created","response":{"id":"r","model":"gpt-5","status":"in_progress","error":null,"usage":null}}

        event: response.output_text.delta
        data: {"type":"response.output_text.delta","delta":"Hello"}

        event: response.completed
        data: {"type":"response.completed","response":{"id":"r","model":"gpt-5","error":null,"output":[{"content":[{"text":"Hello"}]}],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87}}}


        """

    private static let messages = """
        event: message_start
        data: {"type":"message_start","message":{"id":"m","model":"claude-x","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"output_tokens":1}}}

        event: ping
        data: {"type": "ping"}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"error\\n\\n"}}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}

        event: message_stop
        data: {"type":"message_stop"}


        """

    private static let gemini = """
        data: {"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":8},"modelVersion":"gemini-2"}

        data: {"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"thoughtsTokenCount":90,"totalTokenCount":103},"modelVersion":"gemini-2"}


        """

    @Test(arguments: [
        (chat, APIStyle.openai, TokenUsage(input: 11, output: 7), "gpt-4o-2024"),
        (responses, .openai, TokenUsage(input: 36, output: 87), "gpt-5"),
        (messages, .anthropic, TokenUsage(input: 1125, output: 15), "claude-x"),
        (gemini, .gemini, TokenUsage(input: 8, output: 95), "gemini-2"),
    ])
    func `a whole answer is complete, and tells what it took`(_ text: String, _ api: APIStyle, _ usage: TokenUsage, _ model: String) {
        let expected = Outcome(isComplete: true, hasFailed: false, usage: usage, model: model)
        #expect(Self.outcome(text, api) == expected)
        #expect(Self.outcome(text.replacing("\n", with: "\r\n"), api) == expected)
        #expect(Self.outcome(text.replacing("\n", with: "\r"), api) == expected)
        #expect(Self.outcome("\u{feff}" + text, api) == expected)
        #expect(Self.outcome(": a comment\n\n:\n" + text.replacing("data: ", with: "id: 7\nretry: 10\ndata:"), api) == expected)
        for other in APIStyle.allCases where other != api { #expect(!Self.outcome(text, other).isComplete) }
    }

    @Test(arguments: [
        (chat, APIStyle.openai, 2), (responses, .openai, 2), (messages, .anthropic, 3), (gemini, .gemini, 1),
        ("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n", .openai, 0),
        ("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n", .openai, 1),
        ("data: {\"choices\":[{\"text\":\"a\"}]}\n\n", .openai, 1), ("data: {\"content\":\"a\",\"delta\":\"a\"}\n\n", .openai, 0),
    ])
    func `the first output comes with the event that brings some`(_ text: String, _ api: APIStyle, _ event: Int) {
        var scanner = EventStreamScanner(api: api)
        var first = 0
        let events = text.components(separatedBy: "\n\n").dropLast().enumerated()
        for (index, text) in events where !scanner.hasOutput {
            let bytes = Array((text + "\n\n").utf8)
            scanner.scan(bytes.rawSpan)
            if scanner.hasOutput { first = index + 1 }
        }
        #expect(first == event)
    }

    @Test(arguments: [(chat, APIStyle.openai), (responses, .openai), (messages, .anthropic), (gemini, .gemini)])
    func `an answer that is cut off anywhere is not complete`(_ text: String, _ api: APIStyle) {
        let bytes = Array(text.utf8)
        for count in 0..<bytes.count {
            var scanner = EventStreamScanner(api: api)
            scanner.scan(bytes.rawSpan.extracting(0..<count))
            if scanner.isComplete { Issue.record("complete after \(count) of \(bytes.count) bytes") }
        }
    }

    @Test(arguments: [
        ("data: {\"error\":{\"message\":\"overloaded\"}}\n\n", APIStyle.openai),
        ("data: {\"error\":\"overloaded\"}\n\n", .openai),
        ("event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"y\"}\n\n", .openai),
        ("data: {\"type\":\"error\"}\n\n", .openai), ("event: error\n\n", .openai), ("event: error\ndata: oops\n\n", .openai),
        ("event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{}}\n\n", .openai),
        ("data: {\"type\":\"response.incomplete\",\"response\":{}}\n\n", .openai),
        ("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n", .anthropic),
        ("data: {\"error\":{\"code\":503}}\n\n", .gemini), ("data: [{\"error\":{\"code\":503}}]\n\n", .gemini),
    ])
    func `an error among the events is the end of it, wherever it stands`(_ event: String, _ api: APIStyle) {
        let texts = [APIStyle.openai: [Self.chat, Self.responses], .anthropic: [Self.messages], .gemini: [Self.gemini]][api] ?? []
        for text in texts {
            for stream in [event + text, text + event] {
                let outcome = Self.outcome(stream, api)
                #expect(outcome.hasFailed && !outcome.isComplete)
            }
        }
        #expect(Self.outcome(event, api).hasFailed)
    }

    @Test(arguments: [
        ("data: {\"type\":\"response.completed\",\"response\":{\n\n", APIStyle.openai),
        ("event: response.completed\ndata: {\"type\":\"response.comp\n\n", .openai), ("event: response.completed\n\n", .openai),
        ("data: \"[DONE]\"\n\n", .openai), ("data: DONE\n\n", .openai), ("data:  [DONE]\n\n", .openai), ("event: [DONE]\n\n", .openai),
        ("dat: [DONE]\n\n", .openai), ("data : [DONE]\n\n", .openai), ("id: [DONE]\n\n", .openai), ("data: [DONE]\n", .openai),
        ("data: {\"a\":{\"type\":\"response.completed\"}}\n\n", .openai),
        ("data: {\"delta\":\"data: [DONE]\\n\\n\",\"text\":\"\\\"type\\\":\\\"response.completed\\\"\"}\n\n", .openai),
        ("event: message_stop\n\n", .anthropic), ("data: {\"type\":\"message_stopped\"}\n\n", .anthropic),
        ("data: {\"delta\":{\"type\":\"message_stop\"}}\n\n", .anthropic), ("data: {\"type\":[\"message_stop\"}\n\n", .anthropic),
        ("data: {\"candidates\":[{\"finishReason\":null}]}\n\n", .gemini),
        ("data: {\"candidates\":[{\"finishReason\":\"FINISH_REASON_UNSPECIFIED\"}]}\n\n", .gemini),
        ("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n", .gemini),
        ("data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0},{\"index\":1}]}\n\n", .gemini),
        ("data: {\"candidates\":[{\"content\":{\"finishReason\":\"STOP\"}}]}\n\n", .gemini), ("", .gemini), ("\n\n\n", .openai),
    ])
    func `what only looks like the end is none`(_ text: String, _ api: APIStyle) {
        #expect(!Self.outcome(text, api).isComplete)
    }

    @Test(arguments: [
        ("data:[DONE]\n\n", APIStyle.openai), ("data: [DONE]\r\n\r\n", .openai), ("data: {}\n\n\n\ndata: [DONE]\n\n", .openai),
        ("data: {\"type\":\ndata:  \"response.completed\"\ndata: }\n\n", .openai), ("event: message_stop\ndata: {}\n\n", .anthropic),
        ("event: x\nevent: message_stop\ndata: {}\n\n", .anthropic),
        ("data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n", .gemini),
        (
            "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":1},{\"index\":0}]}\n\ndata: {\"candidates\":[{\"finishReason\":\"MAX_TOKENS\"}]}\n\n",
            .gemini
        ),
    ])
    func `the end may be written in several ways`(_ text: String, _ api: APIStyle) {
        #expect(Self.outcome(text, api).isComplete)
    }

    @Test func `an event may be of any length`() {
        // OpenAI's last event repeats the whole answer; its text lies before what it took.
        let text = String(repeating: "A sentence with \\\"quotes\\\" and ümläute.\\n", count: 20_000)
        let stream =
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"m\",\"output\":[{\"text\":\"\(text)\"}],"
            + "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n"
        let expected = Outcome(isComplete: true, hasFailed: false, usage: TokenUsage(input: 1, output: 2), model: "m")
        let bytes = Array(stream.utf8)
        for size in [1000, 16_384, bytes.count] {
            var scanner = EventStreamScanner(api: .openai)
            for start in stride(from: 0, to: bytes.count, by: size) {
                scanner.scan(bytes.rawSpan.extracting(start..<min(start + size, bytes.count)))
            }
            let outcome = Outcome(
                isComplete: scanner.isComplete, hasFailed: scanner.hasFailed, usage: scanner.usage, model: scanner.model.string)
            #expect(outcome == expected)
        }
    }
}

@Suite struct AnswerUsageTests {
    @Test(arguments: [
        (
            #"{"id":"c","model":"gpt-4o","choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":9}"}}],"usage":{"prompt_tokens":5,"completion_tokens":6}}"#,
            APIStyle.openai, TokenUsage(input: 5, output: 6), "gpt-4o", false
        ),
        (
            #"{"object":"response","status":"completed","error":null,"model":"gpt-5","usage":{"input_tokens":1,"output_tokens":2}}"#,
            .openai,
            TokenUsage(input: 1, output: 2), "gpt-5", false
        ),
        (
            #"{"object":"list","data":[],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#, .openai, TokenUsage(input: 8), "e",
            false
        ),
        (
            #"{"type":"message","model":"claude","content":[{"type":"error"}],"usage":{"input_tokens":3,"cache_read_input_tokens":40,"output_tokens":4}}"#,
            .anthropic, TokenUsage(input: 43, output: 4), "claude", false
        ),
        (
            #"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":8},"modelVersion":"g"}"#,
            .gemini, TokenUsage(input: 7, output: 8), "g", false
        ),
        (
            #"[{"candidates":[]},{"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":8},"modelVersion":"g"}]"#, .gemini,
            TokenUsage(input: 7, output: 8), "g", false
        ),
        (#"{"error":{"message":"no"}}"#, .openai, TokenUsage(), "", true),
        (#"{"type":"error","error":{}}"#, .anthropic, TokenUsage(), "", true),
        (#"{"status":"in_progress","model":"m"}"#, .openai, TokenUsage(), "m", true),
        (#"{"status":"queued"}"#, .openai, TokenUsage(), "", true), (#"{"usage":{"prompt_tokens":"5"}}"#, .openai, TokenUsage(), "", false),
        (#"{"a":{"usage":{"prompt_tokens":5}}}"#, .openai, TokenUsage(), "", false), ("not JSON", .openai, TokenUsage(), "", false),
        ("", .gemini, TokenUsage(), "", false),
        (
            #"{"usage":{"prompt_tokens":99999999999999999999999,"completion_tokens":-4}}"#, .openai, TokenUsage(input: nil, output: 0), "",
            false
        ),
        // No answer takes more than 2^40: what says so is not counted, and what was counted before stays.
        (
            #"{"usage":{"input_tokens":1099511627776,"cache_creation_input_tokens":1099511627776,"cache_read_input_tokens":1099511627776}}"#,
            .anthropic, TokenUsage(input: 3 << 40), "", false
        ),
        (
            #"{"usage":{"input_tokens":1099511627777,"cache_read_input_tokens":18446744073709551615,"output_tokens":5,"output_tokens":1e9999}}"#,
            .anthropic, TokenUsage(output: 1), "", false
        ),
        (
            #"{"usage":{"prompt_tokens":18446744073709551616,"completion_tokens":7,"completion_tokens":1099511627777}}"#, .openai,
            TokenUsage(output: 7), "", false
        ),
    ])
    func `a whole answer tells what it took, in any pieces`(
        _ text: String, _ api: APIStyle, _ usage: TokenUsage, _ model: String, _ hasFailed: Bool
    ) {
        let bytes = Array(text.utf8)
        #expect(AnswerUsage.read(bytes.rawSpan, api: api) == usage)
        for cut in 0...bytes.count {
            var answer = AnswerUsage(api: api)
            answer.scan(bytes.rawSpan.extracting(0..<cut))
            answer.scan(bytes.rawSpan.extracting(cut..<bytes.count))
            #expect(answer.usage == usage && answer.model.string == model && answer.hasFailed == hasFailed)
        }
    }
}
