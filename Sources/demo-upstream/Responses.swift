import NIOHTTP1

/// POST /v1/responses, as OpenAI shapes it, in short.
struct Responses {
    private struct Body: Decodable {
        let model: String
        let input: Input
        let stream: Bool?
        let maxOutputTokens: Int?
    }

    /// A text, or a list of messages.
    private struct Input: Decodable {
        let texts: [String]

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                texts = [text]
            } else {
                texts = try value.decode([ChatMessage].self).map(\.text)
            }
        }
    }

    let answer: Answer

    init(_ request: Request, _ settings: Settings) {
        guard let body = try? request.decode(Body.self) else {
            answer = .openAIError(.badRequest, "The body is a JSON object with 'model' and 'input'.")
            return
        }
        let hash = request.bodyHash
        let response = Response(
            id: hash.hex, model: body.model,
            words: Words(question: body.input.texts.last ?? "", hash: hash, tokensMax: body.maxOutputTokens),
            inputTokens: body.input.texts.reduce(0) { $0 + Words.count($1) })
        if body.stream == true {
            answer = Answer(events: response.events, every: settings.eventInterval)
        } else {
            answer = Answer(json: response.whole)
        }
    }

    private struct Response {
        let id: String
        let model: String
        let words: Words
        let inputTokens: Int

        private var part: JSON { ["type": "output_text", "text": .string(words.text), "annotations": []] }

        private var message: JSON {
            ["type": "message", "id": .string("msg_\(id)"), "status": "completed", "role": "assistant", "content": [part]]
        }

        var whole: JSON { response(status: "completed", output: [message], usage: usage) }

        private var usage: JSON {
            [
                "input_tokens": .number(inputTokens),
                "output_tokens": .number(words.count),
                "total_tokens": .number(inputTokens + words.count),
            ]
        }

        private func response(status: JSON, output: JSON, usage: JSON) -> JSON {
            [
                "id": .string("resp_\(id)"),
                "object": "response",
                "created_at": .number(Models.created),
                "status": status,
                "model": .string(model),
                "output": output,
                "usage": usage,
            ]
        }

        /// Events of this API are named, and numbered from 0.
        var events: [ServerSentEvent] {
            var bodies: [(String, [(String, JSON)])] = [
                ("response.created", [("response", response(status: "in_progress", output: [], usage: nil))])
            ]
            for word in words.words {
                bodies.append(("response.output_text.delta", place + [("delta", .string(word))]))
            }
            bodies.append(("response.output_text.done", place + [("text", .string(words.text))]))
            bodies.append(("response.completed", [("response", whole)]))
            return bodies.enumerated().map { number, body in
                let start: [(String, JSON)] = [("type", .string(body.0)), ("sequence_number", .number(number))]
                return ServerSentEvent(name: body.0, .object(start + body.1))
            }
        }

        private var place: [(String, JSON)] {
            [("item_id", .string("msg_\(id)")), ("output_index", 0), ("content_index", 0)]
        }
    }
}
