import NIOHTTP1

/// POST /v1/chat/completions, as OpenAI shapes it.
struct ChatCompletions {
    private struct Body: Decodable {
        struct StreamOptions: Decodable {
            let includeUsage: Bool?
        }
        let model: String
        let messages: [ChatMessage]
        let stream: Bool?
        let streamOptions: StreamOptions?
        let maxTokens: Int?
        let maxCompletionTokens: Int?
    }

    let answer: Answer

    init(_ request: Request, _ settings: Settings) {
        guard let body = try? request.decode(Body.self), !body.messages.isEmpty else {
            answer = .openAIError(.badRequest, "The body is a JSON object with 'model' and 'messages'.")
            return
        }
        let hash = request.bodyHash
        let words = Words(
            question: body.messages.last?.text ?? "", hash: hash, tokensMax: body.maxCompletionTokens ?? body.maxTokens)
        let completion = Completion(
            id: "chatcmpl-\(hash.hex)", model: body.model, words: words,
            promptTokens: body.messages.reduce(0) { $0 + Words.count($1.text) })
        if body.stream == true {
            let events = completion.events(includeUsage: body.streamOptions?.includeUsage == true)
            answer = Answer(events: events, every: settings.eventInterval)
        } else {
            answer = Answer(json: completion.whole)
        }
    }

    private struct Completion {
        let id: String
        let model: String
        let words: Words
        let promptTokens: Int

        private var finishReason: JSON { words.isCutShort ? "length" : "stop" }

        private var usage: JSON {
            [
                "prompt_tokens": .number(promptTokens),
                "completion_tokens": .number(words.count),
                "total_tokens": .number(promptTokens + words.count),
            ]
        }

        var whole: JSON {
            [
                "id": .string(id),
                "object": "chat.completion",
                "created": .number(Models.created),
                "model": .string(model),
                "choices": [
                    [
                        "index": 0,
                        "message": ["role": "assistant", "content": .string(words.text)],
                        "logprobs": nil,
                        "finish_reason": finishReason,
                    ]
                ],
                "usage": usage,
            ]
        }

        /// The role first, then word by word, then why it ended, then the usage if it was asked for.
        func events(includeUsage: Bool) -> [ServerSentEvent] {
            var chunks = [chunk(delta: ["role": "assistant", "content": ""], includeUsage: includeUsage)]
            chunks += words.words.map { chunk(delta: ["content": .string($0)], includeUsage: includeUsage) }
            chunks.append(chunk(delta: [:], finishReason: finishReason, includeUsage: includeUsage))
            if includeUsage { chunks.append(chunk(choices: [], usage: usage)) }
            return chunks.map { ServerSentEvent($0) } + [ServerSentEvent(data: "[DONE]")]
        }

        /// With usage asked for, every chunk names it, as null until the last.
        private func chunk(delta: JSON, finishReason: JSON = nil, includeUsage: Bool) -> JSON {
            let choice: JSON = ["index": 0, "delta": delta, "logprobs": nil, "finish_reason": finishReason]
            return chunk(choices: [choice], usage: includeUsage ? JSON.null : Optional.none)
        }

        private func chunk(choices: JSON, usage: JSON?) -> JSON {
            var members: [(String, JSON)] = [
                ("id", .string(id)), ("object", "chat.completion.chunk"), ("created", .number(Models.created)),
                ("model", .string(model)), ("choices", choices),
            ]
            if let usage { members.append(("usage", usage)) }
            return .object(members)
        }
    }
}
