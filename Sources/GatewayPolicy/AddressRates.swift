import GatewayCore
import Synchronization

/// How often each address may do something, over all workers: a token bucket for each, as its theoretical arrival time (GCRA, ITU-T
/// I.371): the moment at which the bucket would be full again.
///
/// An address whose bucket is full needs no entry. Entries move to a new generation with every use, and the generation before the last
/// is dropped as soon as all its buckets are full. Where more addresses come at once than find room, the oldest are forgotten.
public final class AddressRates: Sendable {
    private struct State {
        var recent: [IPAddress: UInt64] = [:]
        var previous: [IPAddress: UInt64] = [:]
        var turnedAt: UInt64 = 0
        /// The latest moment at which anybody has asked: what has been forgotten by then is not full again before it.
        var latest: UInt64 = 0
    }

    private final class Shard: Sendable {
        let state = Mutex(State())
    }

    private let shards = (0..<AddressShards.count).map { _ in Shard() }
    private let addressesMax: Int

    /// Remembers at least `addressesMax` addresses in all, and at most twice as many.
    public init(addressesMax: Int = Limits.rateAddressesMax) {
        self.addressesMax = addressesMax / AddressShards.count
    }

    /// Takes a token of `address`'s bucket; false if it has none.
    public func take(_ address: IPAddress, perSecond: Int, burst: Int, now: MonotonicTime) -> Bool {
        let intervalNs = 1_000_000_000 / UInt64(perSecond)
        let toleranceNs = UInt64(burst - 1) * intervalNs
        return shards[AddressShards.index(address)].state.withLock { state in
            state.latest = max(state.latest, now.nanoseconds)
            turn(&state, windowNs: UInt64(burst) * intervalNs)
            let fullAt = max(state.recent[address] ?? state.previous[address] ?? 0, state.latest)
            if fullAt - state.latest > toleranceNs { return false }
            state.recent[address] = fullAt + intervalNs
            return true
        }
    }

    /// How many addresses are remembered.
    public var addressCount: Int {
        shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.recent.count + $0.previous.count } }
    }

    private func turn(_ state: inout State, windowNs: UInt64) {
        let isOver = state.latest - state.turnedAt > windowNs
        guard isOver || state.recent.count >= addressesMax else { return }
        state.previous = state.recent
        state.recent = [:]
        state.turnedAt = state.latest
    }
}
