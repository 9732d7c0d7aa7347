import Glibc
import GatewayCore
import Synchronization

/// One thread's own counters. An increment is a load, an addition and a store of a cell that no other thread writes: no
/// lock, no bus traffic, no allocation. Readers elsewhere add the shards up.
///
/// Safe although built on a pointer: `cells` is a mapping of ``Limits/metricCellsMax`` cells that never moves and lives
/// as long as the shard; every access goes through ``cell(_:)``, which checks the index. The kernel gives the mapping
/// zeroed, and zero bytes are a valid `Atomic<UInt64>` of 0; pages that nothing is counted in take no memory.
/// Sendable because every access is atomic: a second writer could lose counts, but never break memory.
@safe
public final class MetricsShard: @unchecked Sendable {
    @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>
    /// Copies in the object: a global would be reached through a check whether it has been initialised.
    @usableFromInline let boundsNs: InlineArray<64, UInt64>
    @usableFromInline let statusIndexes: InlineArray<500, UInt8>
    @usableFromInline let otherStatusIndex: Int

    private static let byteCount = Limits.metricCellsMax * MemoryLayout<Atomic<UInt64>>.stride

    /// The registry makes shards: see ``MetricsRegistry/makeShard()``.
    init() {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = unsafe mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), unsafe memory != MAP_FAILED else {
            fatalError("no address space for counters")
        }
        unsafe cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: Limits.metricCellsMax)
        boundsNs = HistogramBuckets.boundsNs()
        statusIndexes = StatusCodes.table()
        otherStatusIndex = StatusCodes.count - 1
    }

    deinit {
        unsafe munmap(cells, Self.byteCount)
    }

    /// Counts `amount` more.
    @inlinable
    public func increment(_ slot: MetricSlot, by amount: UInt64 = 1) {
        advance(slot.index, by: amount)
    }

    /// Moves a gauge up or down. The shards' parts of a gauge are summed, so one may go up on one thread and down on another.
    @inlinable
    public func add(_ slot: MetricSlot, _ delta: Int) {
        advance(slot.index, by: UInt64(bitPattern: Int64(delta)))
    }

    /// Counts a duration into its bucket.
    @inlinable
    public func observe(_ histogram: HistogramSlot, nanoseconds: UInt64) {
        _ = count(histogram.index, firstBound: histogram.firstBound, nanoseconds: nanoseconds)
    }

    /// Counts an attempt's answer.
    @inlinable
    public func count(_ block: StatusBlockSlot, status: Int) {
        advance(block.index + statusIndex(status), by: 1)
    }

    /// Where answers at a place are counted; nil until the registry has told this shard: see ``MetricsRegistry/series(of:_:method:status:)``.
    /// `method` is the index in GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH other.
    @inlinable
    public func series(of table: AnswerTableSlot, method: Int, status: Int) -> AnswerSeries? {
        if table.index == 0 { return AnswerSeries.none }
        let packed = value(at: cellIndex(table, method: method, status: status))
        return packed == 0 ? nil : AnswerSeries(packed: packed)
    }

    /// Notes what the registry has told.
    public func note(_ series: AnswerSeries, of table: AnswerTableSlot, method: Int, status: Int) {
        if table.index != 0 { set(cellIndex(table, method: method, status: status), to: series.packed) }
    }

    /// Counts an answer. Durations are in nanoseconds; the time to the first byte is nil where there was none.
    @inlinable
    public func count(
        _ series: AnswerSeries, requestBytes: UInt64, responseBytes: UInt64, durationNs: UInt64, timeToFirstByteNs: UInt64?,
        _ exemplar: Exemplar?
    ) {
        advance(series.requests, by: 1)
        advance(series.requestBytes, by: requestBytes)
        advance(series.responseBytes, by: responseBytes)
        observe(series.duration, firstBound: 0, nanoseconds: durationNs, exemplar, series.durationExemplars)
        guard let timeToFirstByteNs else { return }
        let exemplars = series.exemplars == 0 ? 0 : series.timeToFirstByteExemplars
        observe(series.timeToFirstByte, firstBound: 0, nanoseconds: timeToFirstByteNs, exemplar, exemplars)
    }

    /// Counts a duration into its bucket, and tells which.
    @inlinable
    func count(_ firstCell: Int, firstBound: Int, nanoseconds: UInt64) -> Int {
        var bucket = 0
        while bucket < HistogramBuckets.countMax, nanoseconds > boundsNs[firstBound &+ bucket] { bucket += 1 }
        advance(firstCell + bucket, by: 1)
        advance(firstCell + HistogramBuckets.countMax + 1, by: nanoseconds)
        return bucket
    }

    @inlinable
    func statusIndex(_ status: Int) -> Int {
        let offset = status - 100
        return offset >= 0 && offset < 500 ? Int(statusIndexes[offset]) : otherStatusIndex
    }

    @inlinable
    func cellIndex(_ table: AnswerTableSlot, method: Int, status: Int) -> Int {
        precondition(method >= 0 && method <= 9)
        return table.index + method * (otherStatusIndex + 1) + statusIndex(status)
    }

    // MARK: Cells

    /// Relaxed: a cell orders nothing, and wraps as Prometheus' counters may.
    @inlinable
    func advance(_ index: Int, by amount: UInt64) {
        let cell = unsafe cell(index)
        unsafe cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    @inlinable
    func value(at index: Int) -> UInt64 {
        unsafe cell(index).pointee.load(ordering: .relaxed)
    }

    @inlinable
    func set(_ index: Int, to value: UInt64) {
        unsafe cell(index).pointee.store(value, ordering: .relaxed)
    }

    /// What was stored before is seen by whoever ``acquire(_:)``s this.
    @inlinable
    func publish(_ index: Int, _ value: UInt64) {
        unsafe cell(index).pointee.store(value, ordering: .releasing)
    }

    @inlinable
    func acquire(_ index: Int) -> UInt64 {
        unsafe cell(index).pointee.load(ordering: .acquiring)
    }

    @inlinable
    func cell(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        precondition(index >= 0 && index < Limits.metricCellsMax)
        return unsafe cells + index
    }
}
