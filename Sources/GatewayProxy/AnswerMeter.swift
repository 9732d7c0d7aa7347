import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayTelemetry

/// Reads what an answer of an AI API tells of itself while it passes: its tokens, its model, when the first output came.
struct AnswerMeter: ~Copyable {
    private let api: APIStyle
    private var stream: EventStreamScanner?
    private var document: AnswerUsage?
    private let isSuccess: Bool
    private var firstOutputAt = MonotonicTime.never
    private var lastPieceAt = MonotonicTime.never

    init(_ api: APIStyle, isEventStream: Bool, isSuccess: Bool) {
        self.api = api
        self.isSuccess = isSuccess
        if isEventStream { stream = EventStreamScanner(api: api) } else { document = AnswerUsage(api: api) }
    }

    mutating func read(_ content: borrowing ByteQueue, _ range: Range<Int>, now: MonotonicTime) {
        lastPieceAt = now
        if document != nil { document?.scan(content.bytes.extracting(range)) }
        if stream == nil { return }
        stream?.scan(content.bytes.extracting(range))
        if firstOutputAt.isNever, stream?.hasOutput == true { firstOutputAt = now }
    }

    var usage: TokenUsage { stream?.usage ?? document?.usage ?? TokenUsage() }

    /// Its API said that it was at its end, and no error.
    var isWholeStream: Bool { stream.map { $0.isComplete && !$0.hasFailed } ?? false }

    var isErrorDocument: Bool { document?.hasFailed ?? false }

    /// Counts it, wherever it ended: what was told by then was spent.
    func count(in counters: AnswerCounters, _ shard: MetricsShard, startedAt: MonotonicTime) {
        let usage = usage
        let isTold = usage.input != nil || usage.output != nil
        if isSuccess { shard.increment(isTold ? counters.told : counters.untold) }
        if !isTold && firstOutputAt.isNever { return }
        let slots = slots(in: counters)
        if let input = usage.input { shard.increment(slots.input, by: input) }
        if let output = usage.output { shard.increment(slots.output, by: output) }
        if !isSuccess || firstOutputAt.isNever { return }
        shard.observe(slots.firstToken, nanoseconds: firstOutputAt.nanoseconds(since: startedAt))
        guard let output = usage.output, output > 1 else { return }
        shard.observe(slots.outputToken, nanoseconds: lastPieceAt.nanoseconds(since: firstOutputAt) / (output - 1))
    }

    /// Adds it to a span, by OpenTelemetry's semantic conventions for generative AI.
    func encodeAttributes(into line: inout ByteQueue) {
        SpanJSON.attribute("gen_ai.provider.name", api.provider, into: &line)
        if let stream, stream.model.byteCount > 0 { SpanJSON.attribute("gen_ai.response.model", stream.model, into: &line) }
        if let document, document.model.byteCount > 0 { SpanJSON.attribute("gen_ai.response.model", document.model, into: &line) }
        let usage = usage
        if let input = usage.input { SpanJSON.attribute("gen_ai.usage.input_tokens", input, into: &line) }
        if let output = usage.output { SpanJSON.attribute("gen_ai.usage.output_tokens", output, into: &line) }
    }

    private func slots(in counters: AnswerCounters) -> AnswerCounters.Slots {
        if let stream { return counters.slots(of: stream.model) }
        if let document { return counters.slots(of: document.model) }
        return counters.slots(of: RawSpan())
    }
}

extension APIStyle {
    fileprivate var provider: StaticString {
        switch self {
        case .openai: "openai"
        case .anthropic: "anthropic"
        case .gemini: "gcp.gemini"
        }
    }
}
