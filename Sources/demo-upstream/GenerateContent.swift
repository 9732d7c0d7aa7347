import NIOHTTP1

/// POST /v1beta/models/MODEL:generateContent and :streamGenerateContent, as Google shapes Gemini's; /v1 as well, which its SDK takes.
struct GenerateContent {
    private struct Body: Decodable {
        struct Part: Decodable {
            let text: String?
        }
        struct Content: Decodable {
            let parts: [Part]

            var text: String { parts.compactMap(\.text).joined(separator: " ") }
        }
        struct Configuration: Decodable {
            let maxOutputTokens: Int?
        }
        let contents: [Content]
        let generationConfig: Configuration?
    }

    private static let prefixes = ["/v1beta/models/", "/v1/models/"]

    let answer: Answer

    /// nil if the request is for something else.
    init?(_ request: Request, _ settings: Settings) {
        guard request.method == .POST, let prefix = Self.prefixes.first(where: request.path.hasPrefix) else { return nil }
        let parts = request.path.dropFirst(prefix.count).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, ["generateContent", "streamGenerateContent"].contains(parts[1]) else { return nil }
        guard let body = try? request.decode(Body.self), !body.contents.isEmpty else {
            answer = .geminiError(.badRequest, "The body is a JSON object with 'contents'.")
            return
        }
        let hash = request.bodyHash
        let content = Content(
            model: String(parts[0]), id: hash.hex,
            words: Words(question: body.contents.last?.text ?? "", hash: hash, tokensMax: body.generationConfig?.maxOutputTokens),
            promptTokens: body.contents.reduce(0) { $0 + Words.count($1.text) })
        if parts[1] == "generateContent" {
            answer = Answer(json: content.whole)
        } else if request.query["alt"] == "sse" {
            answer = Answer(events: content.pieces.map { ServerSentEvent($0) }, every: settings.eventInterval)
        } else {
            // Without alt=sse the pieces of the stream are an array's elements.
            answer = Answer(json: .array(content.pieces))
        }
    }

    private struct Content {
        let model: String
        let id: String
        let words: Words
        let promptTokens: Int

        private var finishReason: JSON { words.isCutShort ? "MAX_TOKENS" : "STOP" }

        var whole: JSON { piece(words.text, tokens: words.count, isLast: true) }

        /// Word by word; each names the tokens so far.
        var pieces: [JSON] {
            words.words.enumerated().map { piece($1, tokens: $0 + 1, isLast: $0 + 1 == words.count) }
        }

        private func piece(_ text: String, tokens: Int, isLast: Bool) -> JSON {
            var candidate: [(String, JSON)] = [("content", ["parts": [["text": .string(text)]], "role": "model"])]
            if isLast { candidate.append(("finishReason", finishReason)) }
            candidate.append(("index", 0))
            return [
                "candidates": [.object(candidate)],
                "usageMetadata": [
                    "promptTokenCount": .number(promptTokens), "candidatesTokenCount": .number(tokens),
                    "totalTokenCount": .number(promptTokens + tokens),
                ],
                "modelVersion": .string(model),
                "responseId": .string(id),
            ]
        }
    }
}
