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

    @Test func `however many stall one after another, the others wait for little longer than for two`() throws {
        var quick = try #require(FillReader(fill, worker: 0, isLeader: true))
        var stalling: [FillReader] = []
        for index in 0..<64 { stalling.append(try #require(FillReader(fill, worker: 1 + index))) }
        _ = fill.begin(head: ZoneKit.head(1).rawSpan, sharing: .all, keeps: false)
        var waitedMs = 0
        for stalled in 1...stalling.count {
            _ = fill.append(ZoneKit.bytes(stalled, Limits.fillWindowBytes).rawSpan)
            #expect(quick.read().name == "waiting")
            // Who has not stalled yet reads all there is.
            for index in stalled..<stalling.count { #expect(stalling[index].read().name == "waiting") }
            #expect(fill.isFull)
            let leftMs = fill.patienceLeftMs(now: .now())
            waitedMs += leftMs
            if stalled == 1 { #expect(!fill.leaveLaggards(now: later(leftMs / 2)).writer) }
            #expect(fill.leaveLaggards(now: later(leftMs)).writer)
            #expect(stalling[stalled - 1].read().name == (stalled == 1 ? "goAlone" : "failed send_timeout"))
        }
        #expect(waitedMs <= 2 * Limits.fillPatienceMs + stalling.count * Limits.fillPatienceMsMin)
        #expect(fill.readerCount == 1)
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
        let readBytes = Limits.fillPatienceMs * Limits.fillBytesPerSecondMin / 1000
        _ = slow.readOnce(atMost: 0)
        _ = slow.readOnce(atMost: readBytes)
        #expect(fill.leaveLaggards(now: later(Limits.fillPatienceMs)).isNeeded)
        #expect(fill.readerCount == 2 && fill.isFull)
        for index in 0..<stalled.count { #expect(stalled[index].read().name == "goAlone") }
        // From here on it stalls, too.
        #expect(fill.leaveLaggards(now: later(3 * Limits.fillPatienceMs)).writer)
        #expect(fill.readerCount == 1 && !fill.isFull)
    }
}
