import GatewayCore
import GatewayNet

/// The one timer for all requests of a worker that have a `request_timeout`.
struct RequestTimer {
    /// When it is due, and its tick in the wheel; never and 0 while no request needs it.
    var due = MonotonicTime.never
    var tick: UInt64 = 0
}

/// `request_timeout`: the bound on an exchange as a whole, whatever moves in it meanwhile. The other timeouts are about pauses, and an
/// exchange that never pauses for long outlives them all.
///
/// Deadlines stand in the exchanges. A timer for each would stay in the wheel long after most requests have ended, so there is one for
/// the earliest deadline, and when it fires all exchanges are looked at.
extension Worker {
    func limitTime(of id: Handle, ms: Int) {
        limitTime(of: id, until: exchanges[id].startedAt.adding(milliseconds: ms))
    }

    func limitTime(of id: Handle, until deadline: MonotonicTime) {
        exchanges[id].deadline = deadline
        if deadline < requestTimer.value.due { armRequestTimer(deadline) }
    }

    private func armRequestTimer(_ due: MonotonicTime) {
        requestTimer.value.due = due
        requestTimer.value.tick = timers.value.arm(EventToken(kind: Kind.requests, handle: .none).word, at: due)
    }

    /// Ends the requests whose time is up, and waits for the next one's.
    func endLateRequests(tick: UInt64) {
        // Of several timers in the wheel the one armed last is the earliest.
        guard tick == requestTimer.value.tick else { return }
        requestTimer.value = RequestTimer()
        // What this round has for clients goes out first: what is left of it waits for them.
        flushClients()
        var earliest = MonotonicTime.never
        var lateCount = 0
        exchanges.forEachHandle { id in
            let deadline = exchanges[id].deadline
            if deadline > now { return earliest = min(earliest, deadline) }
            lateCount += 1
            if lateCount <= Limits.lateRequestsPerRound { endLateRequest(id) }
        }
        if lateCount > Limits.lateRequestsPerRound {
            armRequestTimer(now)
        } else if !earliest.isNever {
            armRequestTimer(max(earliest, now.adding(milliseconds: Limits.requestSweepMs)))
        }
    }

    private func endLateRequest(_ id: Handle) {
        if !exchanges[id].isFetch, !exchanges[id].caching.isNone, !exchanges[id].response.hasBegun, let fetch = ownFetch(of: id) {
            return endLateRequest(fetch)
        }
        let error = GatewayError(.requestTimeout, "the request took longer than request_timeout")
        let isOriginLate = awaitsOrigin(id)
        if isOriginLate { noteLateOrigin(exchanges[id].call, error) }
        dropCall(id, status: isOriginLate ? 504 : 499)
        // Who reads along with a fetch hears of it, or gets what was stored.
        if exchanges[id].isFetch { return abandon(id, error) }
        let connection = exchanges[id].connection
        if !exchanges[id].isOverHTTP2 && exchanges[id].response.hasBegun && !downstreams[connection].output.isEmpty {
            // Its reader is what takes so long: the rest would take as long again.
            downstreams[connection].stream.breakOff()
            downstreams[connection].isBroken = true
        }
        expire(id, error)
    }

    /// A failure of its server, if not even the head of an answer has come.
    private func noteLateOrigin(_ call: Handle, _ error: GatewayError) {
        if case .readingBody = calls[call].state { return }
        if calls[call].upstream.countsFailures, !calls[call].connection.isNone { noteUnanswered(call, error) }
    }

    /// Whose fault it is: the origin's where it reads, connects or answers too slowly, the client's where its content is still to come or
    /// waits for it to be read. Who reads along with another's answer has no call.
    private func awaitsOrigin(_ id: Handle) -> Bool {
        let call = exchanges[id].call
        if call.isNone || hasUntaken(call) { return false }
        if exchanges[id].isFetch { return true }
        if isClientBehind(id) { return false }
        return exchanges[id].requestBody.isComplete || calls[call].unwritten > 0 || calls[call].isRequestRefused
    }

    /// Whether something that the origin has sent, be it the end, was left where it is, for the sake of a slow client or for want of time.
    private func hasUntaken(_ call: Handle) -> Bool {
        let (connection, stream) = (calls[call].connection, calls[call].stream)
        if !stream.isNone { return !streams.slab[stream].input.isEmpty || streams.slab[stream].hasInputEnded }
        if connection.isNone || calls[call].isOverHTTP2 { return false }
        return upstreams[connection].stream.canRead || (!upstreams[connection].input.isEmpty && !upstreams[connection].needsInput)
    }

    /// Whether something of the response waits for the client to read.
    func isClientBehind(_ id: Handle) -> Bool {
        let stream = exchanges[id].stream
        return stream.isNone ? !downstreams[exchanges[id].connection].output.isEmpty : !streams.slab[stream].output.isEmpty
    }
}
