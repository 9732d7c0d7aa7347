import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// The one end of every exchange, whatever happened to it: counted, logged, and its connection sent on its way.
extension Worker {
    @inline(__always)
    func finish(_ id: Handle) {
        if exchanges[id].isFetch { return finishFetch(id) }
        let connection = exchanges[id].connection
        dropCall(id)
        completeRoute(id)
        if !exchanges[id].response.encoder.isNone { releaseEncoder(id) }
        if exchanges[id].trace.isSampled { recordSpan(id) }
        if !exchanges[id].meter.isNone { endMeter(id) }
        count(id)
        log(id)
        if exchanges[id].cacheOutcome != .none || !exchanges[id].caching.isNone { leaveCache(id) }
        if exchanges[id].isOverHTTP2 {
            finishStream(id, connection)
            return
        }
        let isRequestWhole = exchanges[id].requestBody.isComplete && exchanges[id].head.isComplete
        let keepsAlive = exchanges[id].response.keepsAlive && exchanges[id].response.isComplete && isRequestWhole
        // A client that did not ask for the end may be sending its next request already.
        let maySendMore = !isRequestWhole || exchanges[id].head.keepAlive
        let snapshot = exchanges[id].snapshot
        exchanges.discard(id)
        releaseSnapshot(snapshot)
        shard.add(metrics.http1.active, -1)
        shard.add(metrics.http1.idle, 1)
        downstreams[connection].needsInput = false
        if downstreams[connection].deadlineKind == .halfClose { clearDeadline(downstream: connection) }
        if keepsAlive && !downstreams[connection].isBroken {
            awaitNextRequest(connection)
        } else {
            downstreams[connection].lingers = maySendMore
            startClosing(connection)
        }
    }

    @inline(__always)
    private func count(_ id: Handle) {
        if let error = exchanges[id].error { shard.increment(metrics.refusal(error.type)) }
        guard let table = exchanges[id].location?.answerTable else { return }
        let method = Int(exchanges[id].head.method.rawValue)
        let status = exchanges[id].response.status
        let begunAt = exchanges[id].response.begunAt
        shard.count(
            shard.series(of: table, method: method, status: status) ?? learnSeries(id, table, method: method, status: status),
            requestBytes: exchanges[id].requestBody.received, responseBytes: exchanges[id].response.sent,
            durationNs: now.nanoseconds(since: exchanges[id].startedAt),
            timeToFirstByteNs: begunAt.isNever ? nil : begunAt.nanoseconds(since: exchanges[id].startedAt), exemplar(id))
    }

    /// Only of a trace that the collector gets: any other leads nowhere.
    private func exemplar(_ id: Handle) -> Exemplar? {
        guard exchanges[id].trace.isSampled else { return nil }
        let trace = exchanges[id].trace.id
        return Exemplar(traceHigh: trace.high, traceLow: trace.low, wallClockNs: clock.value.nanoseconds(now))
    }

    /// This worker's first answer with the method and the status at the location.
    @inline(never)
    private func learnSeries(_ id: Handle, _ table: AnswerTableSlot, method: Int, status: Int) -> AnswerSeries {
        let series = registry.series(of: table, exchanges[id].location?.place ?? [], method: method, status: status)
        shard.note(series, of: table, method: method, status: status)
        return series
    }

    private func cacheKey(_ id: Handle) -> SHA256Digest? {
        exchanges[id].caching.isNone ? nil : cacheTurns[exchanges[id].caching].key
    }

    @inline(__always)
    private func log(_ id: Handle) {
        if accessLogPolicy.samples && leavesOut(id) { return }
        accessLog.value?.withLine(now: now) { line in
            if accessLogPolicy.isCombined {
                exchanges[id].encodeCombinedLine(
                    on: downstreams[exchanges[id].connection], hiding: hiddenParameters, accessLogPolicy, now: now, &clock.value,
                    into: &line)
            } else {
                exchanges[id].encodeLogLine(
                    on: downstreams[exchanges[id].connection], hiding: hiddenParameters, accessLogPolicy, cacheKey: cacheKey(id), now: now,
                    &clock.value, into: &line)
            }
        }
    }

    /// Whatever went wrong, or took long, has a line.
    private func leavesOut(_ id: Handle) -> Bool {
        if exchanges[id].error != nil || exchanges[id].response.status >= 400 { return false }
        if now.nanoseconds(since: exchanges[id].startedAt) >= accessLogPolicy.slowNs { return false }
        return requestIDs.value.next().0 >> 32 >= accessLogPolicy.sampleMark
    }
}
