/// The bounds of the cache: what is under way, what is kept, and what the keys are made of.
extension Limits {
    /// The part of a shard's memory that may be held by those who read it, a half: who comes then and may take long to read copies the rest
    /// for itself, within ``cacheBodiesBytesMax``, or passes the cache by. Else a few stalled readers would make a small zone useless.
    public static let cachePinnedPart = 2
    /// The unit of a zone's memory: answers of AI APIs have one to several kilobytes, and half a page of each is lost.
    public static let cachePageBytes = 512
    /// Parts of a zone with a lock each: so many that workers seldom wait for one another.
    public static let cacheShardsMax = 64
    /// An answer is at most the eighth part of its shard, so that one doesn't drive out all others.
    public static let cacheEntriesPerShardMin = 8
    /// A shard is no smaller than this: small ones are unevenly full.
    public static let cacheShardBytesMin = 1024 * 1024
    /// 1 TB: more than today's machines have, and far from where numbers end.
    public static let cacheZoneBytesMax = 1 << 40
    /// Hardly an answer would fit into less, with its head.
    public static let cacheEntryBytesMin = 4 * 1024
    /// Where `entry_max` says nothing. Long answers of models take some 100 KB, also as event streams.
    public static let cacheEntryBytesMax = 1024 * 1024
    /// Where `body_max` says nothing: as much as `client_max_body_size` lets in where that says nothing.
    public static let cacheBodyBytesMax = 1024 * 1024
    /// And what it may say at the most: each request that is looked up holds its body in memory.
    public static let cacheBodyBytesBound = 64 * 1024 * 1024
    /// What the bodies of all requests take that a worker reads for the cache, or that wait for their answers there: a request has to be
    /// sent on, should it turn out that the answer is not for it. Beyond it nobody waits: what is stored is given, other requests pass
    /// the cache by. Not counted is what is sent on: who leads a fetch has its body twice, and who passes by or gives way has what had come
    /// of it, up to `body_max` each, for as long as the origin has not taken it.
    public static let cacheBodiesBytesMax = 64 * 1024 * 1024
    /// When there is no room for bodies, those give way that have not come whole within this: one of 1 MB takes no longer at 4 Mbit/s. Who
    /// would keep the room from others has to send all of it anew as often.
    public static let cacheBodyPatienceMs = 2_000
    /// How often all are looked at for that.
    public static let cacheBodiesSweepMs = 100
    /// Names that `ignore` and `headers` may have each: while a body is read, a bit stands for each that it must not have twice.
    public static let cacheNamesMax = 64
    /// Entries that the hand passes to make room for one answer, besides as many as that needs pages: while it does, its shard waits. Then
    /// the answer is not stored, and the next one goes on from there.
    public static let evictionStepsMax = 256
    /// A host with a path, kept to purge by. Longer ones are not stored.
    public static let cachePathBytesMax = requestLineBytesMax
    /// A request whose answer has gone from where the zone had it asks the zone again so often, and then the origin by itself.
    public static let cacheLookupsMax = 4
    /// An answer under way is kept in pieces that grow to this.
    public static let fillSegmentBytes = 16 * 1024
    /// What the slowest reader of an answer that isn't kept may be behind before its origin is no longer read.
    public static let fillWindowBytes = outputHighBytes
    /// All readers of an answer that isn't kept are gone through only when those are on by so much who were the slowest the last time,
    /// so that a read costs the same however many there are. Less than what the slowest may be behind, or its writer would wait for ever.
    public static let fillStrideBytes = 4 * 1024
    /// How long the other readers of such an answer wait before any is left behind: clients that read at all pause for less. Half as long
    /// whenever some had to be left, down to the least that a timer can tell.
    public static let fillPatienceMs = 2_000
    public static let fillPatienceMsMin = 16
    /// But who is left behind has, for so long, had much to read and taken less than this of it: however many others stalled before, who
    /// only pauses is not cut off for them. So many who stall at a time hold the others up once, and each who does it later for so long
    /// again: at such a moment nothing tells it from one that pauses.
    public static let fillReaderPatienceMs = 1_500
    public static let fillReaderBytesMin = 64 * 1024
    /// What an answer under way counts besides its bytes.
    public static let fillOverheadBytes = 1024
    /// No answer takes so many tokens; what says so is no count. So sums of counts don't end either.
    public static let answerTokensMax: UInt64 = 1 << 40
    /// Entries that a purge looks at before other threads have their turn: some ten microseconds.
    public static let purgeEntriesPerTurn = 256
    /// The most event loops that `workers` may ask for.
    public static let workersMax = 1024

    // MARK: Cache keys

    /// Arrays and objects of a JSON body within each other: requests to AI APIs need about ten, JSON schemas in them twenty.
    public static let jsonDepthMax = 128
    /// Digits of a number that count: 2 to the power of 3000 has as many, and no API counts that far.
    public static let jsonNumberDigitsMax = 1000
    /// Numbers of a body with 16 digits and more: each costs half a microsecond, and while they are read nobody else is served.
    public static let jsonLongNumbersMax = 8_192
    /// Members of an object that are put into order.
    public static let jsonMembersSortedMax = 16_384
    /// And of all objects of a body that aren't in order, by the bytes of their names and some for each member: to sort so many takes some 8
    /// milliseconds at the worst. Nine thousand messages with their `role` before their `content` are fewer.
    public static let jsonSortedBytesMax = 384 * 1024
    public static let jsonSortedMemberBytes = 16
    /// A body to be brought into canonical form, and positions in it must fit 32 bits, though 1e20 becomes five times as long.
    public static let jsonBodyBytesMax = 256 * 1024 * 1024
    /// Bodies up to this leave their memory to the next one: the largest that are looked at where nobody says another (`body_max`).
    public static let jsonScratchBytesKeptMax = 1024 * 1024
    /// Members and objects for which memory is kept from one body to the next: some 32 KB.
    public static let jsonMembersKeptMax = 1024
    /// Resources of a zone of which it is known when requests have changed them: others count as changed with them.
    public static let changedResourcesMax = 4096
    /// For how long requests of which answers were not to be shared don't wait for one another; and how many of them a shard knows.
    public static let unsharedMs = 10_000
    public static let unsharedKeysMax = 256
    /// Keys that a worker remembers by the words of their requests; a power of two.
    public static let keyMemoPlaces = 1024
    /// What those words may take, for each worker: of usual requests, all places.
    public static let keyMemoBytesMax = 4 * 1024 * 1024
    /// Of one request: longer ones are seldom asked in the same words again.
    public static let keyMemoTextBytesMax = 64 * 1024
}
