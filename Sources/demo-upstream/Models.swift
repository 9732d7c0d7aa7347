import NIOHTTP1

/// GET /v1/models and /v1/models/{id}, as OpenAI shapes them.
enum Models {
    /// The date of every model, completion and response: 2025-01-01. A clock would make answers differ.
    static let created = 1_735_689_600

    private static let ids = ["demo-large", "demo-small", "demo-embedding"]

    static var list: Answer {
        Answer(json: ["object": "list", "data": .array(ids.map(describe))])
    }

    static func model(_ id: String) -> Answer {
        guard ids.contains(id) else { return .openAIError(.notFound, "The model '\(id)' does not exist.") }
        return Answer(json: describe(id))
    }

    private static func describe(_ id: String) -> JSON {
        ["id": .string(id), "object": "model", "created": .number(created), "owned_by": "demo"]
    }
}

extension Answer {
    static func openAIError(_ status: HTTPResponseStatus, _ message: String) -> Answer {
        let type: JSON = status.code >= 500 ? "server_error" : "invalid_request_error"
        return Answer(status, json: ["error": ["message": .string(message), "type": type, "param": nil, "code": nil]])
    }

    static func anthropicError(_ status: HTTPResponseStatus, _ message: String) -> Answer {
        Answer(status, json: ["type": "error", "error": ["type": "invalid_request_error", "message": .string(message)]])
    }

    static func geminiError(_ status: HTTPResponseStatus, _ message: String) -> Answer {
        Answer(status, json: ["error": ["code": .number(Int(status.code)), "message": .string(message), "status": "INVALID_ARGUMENT"]])
    }
}
