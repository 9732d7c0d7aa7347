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
}
