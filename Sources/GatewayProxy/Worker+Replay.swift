import GatewayCache
import GatewayCore
import GatewayHTTP

/// The client's side of the cache: an answer that is stored, or under way, is handed on like an origin's, as far as the client reads.
extension Worker {
    /// Gives what is stored. Where the client has it already, by its tag, only that is said (RFC 9111 § 4.3.2).
    func replay(_ id: Handle, _ stored: StoredAnswer, _ outcome: CacheOutcome) -> Verdict {
        let (call, turn) = (exchanges[id].call, exchanges[id].caching)
        if stored.isCrowded && stored.bodyByteCount > Limits.outputHighBytes && exchanges[id].head.method != .head {
            if stored.byteCount > Limits.cacheBodiesBytesMax - cacheBodiesBytes { return passBy(id, cacheTurns[turn].route, .exhausted) }
            cacheTurns[turn].copy(stored)
        } else {
            cacheTurns[turn].source = .stored(stored)
        }
        exchanges[id].cacheOutcome = outcome
        dropBody(of: turn)
        calls[call].state = .awaitingHead
        return .next(.relay)
    }

    // MARK: Relay

    func relayCached(_ id: Handle, _ call: Handle, _ connection: Handle) -> Verdict {
        var turnBytes = 0
        while true {
            if let verdict = waitForReader(id, call, connection) {
                takeRest(id)
                return verdict
            }
            if turnBytes > Limits.turnBytesMax {
                queueReady(exchange: id)
                return .wait
            }
            if !exchanges[id].response.encoder.isNone && !mayEncode(id, call) { return .wait }
            let progress: Fill.Progress
            do throws(GatewayError) {
                progress = try takeCached(id, call, connection)
            } catch {
                return exchanges[id].response.hasBegun ? .breakOff(error) : .refuse(error)
            }
            switch progress {
            case .head: break
            case .bytes(let count): turnBytes += count
            case .waiting:
                if !exchanges[id].response.encoder.isNone { flushEncoder(id, connection) }
                return .wait
            case .complete:
                completeCached(id, call)
                return .next(.finish)
            case .failed(let error):
                if !exchanges[id].response.hasBegun { return .refuse(error) }
                if error.type == .sendTimeout { return .breakOff(error) }
                return .breakOff(GatewayError(.upstreamTruncated, "the origin broke off its response"))
            case .answered, .goAlone, .askAgain, .tryAgain: return goOn(id, progress)
            }
        }
    }

    /// One piece: the head, or content.
    private func takeCached(_ id: Handle, _ call: Handle, _ connection: Handle) throws(GatewayError) -> Fill.Progress {
        let turn = exchanges[id].caching
        if case .awaitingHead = calls[call].state {
            if sendStoredHead(id, call, connection) { return .head }
            var head = ByteQueue(pool: pool)
            let progress = cacheTurns[turn].readHead(into: &head)
            guard case .head = progress else { return progress }
            if !isForThis(id) { return .goAlone }
            try takeCachedHead(id, call, head)
            return calls[call].framing == .none ? .complete : .head
        }
        // Where nothing has to be done to the bytes they go right to where they are written from.
        let stream = exchanges[id].stream
        let isPlain = exchanges[id].response.encoder.isNone && (!stream.isNone || exchanges[id].response.framing != .chunked)
        let reading: Fill.Reading
        if isPlain {
            if stream.isNone {
                reading = cacheTurns[turn].read(into: &downstreams[connection].output, now: now)
            } else {
                reading = cacheTurns[turn].read(into: &streams.slab[stream].output, now: now)
            }
            if case .bytes(let count) = reading.progress {
                exchanges[id].response.sent += UInt64(count)
                if stream.isNone { queueFlush(connection) } else { resume(stream, of: connection) }
            }
        } else {
            var piece = ByteQueue(pool: pool)
            let encoder = exchanges[id].response.encoder
            let bytesMax = encoder.isNone ? Limits.readBytes : encodableCount(encoder, Limits.readBytes)
            reading = cacheTurns[turn].read(into: &piece, atMost: bytesMax, now: now)
            if !piece.isEmpty { appendContent(id, connection, piece, 0..<piece.count) }
        }
        if reading.wakesWriter, case .fill(let fill, _) = cacheTurns[turn].source { tellWriter(of: fill) }
        return reading.progress
    }

    /// Whether an answer that Vary makes one of several is the one to this request (RFC 9111 § 4.1).
    private func isForThis(_ id: Handle) -> Bool {
        guard case .fill(let fill, _) = cacheTurns[exchanges[id].caching].source, let variant = fill.onlyVariant else { return true }
        return variantKey(of: variant.base, variant.names, id) == variant.key
    }

    private func takeCachedHead(_ id: Handle, _ call: Handle, _ head: borrowing ByteQueue) throws(GatewayError) {
        guard try calls[call].parse(head) == head.count else { throw GatewayError(.upstreamInvalid, "what was kept of a head is no head") }
        let method = exchanges[id].head.method
        if let length = cacheTurns[exchanges[id].caching].storedByteCount, calls[call].head.framing != .none {
            calls[call].head.reframe(.length(UInt64(length)))
        }
        if method != .post && exchanges[id].alreadyHas(calls[call]) {
            calls[call].head.becomeNotModified()
            if case .fill(let fill, _) = cacheTurns[exchanges[id].caching].source, let fetch = fetchesByFill.value[ObjectIdentifier(fill)] {
                fetches[exchanges[fetch].fetch].isForOthers = true
            }
        }
        try takeHead(id, call)
        if case .fill = cacheTurns[exchanges[id].caching].source { dropBody(of: exchanges[id].caching) }
    }

    /// A reader whose client is slow goes on by itself when all of the answer is there, so that what is under way keeps no memory for it:
    /// with what is stored, or with a copy of the rest where that is short, not stored, or where readers hold much of the zone already.
    private func takeRest(_ id: Handle) {
        let turn = exchanges[id].caching
        guard case .fill(let fill, let reader) = cacheTurns[turn].source, fill.isDecided, let rest = fill.rest(of: reader),
            rest.hasHead || isForThis(id)
        else { return }
        let mayCopy = rest.byteCount <= Limits.cacheBodiesBytesMax - cacheBodiesBytes
        cacheTurns[turn].readSpan = fill.fetchSpan
        if mayCopy && (rest.stored?.isCrowded ?? true || rest.byteCount <= Limits.outputHighBytes) {
            cacheTurns[turn].copyRest(fill, reader, hasHead: rest.hasHead, now: now)
            let headBytes = rest.hasHead ? 0 : cacheTurns[turn].copy.count - rest.byteCount
            stopReading(id)
            cacheTurns[turn].source = .copied(nil, headBytes: headBytes)
        } else if let stored = rest.stored {
            cacheTurns[turn].offset = rest.offset
            stopReading(id)
            cacheTurns[turn].source = .stored(stored)
        } else {
            return
        }
        dropBody(of: turn)
    }

    /// It won't have to be sent on.
    private func dropBody(of turn: Handle) {
        cacheTurns[turn].body.removeAll()
        cacheTurns[turn].stale = nil
        count(cacheTurns[turn].copy.count, of: turn)
    }

    private func completeCached(_ id: Handle, _ call: Handle) {
        let connection = exchanges[id].connection
        if !exchanges[id].response.encoder.isNone { finishEncoding(id, connection) }
        if exchanges[id].isOverHTTP2 {
            if calls[call].framing != .none { endStream(id, call) }
        } else if exchanges[id].response.framing == .chunked {
            calls[call].appendLastChunk(isRecoded: !exchanges[id].response.encoder.isNone, to: &downstreams[connection].output)
            queueFlush(connection)
        }
        exchanges[id].response.isComplete = true
        calls.discard(call)
        exchanges[id].call = .none
    }

    /// The answer under way is not this one's.
    private func goOn(_ id: Handle, _ progress: Fill.Progress) -> Verdict {
        let turn = exchanges[id].caching
        guard case .fill(let fill, _) = cacheTurns[turn].source else { return .wait }
        let route = cacheTurns[turn].route
        stopReading(id)
        switch progress {
        case .answered(let stored):
            let outcome = exchanges[id].outcome
            if !outcome.firstByteAt.isNever { cacheTurns[turn].originStatus = outcome.status }
            return replay(id, stored, fill.isRevalidated ? .revalidated : .staleOnError)
        case .askAgain: return consultAgain(id, route)
        case .tryAgain:
            guard let next = route.zone.succeed(fill) else { return passBy(id, route, .notShared) }
            return follow(id, route, next.fill, isLeader: next.isLeader, .miss)
        default:
            return passBy(id, route, .notShared)
        }
    }

    // MARK: What the client hears of it

    /// Cache-Status (RFC 9211) and Age.
    func tellCache(_ id: Handle) {
        let turn = exchanges[id].caching
        let outcome = exchanges[id].cacheOutcome
        // A POST that the cache has a part in is a question, by the operator's word: it changes nothing. What has an override may be a
        // DELETE to the origin, whatever its method is here.
        if outcome == .bypass && (!exchanges[id].head.method.isSafe || exchanges[id].bypassReason == .override) { noteChange(by: id) }
        exchanges[id].policyFields.append("Cache-Status: gateway; ")
        switch outcome {
        case .none: break
        case .hit, .staleRevalidating, .staleOnError, .revalidated:
            guard let facts = cacheTurns[turn].storedFacts else { break }
            switch outcome {
            case .revalidated: exchanges[id].policyFields.append("fwd=stale; fwd-status=304; ttl=")
            // It was asked, so this is no hit (RFC 9211 § 2.1). Who reads along with another doesn't know what that was told.
            case .staleOnError:
                exchanges[id].policyFields.append("fwd=stale; ")
                let status = cacheTurns[turn].originStatus
                if status > 0 {
                    exchanges[id].policyFields.append("fwd-status=")
                    exchanges[id].policyFields.append(decimal: status)
                    exchanges[id].policyFields.append("; ")
                }
                exchanges[id].policyFields.append("ttl=")
            default: exchanges[id].policyFields.append("hit; ttl=")
            }
            let (freshMs, staleMs) = (facts.freshMs(now), facts.staleMs(now))
            if freshMs == 0 && staleMs >= 1000 { exchanges[id].policyFields.append("-") }
            exchanges[id].policyFields.append(decimal: (freshMs > 0 ? freshMs : staleMs) / 1000)
            if outcome == .staleOnError { exchanges[id].policyFields.append("; detail=stale-if-error") }
            if outcome == .staleRevalidating { exchanges[id].policyFields.append("; detail=stale-while-revalidate") }
            exchanges[id].policyFields.append("\r\n")
            HTTP1Encoder.field("Age", decimal: facts.ageS(now), into: &exchanges[id].policyFields)
            return
        case .miss: exchanges[id].policyFields.append("fwd=miss")
        case .expired: exchanges[id].policyFields.append("fwd=stale")
        case .refresh: exchanges[id].policyFields.append("fwd=request")
        case .collapsed: exchanges[id].policyFields.append("fwd=miss; collapsed")
        case .bypass:
            exchanges[id].policyFields.append("fwd=bypass; detail=")
            if let reason = exchanges[id].bypassReason { exchanges[id].policyFields.append(reason.name) }
        }
        if outcome == .miss || outcome == .expired || outcome == .refresh, cacheTurns[turn].isToBeStored {
            exchanges[id].policyFields.append("; stored")
        }
        exchanges[id].policyFields.append("\r\n")
    }

    // MARK: Endings

    /// The exchange is over: counted, and read no further.
    func leaveCache(_ id: Handle) {
        let outcome = exchanges[id].cacheOutcome
        if outcome != .none, let route = exchanges[id].location?.cache { shard.increment(route.requests(outcome)) }
        let turn = exchanges[id].caching
        if turn.isNone { return }
        stopReading(id)
        if outcome.isHit, exchanges[id].response.isComplete, let facts = cacheTurns[turn].storedFacts {
            let route = cacheTurns[turn].route
            shard.increment(route.savedInputTokens, by: facts.inputTokens)
            shard.increment(route.savedOutputTokens, by: facts.outputTokens)
            shard.increment(route.savedOriginTime, by: facts.originMs * 1_000_000)
        }
        count(0, of: turn)
        cacheTurns.discard(turn)
        exchanges[id].caching = .none
    }

    private func stopReading(_ id: Handle) {
        let turn = exchanges[id].caching
        guard case .fill(let fill, let reader) = cacheTurns[turn].source else { return }
        let key = ObjectIdentifier(fill)
        readersByFill.value[key]?.remove(id)
        if readersByFill.value[key]?.isEmpty == true { readersByFill.value[key] = nil }
        cacheTurns[turn].source = .none
        wake(fill, fill.leave(reader))
    }

    /// The fetch that the exchange asked for first, while it waits for it.
    func ownFetch(of id: Handle) -> Handle? {
        guard case .fill(let fill, _) = cacheTurns[exchanges[id].caching].source, let fetch = fetchesByFill.value[ObjectIdentifier(fill)],
            fetches[exchanges[fetch].fetch].leader == id
        else { return nil }
        return fetch
    }

    // MARK: Who is told

    /// Tells all whom a change of the fill concerns, at this worker and at others.
    func wake(_ fill: Fill, _ wake: Wake) {
        if !wake.isNeeded { return }
        var workers = wake.workers
        while let worker = workers.popFirst() {
            if worker == place.index { wakeReaders(of: fill) } else { place.peers.send(.fill(fill), to: worker) }
        }
        if wake.writer || wake.isUnread { tellWriter(of: fill) }
    }

    private func tellWriter(of fill: Fill) {
        if let fetch = fetchesByFill.value[ObjectIdentifier(fill)] {
            queueReady(fetch: fetch)
        } else if fill.writingWorker >= 0, fill.writingWorker != place.index {
            place.peers.send(.fill(fill), to: fill.writingWorker)
        }
    }

    func hear(of fill: Fill) {
        wakeReaders(of: fill)
        if let fetch = fetchesByFill.value[ObjectIdentifier(fill)] { queueReady(fetch: fetch) }
    }

    private func wakeReaders(of fill: Fill) {
        for id in readersByFill.value[ObjectIdentifier(fill)] ?? [] where exchanges.contains(id) { queueReady(exchange: id) }
    }
}

extension CacheTurn {
    /// How long a body is that is there already.
    fileprivate var storedByteCount: Int? {
        switch source {
        case .stored(let stored): stored.bodyByteCount
        case .copied: copy.count
        case .none, .fill: nil
        }
    }

    fileprivate var storedFacts: AnswerFacts? {
        switch source {
        case .stored(let stored): stored.facts
        case .copied(let facts, _): facts
        case .none, .fill: nil
        }
    }

    fileprivate mutating func copy(_ stored: StoredAnswer) {
        stored.appendHead(to: &copy)
        _ = stored.appendBody(from: 0, atMost: stored.bodyByteCount, to: &copy)
        source = .copied(stored.facts, headBytes: stored.headByteCount)
    }

    fileprivate mutating func copyRest(_ fill: Fill, _ reader: Fill.ReaderID, hasHead: Bool, now: MonotonicTime) {
        if !hasHead { _ = fill.readHead(reader, into: &copy) }
        _ = fill.read(reader, into: &copy, atMost: .max, now: now)
    }

    fileprivate mutating func readHead(into queue: inout ByteQueue) -> Fill.Progress {
        switch source {
        case .none: return .goAlone
        case .fill(let fill, let reader): return fill.readHead(reader, into: &queue)
        case .stored(let stored):
            stored.appendHead(to: &queue)
            return .head
        case .copied(_, let headBytes):
            queue.append(copy.slice(0, headBytes))
            copy.consume(headBytes)
            return .head
        }
    }

    fileprivate mutating func read(into queue: inout ByteQueue, atMost: Int = Limits.readBytes, now: MonotonicTime) -> Fill.Reading {
        switch source {
        case .none: return Fill.Reading(progress: .goAlone)
        case .fill(let fill, let reader): return fill.read(reader, into: &queue, atMost: atMost, now: now)
        case .stored(let stored):
            if offset == stored.bodyByteCount { return Fill.Reading(progress: .complete) }
            let count = stored.appendBody(from: offset, atMost: atMost, to: &queue)
            offset += count
            return Fill.Reading(progress: .bytes(count))
        case .copied:
            if copy.isEmpty { return Fill.Reading(progress: .complete) }
            let count = min(atMost, copy.count)
            queue.append(copy.slice(0, count))
            copy.consume(count)
            return Fill.Reading(progress: .bytes(count))
        }
    }
}

extension Exchange {
    /// Whether the client's copy is the one that it would get.
    fileprivate func alreadyHas(_ call: borrowing UpstreamCall) -> Bool {
        guard call.head.status == 200 else { return false }
        if head.fields.contains(.ifNoneMatch) {
            guard let tag = call.head.fields.firstIndex(of: .etag) else { return false }
            return head.fields.asksWhether(call.head.fields.value(tag))
        }
        guard let since = head.fields.firstIndex(of: .ifModifiedSince), let last = call.head.fields.firstIndex(of: .lastModified),
            let asked = HTTPDate.epochSeconds(head.fields.value(since)), let changed = HTTPDate.epochSeconds(call.head.fields.value(last))
        else { return false }
        return changed <= asked
    }
}
