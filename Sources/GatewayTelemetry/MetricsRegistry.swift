import GatewayCore
import Synchronization

/// Which series there are, and where their cells stand in the shards.
///
/// A series is found again by its family and label values, so counters carry over a reload by name. Registering takes
/// a lock and allocates: it belongs where a snapshot is frozen, not on the data path. A slot may be used on any
/// shard as soon as it is known.
public final class MetricsRegistry: Sendable {
    /// What a family's series are made of.
    enum Cells: Sendable, Equatable {
        case counter(MetricSlot)
        case gauge(MetricSlot)
        case histogram(HistogramSlot)
        case statusBlock(StatusBlockSlot)
        case value(Double)
    }

    struct State: Sendable {
        var families = [[[String]: Cells]](repeating: [:], count: MetricFamily.allCases.count)
        var shards: [MetricsShard] = []
        /// The first cells are the bin: what found no room counts there, unseen.
        var cellsUsed = MetricsRegistry.binCellCount
        var seriesRefused = 0
        /// Those that are among them: each thread asks for the same, and some ask again and again.
        var refused: Set<RefusedSeries> = []
        /// The tables of places, by their labels and whether they have exemplars; and the series in them.
        var answerTables: [AnswerPlace: AnswerTableSlot] = [:]
        /// Where a histogram's exemplars begin, by its first cell.
        var exemplars: [Int: Int] = [:]
        /// Models that have series of their own.
        var models: Set<String> = []
    }

    struct RefusedSeries: Hashable {
        let family: MetricFamily
        let labelValues: [String]
    }

    struct AnswerPlace: Hashable {
        let labelValues: [String]
        let hasExemplars: Bool
    }

    private static let binCellCount = max(AnswerSeries.cellCount, StatusBlockSlot.cellCount)
    private let cellsMax: Int
    private let state = Mutex(State())

    public convenience init() {
        self.init(cellsMax: Limits.metricCellsMax)
    }

    /// `cellsMax` is at most ``Limits/metricCellsMax``, which is what a shard has.
    init(cellsMax: Int) {
        precondition(cellsMax >= Self.binCellCount && cellsMax <= Limits.metricCellsMax)
        self.cellsMax = cellsMax
    }

    /// The slot of a counter; the same family and label values give the same slot.
    public func counter(_ family: MetricFamily, _ labelValues: [String]) -> MetricSlot {
        check(family, .counter, labelValues.count)
        let cells = find(family, labelValues, cellCount: 1) { .counter(MetricSlot(index: $0)) }
        guard case .counter(let slot) = cells else { preconditionFailure("\(family) is registered as something else") }
        return slot
    }

    /// The slot of a gauge whose value is the sum over the shards.
    public func gauge(_ family: MetricFamily, _ labelValues: [String]) -> MetricSlot {
        check(family, .gauge, labelValues.count)
        let cells = find(family, labelValues, cellCount: 1) { .gauge(MetricSlot(index: $0)) }
        guard case .gauge(let slot) = cells else { preconditionFailure("\(family) is registered as something else") }
        return slot
    }

    /// The slot of a histogram of durations.
    public func histogram(_ family: MetricFamily, _ labelValues: [String]) -> HistogramSlot {
        check(family, .histogram, labelValues.count)
        let buckets = family.buckets
        let cells = find(family, labelValues, cellCount: HistogramSlot.cellCount) { .histogram(HistogramSlot(index: $0, buckets)) }
        guard case .histogram(let slot) = cells else { preconditionFailure("\(family) is registered as something else") }
        return slot
    }

    /// The slot of a block of counters over every status. `labelValues` are those of the labels before `status`, which stands last in
    /// the family. Only counters that are not 0 are shown.
    public func statusBlock(_ family: MetricFamily, _ labelValues: [String]) -> StatusBlockSlot {
        precondition(family.declaration.labels.last == "status")
        check(family, .counter, labelValues.count + 1)
        let cells = find(family, labelValues, cellCount: StatusBlockSlot.cellCount) { .statusBlock(StatusBlockSlot(index: $0)) }
        guard case .statusBlock(let slot) = cells else { preconditionFailure("\(family) is registered as something else") }
        return slot
    }

    /// The table of the answers at a place, which is a server and a location. With `hasExemplars` durations remember traces.
    public func answers(_ place: [String], hasExemplars: Bool = false) -> AnswerTableSlot {
        state.withLock { state in
            let place = AnswerPlace(labelValues: place, hasExemplars: hasExemplars)
            if let known = state.answerTables[place] { return known }
            let index = state.takeCells(AnswerTableSlot.cellCount, max: cellsMax)
            if index == nil { state.seriesRefused += 1 }
            let table = AnswerTableSlot(index: index ?? 0, hasExemplars: hasExemplars)
            state.answerTables[place] = table
            return table
        }
    }

    /// The series of the answers at a place with this method and status, made if they are the first. The shard is to
    /// ``MetricsShard/note(_:of:method:status:)`` them, so that it need not ask again.
    public func series(of table: AnswerTableSlot, _ place: [String], method: Int, status: Int) -> AnswerSeries {
        let labels = place + [AnswerTableSlot.methodNames[method], StatusCodes.label(of: status)]
        return state.withLock { $0.answerSeries(labels, hasExemplars: table.hasExemplars, cellsMax: cellsMax) }
    }

    /// Sets a value that no shard counts: the time of a reload, what runs, what another part has counted by itself.
    public func set(_ family: MetricFamily, _ labelValues: [String], to value: Double) {
        let declaration = family.declaration
        precondition(declaration.kind != .histogram && declaration.labels.count == labelValues.count)
        state.withLock { state in
            switch state.families[family.rawValue][labelValues] {
            case nil, .value: state.families[family.rawValue][labelValues] = .value(value)
            default: preconditionFailure("\(declaration.name) is counted in shards")
            }
        }
    }

    /// The series of ``set(_:_:to:)`` is no longer shown: what it told of is gone.
    public func remove(_ family: MetricFamily, _ labelValues: [String]) {
        state.withLock { state in
            if case .value = state.families[family.rawValue][labelValues] { state.families[family.rawValue][labelValues] = nil }
        }
    }

    /// Sets all series of a family as ``set(_:_:to:)`` does; those that aren't among them are gone.
    public func replace(_ family: MetricFamily, with values: [[String]: Double]) {
        let declaration = family.declaration
        precondition(declaration.kind == .gauge && values.keys.allSatisfy { $0.count == declaration.labels.count })
        state.withLock { $0.families[family.rawValue] = values.mapValues { .value($0) } }
    }

    /// Counters for one more thread. The registry keeps them: what a thread counted outlives it.
    public func makeShard() -> MetricsShard {
        let shard = MetricsShard()
        state.withLock { $0.shards.append(shard) }
        return shard
    }

    /// All metrics. Threads may count meanwhile; the lock is held only to copy the table.
    public func exposition(_ format: ExpositionFormat) -> [UInt8] {
        let state = copy()
        var text = ExpositionWriter(format, shards: state.shards, exemplars: state.exemplars)
        let process = ProcessMetrics.read()
        for family in MetricFamily.allCases {
            if family == .seriesRefused {
                text.append(family, [[]: .value(Double(state.seriesRefused))])
            } else if let value = process?[family] {
                text.append(family, [[]: .value(value)])
            } else {
                text.append(family, state.families[family.rawValue])
            }
        }
        text.end()
        return text.bytes
    }

    func copy() -> State { state.withLock { $0 } }

    /// The value of the label `model` for one that an origin names: itself, or "(other)" once ``Limits/modelSeriesMax`` are known.
    public func modelLabel(_ name: String) -> String {
        state.withLock { state in
            if state.models.contains(name) { return name }
            if state.models.count >= Limits.modelSeriesMax { return "(other)" }
            state.models.insert(name)
            return name
        }
    }

    private func check(_ family: MetricFamily, _ kind: MetricFamily.Kind, _ labelCount: Int) {
        let declaration = family.declaration
        precondition(declaration.kind == kind, "\(declaration.name) is a \(declaration.kind)")
        precondition(declaration.labels.count == labelCount, "\(declaration.name) has the labels \(declaration.labels)")
    }

    private func find(_ family: MetricFamily, _ labelValues: [String], cellCount: Int, _ make: (Int) -> Cells) -> Cells {
        state.withLock { state in
            if let known = state.families[family.rawValue][labelValues] { return known }
            guard let index = state.takeCells(cellCount, max: cellsMax) else {
                state.noteRefused(family, labelValues)
                return make(0)
            }
            let cells = make(index)
            state.families[family.rawValue][labelValues] = cells
            return cells
        }
    }
}

extension MetricsRegistry.State {
    /// Where so many cells begin that nobody has; nil if there are no more.
    fileprivate mutating func takeCells(_ count: Int, max: Int) -> Int? {
        guard cellsUsed + count <= max else { return nil }
        defer { cellsUsed += count }
        return cellsUsed
    }

    fileprivate mutating func noteRefused(_ family: MetricFamily, _ labelValues: [String]) {
        let isRemembered = refused.count < Limits.metricRefusedMax
        let series = MetricsRegistry.RefusedSeries(family: family, labelValues: labelValues)
        if isRemembered ? refused.insert(series).inserted : !refused.contains(series) { seriesRefused += 1 }
    }

    fileprivate mutating func answerSeries(_ labels: [String], hasExemplars: Bool, cellsMax: Int) -> AnswerSeries {
        let index: Int
        if case .counter(let known) = families[MetricFamily.requests.rawValue][labels] {
            index = known.index
        } else if let fresh = takeCells(AnswerSeries.cellCount, max: cellsMax) {
            index = fresh
            add(AnswerSeries(index: index, exemplars: 0), labels)
        } else {
            for family in AnswerSeries.families { noteRefused(family, labels) }
            return .none
        }
        guard hasExemplars else { return AnswerSeries(index: index, exemplars: 0) }
        let series = AnswerSeries(index: index, exemplars: 0)
        if let known = exemplars[series.duration] { return AnswerSeries(index: index, exemplars: known) }
        guard let first = takeCells(AnswerSeries.exemplarCellCount, max: cellsMax) else { return series }
        let whole = AnswerSeries(index: index, exemplars: first)
        exemplars[whole.duration] = whole.durationExemplars
        exemplars[whole.timeToFirstByte] = whole.timeToFirstByteExemplars
        return whole
    }

    private mutating func add(_ series: AnswerSeries, _ labels: [String]) {
        let counters: [(MetricFamily, Int)] = [
            (.requests, series.requests), (.requestBytes, series.requestBytes), (.responseBytes, series.responseBytes),
        ]
        for (family, index) in counters { families[family.rawValue][labels] = .counter(MetricSlot(index: index)) }
        let histograms: [(MetricFamily, Int)] = [(.requestDuration, series.duration), (.timeToFirstByte, series.timeToFirstByte)]
        for (family, index) in histograms {
            families[family.rawValue][labels] = .histogram(HistogramSlot(index: index, family.buckets))
        }
    }
}
