import GatewayCache

/// What the cache had to do with a request: for Cache-Status (RFC 9211), the log and the counters.
enum CacheOutcome: UInt8, CaseIterable, BitwiseCopyable {
    /// The location has no cache.
    case none
    /// Answered from what was stored.
    case hit
    /// The same, although its time was over: while it is fetched anew, or because the origin failed.
    case staleRevalidating, staleOnError
    /// The origin was asked, and says that what was stored still holds (304).
    case revalidated
    /// The origin was asked: nothing was stored, what was stored is too old, or the client wanted it anew.
    case miss, expired, refresh
    /// Read along with the answer to another request.
    case collapsed
    /// The cache had no part in it.
    case bypass

    /// In the log and the metrics.
    var name: StaticString {
        switch self {
        case .none: "none"
        case .hit: "hit"
        case .staleRevalidating, .staleOnError: "stale"
        case .revalidated: "revalidated"
        case .miss: "miss"
        case .expired: "expired"
        case .refresh: "refresh"
        case .collapsed: "collapsed"
        case .bypass: "bypass"
        }
    }

    /// Whether the client gets what was stored.
    var isHit: Bool {
        switch self {
        case .hit, .staleRevalidating, .staleOnError, .revalidated: true
        case .none, .miss, .expired, .refresh, .collapsed, .bypass: false
        }
    }
}

/// Why a request passes the cache by.
enum CacheBypass: UInt8, CaseIterable, Error, BitwiseCopyable {
    /// It is none of GET, HEAD and POST, or would switch protocols.
    case method
    /// A GET with content.
    case content
    /// A POST whose content is not plain JSON.
    case contentType
    /// Whose answer it would be is not known: see `scope`.
    case credentials
    /// The client wants nothing stored.
    case noStore
    /// It asks for a part, or on a condition that the origin alone can judge.
    case range
    /// A field of it makes it another request to some origins: see ``OverrideFields``.
    case override
    case bodyTooLarge
    /// The body has no one meaning: see CanonicalJSON.
    case jsonInvalid, jsonDuplicateName, jsonTooDeep, jsonInvalidUnicode, jsonNumberTooLong, jsonTooCostly
    /// The request does not say temperature 0.
    case notDeterministic
    /// Nothing is stored of a HEAD.
    case headMiss
    /// What another request waited for turned out to be for that one alone.
    case notShared
    /// The worker has no room for another body that waits: see ``Limits/cacheBodiesBytesMax``.
    case exhausted

    /// In Cache-Status, the log and the metrics.
    var name: StaticString {
        switch self {
        case .method: "method"
        case .content: "content"
        case .contentType: "content_type"
        case .credentials: "credentials"
        case .noStore: "no_store"
        case .range: "range"
        case .override: "override"
        case .bodyTooLarge: "body_too_large"
        case .jsonInvalid: "json_invalid"
        case .jsonDuplicateName: "json_duplicate_name"
        case .jsonTooDeep: "json_too_deep"
        case .jsonInvalidUnicode: "json_invalid_unicode"
        case .jsonNumberTooLong: "json_number_too_long"
        case .jsonTooCostly: "json_too_costly"
        case .notDeterministic: "not_deterministic"
        case .headMiss: "head_miss"
        case .notShared: "not_shared"
        case .exhausted: "exhausted"
        }
    }
}

/// Why an answer is not stored.
enum CacheRefusal: UInt8, CaseIterable, BitwiseCopyable {
    case status, contentCoding, cookie, cacheControl, vary, unfinished, eventStream, errorDocument, tooLarge, noRoom, changed, superseded
    /// The answers under way take all of the memory that they may.
    case crowded

    init(_ refusal: StoreRefusal) {
        self =
            switch refusal {
            case .incomplete: .unfinished
            case .tooLarge: .tooLarge
            case .noRoom: .noRoom
            case .superseded: .superseded
            }
    }

    var name: StaticString {
        switch self {
        case .status: "status"
        case .contentCoding: "content_coding"
        case .cookie: "cookie"
        case .cacheControl: "cache_control"
        case .vary: "vary"
        case .unfinished: "unfinished"
        case .eventStream: "event_stream"
        case .errorDocument: "error_document"
        case .tooLarge: "too_large"
        case .noRoom: "no_room"
        case .changed: "changed"
        case .superseded: "superseded"
        case .crowded: "crowded"
        }
    }
}
