import GatewayCache
import GatewayCore
import GatewayHTTP
import GatewayNet

/// Fetches: exchanges without a client, whose answer goes into a ``Fill`` for all who want it. They run the phases from chooseUpstream on.
extension Worker {
    /// Asks the origin for what the exchange `id` wants, into `fill`. False if there is no room for a further exchange.
    func beginFetch(_ fill: Fill, for id: Handle, _ route: CacheRoute, revalidating stale: StoredAnswer?, isBackground: Bool) -> Bool {
        // As for the streams of HTTP/2: every connection of HTTP/1.1 was promised a place when it was let in.
        let count = exchanges.count + downstreams.count + 1
        guard exchanges.hasRoom(for: count), calls.hasRoom(for: count), fetches.hasRoom(for: count),
            let upstream = exchanges[id].location?.upstream
        else { return false }
        let snapshot = exchanges[id].snapshot
        let fetch = exchanges.insert(Exchange(connection: .none, snapshot: snapshot, client: exchanges[id].client, now: now, pool: pool))
        var request = ByteQueue(pool: pool)
        let spanIDOffset: Int
        do throws(GatewayError) {
            try exchanges[id].encodeRequestHead(overHTTP2: upstream.speaksHTTP2, on: downstreams[exchanges[id].connection], into: &request)
            spanIDOffset = exchanges[id].spanIDOffset(inHeadOf: request.count)
            if let stale, stale.facts.hasValidator { stale.appendConditions(pool, to: &request) }
            exchanges[fetch].adopt(from: exchanges[id])
            if exchanges[id].trace.isOn { joinTrace(fetch, of: id, fill) }
        } catch {
            exchanges.discard(fetch)
            return false
        }
        snapshots[snapshot].users += 1
        let method = exchanges[fetch].head.method
        let call = calls.insert(UpstreamCall(exchange: fetch, upstream: upstream, method: method, pool: pool))
        calls[call].headByteCount = request.count
        calls[call].spanIDOffset = spanIDOffset
        calls[call].request = request
        cacheTurns[exchanges[id].caching].appendBody(to: &calls[call], isChunked: exchanges[id].requestBody.framing == .chunked)
        if exchanges[id].requestBody.framing == .chunked { endChunks(id, call) }
        exchanges[fetch].call = call
        exchanges[fetch].fetch = fetches.insert(
            Fetch(
                route, fill, cacheTurns[exchanges[id].caching], leader: id, now: now, stale: stale,
                version: upstream.versionPolicy.flatMap { exchanges[id].version(by: $0) },
                resource: method == .post ? nil : exchanges[id].resource(in: route.zone), isBackground: isBackground, pool: pool))
        fill.writingWorker = place.index
        exchanges[id].appendPurgePath(to: &fetches[exchanges[fetch].fetch].path)
        fetchesByFill.value[ObjectIdentifier(fill)] = fetch
        if let timeoutMs = exchanges[id].location?.requestTimeoutMs, timeoutMs > 0 {
            if isBackground { limitTime(of: fetch, ms: timeoutMs) } else { limitTime(of: fetch, until: exchanges[id].deadline) }
        }
        queueReady(exchange: fetch)
        return true
    }

    func queueReady(fetch id: Handle) {
        let fetch = exchanges[id].fetch
        if fetches[fetch].isReadyQueued { return }
        fetches[fetch].isReadyQueued = true
        readyQueue.value.append(EventToken(kind: Kind.fetch, handle: id))
    }

    // MARK: Relay

    func relayFetch(_ id: Handle) -> Verdict {
        let call = exchanges[id].call
        if case .connecting = calls[call].state { return .wait }
        writeRequest(call)
        return relayResponse(id, call, .none)
    }

    /// The final head decides whether the answer is for all, and whether it is kept. Interim ones are for the client that isn't there.
    func takeFetchedHead(_ id: Handle, _ call: Handle) throws(GatewayError) {
        let status = calls[call].head.status
        if status == 101 { throw GatewayError(.upstreamInvalid, "the origin switches protocols, which nobody asked for") }
        if status < 200 {
            calls[call].interimResponses += 1
            if calls[call].interimResponses > Limits.interimResponsesMax {
                throw GatewayError(.upstreamInvalid, "the origin sent too many interim responses")
            }
            calls[call].nextHead(method: exchanges[id].head.method)
            return
        }
        exchanges[id].outcome.status = status
        calls[call].framing = calls[call].head.framing
        if case .length(let length) = calls[call].framing { calls[call].remaining = length }
        calls[call].state = .readingBody
        exchanges[id].response.status = status
        exchanges[id].response.hasBegun = true
        tellLeader(id)
        if exchanges[id].location?.answers != nil { beginMeter(id, call) }
        beginFill(id, call, status)
    }

    private func beginFill(_ id: Handle, _ call: Handle, _ status: Int) {
        let fetch = exchanges[id].fetch
        let (route, fill) = (fetches[fetch].route, fetches[fetch].fill)
        let isPost = exchanges[id].head.method == .post
        if let stale = fetches[fetch].stale {
            if status == 304 && stale.facts.hasValidator {
                if calls[call].refutesKey(route, isPost: isPost, variants: fetches[fetch].countedVariants) { return withdraw(id, stale) }
                if stale.isContradicted(by: calls[call], pool) { route.zone.drop(stale) }
                return settle(id, with: hasChangedSinceAsked(fetch) ? stale : refreshed(stale, id, call), isRevalidated: true)
            }
            if (status >= 500 || status == 429) && mayStandIn(stale) { return settle(id, with: stale) }
        }
        fetches[fetch].stale = nil
        var verdict = calls[call].cacheVerdict(
            route, isPost: isPost, attempt: fill.attempt, variants: fetches[fetch].countedVariants, wallClockS: wallClockS)
        // Who waits under a key that counts what Vary names has the same values there.
        if fetches[fetch].countedVariants?.list == verdict.vary { verdict = verdict.forVariant }
        fetches[fetch].begin(verdict, calls[call], isPost: isPost)
        if !verdict.vary.isEmpty { countVariant(id, verdict) }
        if let variant = fetches[fetch].variant {
            // Who waits may have other values in those fields.
            fill.become(variant)
            route.zone.hide(fill)
        } else if !verdict.vary.isEmpty, let refusal = fetches[fetch].refusal {
            verdict.refuse(refusal)
        }
        if verdict.sharing == .leaderOnly { route.zone.endUnshared(fill, now: now) }
        var head = ByteQueue(pool: pool)
        fetches[fetch].plainHeadBytes = calls[call].encodeHeadForAll(dropsCookies: verdict.dropsCookies, into: &head)
        var bodyBytes = 0
        if case .length(let length) = calls[call].framing { bodyBytes = Int(min(length, UInt64(route.zone.entryBytesMax))) }
        let begun = fill.begin(head: head.bytes, sharing: verdict.sharing, keeps: fetches[fetch].refusal == nil, bodyBytes: bodyBytes)
        let leader = fetches[fetch].leader
        if exchanges.contains(leader), !exchanges[leader].caching.isNone {
            let isKept = fetches[fetch].refusal == nil && fill.isKept
            let byteCount = fetches[fetch].path.count + head.count + bodyBytes
            let key = fetches[fetch].variant?.key ?? fill.key
            cacheTurns[exchanges[leader].caching].isToBeStored = isKept && route.zone.mayGetRoom(for: byteCount, under: key)
        }
        wake(fill, begun)
    }

    /// The answer depends on more than its key counts: it gets a key that does, and stands there for those with the same values.
    private func countVariant(_ id: Handle, _ verdict: CacheVerdict) {
        let (fetch, leader) = (exchanges[id].fetch, fetches[exchanges[id].fetch].leader)
        guard fetches[fetch].refusal == nil else { return }
        // The values are those that clients send: of what the gateway sets itself, nobody's would be the one that the origin saw.
        guard exchanges.contains(leader), !exchanges[leader].setsAny(of: verdict.vary, fetches[fetch].route) else {
            fetches[fetch].refusal = .vary
            return
        }
        // Who asks for another one shall find those that are there already.
        let base = fetches[fetch].baseKey
        var names = fetches[fetch].route.zone.variantNames(base, pool) ?? VariantNames(verdict.vary)
        if names.list != verdict.vary { names = VariantNames(verdict.vary) }
        fetches[fetch].variant = Fill.Variant(key: variantKey(of: base, names, leader), base: base, names: names)
    }

    /// A request has changed the resource meanwhile: nobody knows whether the origin's answer is from before or after.
    private func hasChangedSinceAsked(_ fetch: Handle) -> Bool {
        guard let resource = fetches[fetch].resource else { return false }
        return fetches[fetch].route.zone.hasChanged(resource, since: fetches[fetch].startedAt)
    }

    /// The readers get what was stored; what still comes from the origin is nobody's.
    private func settle(_ id: Handle, with answer: StoredAnswer, isRevalidated: Bool = false) {
        let fetch = exchanges[id].fetch
        let fill = fetches[fetch].fill
        fetches[fetch].isSettled = true
        // Those who asked before the change may have it, and nobody after them (RFC 9111 § 4.4).
        if hasChangedSinceAsked(fetch) { fetches[fetch].route.zone.drop(answer) }
        fetches[fetch].route.zone.end(fill)
        wake(fill, fill.resolve(with: answer, isRevalidated: isRevalidated))
        queueReady(fetch: id)
    }

    /// Whom the stored answer is for is no longer known: it goes, and those who wait ask anew, by one request without conditions.
    private func withdraw(_ id: Handle, _ stale: StoredAnswer) {
        let fetch = exchanges[id].fetch
        let fill = fetches[fetch].fill
        fetches[fetch].isSettled = true
        fetches[fetch].route.zone.drop(stale)
        fetches[fetch].route.zone.end(fill)
        wake(fill, fill.withdraw())
        queueReady(fetch: id)
    }

    func appendToFill(_ id: Handle, _ content: borrowing ByteQueue, _ range: Range<Int>) {
        let fetch = exchanges[id].fetch
        if fetches[fetch].isSettled { return }
        let ended = fetches[fetch].take(content, range)
        if ended.isOutgrown { fetches[fetch].route.zone.endUnshared(fetches[fetch].fill, now: now) }
        if ended.isNeeded { wake(fetches[fetch].fill, ended) }
    }

    // MARK: store

    /// The answer is whole.
    func store(_ id: Handle) -> Verdict {
        let fetch = exchanges[id].fetch
        if fetches[fetch].isSettled { return .next(.finish) }
        let (route, fill) = (fetches[fetch].route, fetches[fetch].fill)
        tellLeader(id)
        _ = fill.finish()
        if fetches[fetch].refusal == nil && !isWholeStream(id) { fetches[fetch].refusal = .eventStream }
        if fetches[fetch].refusal == nil && hasChangedSinceAsked(fetch) { fetches[fetch].refusal = .changed }
        if fetches[fetch].refusal == nil && isErrorDocument(id) { fetches[fetch].refusal = .errorDocument }
        if fetches[fetch].refusal == nil && !fill.isStorable {
            fetches[fetch].refusal = fill.isCrowdedOut ? .crowded : .tooLarge
        }
        if fetches[fetch].refusal == nil { fetches[fetch].refusal = keep(id, route) }
        if let refusal = fetches[fetch].refusal {
            tellLeader(id, refusal)
            shard.increment(route.refusals(refusal))
            route.zone.end(fill)
        } else {
            shard.increment(route.stored)
        }
        wake(fill, fill.decide())
        return .next(.finish)
    }

    /// An event stream is whole when its API says so: the end of the connection may be anything.
    private func isWholeStream(_ id: Handle) -> Bool {
        if !fetches[exchanges[id].fetch].isEventStream { return true }
        return !exchanges[id].meter.isNone && meters[exchanges[id].meter].isWholeStream
    }

    /// Whether an API that answers in JSON has failed in a 200.
    private func isErrorDocument(_ id: Handle) -> Bool {
        !exchanges[id].meter.isNone && meters[exchanges[id].meter].isErrorDocument
    }

    /// Nil if the zone keeps it.
    private func keep(_ id: Handle, _ route: CacheRoute) -> CacheRefusal? {
        let fetch = exchanges[id].fetch
        var facts = AnswerFacts(
            status: exchanges[id].response.status, storedAtMs: clock.value.nanoseconds(now) / 1_000_000, storedAt: now,
            freshForMs: fetches[fetch].freshForMs)
        facts.askedAt = fetches[fetch].startedAt
        facts.initialAgeS = fetches[fetch].initialAgeS
        facts.mustRevalidate = fetches[fetch].mustRevalidate
        if !facts.mustRevalidate {
            facts.staleIfErrorMs = UInt64(route.config.staleIfErrorMs)
            facts.staleWhileRevalidateMs = UInt64(route.config.staleWhileRevalidateMs)
        }
        facts.originMs = now.nanoseconds(since: fetches[fetch].startedAt) / 1_000_000
        facts.hasValidator = fetches[fetch].hasValidator
        facts.isEventStream = fetches[fetch].isEventStream
        facts.plainHeadBytes = fetches[fetch].plainHeadBytes
        if !exchanges[id].meter.isNone {
            let usage = meters[exchanges[id].meter].usage
            facts.inputTokens = usage.input ?? 0
            facts.outputTokens = usage.output ?? 0
        }
        do throws(StoreRefusal) {
            try fetches[fetch].store(facts, pool)
            return nil
        } catch {
            return CacheRefusal(error)
        }
    }

    // MARK: Endings

    /// No answer, or none that is whole.
    func failFetch(_ id: Handle, _ error: GatewayError) {
        dropCall(id)
        tellLeader(id)
        let fetch = exchanges[id].fetch
        if fetches[fetch].isSettled { return }
        if !exchanges[id].response.hasBegun, let stale = fetches[fetch].stale, mayStandIn(stale) { return settle(id, with: stale) }
        let fill = fetches[fetch].fill
        fetches[fetch].isSettled = true
        tellLeader(id, .unfinished)
        shard.increment(fetches[fetch].route.refusals(.unfinished))
        fetches[fetch].route.zone.end(fill)
        wake(fill, fill.fail(error))
    }

    func finishFetch(_ id: Handle) {
        dropCall(id)
        if exchanges[id].trace.isSampled { recordFetchSpan(id) }
        if !exchanges[id].meter.isNone { endMeter(id) }
        let (fetch, snapshot) = (exchanges[id].fetch, exchanges[id].snapshot)
        fetchesByFill.value[ObjectIdentifier(fetches[fetch].fill)] = nil
        fetches.discard(fetch)
        exchanges.discard(id)
        releaseSnapshot(snapshot)
    }

    /// Goes on with a fetch whose readers have come forward, or gone. Only ever from the queue of those that are ready: who tells of readers
    /// may be the fetch itself, in the middle of a step.
    func resume(fetch id: Handle) {
        let fetch = exchanges[id].fetch
        fetches[fetch].isReadyQueued = false
        if fetches[fetch].isSettled {
            // Its readers have another answer: what still comes is nobody's.
            cancel(fetch: id)
        } else if isUnwanted(fetch) && fetches[fetch].route.zone.abandonIfUnread(fetches[fetch].fill) {
            cancel(fetch: id)
        } else {
            step(id)
        }
    }

    private func isUnwanted(_ fetch: Handle) -> Bool {
        if fetches[fetch].isSettled || fetches[fetch].fill.readerCount > 0 { return false }
        if isDraining { return true }
        let goesOn = fetches[fetch].isBackground || fetches[fetch].isForOthers || fetches[fetch].route.config.finishesAbandoned
        return !goesOn || fetches[fetch].refusal != nil || fetches[fetch].isTooLarge
    }

    private func cancel(fetch id: Handle) {
        tellLeader(id)
        dropCall(id)
        fetches[exchanges[id].fetch].isSettled = true
        exchanges[id].phase = .finish
        step(id)
    }

    /// A worker that ends waits for what is read, not for what is only to be kept.
    func endUnreadFetches() {
        for id in fetchesByFill.value.values { queueReady(fetch: id) }
    }

    private func tellLeader(_ id: Handle, _ refusal: CacheRefusal) {
        if let leader = listeningLeader(of: id) { exchanges[leader].cacheRefusal = refusal }
    }

    /// What the log says of the attempts stands in the line of who asked first.
    private func tellLeader(_ id: Handle) {
        if let leader = listeningLeader(of: id) { exchanges[leader].outcome = exchanges[id].outcome }
    }

    /// Who asked first, if that has neither ended nor gone on by itself.
    private func listeningLeader(of id: Handle) -> Handle? {
        let fetch = exchanges[id].fetch
        let leader = fetches[fetch].leader
        if fetches[fetch].isBackground || !exchanges.contains(leader) || exchanges[leader].cacheOutcome == .bypass { return nil }
        return leader
    }
}

extension Exchange {
    /// Takes over what a fetch needs to be sent on its way: whose it is, and its method. The request itself is encoded already.
    fileprivate mutating func adopt(from other: borrowing Exchange) {
        head.become(other.head.method)
        server = other.server
        location = other.location
        keyName = other.keyName
        requestID = other.requestID
        requestBody.framing = other.requestBody.framing
        requestCompletedAt = other.startedAt
        phase = .chooseUpstream
    }
}

extension Exchange {
    /// What `gateway cache purge --path` goes by.
    fileprivate func appendPurgePath(to queue: inout ByteQueue) {
        queue.append(head.path)
    }

    /// Whether the gateway says itself what one of the fields holds.
    fileprivate func setsAny(of names: [UInt8], _ route: CacheRoute) -> Bool {
        for name in names.split(separator: UInt8(ascii: ",")) {
            let bytes = Array(name)
            switch FieldName(bytes.rawSpan) {
            case .host, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xRealIP, .xRequestID: return true
            case .traceparent where trace.isOn, .tracestate where trace.isOn: return true
            // What it makes of a request is part of its key, but for who sent it; GET is held to the letter.
            default:
                guard location?.proxySetFields.contains(FieldName(bytes.rawSpan), bytes.rawSpan) == true else { continue }
                if head.method != .post || route.isUnkeyed(bytes.rawSpan) { return true }
            }
        }
        return false
    }
}

extension UpstreamCall {
    /// The head as every reader may have it: its connection's fields are gone, and framed anew where it has no length. Returns
    /// ``AnswerFacts/plainHeadBytes``: not where a reader is told something else (Age), or more (Date).
    fileprivate func encodeHeadForAll(dropsCookies: Bool, into queue: inout ByteQueue) -> Int {
        HTTP1Encoder.statusLine(head.status, reason: head.reason, into: &queue)
        for index in 0..<head.fields.count {
            switch head.fields.name(index) {
            case .contentLength, .transferEncoding, .trailer: continue
            case .setCookie: if dropsCookies { continue }
            default: break
            }
            if !head.fields.isHopByHop(index) { head.fields.appendLine(index, to: &queue) }
        }
        let isPlain = head.status == 200 && head.fields.contains(.date) && !head.fields.contains(.age)
        let plainHeadBytes = isPlain && framing != .none ? queue.count : 0
        switch framing {
        case .length(let length): HTTP1Encoder.field("Content-Length", decimal: length, into: &queue)
        case .chunked, .untilClose: queue.append("Transfer-Encoding: chunked\r\n")
        case .none: break
        }
        HTTP1Encoder.endLine(into: &queue)
        return plainHeadBytes
    }
}
