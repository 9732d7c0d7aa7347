import NIOCore
import NIOHTTP1

/// From a request to its answer: a function of the two and nothing else.
struct Endpoints {
    let settings: Settings

    private static let eventsMax = 1_000_000
    private static let bytesMax = 64 * 1024 * 1024 * 1024
    /// What a client can check at any offset: 64 KB of 32 bytes over and over.
    private static let pattern = ByteBuffer(string: String(repeating: "abcdefghijklmnopqrstuvwxyz012345", count: 2048))

    func answer(_ request: Request) -> Answer {
        failure(request) ?? route(request)
    }

    private func route(_ request: Request) -> Answer {
        switch (request.method, request.path) {
        case (.GET, "/"): Answer(text: "demo-upstream \(settings.name)\n")
        case (.GET, "/health"): Answer(json: ["status": "ok"])
        case (.GET, "/v1/models"): Models.list
        case (.POST, "/v1/chat/completions"): ChatCompletions(request, settings).answer
        case (.POST, "/v1/responses"): Responses(request, settings).answer
        case (.POST, "/v1/messages"): Messages(request, settings).answer
        case (_, "/headers"): headers(request)
        case (.GET, "/events"): events(request)
        case (.GET, "/bytes"): bytes(request)
        // HEAD alone comes here: any other method's body goes back as it comes.
        case (.GET, "/echo"): Answer(type: "application/octet-stream", bytes: ByteBuffer())
        default: routeByPrefix(request)
        }
    }

    private func routeByPrefix(_ request: Request) -> Answer {
        if let generated = GenerateContent(request, settings) { return generated.answer }
        if request.method == .GET, request.path.hasPrefix("/v1/models/") {
            return Models.model(String(request.path.dropFirst("/v1/models/".count)))
        }
        if request.path.hasPrefix("/status/"), let code = Int(request.path.dropFirst("/status/".count)), (200...599).contains(code) {
            return status(code)
        }
        return .openAIError(.notFound, "There is nothing at \(request.path) for \(request.head.method.rawValue).")
    }

    /// What the request itself asks for comes before what the command line decided.
    func failure(_ request: Request) -> Answer? {
        if let asked = request.head.headers.first(name: "X-Demo-Status") {
            guard let code = Int(asked), (200...599).contains(code) else {
                return .openAIError(.badRequest, "X-Demo-Status is a status from 200 to 599.")
            }
            return status(code)
        }
        let fails = request.wholeHash.fraction < settings.failureShare.fraction
        return fails ? .openAIError(.serviceUnavailable, "This request is one of those that fail.") : nil
    }

    private func status(_ code: Int) -> Answer {
        let status = HTTPResponseStatus(statusCode: code)
        if code >= 400 { return .openAIError(status, "This status was asked for.") }
        return Answer(status, text: status.mayHaveResponseBody ? "\(code)\n" : "")
    }

    private func headers(_ request: Request) -> Answer {
        let fields = request.head.headers.map { JSON.array([.string($0.name), .string($0.value)]) }
        return Answer(json: [
            "method": .string(request.head.method.rawValue),
            "path": .string(request.head.uri),
            "headers": .array(fields),
        ])
    }

    private func events(_ request: Request) -> Answer {
        guard let count = request.number("count", default: 5, max: Self.eventsMax) else {
            return .openAIError(.badRequest, "count is a number up to \(Self.eventsMax).")
        }
        let asked = request.query["interval"].map { Delay(argument: $0) } ?? settings.eventInterval
        guard let interval = asked else { return .openAIError(.badRequest, "interval is a time such as 50ms.") }
        let events = (0..<count).lazy.map { ServerSentEvent(["index": .number($0)]) }
        return Answer(events: events, every: interval)
    }

    private func bytes(_ request: Request) -> Answer {
        guard let count = request.number("count", default: 1024, max: Self.bytesMax) else {
            return .openAIError(.badRequest, "count is a number up to \(Self.bytesMax).")
        }
        return Answer(repeating: Self.pattern, length: count)
    }
}
