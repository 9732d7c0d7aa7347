import GatewayCache
import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// The lookup: the request is read to its end, gets its key, and then its answer from what is stored, from what is under way, or by a fetch.
extension Worker {
    // MARK: lookupCache

    func lookupCache(_ id: Handle) -> Verdict {
        guard let route = exchanges[id].location?.cache else { return .next(.chooseUpstream) }
        if exchanges[id].caching.isNone {
            let wishes = exchanges[id].cacheWishes
            if let reason = exchanges[id].cacheBypass(route, wishes) ?? bypass(byCertificateOf: id, route) {
                return passBy(id, route, reason)
            }
            if !cacheTurns.hasRoom(for: cacheTurns.count + 1) {
                return wishes.onlyIfCached ? .refuse(Self.notCached) : passBy(id, route, .exhausted)
            }
            exchanges[id].caching = cacheTurns.insert(CacheTurn(route, wishes, of: id, pool: pool))
            if !exchanges[id].requestBody.isComplete {
                calls[exchanges[id].call].isCollecting = true
                cacheTurns[exchanges[id].caching].collectingSince = now
                invite(id)
            }
        }
        if !exchanges[id].requestBody.isComplete, let verdict = collect(id, route) { return verdict }
        let call = exchanges[id].call
        calls[call].isCollecting = false
        cacheTurns[exchanges[id].caching].collectingSince = .never
        cacheTurns[exchanges[id].caching].body = calls[call].request.take()
        do throws(CacheBypass) {
            return try consult(id, route, cacheKey(id, route))
        } catch {
            return passBy(id, route, error)
        }
    }

    /// A client with a certificate is somebody, too.
    private func bypass(byCertificateOf id: Handle, _ route: CacheRoute) -> CacheBypass? {
        guard case .anonymous = route.partition, downstreams[exchanges[id].connection].tls?.client?.verdict == .verified else { return nil }
        return .credentials
    }

    /// Reads on in the body; nil when it is whole.
    private func collect(_ id: Handle, _ route: CacheRoute) -> Verdict? {
        if let error = clientLoss(id) { return .breakOff(error) }
        if let error = collectRequest(id) { return .refuse(error) }
        let call = exchanges[id].call
        if calls[call].request.count > route.config.bodyBytesMax { return passBy(id, route, .bodyTooLarge) }
        let turn = exchanges[id].caching
        if !cacheTurns[turn].givesWay { count(calls[call].request.count, of: turn) }
        if isOutOfRoomForBodies { endSlowBodies() }
        if cacheTurns[turn].givesWay { return passBy(id, route, .exhausted) }
        if exchanges[id].requestBody.isComplete { return nil }
        return isOutOfRoomForBodies ? passBy(id, route, .exhausted) : .wait
    }

    /// Bodies that take long to come give way to others: they go on to the origin as far as they have come, as without a cache.
    private func endSlowBodies() {
        if now < cacheBodiesSweptAt.adding(milliseconds: Limits.cacheBodiesSweepMs) { return }
        cacheBodiesSweptAt = now
        cacheTurns.forEachHandle { turn in
            let since = cacheTurns[turn].collectingSince
            if since.isNever || now < since.adding(milliseconds: Limits.cacheBodyPatienceMs) { return }
            cacheTurns[turn].collectingSince = .never
            cacheTurns[turn].givesWay = true
            count(0, of: turn)
            queueReady(exchange: cacheTurns[turn].exchange)
        }
    }

    /// What the turn holds, from now on, of the bodies that wait here.
    func count(_ bodyBytes: Int, of turn: Handle) {
        cacheBodiesBytes += bodyBytes - cacheTurns[turn].countedBytes
        cacheTurns[turn].countedBytes = bodyBytes
    }

    private var isOutOfRoomForBodies: Bool { cacheBodiesBytes > Limits.cacheBodiesBytesMax }

    /// Who waits for 100 (Continue) would wait for an origin that is not asked before the content is there.
    private func invite(_ id: Handle) {
        guard exchanges[id].head.expectsContinue else { return }
        exchanges[id].head.forgetExpectation()
        var head = ByteQueue(pool: pool)
        HTTP1Encoder.statusLine(100, into: &head)
        HTTP1Encoder.endLine(into: &head)
        let connection = exchanges[id].connection
        if exchanges[id].isOverHTTP2 {
            downstreams[connection].http2?.inform(exchanges[id].stream, head)
        } else {
            downstreams[connection].output.append(head.bytes)
        }
        queueFlush(connection)
    }

    /// The origin answers this one as if there were no cache. Not where the client wants what is stored or nothing (RFC 9111 § 5.2.1.7),
    /// and the cache would have given it.
    func passBy(_ id: Handle, _ route: CacheRoute, _ reason: CacheBypass) -> Verdict {
        if !exchanges[id].caching.isNone, cacheTurns[exchanges[id].caching].wishes.onlyIfCached { return .refuse(Self.notCached) }
        exchanges[id].cacheOutcome = .bypass
        exchanges[id].bypassReason = reason
        shard.increment(route.bypasses(reason))
        let (call, turn) = (exchanges[id].call, exchanges[id].caching)
        calls[call].isCollecting = false
        if !turn.isNone {
            if !cacheTurns[turn].body.isEmpty { calls[call].request = cacheTurns[turn].body.take() }
            calls[call].isCollected = true
            count(0, of: turn)
            cacheTurns.discard(turn)
            exchanges[id].caching = .none
        }
        return .next(.chooseUpstream)
    }

    /// Puts the head before what was collected, and frames that as the client did.
    func put(_ head: borrowing ByteQueue, before call: Handle, of id: Handle) {
        let content = calls[call].request.take()
        calls[call].headByteCount = head.count
        calls[call].request.append(head.bytes)
        let isChunked = exchanges[id].requestBody.framing == .chunked
        calls[call].appendBody(content, 0..<content.count, isChunked: isChunked)
        if isChunked && exchanges[id].requestBody.isComplete { endChunks(id, call) }
    }

    /// As much of the body as is read before the origin is asked.
    func collectedBytesMax(_ call: Handle) -> Int {
        exchanges[calls[call].exchange].location?.cache?.config.bodyBytesMax ?? 0
    }

    private func collectRequest(_ id: Handle) -> GatewayError? {
        let connection = exchanges[id].connection
        return exchanges[id].isOverHTTP2
            ? relayStreamRequest(id, exchanges[id].stream, exchanges[id].call) : relayRequest(id, connection)
    }

    private func clientLoss(_ id: Handle) -> GatewayError? {
        let (connection, stream) = (exchanges[id].connection, exchanges[id].stream)
        if stream.isNone {
            guard downstreams[connection].isBroken || downstreams[connection].stream.isGone else { return nil }
            return GatewayError(.clientClosed, "the client left inside the body of its request")
        }
        if let error = streams.slab[stream].error { return error }
        return streams.slab[stream].isOutputClosed ? GatewayError(.clientClosed, "the client cancelled the request") : nil
    }

    // MARK: The key

    private func cacheKey(_ id: Handle, _ route: CacheRoute) throws(CacheBypass) -> SHA256Digest {
        let turn = exchanges[id].caching
        keyMaker.value.begin()
        try exchanges[id].addToKey(route, overTLS: downstreams[exchanges[id].connection].stream.isTLS, &keyMaker.value)
        if let fields = route.keyedFields {
            var lines = ByteQueue(pool: pool)
            exchanges[id].evaluate(fields, on: downstreams[exchanges[id].connection], into: &lines)
            keyMaker.value.add(.field, lines.bytes)
        }
        let hasContent = exchanges[id].head.method == .post
        return try cacheTurns[turn].key(hasContent: hasContent, pool, &keyMemo.value, &canonicalJSON.value, &keyMaker.value)
    }

    /// The key of the answer to requests with the same values in the fields that are named.
    func variantKey(of base: SHA256Digest, _ variants: VariantNames, _ id: Handle) -> SHA256Digest {
        keyMaker.value.begin()
        exchanges[id].addToKey(base, varying: variants, &keyMaker.value)
        return keyMaker.value.finish()
    }

    // MARK: What the zone has

    /// `variants`: what Vary names, which the key counts.
    private func consult(_ id: Handle, _ route: CacheRoute, _ key: SHA256Digest, varying variants: VariantNames? = nil) throws(CacheBypass)
        -> Verdict
    {
        let turn = exchanges[id].caching
        let wishes = cacheTurns[turn].wishes
        cacheTurns[turn].key = key
        if variants == nil { cacheTurns[turn].baseKey = key }
        cacheTurns[turn].variants = variants
        let isHead = exchanges[id].head.method == .head
        // It can't wait for an answer, only get one.
        let isExhausted = !isHead && isOutOfRoomForBodies
        if wishes.noCache && !wishes.onlyIfCached {
            if isHead { throw .headMiss }
            if isExhausted { throw .exhausted }
            return follow(id, route, route.zone.fetchAnew(key), isLeader: true, .refresh)
        }
        var freshness = wishes.freshness
        // Nothing is fetched by HEAD: what there is serves it, or the origin does.
        if isHead || isExhausted { freshness.isOnlyIfCached = true }
        var lookup = route.zone.find(key, now: now, accepting: freshness)
        if let stored = lookup.stored {
            if stored.facts.isVariants {
                if let fill = lookup.fill, lookup.isLeader { route.zone.end(fill) }
                // Nothing stands for a variant but an answer.
                guard variants == nil, let names = stored.variantNames(pool) else { throw .notShared }
                return try consult(id, route, variantKey(of: key, names, id), varying: names)
            }
            if hasChanged(id, route.zone, since: stored.facts.storedAt) {
                // What is under way may have been asked for since.
                route.zone.drop(stored)
                if lookup.isFresh { return try consult(id, route, key, varying: variants) }
                lookup.stored = nil
            } else {
                if lookup.isFresh { return replay(id, stored, .hit) }
                if let verdict = serveStale(id, route, stored, lookup) { return verdict }
            }
        }
        guard let fill = lookup.fill else {
            if isHead && !wishes.onlyIfCached { throw .headMiss }
            if isExhausted && !wishes.onlyIfCached { throw .exhausted }
            return .refuse(Self.notCached)
        }
        if !lookup.isLeader && hasChanged(id, route.zone, since: fill.startedAt) {
            return follow(id, route, route.zone.fetchAnew(key), isLeader: true, .miss)
        }
        cacheTurns[turn].stale = lookup.stored
        return follow(id, route, fill, isLeader: lookup.isLeader, lookup.stored == nil ? .miss : .expired)
    }

    private static var notCached: GatewayError {
        GatewayError(.notCached, "the request is only-if-cached, and there is no answer for it")
    }

    /// RFC 5861 § 3: what is a little too old is given at once, while it is fetched anew.
    private func serveStale(_ id: Handle, _ route: CacheRoute, _ stored: StoredAnswer, _ lookup: ResponseCache.Lookup) -> Verdict? {
        let wishes = cacheTurns[exchanges[id].caching].wishes
        let isWithin = stored.facts.staleMs(now) < stored.facts.staleWhileRevalidateMs
        guard isWithin, let fill = lookup.fill, wishes.maxAgeS == nil, wishes.minFreshS == nil else { return nil }
        if lookup.isLeader && !beginFetch(fill, for: id, route, revalidating: stored, isBackground: true) { giveUp(fill, route) }
        return replay(id, stored, .staleRevalidating)
    }

    /// Reads along, from the first byte on. The leader fetches.
    func follow(_ id: Handle, _ route: CacheRoute, _ fill: Fill, isLeader: Bool, _ outcome: CacheOutcome) -> Verdict {
        guard let reader = fill.join(worker: place.index, isLeader: isLeader) else { return consultAgain(id, route) }
        let turn = exchanges[id].caching
        cacheTurns[turn].source = .fill(fill, reader)
        readersByFill.value[ObjectIdentifier(fill), default: []].insert(id)
        exchanges[id].cacheOutcome = isLeader ? outcome : .collapsed
        if isLeader {
            // A request may have changed it since it was looked up.
            if let stale = cacheTurns[turn].stale, hasChanged(id, route.zone, since: stale.facts.storedAt) { cacheTurns[turn].stale = nil }
            let stale = cacheTurns[turn].stale
            // Who leads doesn't lead again.
            cacheTurns[turn].stale = nil
            if !beginFetch(fill, for: id, route, revalidating: stale, isBackground: false) {
                giveUp(fill, route)
            }
        }
        calls[exchanges[id].call].state = .awaitingHead
        return .next(.relay)
    }

    /// Nothing will come into the fill; others may have joined it.
    private func giveUp(_ fill: Fill, _ route: CacheRoute) {
        route.zone.end(fill)
        wake(fill, fill.fail(GatewayError(.connectionsExhausted, "the worker has no room for a further request to an origin")))
    }

    /// Since the zone named it the fill has ended, or let go of its first bytes: by now the answer is stored, or another one is under way
    /// or needed.
    func consultAgain(_ id: Handle, _ route: CacheRoute) -> Verdict {
        let turn = exchanges[id].caching
        cacheTurns[turn].lookups += 1
        if cacheTurns[turn].lookups > Limits.cacheLookupsMax { return passBy(id, route, .notShared) }
        do throws(CacheBypass) {
            return try consult(id, route, cacheTurns[turn].key, varying: cacheTurns[turn].variants)
        } catch {
            return passBy(id, route, error)
        }
    }
}

extension Exchange {
    var cacheWishes: CacheControl { CacheControl(head.fields, isRequest: true) }

    /// Everything but the content that makes two requests the same.
    fileprivate func addToKey(_ route: CacheRoute, overTLS: Bool, _ key: inout CacheKeyMaker) throws(CacheBypass) {
        switch route.partition {
        case .shared: break
        case .anonymous: key.add(.partition, RawSpan())
        case .key:
            if let caller = callerKey {
                let name = caller.keys.text(caller.name)
                key.add(.partition, name.rawSpan)
                addOtherCredentials(caller.keys.fields, &key)
            }
        }
        // HEAD is told what GET would get.
        key.add(.method, UInt64(head.method == .post ? Method.post.rawValue : Method.get.rawValue))
        let name = route.name
        key.add(.route, name.rawSpan)
        if let policy = location?.upstream?.versionPolicy, let version = version(by: policy) {
            let name = policy.versionNames[version]
            key.add(.version, name.rawSpan)
        }
        if overTLS { key.add(.scheme, RawSpan()) }
        key.add(.host, head.hostname)
        // The origin sees more than the name, in Host and X-Forwarded-Host: a port, a dot behind it.
        if head.authority.byteCount != head.hostname.byteCount { key.add(.host, head.authority) }
        if isFromTrustedProxy { addForwarding(&key) }
        key.add(.path, head.path)
        if head.hasQuery { key.add(.query, head.query) }
        if head.fields.contains(.origin), route.countsOrigin(isPost: head.method == .post) {
            addField(CacheRoute.originField, .field, &key)
        }
        // Most of those that count are not there: none of the fields has a name of that length.
        let lengths = head.fields.nameLengths
        if lengths & route.overrides.lengths != 0 && route.overrides.areIn(head.fields) { throw .override }
        for index in 0..<route.fields.count where lengths & 1 << UInt64(min(route.fields[index].count, 63)) != 0 {
            addField(route.fields[index], .field, &key)
        }
    }

    /// Under one API key there may be many users, whom the origin tells apart by credentials of its own, or by a second key.
    private func addOtherCredentials(_ keys: APIKeyFields, _ key: inout CacheKeyMaker) {
        var verified = -1
        if case .key(let field, _) = keys.find(in: head.fields) { verified = field }
        for index in 0..<head.fields.count where index != verified && (isCredential(index) || keys.mayHold(index, of: head.fields)) {
            if head.fields.isHopByHop(index) { continue }
            key.add(.field, name: head.fields.nameBytes(index), head.fields.value(index))
        }
    }

    /// What a trusted proxy says of its client's request is passed on.
    private func addForwarding(_ key: inout CacheKeyMaker) {
        for index in 0..<head.fields.count {
            switch head.fields.name(index) {
            // Forwarded names a host and a scheme, too (RFC 7239).
            case .xForwardedHost, .xForwardedProto, .xForwardedPort, .forwarded:
                key.add(.field, name: head.fields.nameBytes(index), head.fields.value(index))
            default: continue
            }
        }
    }

    fileprivate func addToKey(_ base: SHA256Digest, varying variants: VariantNames, _ key: inout CacheKeyMaker) {
        key.add(.base, base)
        key.add(.salt, variants.salt)
        for name in variants.names { addField(Array(name), .varyingField, &key) }
    }

    private func addField(_ name: [UInt8], _ part: CacheKeyMaker.Part, _ key: inout CacheKeyMaker) {
        for index in 0..<head.fields.count {
            // What is for this hop alone the origin doesn't see; some take an underscore for a hyphen, others don't.
            let own = head.fields.nameBytes(index)
            if head.fields.isHopByHop(index) || !own.isTaken(for: name.rawSpan) { continue }
            key.add(part, name: own.equalsIgnoringCase(name.rawSpan) ? name.rawSpan : own, head.fields.value(index))
        }
    }
}

extension CacheTurn {
    /// The key of the parts that `key` has and the content, made anew only if the same have not been met before.
    fileprivate mutating func key(
        hasContent: Bool, _ pool: BufferPool, _ memo: inout KeyMemo, _ json: inout CanonicalJSON, _ key: inout CacheKeyMaker
    ) throws(CacheBypass) -> SHA256Digest {
        key.keepParts()
        if let known = memo.find(route.number, key.parts, body.bytes) { return known }
        if hasContent { try addContent(pool, &json, &key) }
        let made = key.finish()
        memo.note(made, route.number, key.parts, body.bytes)
        return made
    }

    private func addContent(_ pool: BufferPool, _ json: inout CanonicalJSON, _ key: inout CacheKeyMaker) throws(CacheBypass) {
        var canonical = ByteQueue(pool: pool)
        do throws(CanonicalJSONFailure) {
            try json.encode(body.bytes, ignoring: route.ignored, into: &canonical)
        } catch {
            throw CacheBypass(error)
        }
        if route.config.deterministicOnly && !json.facts.temperatureIsZero { throw .notDeterministic }
        key.add(.canonicalBody, canonical.bytes)
    }
}

extension CacheBypass {
    fileprivate init(_ failure: CanonicalJSONFailure) {
        self =
            switch failure {
            case .invalid: .jsonInvalid
            case .duplicateName: .jsonDuplicateName
            case .tooDeep: .jsonTooDeep
            case .invalidUnicode: .jsonInvalidUnicode
            case .numberTooLong: .jsonNumberTooLong
            case .tooCostly: .jsonTooCostly
            case .tooLong: .bodyTooLarge
            }
    }
}

extension CacheControl {
    fileprivate var freshness: Freshness {
        var freshness = Freshness()
        if let maxAgeS { freshness.maxAgeS = maxAgeS }
        if let minFreshS { freshness.minFreshMs = Self.milliseconds(minFreshS) }
        if let maxStaleS { freshness.maxStaleMs = Self.milliseconds(maxStaleS) }
        freshness.isOnlyIfCached = onlyIfCached
        return freshness
    }

    private static func milliseconds(_ seconds: UInt64) -> UInt64 { seconds > .max / 1000 ? .max : seconds * 1000 }
}

extension CacheTurn {
    /// Puts the content behind the head of the request that is fetched; it stays here, too, for whoever may have to be asked next.
    func appendBody(to call: inout UpstreamCall, isChunked: Bool) {
        call.appendBody(body, 0..<body.count, isChunked: isChunked)
    }
}
