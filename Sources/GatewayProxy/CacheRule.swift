import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// What may be answered from the cache, and what may be kept in it.
extension Exchange {
    /// Why the request passes the cache by; nil if it doesn't, as far as its head tells.
    func cacheBypass(_ route: CacheRoute, _ wishes: CacheControl) -> CacheBypass? {
        if head.asksUpgrade || head.isExtendedConnect { return .method }
        switch head.method {
        case .get, .head: if !requestBody.isComplete { return .content }
        case .post: if !head.fields.hasPlainJSON { return .contentType }
        default: return .method
        }
        if wishes.noStore { return .noStore }
        if head.fields.contains(.range) || head.fields.contains(.ifMatch) || head.fields.contains(.ifUnmodifiedSince) { return .range }
        switch route.partition {
        case .shared: return nil
        case .key: return keyName >= 0 ? nil : .credentials
        case .anonymous: return carriesCredentials(route.keyFields) ? .credentials : nil
        }
    }

    /// Fields and members of the query by which callers of APIs say who they are.
    private func carriesCredentials(_ keys: APIKeyFields?) -> Bool {
        for index in 0..<head.fields.count where isCredential(index) || keys?.mayHold(index, of: head.fields) == true { return true }
        return head.queryHasMember("key") || head.queryHasMember("api_key") || head.queryHasMember("access_token")
    }

    func isCredential(_ index: Int) -> Bool {
        switch head.fields.name(index) {
        case .authorization, .proxyAuthorization, .cookie, .xAPIKey: return true
        case .other: return head.fields.nameBytes(index).namesCredential
        default: return false
        }
    }
}

extension HeaderFields {
    /// Whether the content is JSON as it stands: one media type, no content coding.
    fileprivate var hasPlainJSON: Bool {
        guard let index = firstIndex(of: .contentType), firstIndex(of: .contentType, from: index + 1) == nil else { return false }
        if contains(.contentEncoding) { return false }
        return value(index).extracting(mediaType(index)).isJSON
    }

    /// Whether the field's only line, or one of several, has a media type of event streams.
    var hasEventStream: Bool {
        guard let index = firstIndex(of: .contentType) else { return false }
        return value(index).extracting(mediaType(index)).equalsIgnoringCase("text/event-stream")
    }
}

extension RawSpan {
    /// `application/json`, or a type with the suffix of RFC 6839.
    fileprivate var isJSON: Bool {
        equalsIgnoringCase("application/json") || byteCount > 5 && extracting((byteCount - 5)..<byteCount).equalsIgnoringCase("+json")
    }
}

extension RequestHead {
    /// Whether the query has a member of that name.
    fileprivate func queryHasMember(_ name: StaticString) -> Bool {
        var start = 0
        while start < query.byteCount {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: start) ?? query.byteCount
            let nameEnd = query.firstIndex(of: UInt8(ascii: "="), from: start) ?? end
            if query.extracting(start..<min(nameEnd, end)).equalsIgnoringCase(name) { return true }
            start = end + 1
        }
        return false
    }
}

/// What the origin's head says of keeping the answer, and of sharing it while it is under way.
struct CacheVerdict {
    var refusal: CacheRefusal?
    var sharing = Fill.Sharing.all
    /// From now on.
    var freshForMs: UInt64 = 0
    var initialAgeS: UInt64 = 0
    /// The names that Vary holds, as one list; empty without any.
    var vary: [UInt8] = []
    /// Cookies are for one client: where the answer is for several, they go.
    var dropsCookies: Bool { sharing == .all || refusal == nil }
    var mustRevalidate = false
}

extension UpstreamCall {
    /// RFC 9111 § 3 for GET; for POST, which only we cache, what the operator says. `attempt` is the fill's, and `variants` what its key
    /// counts besides what counts anyhow.
    func cacheVerdict(_ route: CacheRoute, isPost: Bool, attempt: Int, variants: VariantNames?, wallClockS: Int) -> CacheVerdict {
        var verdict = CacheVerdict()
        let status = head.status
        if status < 200 || status > 299 || status == 206 {
            verdict.refusal = .status
            let mayPass = status >= 500 || status == 429
            if mayPass && attempt == 1 {
                verdict.sharing = .leaderThenRetry
            } else if varies(route, isPost: isPost, beyond: variants) {
                verdict.sharing = .leaderOnly
            } else if !mayPass && (route.partition == .shared || head.fields.contains(.setCookie)) {
                // Whose request it was may matter: a 401 for one caller's key is none for another's, nor is a session's cookie.
                verdict.sharing = .leaderOnly
            }
            return verdict
        }
        if head.fields.isCoded {
            verdict.refusal = .contentCoding
            verdict.sharing = .leaderOnly
            return verdict
        }
        verdict = freshness(route, isPost: isPost, wallClockS: wallClockS)
        if verdict.refusal == nil && !route.knowsAPI && head.fields.hasEventStream { verdict.refusal = .eventStream }
        if verdict.refusal == nil, case .length(let length) = head.framing, length > UInt64(route.zone.entryBytesMax) {
            // Read along together, it would go no faster than its slowest reader.
            verdict.refuse(.tooLarge)
        }
        // Whoever sends it may have died midway (RFC 9112 § 8): only an event stream says itself that it is whole.
        if verdict.refusal == nil && head.framing == .untilClose && !head.fields.hasEventStream { verdict.refusal = .unfinished }
        return verdict
    }

    /// The same of an answer that may be stored by its status: also of what 304 says of one that is stored already.
    func freshness(_ route: CacheRoute, isPost: Bool, wallClockS: Int) -> CacheVerdict {
        var verdict = CacheVerdict()
        verdict.freshForMs = UInt64(route.config.ttlMs)
        if route.config.force { return verdict }
        if !isPost || route.config.obeysOrigin { obey(&verdict, isPost: isPost, wallClockS: wallClockS) }
        if verdict.refusal == nil { obeyVary(&verdict, route, isPost: isPost) }
        return verdict
    }

    /// Whose answer it is goes before any wish to keep it: an origin that mirrors Origin has another for each site.
    private func obeyVary(_ verdict: inout CacheVerdict, _ route: CacheRoute, isPost: Bool) {
        verdict.vary = varyNames(route, isPost: isPost)
        if verdict.vary.first == UInt8(ascii: "*") { verdict.refuse(.vary) }
    }

    /// Whether a 304 says of what is stored that it depends on more than its key counts, `variants` included: so it was never known whom
    /// it is for.
    func refutesKey(_ route: CacheRoute, isPost: Bool, variants: VariantNames?) -> Bool {
        !route.config.force && varies(route, isPost: isPost, beyond: variants)
    }

    /// By more than the key counts, and `variants` has.
    private func varies(_ route: CacheRoute, isPost: Bool, beyond variants: VariantNames?) -> Bool {
        let counted = variants?.names ?? []
        return varyNames(route, isPost: isPost).split(separator: UInt8(ascii: ",")).contains { !counted.contains($0) }
    }

    /// Without those of which the key has the values anyhow.
    private func varyNames(_ route: CacheRoute, isPost: Bool) -> [UInt8] {
        head.fields.varyNames { route.counts($0, isPost: isPost) }
    }

    private func obey(_ verdict: inout CacheVerdict, isPost: Bool, wallClockS: Int) {
        let said = CacheControl(head.fields)
        if said.noStore || said.isPrivate || said.noCache { return verdict.refuse(.cacheControl) }
        if !isPost && head.fields.contains(.setCookie) { return verdict.refuse(.cookie) }
        if let index = head.fields.firstIndex(of: .age) { verdict.initialAgeS = head.fields.value(index).seconds ?? 0 }
        var lifetimeS = said.sharedMaxAgeS ?? said.maxAgeS
        if lifetimeS == nil, let index = head.fields.firstIndex(of: .expires) {
            let date = head.fields.firstIndex(of: .date).flatMap { HTTPDate.epochSeconds(head.fields.value($0)) } ?? wallClockS
            // What is no date is in the past (RFC 9111 § 5.3).
            lifetimeS = UInt64(max(0, (HTTPDate.epochSeconds(head.fields.value(index)) ?? 0) - date))
        }
        if let lifetimeS { verdict.freshForMs = (lifetimeS > verdict.initialAgeS ? lifetimeS - verdict.initialAgeS : 0) * 1000 }
        // s-maxage forbids stale answers as proxy-revalidate does (RFC 9111 § 5.2.2.10).
        verdict.mustRevalidate = said.mustRevalidate || said.sharedMaxAgeS != nil
        let hasValidator = head.fields.contains(.etag) || head.fields.contains(.lastModified)
        if verdict.freshForMs == 0 && !hasValidator { verdict.refuse(.cacheControl) }
    }
}

extension CacheVerdict {
    /// Under a key that counts what Vary names.
    var forVariant: CacheVerdict {
        var verdict = self
        verdict.vary = []
        return verdict
    }

    /// Neither kept nor shared.
    mutating func refuse(_ reason: CacheRefusal) {
        refusal = reason
        sharing = .leaderOnly
    }
}
