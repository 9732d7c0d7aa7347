/// A `rate_limit`.
public struct RateLimitConfig: Sendable, Equatable {
    /// Whom it counts as one caller.
    public enum Key: Sendable, Equatable {
        /// An IPv4 address, or an IPv6 network of so many bits.
        case address(prefixBits: Int)
        case apiKey
        /// All requests together.
        case all
        /// What the field of this name says.
        case header(String)
    }

    /// `rate` and `burst`: so many requests in so long, and the bucket's size.
    public struct Bucket: Sendable, Equatable {
        public var requests: Int
        public var windowMs: Int
        public var burst: Int

        public init(requests: Int, windowMs: Int, burst: Int) {
            self.requests = requests
            self.windowMs = windowMs
            self.burst = burst
        }
    }

    /// A key's name that has a bucket of its own size.
    public struct Exception: Sendable, Equatable {
        public var name: String
        public var bucket: Bucket

        public init(name: String, bucket: Bucket) {
            self.name = name
            self.bucket = bucket
        }
    }

    public var name: String
    public var key: Key
    public var bucket: Bucket
    public var exceptions: [Exception]
    /// The operator's words for clients; "" for the gateway's own.
    public var message: String
    public var isDryRun: Bool
    /// How many callers have a bucket of their own at a time.
    public var callersMax: Int

    public init(
        name: String, key: Key, bucket: Bucket, exceptions: [Exception] = [], message: String = "", isDryRun: Bool = false,
        callersMax: Int
    ) {
        self.name = name
        self.key = key
        self.bucket = bucket
        self.exceptions = exceptions
        self.message = message
        self.isDryRun = isDryRun
        self.callersMax = callersMax
    }

    /// Whether buckets that were filled under `other` mean the same here: what they are taken from, and by whom.
    public func hasSameShape(as other: RateLimitConfig) -> Bool {
        key == other.key && bucket == other.bucket && exceptions == other.exceptions && callersMax == other.callersMax
    }
}

/// `limit`: what a location takes of a limit with each request.
public struct LimitUseConfig: Sendable, Equatable {
    /// Index into ``ConfigSnapshot/rateLimits``.
    public var limit: Int
    public var cost: Int

    public init(limit: Int, cost: Int = 1) {
        self.limit = limit
        self.cost = cost
    }
}

/// `limit_headers`: in which form clients learn of limits.
public enum LimitHeaderStyle: String, Sendable, CaseIterable {
    case ietf, legacy, openai, off
}
