import GatewayCache
import GatewayCore
import GatewayHTTP

/// Traces: each exchange is a span, each attempt at an origin another one below it.
extension Worker {
    /// Takes up the trace that the request belongs to, or begins one.
    func beginTrace(_ id: Handle, _ policy: TracePolicy) {
        let (spanID, draw) = requestIDs.value.next()
        exchanges[id].beginTrace(spanID: spanID, isDrawn: draw >> 32 < policy.sampleMark)
    }

    /// Each attempt has a span of its own, and the origin gets its id.
    func beginAttemptSpan(_ id: Handle, _ call: Handle) {
        let attempt = HexDigits(newSpanID())
        exchanges[id].trace.attempt = attempt
        let offset = calls[call].spanIDOffset
        if offset > 0 && calls[call].written == 0 && calls[call].request.count >= calls[call].headByteCount {
            calls[call].request.replace(attempt, at: offset)
        }
    }

    /// A fetch belongs to the trace of who asked first; the spans of those who read along name it.
    func joinTrace(_ fetch: Handle, of leader: Handle, _ fill: Fill) {
        exchanges[fetch].joinTrace(of: exchanges[leader].trace, spanID: newSpanID())
        let trace = exchanges[fetch].trace
        if trace.isSampled { fill.note(fetchSpan: trace.spanID, of: trace.id) }
    }

    private func newSpanID() -> UInt64 {
        max(1, requestIDs.value.next().0)
    }
}

extension Exchange {
    /// A trace that begins here has the request's id as its number. Who is no trusted proxy may say which trace it is, and not that it
    /// is kept: a stranger could fill the collector.
    mutating func beginTrace(spanID: UInt64, isDrawn: Bool) {
        trace.spanID = max(1, spanID)
        if let context = head.fields.traceContext {
            trace.id = context.id
            trace.parentID = context.parentID
            trace.isSampled = isFromTrustedProxy ? context.isSampled : isDrawn
            trace.keepsState = head.fields.hasTraceState
        } else {
            trace.id = TraceID(high: requestID.0, low: max(1, requestID.1))
            trace.isSampled = isDrawn
        }
    }

    fileprivate mutating func joinTrace(of other: ExchangeTrace, spanID: UInt64) {
        trace = other
        trace.parentID = other.spanID
        trace.spanID = spanID
    }

    /// The fields in whose place the request's own would stand. The last ones of the head: see ``spanIDOffset(inHeadOf:)``.
    func encodeTrace(_ set: FieldNames, into queue: inout ByteQueue) {
        if trace.keepsState && !set.contains(.tracestate) {
            queue.append("tracestate: ")
            head.fields.appendTraceState(to: &queue)
            queue.append("\r\n")
        }
        if set.contains(.traceparent) { return }
        queue.append("traceparent: ")
        TraceContext.append(trace.digits, parent: trace.attempt, isSampled: trace.isSampled, to: &queue)
        queue.append("\r\n")
    }

    /// Where the attempt's span stands in an encoded head; 0 where it doesn't.
    func spanIDOffset(inHeadOf byteCount: Int) -> Int {
        guard trace.isOn, location?.forwarding.setNames.contains(.traceparent) == false else { return 0 }
        return byteCount - TraceContext.parentFromEnd - 4
    }

    /// As the log tells it: that of the trace, or what the request says where nobody traces.
    var loggedTraceID: LongHexDigits? {
        trace.isOn ? trace.digits : head.fields.traceContext.map { $0.id.digits }
    }
}
