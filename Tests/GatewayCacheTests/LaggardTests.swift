import GatewayCache
import GatewayCore
import Testing

/// Readers for whose sake the others of an answer that is not kept have waited too long.
@Suite struct LaggardTests {
    private let zone: ResponseCache
    private let fill: Fill

    init() throws {
        zone = try ZoneKit.zone()
        fill = zone.fetchAnew(ZoneKit.key(1))
    }

    /// The window is full and one reader is at its end: those behind are no longer waited for.
    private func leaveBehind(_ quick: inout FillReader) {
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        _ = fill.append(ZoneKit.bytes(1, Limits.fillWindowBytes).rawSpan)
        #expect(quick.read().name == "waiting")
        #expect(fill.isFull)
        let later = MonotonicTime(nanoseconds: MonotonicTime.now().nanoseconds + 3_600_000_000_000)
        #expect(fill.leaveLaggards(now: later).writer)
        #expect(!fill.isFull)
    }

    @Test(arguments: [true, false]) func `who had not begun to read makes its request by itself`(_ isLeader: Bool) throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: !isLeader))
        var behind = try #require(FillReader(fill, worker: 1, isLeader: isLeader))
        leaveBehind(&quick)
        #expect(behind.read().name == "goAlone")
        #expect(!behind.leave().isNeeded)
        _ = fill.finish()
        #expect(quick.read().name == "complete")
        #expect(quick.body == ZoneKit.bytes(1, Limits.fillWindowBytes))
        // It is nobody's failure: no attempt follows.
        #expect(zone.succeed(fill) == nil)
    }

    @Test func `who had begun to read gets nothing further`() throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: true))
        var behind = try #require(FillReader(fill, worker: 1))
        #expect(behind.read().name == "waiting")
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        _ = behind.readOnce(atMost: 1)
        _ = fill.append(ZoneKit.bytes(1, Limits.fillWindowBytes).rawSpan)
        #expect(quick.read().name == "waiting")
        #expect(fill.isFull)
        let later = MonotonicTime(nanoseconds: MonotonicTime.now().nanoseconds + 3_600_000_000_000)
        #expect(fill.leaveLaggards(now: later).writer)
        #expect(behind.read().name == "failed send_timeout")
        _ = fill.finish()
        #expect(quick.read().name == "complete")
    }

    private func later(_ ms: Int) -> MonotonicTime { .now().adding(milliseconds: ms) }

    /// The window is full, and those who have not stalled yet have read all there is. A moment before.
    private func fill(_ byte: Int, _ quick: inout FillReader, _ others: inout [FillReader], from first: Int) -> MonotonicTime {
        _ = fill.append(ZoneKit.bytes(byte, Limits.fillWindowBytes).rawSpan)
        #expect(quick.read().name == "waiting")
        for index in first..<others.count { #expect(others[index].read().name == "waiting") }
        let now = MonotonicTime.now()
        #expect(fill.isFull)
        return now
    }

    @Test func `who stalls is waited for as long as it takes to tell it from one that pauses, and no longer`() throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: true))
        var stalling: [FillReader] = []
        for index in 0..<16 { stalling.append(try #require(FillReader(fill, worker: 1 + index))) }
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        for stalled in 1...stalling.count {
            let now = fill(stalled, &quick, &stalling, from: stalled)
            let leftMs = fill.patienceLeftMs(now: now)
            #expect(leftMs == (stalled == 1 ? Limits.fillPatienceMs : Limits.fillReaderPatienceMs))
            #expect(!fill.leaveLaggards(now: now.adding(milliseconds: leftMs - 1)).isNeeded)
            #expect(fill.leaveLaggards(now: later(leftMs)).writer)
            #expect(stalling[stalled - 1].read().name == (stalled == 1 ? "goAlone" : "failed send_timeout"))
        }
        #expect(fill.readerCount == 1)
    }

    @Test func `who pauses is not left, however many were before, as long as it takes enough in its own time`() throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: true))
        var pausing = try #require(FillReader(fill, worker: 1))
        var stalling: [FillReader] = []
        for index in 0..<10 { stalling.append(try #require(FillReader(fill, worker: 2 + index))) }
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        for stalled in 1...stalling.count {
            let now = fill(stalled, &quick, &stalling, from: stalled)
            #expect(pausing.read().name == "waiting")
            #expect(fill.leaveLaggards(now: later(fill.patienceLeftMs(now: now))).writer)
        }
        // The others are as impatient as they get.
        _ = fill.append(ZoneKit.bytes(1, 8 * Limits.fillWindowBytes).rawSpan)
        #expect(quick.read().name == "waiting")
        var now = MonotonicTime.now()
        #expect(fill.isFull)
        for _ in 0..<6 {
            now = now.adding(milliseconds: Limits.fillReaderPatienceMs - 1)
            #expect(!fill.leaveLaggards(now: now).isNeeded)
            _ = pausing.readOnce(atMost: Limits.fillReaderBytesMin, now: now)
        }
        #expect(fill.readerCount == 2 && fill.isFull)
        // Less than enough is nothing.
        _ = pausing.readOnce(atMost: Limits.fillReaderBytesMin - 1, now: now.adding(milliseconds: 1))
        #expect(fill.leaveLaggards(now: now.adding(milliseconds: Limits.fillReaderPatienceMs)).writer)
        #expect(fill.readerCount == 1)
    }

    @Test func `who has had nothing to read for long has all its time when there is much`() throws {
        var readers = try (0..<3).map { try #require(FillReader(fill, worker: $0, isLeader: $0 == 0)) }
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        _ = fill.append(ZoneKit.bytes(1, Limits.fillWindowBytes).rawSpan)
        // The third stalls; for the second, which has read all there is, no time has begun.
        for index in 0..<2 { #expect(readers[index].read().name == "waiting") }
        #expect(fill.isFull)
        #expect(fill.leaveLaggards(now: later(Limits.fillPatienceMs)).writer)
        _ = fill.append(ZoneKit.bytes(2, Limits.fillWindowBytes).rawSpan)
        #expect(readers[0].read().name == "waiting")
        let now = MonotonicTime.now()
        #expect(fill.isFull)
        #expect(!fill.leaveLaggards(now: now.adding(milliseconds: Limits.fillReaderPatienceMs - 1)).isNeeded)
        #expect(fill.readerCount == 2)
    }

    @Test func `all who stall together are left together, and who reads on is not`() throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: true))
        var slow = try #require(FillReader(fill, worker: 1))
        var stalled: [FillReader] = []
        for index in 0..<8 { stalled.append(try #require(FillReader(fill, worker: 2 + index))) }
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        _ = fill.append(ZoneKit.bytes(1, 8 * Limits.fillWindowBytes).rawSpan)
        #expect(quick.read().name == "waiting")
        #expect(fill.isFull)
        _ = slow.readOnce(atMost: 0)
        _ = slow.readOnce(atMost: Limits.fillReaderBytesMin, now: later(Limits.fillPatienceMs / 2))
        #expect(fill.leaveLaggards(now: later(Limits.fillPatienceMs)).isNeeded)
        #expect(fill.readerCount == 2 && fill.isFull)
        for index in 0..<stalled.count { #expect(stalled[index].read().name == "goAlone") }
        // From here on it stalls, too.
        #expect(fill.leaveLaggards(now: later(3 * Limits.fillPatienceMs)).writer)
        #expect(fill.readerCount == 1 && !fill.isFull)
    }
}
