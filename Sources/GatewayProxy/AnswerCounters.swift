import GatewayConfig
import GatewayCore
import GatewayTelemetry
import Synchronization

/// What the answers of an AI API are counted in, at one location. Each worker has its own, so its lock is never waited for.
final class AnswerCounters: Sendable {
    struct Slots: BitwiseCopyable, Sendable {
        let input: MetricSlot
        let output: MetricSlot
        let firstToken: HistogramSlot
        let outputToken: HistogramSlot
    }

    let api: APIStyle
    let told: MetricSlot
    let untold: MetricSlot
    let unreadable: MetricSlot
    private let place: [String]
    private let registry: MetricsRegistry
    /// By the model's name: no more than ``Limits/modelSeriesMax``.
    private let models = Mutex<[String: Slots]>([:])

    init(_ api: APIStyle, _ place: [String], _ registry: MetricsRegistry) {
        self.api = api
        self.place = place
        self.registry = registry
        told = registry.counter(.aiAnswers, place + ["told"])
        untold = registry.counter(.aiAnswers, place + ["untold"])
        unreadable = registry.counter(.aiAnswers, place + ["unreadable"])
    }

    /// `model` is what the answer says; empty if it says none.
    func slots(of model: RawSpan) -> Slots {
        let name = model.byteCount == 0 ? "(none)" : model.string
        return models.withLock { models in
            if let known = models[name] { return known }
            let label = registry.modelLabel(name)
            if let known = models[label] { return known }
            let series = place + [label]
            let slots = Slots(
                input: registry.counter(.aiTokens, series + ["input"]), output: registry.counter(.aiTokens, series + ["output"]),
                firstToken: registry.histogram(.aiTimeToFirstToken, series),
                outputToken: registry.histogram(.aiTimePerOutputToken, series))
            models[label] = slots
            return slots
        }
    }
}
