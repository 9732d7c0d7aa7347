import GatewayCore
import GatewayConfig
public struct TokenUsage: Sendable { public var input: UInt64?; public var output: UInt64?; public init() {} }
public struct EventStreamScanner: Sendable {
    public init(api: APIStyle) {}; public mutating func scan(_ piece: RawSpan) {}; public var isComplete: Bool { true };
    public var hasFailed: Bool { false }; public var usage: TokenUsage { TokenUsage() }
}
public enum AnswerUsage { public static func read(_ body: RawSpan, api: APIStyle) -> TokenUsage { TokenUsage() } }
