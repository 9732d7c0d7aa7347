import GatewayConfig
import GatewayCore

/// The tokens that an answer took, as far as it tells.
public struct TokenUsage: Sendable, Equatable {
    /// All that the model read, whether the provider had it in a cache of its own or not.
    public var input: UInt64?
    /// All that the model wrote, its thoughts included.
    public var output: UInt64?

    public init(input: UInt64? = nil, output: UInt64? = nil) {
        self.input = input
        self.output = output
    }
}

/// Reads what a whole JSON answer of an AI API tells of itself, in any pieces, in constant memory.
public struct AnswerUsage: Sendable {
    private var scanner: AnswerScanner

    public init(api: APIStyle) {
        scanner = AnswerScanner(api: api)
    }

    public mutating func scan(_ piece: RawSpan) {
        scanner.scan(piece)
    }

    public var usage: TokenUsage { scanner.counts.usage }
    /// An error is told in an answer that says 200, or its work is not yet done: nobody should get it again.
    public var hasFailed: Bool { scanner.marks.hasError || scanner.marks.kind == .failed }
    /// The model that answered; empty if it is not told.
    public var model: RawSpan {
        @_lifetime(borrow self)
        get { scanner.model }
    }

    public static func read(_ body: RawSpan, api: APIStyle) -> TokenUsage {
        var reader = AnswerUsage(api: api)
        reader.scan(body)
        return reader.usage
    }
}

/// Counts of tokens under the names that the APIs have for them. None is more than ``Limits/answerTokensMax``.
struct TokenCounts: Sendable, Equatable {
    var input: UInt64?
    var output: UInt64?
    /// Anthropic tells what went to the provider's cache, and what came from it, apart from the input.
    var cacheCreation: UInt64?
    var cacheRead: UInt64?
    /// Gemini tells thoughts apart from the output.
    var thoughts: UInt64?

    var usage: TokenUsage {
        TokenUsage(input: Self.sum(Self.sum(input, cacheCreation), cacheRead), output: Self.sum(output, thoughts))
    }

    private static func sum(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left, let right else { return left ?? right }
        return left + right
    }
}
