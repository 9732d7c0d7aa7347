import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy
import GatewayTelemetry

/// What the gateway tells a client of a refusal: a problem document (RFC 9457), for SDKs of AI APIs with the `error` object that they
/// read, or a page for people.
extension Exchange {
    func encodeProblem(_ error: GatewayError, for api: APIStyle?, now: MonotonicTime, _ clock: inout WallClock, into body: inout ByteQueue)
    {
        // Google's SDK takes a member of this name at the top for the error's own, which is a word.
        error.appendProblem(detail: limitMessage, hasStatus: api != .gemini, to: &body)
        body.append(",\"request_id\":")
        appendRequestIDString(to: &body)
        body.append(",\"timestamp\":\"")
        clock.timestamps.append(wallClockNanoseconds: clock.nanoseconds(now), to: &body)
        body.append("\"")
        if let api { error.appendObject(of: api, detail: limitMessage, to: &body) }
        body.append("}\n")
    }

    func encodePage(_ error: GatewayError, into body: inout ByteQueue) {
        if error.type == .maintenance {
            BuiltInPage.begin(title: "We’ll be back soon", status: 0, into: &body)
            body.append("<p>This service is being maintained, and will be back in a little while. Thank you for your patience.</p>\n")
            BuiltInPage.end(into: &body)
            return
        }
        BuiltInPage.begin(title: StatusCode.reasonPhrase(error.type.status), status: error.type.status, into: &body)
        body.append("<p>")
        let words = limitMessage
        if words.isEmpty {
            HTMLText.append(error.detail, to: &body)
            body.append(".")
        } else {
            HTMLText.append(words.rawSpan, to: &body)
        }
        body.append("</p>\n<p class=\"small\">")
        HTMLText.append(error.type.name, to: &body)
        body.append(" &middot; request ")
        encodeRequestIDText(into: &body)
        body.append("</p>\n")
        BuiltInPage.end(into: &body)
    }

    private func encodeRequestIDText(into body: inout ByteQueue) {
        if isFromTrustedProxy, let index = head.fields.firstIndex(of: .xRequestID) {
            HTMLText.append(head.fields.value(index), to: &body)
        } else {
            appendRequestID(to: &body)
        }
    }
}

extension GatewayError {
    /// The members of the problem document that are known without its request. `words` are the operator's; empty for our own.
    func appendProblem(detail words: [UInt8] = [], hasStatus: Bool = true, to body: inout ByteQueue) {
        body.append("{\"type\":\"urn:gateway:error:")
        body.append(type.name)
        body.append("\",\"title\":\"")
        body.append(StatusCode.reasonPhrase(type.status))
        body.append("\"")
        if hasStatus {
            body.append(",\"status\":")
            body.append(decimal: type.status)
        }
        body.append(",\"detail\":")
        appendDetail(words, to: &body)
        body.append(",\"error_type\":\"")
        body.append(type.name)
        body.append("\"")
    }

    /// The `error` object in which an API's own servers would say it: its SDKs make exceptions of that.
    fileprivate func appendObject(of api: APIStyle, detail words: [UInt8], to body: inout ByteQueue) {
        body.append(",\"error\":{\"message\":")
        appendDetail(words, to: &body)
        switch api {
        case .openai:
            body.append(",\"type\":\"")
            body.append(type.openAIType)
            body.append("\",\"param\":null,\"code\":\"")
            body.append(type.name)
        case .anthropic:
            body.append(",\"type\":\"")
            body.append(type.anthropicType)
        case .gemini:
            body.append(",\"code\":")
            body.append(decimal: type.status)
            body.append(",\"status\":\"")
            body.append(type.geminiStatus)
        }
        body.append("\"}")
    }

    /// As a JSON string.
    private func appendDetail(_ words: [UInt8], to body: inout ByteQueue) {
        if words.isEmpty {
            body.append("\"")
            body.append(detail)
            body.append("\"")
        } else {
            JSONLine.string(words.rawSpan, into: &body)
        }
    }
}

extension ErrorType {
    fileprivate var openAIType: StaticString {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    fileprivate var anthropicType: StaticString {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 408, 504: "timeout_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 503: "overloaded_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    /// Of google.rpc.Code.
    fileprivate var geminiStatus: StaticString {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 408, 504: "DEADLINE_EXCEEDED"
        case 429: "RESOURCE_EXHAUSTED"
        case 501, 505: "UNIMPLEMENTED"
        case 502, 503: "UNAVAILABLE"
        case 500...: "INTERNAL"
        default: "INVALID_ARGUMENT"
        }
    }
}
