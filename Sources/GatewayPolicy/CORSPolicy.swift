import GatewayConfig
import GatewayCore
import GatewayHTTP

/// Cross-origin requests (WHATWG Fetch § 3.2): who may read an answer, and what a preflight is told.
public final class CORSPolicy: Sendable {
    private let origins: OriginTable
    private let methods: [[UInt8]]
    private let headers: [[UInt8]]
    private let takesAnyHeader: Bool
    /// Behind Access-Control-Allow-Origin, in every answer.
    private let answerLines: [UInt8]
    /// In the answer to a preflight, too.
    private let preflightLines: [UInt8]

    public init(_ config: CORSConfig) {
        origins = OriginTable(config.origins)
        methods = config.methods.map { Array($0.utf8) }
        let takesAnyHeader = config.headers.contains("*")
        self.takesAnyHeader = takesAnyHeader
        headers = config.headers.map { Array($0.utf8) }
        var answer: [(String, String)] = []
        if config.allowsCredentials { answer.append(("Access-Control-Allow-Credentials", "true")) }
        if !config.expose.isEmpty { answer.append(("Access-Control-Expose-Headers", config.expose.joined(separator: ", "))) }
        answerLines = Self.encode(answer)
        var preflight = [("Access-Control-Allow-Methods", config.methods.joined(separator: ", "))]
        if !config.headers.isEmpty && !takesAnyHeader {
            preflight.append(("Access-Control-Allow-Headers", config.headers.joined(separator: ", ")))
        }
        if let seconds = config.maxAgeS { preflight.append(("Access-Control-Max-Age", "\(seconds)")) }
        preflightLines = Self.encode(preflight)
    }

    private static func encode(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { Array("\($0.0): \($0.1)\r\n".utf8) }
    }

    // MARK: Answers

    /// Whether the page may read the answer; nil where the request names no page.
    public func allowsPage(of request: borrowing RequestHead) -> Bool? {
        request.fields.contains(.origin) ? originIndex(of: request) != nil : nil
    }

    /// Where the request names an origin that is allowed, and no other.
    private func originIndex(of request: borrowing RequestHead) -> Int? {
        guard let index = request.fields.onlyIndex(of: .origin), origins.contains(request.fields.value(index)) else { return nil }
        return index
    }

    /// What lets the page read the answer: nothing where its origin is not allowed, or it names none or several.
    public func appendAnswerFields(to request: borrowing RequestHead, into queue: inout ByteQueue) {
        guard let index = originIndex(of: request) else { return }
        if origins.takesAny {
            queue.append("Access-Control-Allow-Origin: *\r\n")
        } else {
            HTTP1Encoder.field("Access-Control-Allow-Origin", request.fields.value(index), into: &queue)
        }
        queue.append(answerLines)
    }

    // MARK: Preflights

    /// Whether a browser asks, in the name of a page, if it may send another request.
    public static func isPreflight(_ request: borrowing RequestHead) -> Bool {
        request.method == .options && request.fields.contains(.accessControlRequestMethod) && request.fields.contains(.origin)
    }

    /// Why the page may not send the request; nil if it may.
    public func refusal(of request: borrowing RequestHead) -> GatewayError? {
        if originIndex(of: request) == nil {
            return GatewayError(.corsRefused, "the page's origin is not one that cors allows")
        }
        guard let method = request.fields.onlyIndex(of: .accessControlRequestMethod), allows(method: request.fields.value(method)) else {
            return GatewayError(.corsRefused, "the method that the page would use is not one that cors allows")
        }
        let isAllowed = request.fields.requestsOnlyHeaders(namesMax: Limits.preflightHeadersMax) { allows(header: $0) }
        return isAllowed ? nil : GatewayError(.corsRefused, "a field that the page would send is not one that cors allows")
    }

    /// What an allowed preflight gets besides the fields of every answer.
    public func appendPreflightFields(to request: borrowing RequestHead, into queue: inout ByteQueue) {
        queue.append(preflightLines)
        if !takesAnyHeader { return }
        // "*" would not cover Authorization, nor anything with credentials. What is repeated is a list of tokens.
        var separator: StaticString = "Access-Control-Allow-Headers: "
        var i = 0
        while let index = request.fields.firstIndex(of: .accessControlRequestHeaders, from: i) {
            queue.append(separator)
            queue.append(request.fields.value(index))
            separator = ", "
            i = index + 1
        }
        if i > 0 { HTTP1Encoder.endLine(into: &queue) }
    }

    private func allows(method: RawSpan) -> Bool {
        for allowed in methods where allowed.rawSpan.elementsEqual(method) { return true }
        return false
    }

    private func allows(header: RawSpan) -> Bool {
        if takesAnyHeader { return header.isToken }
        for allowed in headers where allowed.rawSpan.equalsIgnoringCase(header) { return true }
        return false
    }
}
