import NIOHTTP1

/// POST /v1/messages, as Anthropic shapes it.
struct Messages {
    private struct Body: Decodable {
        let model: String
        let messages: [ChatMessage]
        let stream: Bool?
        let maxTokens: Int?
    }

    let answer: Answer

    init(_ request: Request, _ settings: Settings) {
        guard let body = try? request.decode(Body.self), !body.messages.isEmpty else {
            answer = .anthropicError(.badRequest, "The body is a JSON object with 'model', 'max_tokens' and 'messages'.")
            return
        }
        let hash = request.bodyHash
        let message = Message(
            id: "msg_\(hash.hex)", model: body.model,
            words: Words(question: body.messages.last?.text ?? "", hash: hash, tokensMax: body.maxTokens),
            inputTokens: body.messages.reduce(0) { $0 + Words.count($1.text) })
        if body.stream == true {
            answer = Answer(events: message.events, every: settings.eventInterval)
        } else {
            answer = Answer(json: message.whole)
        }
    }

    private struct Message {
        let id: String
        let model: String
        let words: Words
        let inputTokens: Int

        private var stopReason: JSON { words.isCutShort ? "max_tokens" : "end_turn" }

        var whole: JSON {
            shape(content: [["type": "text", "text": .string(words.text)]], stopReason: stopReason, outputTokens: words.count)
        }

        private func shape(content: JSON, stopReason: JSON, outputTokens: Int) -> JSON {
            [
                "id": .string(id),
                "type": "message",
                "role": "assistant",
                "model": .string(model),
                "content": content,
                "stop_reason": stopReason,
                "stop_sequence": nil,
                "usage": ["input_tokens": .number(inputTokens), "output_tokens": .number(outputTokens)],
            ]
        }

        /// message_start names the tokens of the question, message_delta those of the answer, as counted by its end.
        var events: [ServerSentEvent] {
            var events = [
                event("message_start", ("message", shape(content: [], stopReason: nil, outputTokens: 1))),
                event("content_block_start", ("index", 0), ("content_block", ["type": "text", "text": ""])),
            ]
            for word in words.words {
                events.append(event("content_block_delta", ("index", 0), ("delta", ["type": "text_delta", "text": .string(word)])))
            }
            events.append(event("content_block_stop", ("index", 0)))
            events.append(
                event(
                    "message_delta", ("delta", ["stop_reason": stopReason, "stop_sequence": nil]),
                    ("usage", ["output_tokens": .number(words.count)])))
            events.append(event("message_stop"))
            return events
        }

        private func event(_ type: String, _ members: (String, JSON)...) -> ServerSentEvent {
            ServerSentEvent(name: type, .object([("type", .string(type))] + members))
        }
    }
}
