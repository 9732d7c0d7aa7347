import GatewayCache
import GatewayCore
import GatewayHTTP

/// What is stored and too old: asked about by its validator, given on by the origin's word (304), or in the place of an origin that fails.
extension Worker {
    var wallClockS: Int { Int(clock.value.nanoseconds(now) / 1_000_000_000) }

    /// RFC 5861 § 4.
    func mayStandIn(_ stale: StoredAnswer) -> Bool {
        stale.facts.staleIfErrorMs > 0 && stale.facts.staleMs(now) <= stale.facts.staleIfErrorMs
    }

    /// What is stored, as the 304 to the fetch `id` has it: fresh anew, and with its fields (RFC 9111 § 4.3.4).
    func refreshed(_ stale: StoredAnswer, _ id: Handle, _ call: Handle) -> StoredAnswer {
        let fetch = exchanges[id].fetch
        let route = fetches[fetch].route
        var facts = refreshedFacts(stale.facts, id, call)
        var head = ByteQueue(pool: pool)
        // The Date of 304 as well (§ 3.2 excepts it not): Age is counted from here on, and who caches the answer behind us reckons its
        // lifetime from Date.
        if let plainHeadBytes = stale.encodeHead(updatedBy: calls[call], pool, into: &head) { facts.plainHeadBytes = plainHeadBytes }
        return route.zone.refresh(stale, facts, head: head.bytes)
    }

    private func refreshedFacts(_ stale: AnswerFacts, _ id: Handle, _ call: Handle) -> AnswerFacts {
        let route = fetches[exchanges[id].fetch].route
        let isPost = exchanges[id].head.method == .post
        let verdict = calls[call].freshness(route, isPost: isPost, wallClockS: wallClockS)
        var facts = stale
        facts.storedAt = now
        facts.askedAt = fetches[exchanges[id].fetch].startedAt
        facts.storedAtMs = clock.value.nanoseconds(now) / 1_000_000
        facts.initialAgeS = verdict.initialAgeS
        if calls[call].head.fields.contains(.cacheControl) { facts.mustRevalidate = verdict.mustRevalidate }
        if verdict.refusal != nil {
            // Not to be given without asking again, whatever was said before.
            facts.freshForMs = 0
        } else if calls[call].head.fields.contains(.cacheControl) || calls[call].head.fields.contains(.expires) {
            facts.freshForMs = verdict.freshForMs
        } else {
            // What 304 leaves out is as it was.
            let (lifetimeMs, ageMs) = (stale.freshForMs + stale.initialAgeS * 1000, verdict.initialAgeS * 1000)
            facts.freshForMs = lifetimeMs > ageMs ? lifetimeMs - ageMs : 0
        }
        if facts.mustRevalidate || verdict.refusal != nil {
            facts.staleIfErrorMs = 0
            facts.staleWhileRevalidateMs = 0
        }
        return facts
    }
}

extension StoredAnswer {
    /// Asks the origin whether the answer still holds (RFC 9111 § 4.3.1): in the place of the empty line.
    func appendConditions(_ pool: BufferPool, to request: inout ByteQueue) {
        var head = ResponseHead(pool: pool)
        if !readHead(into: &head, pool) { return }
        request.truncate(to: request.count - 2)
        if let tag = head.fields.firstIndex(of: .etag) { HTTP1Encoder.field("If-None-Match", head.fields.value(tag), into: &request) }
        if let date = head.fields.firstIndex(of: .lastModified) {
            HTTP1Encoder.field("If-Modified-Since", head.fields.value(date), into: &request)
        }
        HTTP1Encoder.endLine(into: &request)
    }

    /// Whether the 304 may be about another answer than this one (RFC 9111 § 4.3.4): it names another tag, or several.
    func isContradicted(by call: borrowing UpstreamCall, _ pool: BufferPool) -> Bool {
        guard let named = call.head.fields.firstIndex(of: .etag) else { return false }
        if call.head.fields.firstIndex(of: .etag, from: named + 1) != nil { return true }
        var head = ResponseHead(pool: pool)
        guard readHead(into: &head, pool), let own = head.fields.firstIndex(of: .etag) else { return true }
        return !call.head.fields.value(named).isSameTag(as: head.fields.value(own))
    }

    private func readHead(into head: inout ResponseHead, _ pool: BufferPool) -> Bool {
        var bytes = ByteQueue(pool: pool)
        appendHead(to: &bytes)
        return bytes.holds(&head)
    }

    /// The head with what a 304 says in the place of its own fields (RFC 9111 § 3.2); how much of it is plain (see
    /// ``AnswerFacts/plainHeadBytes``). nil where nothing changes, or where all of it together would be too large for a head.
    fileprivate func encodeHead(updatedBy call: borrowing UpstreamCall, _ pool: BufferPool, into queue: inout ByteQueue) -> Int? {
        var head = ResponseHead(pool: pool)
        if !readHead(into: &head, pool) { return nil }
        var changes = false
        for index in 0..<call.head.fields.count where call.head.fields.updates(index) {
            changes = changes || !head.fields.holds(call.head.fields.nameBytes(index), call.head.fields.value(index))
        }
        if !changes { return nil }
        HTTP1Encoder.statusLine(head.status, reason: head.reason, into: &queue)
        for index in 0..<head.fields.count {
            switch head.fields.name(index) {
            // How old it is by now the 304 has said.
            case .contentLength, .transferEncoding, .age: continue
            default: if !call.head.fields.updatesAny(named: head.fields.nameBytes(index)) { head.fields.appendLine(index, to: &queue) }
            }
        }
        for index in 0..<call.head.fields.count where call.head.fields.updates(index) { call.head.fields.appendLine(index, to: &queue) }
        let hasDate = head.fields.contains(.date) || call.head.fields.contains(.date)
        let plainHeadBytes = head.status == 200 && hasDate ? queue.count : 0
        HTTP1Encoder.field("Content-Length", decimal: UInt64(bodyByteCount), into: &queue)
        HTTP1Encoder.endLine(into: &queue)
        var updated = ResponseHead(pool: pool)
        if queue.holds(&updated) { return plainHeadBytes }
        queue.removeAll()
        return nil
    }
}

extension ByteQueue {
    /// Whether a head is in it, of the size and with the number of fields that one may have. It is read into `head`.
    fileprivate func holds(_ head: inout ResponseHead) -> Bool {
        var parser = HTTP1ResponseParser(requestMethod: .get)
        return (try? parser.parse(bytes, into: &head)) != nil
    }
}

extension HeaderFields {
    /// Whether the `index`th field of a 304 counts for what is stored: not what is about this message, nor what would tell of another
    /// content than is there, or make another key (RFC 9111 § 3.2).
    fileprivate func updates(_ index: Int) -> Bool {
        switch name(index) {
        case .contentLength, .transferEncoding, .trailer, .contentEncoding, .contentType, .contentRange, .vary, .setCookie, .age: false
        default: !isHopByHop(index)
        }
    }

    fileprivate func updatesAny(named name: RawSpan) -> Bool {
        for index in 0..<count where nameBytes(index).equalsIgnoringCase(name) && updates(index) { return true }
        return false
    }

    /// Whether one line of that name is there, with that value.
    fileprivate func holds(_ name: RawSpan, _ value: RawSpan) -> Bool {
        var found = 0
        var isSame = false
        for index in 0..<count where nameBytes(index).equalsIgnoringCase(name) {
            found += 1
            isSame = self.value(index).elementsEqual(value)
        }
        return found == 1 && isSame
    }
}
