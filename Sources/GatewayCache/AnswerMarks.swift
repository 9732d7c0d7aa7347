import GatewayConfig
import GatewayCore

/// What one document of an answer, or one event of its stream, says about the whole.
struct AnswerMarks: Sendable, Equatable {
    enum Kind: Sendable {
        /// Nothing about the end.
        case none
        case completed, failed
    }

    var kind = Kind.none
    /// There is a member `error`.
    var hasError = false
    /// It brings something that the model has written, whatever kind of output that is.
    var hasOutput = false
    /// Candidates of Gemini's, by their index: those met, and those that have a reason to be finished.
    var candidatesSeen: UInt64 = 0
    var candidatesFinished: UInt64 = 0

    /// What the type of an event says, by the API that has it.
    static func kind(ofType type: RawSpan, api: APIStyle) -> Kind {
        if type.equals("error") { return .failed }
        switch api {
        case .openai:
            if type.equals("response.completed") { return .completed }
            if type.equals("response.failed") || type.equals("response.incomplete") || type.equals("response.cancelled") { return .failed }
            return .none
        case .anthropic: return type.equals("message_stop") ? .completed : .none
        case .gemini: return .none
        }
    }

    /// Whether an event of this type brings a piece of output.
    static func isOutput(type: RawSpan, api: APIStyle) -> Bool {
        switch api {
        case .openai: type.byteCount > 6 && type.extracting((type.byteCount - 6)...).equals(".delta")
        case .anthropic: type.equals("content_block_delta")
        case .gemini: false
        }
    }

    /// What the status of OpenAI's responses says: those of work in the background come before it is done.
    static func kind(ofStatus status: RawSpan, api: APIStyle) -> Kind {
        if api != .openai { return .none }
        let isOpen = status.equals("queued") || status.equals("in_progress")
        return isOpen || status.equals("failed") || status.equals("incomplete") || status.equals("cancelled") ? .failed : .none
    }
}

/// The members that tell something, among all that an answer has.
enum AnswerMember: Sendable {
    case other
    case type, error, status, model
    /// What the others may lie in: OpenAI's events have the whole response in them, Anthropic's first one the message.
    case response, message, usage, candidates
    case input, output, cacheCreation, cacheRead, thoughts
    case index, finishReason
    /// OpenAI's choices, with what is new in each, and Gemini's content.
    case choices, delta, role, content, text
    /// A place where output stands.
    case written

    init(_ name: RawSpan) {
        self = .other
        switch name.byteCount {
        case 4:
            if name.equals("type") { self = .type }
            if name.equals("role") { self = .role }
            if name.equals("text") { self = .text }
        case 5:
            if name.equals("usage") { self = .usage }
            if name.equals("error") { self = .error }
            if name.equals("model") { self = .model }
            if name.equals("index") { self = .index }
            if name.equals("delta") { self = .delta }
        case 6: if name.equals("status") { self = .status }
        case 7:
            if name.equals("message") { self = .message }
            if name.equals("choices") { self = .choices }
            if name.equals("content") { self = .content }
        case 8: if name.equals("response") { self = .response }
        case 10: if name.equals("candidates") { self = .candidates }
        case 12:
            if name.equals("input_tokens") { self = .input }
            if name.equals("finishReason") { self = .finishReason }
            if name.equals("modelVersion") { self = .model }
        case 13:
            if name.equals("prompt_tokens") { self = .input }
            if name.equals("output_tokens") { self = .output }
            if name.equals("usageMetadata") { self = .usage }
        case 16: if name.equals("promptTokenCount") { self = .input }
        case 17: if name.equals("completion_tokens") { self = .output }
        case 18: if name.equals("thoughtsTokenCount") { self = .thoughts }
        case 20: if name.equals("candidatesTokenCount") { self = .output }
        case 23: if name.equals("cache_read_input_tokens") { self = .cacheRead }
        case 27: if name.equals("cache_creation_input_tokens") { self = .cacheCreation }
        default: break
        }
    }
}
