import GatewayCore

/// What a peer has left of each budget. Time is looked at only when a budget seems used up, so good traffic pays a subtraction; in
/// return a budget that was not touched for long may be used twice in a row.
struct HTTP2Floods: Sendable {
    private struct Budget: BitwiseCopyable {
        var left: Int32
        var countedAt = MonotonicTime(nanoseconds: 0)
    }

    private var budgets: InlineArray<14, Budget>

    /// All budgets are full at the beginning.
    mutating func begin(_ now: MonotonicTime) {
        for index in budgets.indices { budgets[index].countedAt = now }
    }

    init() {
        budgets = InlineArray { Budget(left: Self.rates[$0].burst) }
    }

    /// Counts one, or more. False if that was more than the budget allows.
    @inline(__always)
    mutating func allows(_ flood: HTTP2Flood, _ count: Int = 1, now: MonotonicTime) -> Bool {
        let index = Int(flood.rawValue)
        budgets[index].left &-= Int32(truncatingIfNeeded: count)
        return budgets[index].left >= 0 || refill(index, now)
    }

    /// Adds `count` to what the peer may send, within the burst.
    @inline(__always)
    mutating func credit(_ flood: HTTP2Flood, _ count: Int) {
        let index = Int(flood.rawValue)
        budgets[index].left = min(budgets[index].left &+ Int32(truncatingIfNeeded: count), Self.rates[index].burst)
    }

    /// What the time since the last look has brought. What is left of a fraction stays with the clock.
    @inline(never)
    private mutating func refill(_ index: Int, _ now: MonotonicTime) -> Bool {
        let rate = Self.rates[index]
        if rate.perS == 0 { return false }
        let step = 1_000_000_000 / UInt64(rate.perS)
        let earned = now.nanoseconds(since: budgets[index].countedAt) / step
        if earned >= UInt64(rate.burst) {
            budgets[index] = Budget(left: rate.burst + min(budgets[index].left, 0), countedAt: now)
            return budgets[index].left >= 0
        }
        let countedAt = budgets[index].countedAt.nanoseconds + earned * step
        budgets[index].countedAt = MonotonicTime(nanoseconds: countedAt)
        budgets[index].left += Int32(earned)
        return budgets[index].left >= 0
    }

    private struct Rate: BitwiseCopyable, Sendable {
        var burst: Int32
        var perS: Int32

        init(_ burst: Int, _ perS: Int) {
            self.burst = Int32(burst)
            self.perS = Int32(perS)
        }
    }

    /// In the order of the cases. What is counted otherwise has no budget here.
    private static let rates: InlineArray<14, Rate> = [
        Rate(Limits.http2RapidResetsBurst, Limits.http2RapidResetsPerS),
        Rate(Limits.http2ProvokedResetsBurst, Limits.http2ProvokedResetsPerS),
        Rate(Limits.http2RefusedStreamsBurst, Limits.http2RefusedStreamsPerS),
        Rate(0, 0),  // continuation: per block
        Rate(Limits.http2SettingsBurst, Limits.http2SettingsPerS),
        Rate(Limits.http2PingsBurst, Limits.http2PingsPerS),
        Rate(0, 0),  // unreadControl: nghttp2 counts what it has queued
        Rate(Limits.http2EmptyDataBurst, Limits.http2EmptyDataPerS),
        Rate(Limits.http2PrioritiesBurst, Limits.http2PrioritiesPerS),
        Rate(Limits.http2UnknownFramesBurst, Limits.http2UnknownFramesPerS),
        Rate(Limits.http2LateFramesBurst, Limits.http2LateFramesPerS),
        Rate(Limits.http2WindowUpdatesBurst, Limits.http2WindowUpdatesPerS),
        Rate(Limits.http2EmptyFieldsBurst, Limits.http2EmptyFieldsPerS),
        Rate(Limits.http2VainFieldsBurst, Limits.http2VainFieldsPerS),
    ]
}
