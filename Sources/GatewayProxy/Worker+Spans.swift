import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// What is told to the collector: one span for each exchange, one for each fetch of the cache, one for each attempt at a server.
extension Worker {
    /// The exchange is over.
    func recordSpan(_ id: Handle) {
        let endNs = clock.value.nanoseconds(now)
        let startNs = endNs &- now.nanoseconds(since: exchanges[id].startedAt)
        let link = fetchSpan(id)
        spans.value.withSpan(to: spanQueue, now: now) { line in
            exchanges[id].encodeServerSpan(
                on: downstreams[exchanges[id].connection], hiding: hiddenParameters, startNs: startNs, endNs: endNs,
                &clock.value.spanTimes, into: &line)
            if !exchanges[id].meter.isNone { meters[exchanges[id].meter].encodeAttributes(into: &line) }
            SpanJSON.end(isError: exchanges[id].isServerError, link: link, into: &line)
        }
    }

    /// Whose answer it has read along with.
    private func fetchSpan(_ id: Handle) -> SpanJSON.Identity? {
        guard exchanges[id].cacheOutcome == .collapsed, !exchanges[id].caching.isNone else { return nil }
        return cacheTurns[exchanges[id].caching].fetchSpan.map {
            SpanJSON.Identity(trace: $0.trace.digits, span: HexDigits($0.id), parent: nil)
        }
    }

    func recordFetchSpan(_ id: Handle) {
        let endNs = clock.value.nanoseconds(now)
        let startNs = endNs &- now.nanoseconds(since: exchanges[id].startedAt)
        spans.value.withSpan(to: spanQueue, now: now) { line in
            exchanges[id].encodeFetchSpan(startNs: startNs, endNs: endNs, &clock.value.spanTimes, into: &line)
            if !exchanges[id].meter.isNone { meters[exchanges[id].meter].encodeAttributes(into: &line) }
            SpanJSON.end(isError: exchanges[id].error != nil || exchanges[id].isServerError, into: &line)
        }
    }

    /// An attempt at a server is over: counted by `status`, and told of. `error` is why it is without a whole answer.
    func countAttempt(_ call: Handle, status: Int, _ error: ErrorType? = nil) {
        let attempts = calls[call].selectedServer.attempts
        shard.count(attempts, status: status)
        let id = calls[call].exchange
        if !exchanges[id].trace.isSampled { return }
        let endNs = clock.value.nanoseconds(now)
        let startNs = endNs &- now.nanoseconds(since: calls[call].startedAt)
        spans.value.withSpan(to: spanQueue, now: now) { line in
            exchanges[id].encodeAttemptSpan(
                calls[call], status: status, error: error, startNs: startNs, endNs: endNs, &clock.value.spanTimes, into: &line)
        }
    }
}
