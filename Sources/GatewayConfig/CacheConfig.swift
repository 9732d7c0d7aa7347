import GatewayCore

/// A `cache_zone`: memory for answers, one for all workers.
public struct CacheZoneConfig: Sendable, Equatable {
    public var name: String
    /// What all answers may take together, with everything that is kept about them.
    public var memoryBytes: Int
    /// An answer of more bytes, head and body, is passed on and not kept. At most an eighth of the memory.
    public var entryBytesMax: Int

    public init(name: String, memoryBytes: Int, entryBytesMax: Int = Limits.cacheEntryBytesMax) {
        self.name = name
        self.memoryBytes = memoryBytes
        self.entryBytesMax = entryBytesMax
    }
}

/// `cache`: which answers of a location are kept, for whom, and for how long.
public struct CacheConfig: Sendable, Equatable {
    /// Who shares answers.
    public enum Scope: String, Sendable, CaseIterable {
        /// The requests of one name among the API keys. Only where the location asks for a key.
        case key
        /// All requests, whatever credentials they carry.
        case shared
    }

    /// Index into ``ConfigSnapshot/cacheZones``.
    public var zone: Int
    /// How long an answer is fresh of which the origin says nothing, or nothing that is obeyed.
    public var ttlMs: Int
    /// Whether `ttlMs` goes before what the origin says.
    public var force: Bool
    /// nil where nothing is said: by key where the location asks for one, else only requests without credentials are answered from it.
    public var scope: Scope?
    /// Top-level members of a JSON body that tell no requests apart, as they are written.
    public var ignored: [String]
    /// Whether a body must say temperature 0.
    public var deterministicOnly: Bool
    /// The fields of a request that change its answer, in lower case, each once.
    public var fields: [String]
    /// Requests with longer bodies are passed on uncached.
    public var bodyBytesMax: Int
    /// How long beyond its freshness an answer may stand in for an origin that fails; 0 never.
    public var staleIfErrorMs: Int
    /// How long beyond its freshness an answer may be given while it is fetched anew; 0 never.
    public var staleWhileRevalidateMs: Int
    /// Whether the origin's Cache-Control counts for POST too.
    public var obeysOrigin: Bool
    /// Whether an answer that nobody waits for any more is fetched to its end, to be kept.
    public var finishesAbandoned: Bool

    /// The fields by which AI APIs choose another answer to the same body.
    public static let usualFields = [
        "content-type", "anthropic-version", "anthropic-beta", "openai-beta", "openai-organization", "openai-project", "accept",
    ]

    public init(
        zone: Int, ttlMs: Int = 3_600_000, force: Bool = false, scope: Scope? = nil, ignored: [String] = [],
        deterministicOnly: Bool = false, fields: [String] = CacheConfig.usualFields, bodyBytesMax: Int = Limits.cacheBodyBytesMax,
        staleIfErrorMs: Int = 0, staleWhileRevalidateMs: Int = 0, obeysOrigin: Bool = false, finishesAbandoned: Bool = false
    ) {
        self.zone = zone
        self.ttlMs = ttlMs
        self.force = force
        self.scope = scope
        self.ignored = ignored
        self.deterministicOnly = deterministicOnly
        self.fields = fields
        self.bodyBytesMax = bodyBytesMax
        self.staleIfErrorMs = staleIfErrorMs
        self.staleWhileRevalidateMs = staleWhileRevalidateMs
        self.obeysOrigin = obeysOrigin
        self.finishesAbandoned = finishesAbandoned
    }
}
