import GatewayConfig
import GatewayCore
import GatewayHTTP

/// A `rate_limit`, frozen: whom it counts as one caller, the buckets of its size, and its part of the table that all workers share.
public final class RateLimit: Sendable {
    public enum Key: Sendable {
        case address(v6PrefixBits: Int)
        case apiKey
        case everybody
        case field(FieldName, [UInt8])
    }

    public let name: String
    public let key: Key
    /// Counted, logged, and let through.
    public let isDryRun: Bool
    /// What the client is told in the place of our own words; empty for those.
    public let message: [UInt8]
    let texts: [LimitText]
    private let table: BucketTable
    /// The limit's own, then those of its exceptions.
    private let buckets: [TokenBucket]
    /// For each name of an API key: who it is in the table, and which of the buckets is its.
    private let keyCallers: [CallerHash]
    private let keyBuckets: [Int]

    /// - Parameter keyNames: those of the API keys, in their order.
    public init(_ config: RateLimitConfig, table: BucketTable, keyNames: [String]) {
        name = config.name
        key =
            switch config.key {
            case .address(let bits): .address(v6PrefixBits: bits)
            case .apiKey: .apiKey
            case .all: .everybody
            case .header(let name): .field(FieldName(Array(name.utf8).rawSpan), Array(name.utf8))
            }
        isDryRun = config.isDryRun
        message = Array(config.message.utf8)
        self.table = table
        let buckets = [TokenBucket(config.bucket)] + config.exceptions.map { TokenBucket($0.bucket) }
        self.buckets = buckets
        texts = buckets.map { LimitText(name: config.name, $0) }
        keyCallers = keyNames.map { CallerHash(name: $0) }
        let exceptions = config.exceptions.map(\.name)
        keyBuckets = keyNames.map { name in exceptions.firstIndex(of: name).map { $0 + 1 } ?? 0 }
    }

    /// Who a request is, and which of the buckets counts for it. `keyName` is the index of its key's name; negative without one.
    public func caller(_ address: IPAddress, keyName: Int, _ fields: borrowing HeaderFields) -> (caller: CallerHash, bucket: Int) {
        switch key {
        case .address(let bits): (CallerHash(address.caller(v6PrefixBits: bits)), 0)
        case .everybody: (.everybody, 0)
        case .field(let name, let bytes): (CallerHash(name, bytes, in: fields), 0)
        case .apiKey: keyName < 0 ? (.everybody, 0) : (keyCallers[keyName], keyBuckets[keyName])
        }
    }

    public func take(_ cost: UInt64, of caller: CallerHash, bucket: Int, now: MonotonicTime) -> (TokenBucket.Verdict, BucketTable.Place) {
        table.take(cost, of: caller, buckets[bucket], now: now)
    }

    /// Gives back what `outcome` says was taken, for a request that another limit refused. `now` is the time itself: see ``BucketTable``.
    public func giveBack(_ outcome: inout LimitOutcome, now: MonotonicTime) {
        let bucket = buckets[outcome.bucket]
        table.giveBack(outcome.cost, to: outcome.caller, bucket, taken: outcome.verdict, outcome.place, now: now)
        outcome.verdict = bucket.returning(outcome.cost, of: outcome.verdict)
    }
}

/// What one limit of a route said to a request.
public struct LimitOutcome: Sendable, BitwiseCopyable {
    /// Its place among the route's limits.
    public let limit: Int
    public let cost: UInt64
    public let caller: CallerHash
    public let bucket: Int
    public internal(set) var verdict: TokenBucket.Verdict
    public let place: BucketTable.Place

    public init(
        limit: Int, cost: UInt64, caller: CallerHash, bucket: Int, verdict: TokenBucket.Verdict, place: BucketTable.Place
    ) {
        self.limit = limit
        self.cost = cost
        self.caller = caller
        self.bucket = bucket
        self.verdict = verdict
        self.place = place
    }
}

extension RateLimitConfig {
    /// The room that its table needs: callers by key are as many as there are names.
    public func makeTable(keyNames: Int) -> BucketTable {
        switch key {
        case .all: BucketTable(callersMax: 1)
        case .apiKey: BucketTable(callersMax: max(1, keyNames))
        case .address, .header: BucketTable(callersMax: callersMax)
        }
    }
}

extension TokenBucket {
    init(_ config: RateLimitConfig.Bucket) {
        self.init(requests: config.requests, windowNs: UInt64(config.windowMs) * 1_000_000, burst: config.burst)
    }
}
